// writeFile(): open, write everything, optionally flush, close; or, with `atomic`, what atomic-write.ts does. Used by Ringmaster.writeFile().
import { constants } from 'node:fs'
import { Op } from '../native/abi.ts'
import { addressOfView } from '../native/addresses.ts'
import { invalidArgType, ringErrors } from '../native/errors.ts'
import { prepWrite } from '../native/operations/files.ts'
import { leaseStamp } from '../workers/arena.ts'
import type { ArenaSlabs } from '../workers/arena.ts'
import { settleWithResult } from '../workers/completions.ts'
import { ownDescriptor } from '../workers/owned-descriptors.ts'
import { abortable, throwIfAborted } from './abort.ts'
import { syncFolderOf, writeAtomically } from './atomic-write.ts'
import type { AtomicWrite } from './atomic-write.ts'
import { closeOnExec } from './open-flags.ts'
import type { RequestHandle } from './request-handle.ts'
import { closeDescriptor, requestOpen, requestSync } from './requests.ts'

export interface WriteFileRequest {
  readonly path: string | Buffer
  readonly data: Uint8Array
  readonly flags: number
  readonly mode: number
  readonly flush: boolean
  readonly atomic: boolean
  readonly durable: boolean
  readonly signal: AbortSignal | undefined
  /** Where `data` may be leased from: a lease that has ended is written no further. */
  readonly arenas: readonly ArenaSlabs[]
  /** The lease that `data` had when the call was made. */
  readonly lease: ReturnType<typeof leaseStamp>
}

/** One write: node:fs writes as much at a time, so that a signal is heard in between. */
const chunkBytes = 512 * 1024

/** Bytes of what writeFile() takes as data. @throws ERR_INVALID_ARG_TYPE */
export function dataBytes(data: unknown, encoding: BufferEncoding): Uint8Array {
  if (typeof data === 'string') return Buffer.from(data, encoding)
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  throw invalidArgType('data', 'of type string or an instance of Buffer, TypedArray, or DataView', data)
}

export async function writeWholeFile(handle: RequestHandle, request: WriteFileRequest): Promise<void> {
  throwIfAborted(request.signal)
  handle.beginTask()
  try {
    if (request.atomic) await writeAtomically(handle, atomicOf(handle, request))
    else await writeAndClose(handle, request)
  } finally {
    handle.endTask()
  }
}

function atomicOf(handle: RequestHandle, request: WriteFileRequest): AtomicWrite {
  const { path, mode, flags, flush, durable, signal } = request
  const exclusive = (flags & constants.O_EXCL) !== 0
  const fill = async (fd: number): Promise<void> => {
    await writeAll(handle, fd, request)
    if (flush && !durable) await requestSync(handle, fd, false)
  }
  return { path, mode, exclusive, durable, signal, fill }
}

async function writeAndClose(handle: RequestHandle, request: WriteFileRequest): Promise<void> {
  const fd = await requestOpen(handle, request.path, request.flags | closeOnExec, request.mode, request.signal)
  ownDescriptor(fd)
  try {
    await writeAll(handle, fd, request)
    if (request.flush || request.durable) await requestSync(handle, fd, false)
  } finally {
    await closeDescriptor(() => handle, fd)
  }
  // Whether the file was there before is not known: its folder may have to say that it is.
  if (request.durable) await syncFolderOf(handle, request.path)
}

async function writeAll(handle: RequestHandle, fd: number, request: WriteFileRequest): Promise<void> {
  const { arenas, data, lease } = request
  const { client } = handle
  for (let done = 0; done < data.byteLength;) {
    throwIfAborted(request.signal)
    // While no request uses it, a slab that was given back may be leased to somebody else.
    if (leaseStamp(arenas, data) !== lease) throw ringErrors.leaseReleased()
    const chunk = data.subarray(done, done + chunkBytes)
    const slot = client.claim(Op.WRITE, settleWithResult, chunk, null)
    // At the file's own position: appending and pipes have no other, and one write follows the other.
    prepWrite(client.words, client.at, 0, fd, addressOfView(chunk), chunk.byteLength, -1)
    const written = client.slots.promise<number>(slot)
    done += await (request.signal === undefined ? written : abortable(client, slot, written, request.signal))
  }
}
