// One function per request that services make of a ring: claim a slot, fill its SQE, return its promise. Arguments have been
// checked. Used by Ringmaster, RingFile, readFile and writeFile.
import type { BigIntStats, Stats } from 'node:fs'
import { At, Op, OpenHow } from '../native/abi.ts'
import { binding } from '../native/binding.ts'
import { RingError, kernelError } from '../native/errors.ts'
import { prepNop } from '../native/operations/control.ts'
import { prepClose, prepFdatasync, prepFsync } from '../native/operations/files.ts'
import { prepOpenat, prepOpenat2, prepStatx } from '../native/operations/paths.ts'
import { LossResult, resultError, settleEmpty, settleWithOwned } from '../workers/completions.ts'
import { descriptorClosed, descriptorCloses, disownDescriptor } from '../workers/owned-descriptors.ts'
import { Poller } from '../workers/poller-kind.ts'
import type { Completion } from '../workers/slots.ts'
import { abortable } from './abort.ts'
import { pathText } from './arguments.ts'
import type { RequestHandle } from './request-handle.ts'
import { bigintStatsFrom, statsFrom } from './stats.ts'

function promised<T>(handle: RequestHandle, slot: number, signal: AbortSignal | undefined): Promise<T> {
  const promise = handle.client.slots.promise<T>(slot)
  return signal === undefined ? promise : abortable(handle.client, slot, promise, signal)
}

export function requestNop(handle: RequestHandle): Promise<void> {
  const { client } = handle
  const slot = client.claim(Op.NOP, settleEmpty, null, null)
  prepNop(client.words, client.at, 0)
  return client.slots.promise(slot)
}

/** Resolves with a descriptor of the process, which this thread owns. */
export function requestOpen(
  handle: RequestHandle,
  path: string | Buffer,
  flags: number,
  mode: number,
  signal?: AbortSignal,
  sqeFlags = 0,
): Promise<number> {
  const { client, scratch } = handle
  const slot = client.claim(Op.OPENAT, settleWithOwned, null, pathText(path))
  client.slots.markDescriptors(slot)
  prepOpenat(client.words, client.at, sqeFlags, At.FDCWD, scratch.path(client.slots, slot, path), flags, mode)
  return promised(handle, slot, signal)
}

/** openat2(2): `resolve` are RESOLVE_* bits. */
export function requestOpenBeneath(
  handle: RequestHandle,
  dirFd: number,
  path: string | Buffer,
  flags: number,
  mode: number,
  resolve: number,
  signal?: AbortSignal,
): Promise<number> {
  const { client, scratch } = handle
  const slot = client.claim(Op.OPENAT2, settleWithOwned, null, pathText(path))
  client.slots.markDescriptors(slot)
  const how = scratch.openHow(slot, flags, mode, resolve)
  prepOpenat2(client.words, client.at, 0, dirFd, scratch.path(client.slots, slot, path), how, OpenHow.sizeBytes)
  return promised(handle, slot, signal)
}

// tag: the descriptor.
const settleClosed: Completion = {
  complete(slots, slot, result, cqeFlags) {
    descriptorClosed(slots.tag[slot]!)
    settleEmpty.complete(slots, slot, result, cqeFlags)
  },
}

function requestClose(handle: RequestHandle, fd: number): Promise<void> {
  const { client } = handle
  const slot = client.claim(Op.CLOSE, settleClosed, null, null)
  client.slots.tag[slot] = fd
  client.slots.markDescriptors(slot)
  descriptorCloses(fd)
  prepClose(client.words, client.at, 0, fd)
  return client.slots.promise(slot)
}

/**
 * Closes a descriptor, come what may: through the ring, or, where the ring is closing or full, by the system call. A
 * descriptor that stays open is a leak that nobody can mend.
 */
export async function closeDescriptor(pick: () => RequestHandle, fd: number): Promise<void> {
  let handle: RequestHandle
  try {
    handle = pick()
    await requestClose(handle, fd)
  } catch (error) {
    if (!(error instanceof RingError)) throw error
    disownDescriptor(fd)
    const closed = binding().closeFd(fd)
    if (closed < 0) throw kernelError(closed, 'close')
    return
  }
  // The kernel's thread says that it has closed a file, and lets go of it before it takes the next entries: until then whoever runs
  // what was just written finds it busy (ETXTBSY), and locks are held. When the next entry is over, so is that.
  const letsGoLater = handle.client.poller === Poller.kernel || handle.client.poller === Poller.worker
  if (letsGoLater) await closedForGood(handle)
}

async function closedForGood(handle: RequestHandle): Promise<void> {
  try {
    await requestNop(handle)
  } catch {
    // the ring is closing or full; the file is closed
  }
}

export function requestSync(handle: RequestHandle, fd: number, dataOnly: boolean, signal?: AbortSignal): Promise<void> {
  const { client } = handle
  const slot = client.claim(Op.FSYNC, dataOnly ? settleDatasync : settleEmpty, null, null)
  if (dataOnly) prepFdatasync(client.words, client.at, 0, fd)
  else prepFsync(client.words, client.at, 0, fd)
  return promised(handle, slot, signal)
}

// The same opcode as fsync; its errors have the name of what was asked for.
const settleDatasync: Completion = {
  complete(slots, slot, result) {
    if (result >= 0) slots.resolve(slot, undefined)
    else slots.reject(slot, resultError(result, 'fdatasync'))
  },
}

/** A statx: what to stat, and how to show it. */
export interface StatTarget {
  readonly dirFd: number
  readonly path: string | Buffer
  readonly atFlags: number
  readonly bigint: boolean
  /** As libuv names it in errors: stat, lstat, fstat. */
  readonly syscall: 'stat' | 'lstat' | 'fstat'
}

// One completion per handle: it needs the handle's scratch.
const statCompletions = new WeakMap<RequestHandle, Completion>()

function statCompletion(handle: RequestHandle): Completion {
  let completion = statCompletions.get(handle)
  if (completion === undefined) {
    const { scratch } = handle
    completion = {
      complete(slots, slot, result) {
        const target = slots.context[slot] as StatTarget
        const other = result === LossResult.lost ? handle.elsewhere() : null
        if (other !== null && target.syscall !== 'fstat') {
          slots.resolve(slot, requestStat(other, target))
          return
        }
        const at = scratch.structAt(slot)
        if (result >= 0)
          slots.resolve(slot, target.bigint ? bigintStatsFrom(scratch.structs, at) : statsFrom(scratch.structs, at))
        else
          slots.reject(
            slot,
            resultError(result, target.syscall, target.syscall === 'fstat' ? undefined : pathText(target.path)),
          )
      },
    }
    statCompletions.set(handle, completion)
  }
  return completion
}

export function requestStat(
  handle: RequestHandle,
  target: StatTarget,
  signal?: AbortSignal,
): Promise<Stats | BigIntStats> {
  const { client, scratch } = handle
  const slot = client.claim(Op.STATX, statCompletion(handle), null, target)
  prepStatx(
    client.words,
    client.at,
    0,
    target.dirFd,
    scratch.path(client.slots, slot, target.path),
    target.atFlags,
    scratch.structAddress(slot),
  )
  return promised(handle, slot, signal)
}
