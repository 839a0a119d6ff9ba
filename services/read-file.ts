// readFile(): a whole file, whatever it is. Used by Ringmaster.readFile().
//
// Small files take one chain on a direct descriptor, published at once: open ─LINK► read ─HARDLINK► read. The second read
// proves the end of the file (a short read alone proves it for regular files only, not for pipes or /proc), and no stat is
// needed. The close follows when the result is known, and nobody waits for it: a chain that closed by itself would lose what
// a pipe still holds. Files that are not over after the chain are read on, on the same open file, to their real end:
// large ones, growing ones, pipes, /proc.
import { constants } from 'node:fs'
import type { Stats } from 'node:fs'
import { At, Op, SqeFlag } from '../native/abi.ts'
import { addressOfView } from '../native/addresses.ts'
import { RingError, abortError } from '../native/errors.ts'
import { prepCloseDirect, prepRead } from '../native/operations/files.ts'
import { prepOpenatDirect } from '../native/operations/paths.ts'
import { resultError, settleWithResult } from '../workers/completions.ts'
import type { Leases } from '../workers/leases.ts'
import type { RingHandle } from '../workers/ring-handle.ts'
import type { Completion, SlotTable } from '../workers/slots.ts'
import { abortable, throwIfAborted } from './abort.ts'
import { pathText } from './arguments.ts'
import { closeOnExec } from './open-flags.ts'
import { requestClose, requestOpen, requestStat } from './requests.ts'

export interface ReadFileRequest {
  readonly path: string | Buffer
  readonly flags: number
  readonly encoding: BufferEncoding | null
  readonly signal: AbortSignal | undefined
}

/** As node:fs: a Buffer cannot be larger (kIoMaxLength). */
const fileBytesMax = 2 ** 31 - 1
/** Bytes of a lease that the second read, the proof of the end, may fill. */
const proofBytes = 256
/** One read of a large file: large enough to be cheap, small enough not to keep an SQ thread from others for long. */
const chunkBytes = 512 * 1024
/** Reads of a large regular file under way at once. */
const chunksAtOnce = 4

const Step = { open: 0, read: 1, proof: 2 } as const

/** One small file: the completion of its chain's three slots. */
class FileChain implements Completion {
  readonly promise: Promise<Buffer | string>
  private readonly handle: RingHandle
  private readonly leases: Leases
  private readonly request: ReadFileRequest
  private resolve: (data: Buffer | string | Promise<Buffer | string>) => void = () => undefined
  private reject: (reason: unknown) => void = () => undefined
  private lease = -1
  private opened = 0
  private bytesRead = 0
  private bytesProof = 0
  private stepsLeft = 3
  private stopListening: (() => void) | null = null

  constructor(handle: RingHandle, leases: Leases, request: ReadFileRequest) {
    this.handle = handle
    this.leases = leases
    this.request = request
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
  }

  start(lease: number): void {
    this.lease = lease
    this.handle.beginTask()
    const { handle, leases, request } = this
    const { client } = handle
    const address = addressOfView(leases.bytes) + lease * leases.sizeBytes
    const firstBytes = leases.sizeBytes - proofBytes
    try {
      throwIfAborted(request.signal)
      client.chain(3)
    } catch (error) {
      this.release()
      this.reject(error)
      return
    }
    const open = this.claim(Op.OPENAT, Step.open)
    const path = handle.scratch.path(client.slots, open, request.path)
    prepOpenatDirect(client.words, client.at, SqeFlag.IO_LINK, At.FDCWD, path, request.flags, 0, lease)
    const read = this.claim(Op.READ, Step.read)
    prepRead(client.words, client.at, SqeFlag.FIXED_FILE | SqeFlag.IO_HARDLINK, lease, address, firstBytes, -1)
    const proof = this.claim(Op.READ, Step.proof)
    prepRead(client.words, client.at, SqeFlag.FIXED_FILE, lease, address + firstBytes, proofBytes, -1)
    if (request.signal !== undefined) this.listen(request.signal, [open, read, proof])
  }

  // Opening a pipe, or reading one, may take for ever: an abort cancels whichever step is under way.
  private listen(signal: AbortSignal, steps: readonly number[]): void {
    const { client } = this.handle
    const generations = steps.map((slot) => client.slots.generation[slot]!)
    const onAbort = (): void => {
      steps.forEach((slot, index) => {
        client.cancel(slot, generations[index]!)
      })
    }
    signal.addEventListener('abort', onAbort, { once: true })
    this.stopListening = () => {
      signal.removeEventListener('abort', onAbort)
    }
  }

  private claim(opcode: number, step: number): number {
    const { client } = this.handle
    const slot = client.claim(opcode, this, null, null)
    client.slots.tag[slot] = step
    return slot
  }

  complete(slots: SlotTable, slot: number, result: number): void {
    switch (slots.tag[slot]) {
      case Step.open:
        this.opened = result
        break
      case Step.read:
        this.bytesRead = result
        break
      default:
        this.bytesProof = result
    }
    this.stepsLeft--
    if (this.stepsLeft === 0) this.finish()
  }

  private finish(): void {
    const { request } = this
    this.stopListening?.()
    if (this.opened < 0) {
      this.release()
      this.reject(this.error(this.opened, 'open', pathText(request.path)))
      return
    }
    if (this.bytesRead < 0) this.fail(this.error(this.bytesRead, 'read'))
    else if (this.bytesProof === 0) this.succeed()
    else if (this.bytesProof < 0) this.fail(this.error(this.bytesProof, 'read'))
    else this.resolve(this.readOn())
  }

  private error(result: number, syscall: string, path?: string): Error {
    const { signal } = this.request
    return signal?.aborted === true ? abortError(signal) : resultError(result, syscall, path)
  }

  private succeed(): void {
    const { bytes, sizeBytes } = this.leases
    const { encoding } = this.request
    const start = this.lease * sizeBytes
    const end = start + this.bytesRead
    if (encoding !== null) this.resolve(bytes.toString(encoding, start, end))
    else {
      const data = Buffer.allocUnsafe(this.bytesRead)
      bytes.copy(data, 0, start, end)
      this.resolve(data)
    }
    this.closeDirect()
  }

  private fail(error: Error): void {
    this.reject(error)
    this.closeDirect()
  }

  private release(): void {
    this.leases.release(this.lease)
    this.handle.endTask()
  }

  // Nobody waits for it; the lease is free when the descriptor is.
  private closeDirect(): void {
    const { client } = this.handle
    try {
      const slot = client.claim(Op.CLOSE, releaseLease, null, this.leases)
      client.slots.tag[slot] = this.lease
      prepCloseDirect(client.words, client.at, 0, this.lease)
      this.handle.endTask()
    } catch {
      // The ring is closing or its backlog is full. A new open into the same slot closes the old file by replacing it.
      this.release()
    }
  }

  /** The file goes on after the chain: read the rest on the same descriptor. */
  private async readOn(): Promise<Buffer | string> {
    const { bytes, sizeBytes } = this.leases
    const start = this.lease * sizeBytes
    const firstBytes = sizeBytes - proofBytes
    try {
      const head = Buffer.concat([
        bytes.subarray(start, start + this.bytesRead),
        bytes.subarray(start + firstBytes, start + firstBytes + this.bytesProof),
      ])
      const target = { dirFd: At.FDCWD, path: this.request.path, atFlags: 0, bigint: false, syscall: 'stat' } as const
      const stats = (await requestStat(this.handle, target).catch(() => null)) as Stats | null
      const sizeHint = stats?.isFile() === true ? stats.size : 0
      const data = await readToEnd(this.handle, this.lease, SqeFlag.FIXED_FILE, head, sizeHint, this.request.signal)
      return this.request.encoding === null ? data : data.toString(this.request.encoding)
    } finally {
      this.closeDirect()
    }
  }
}

const releaseLease: Completion = {
  complete(slots, slot) {
    ;(slots.context[slot] as Leases).release(slots.tag[slot]!)
  },
}

const tooLarge = (sizeBytes: number): RangeError =>
  Object.assign(new RangeError(`File size (${sizeBytes}) is greater than 2 GiB`), { code: 'ERR_FS_FILE_TOO_LARGE' })

function readSome(
  handle: RingHandle,
  fd: number,
  sqeFlags: number,
  into: Buffer,
  position: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  const { client } = handle
  const slot = client.claim(Op.READ, settleWithResult, into, null)
  prepRead(client.words, client.at, sqeFlags, fd, addressOfView(into), into.length, position)
  const promise = client.slots.promise<number>(slot)
  return signal === undefined ? promise : abortable(client, slot, promise, signal)
}

/**
 * Reads on from after `head` until a read says 0. `sizeHint` is what stat() said of a regular file (0: unknown); it saves
 * copying and lets chunks overlap, and nothing depends on its being right.
 */
async function readToEnd(
  handle: RingHandle,
  fd: number,
  sqeFlags: number,
  head: Buffer,
  sizeHint: number,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  if (sizeHint > fileBytesMax) throw tooLarge(sizeHint)
  let data = Buffer.allocUnsafeSlow(Math.max(sizeHint + 1, head.length + chunkBytes))
  head.copy(data)
  let length = head.length
  if (sizeHint > length + chunkBytes)
    length = await readChunks(handle, fd, sqeFlags, data.subarray(0, sizeHint), length, signal)
  for (;;) {
    throwIfAborted(signal)
    if (length === data.length) {
      if (length >= fileBytesMax) throw tooLarge(length + 1)
      const larger = Buffer.allocUnsafeSlow(Math.min(fileBytesMax, length * 2))
      data.copy(larger, 0, 0, length)
      data = larger
    }
    // A regular file is read at explicit positions throughout: overlapping reads do not move its own position.
    const end = Math.min(data.length, length + chunkBytes)
    const bytesRead = await readSome(
      handle,
      fd,
      sqeFlags,
      data.subarray(length, end),
      sizeHint > 0 ? length : -1,
      signal,
    )
    if (bytesRead === 0) break
    length += bytesRead
  }
  return length === data.length ? data : shrink(data, length)
}

// What was allocated for growth must not stay with the result; the one byte that proves the end may.
function shrink(data: Buffer, length: number): Buffer {
  if (data.length - length <= chunkBytes / 16) return data.subarray(0, length)
  const exact = Buffer.allocUnsafeSlow(length)
  data.copy(exact, 0, 0, length)
  return exact
}

/** Fills `data` from `start`, several chunks at once; returns how far it is filled without a gap. */
async function readChunks(
  handle: RingHandle,
  fd: number,
  sqeFlags: number,
  data: Buffer,
  start: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  let next = start
  let filledTo = data.length
  const lane = async (): Promise<void> => {
    while (next < filledTo) {
      throwIfAborted(signal)
      const from = next
      const end = Math.min(data.length, from + chunkBytes)
      next = end
      for (let at = from; at < end;) {
        const bytesRead = await readSome(handle, fd, sqeFlags, data.subarray(at, end), at, signal)
        at += bytesRead
        if (bytesRead === 0) {
          filledTo = Math.min(filledTo, at) // it shrank meanwhile
          return
        }
      }
    }
  }
  const lanes = await Promise.allSettled(Array.from({ length: chunksAtOnce }, lane))
  for (const ended of lanes) if (ended.status === 'rejected') throw ended.reason
  return filledTo
}

/** Reads a whole file through `handle`'s ring. */
export function readWholeFile(handle: RingHandle, request: ReadFileRequest): Promise<Buffer | string> {
  const { leases } = handle
  // A direct descriptor is nobody's to inherit or to share: flags beyond plain reading take the long way.
  if (leases === null || request.flags !== constants.O_RDONLY) return readByDescriptor(handle, request)
  const chain = new FileChain(handle, leases, request)
  const lease = leases.tryLease()
  if (lease >= 0) chain.start(lease)
  else if (leases.queued >= handle.client.backlogMax) {
    return Promise.reject(
      new RingError(
        'ERR_RING_BACKLOG_FULL',
        `more than ${handle.client.backlogMax} readFile calls wait: await some before starting more, or raise the option backlogMax`,
      ),
    )
  } else {
    leases.wait((granted) => {
      chain.start(granted)
    })
  }
  return chain.promise
}

/** Without direct descriptors: open, read to the end, close. */
async function readByDescriptor(handle: RingHandle, request: ReadFileRequest): Promise<Buffer | string> {
  handle.beginTask()
  try {
    return await openReadClose(handle, request)
  } finally {
    handle.endTask()
  }
}

async function openReadClose(handle: RingHandle, request: ReadFileRequest): Promise<Buffer | string> {
  const fd = await requestOpen(handle, request.path, request.flags | closeOnExec, 0o666, request.signal)
  try {
    const target = { dirFd: fd, path: '', atFlags: At.EMPTY_PATH, bigint: false, syscall: 'fstat' } as const
    const stats = (await requestStat(handle, target)) as Stats
    const data = await readToEnd(handle, fd, 0, Buffer.alloc(0), stats.isFile() ? stats.size : 0, request.signal)
    return request.encoding === null ? data : data.toString(request.encoding)
  } finally {
    await requestClose(handle, fd)
  }
}
