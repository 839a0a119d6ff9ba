// FileChain: one small file read as one chain on a direct descriptor. Used by readFile(); see there for why it is built so.
import { At, Op, SqeFlag } from '../native/abi.ts'
import { addressOfView } from '../native/addresses.ts'
import { abortError, ringErrors } from '../native/errors.ts'
import { prepCloseDirect, prepRead } from '../native/operations/files.ts'
import { prepOpenatDirect } from '../native/operations/paths.ts'
import { LossResult, resultError } from '../workers/completions.ts'
import type { Leases } from '../workers/leases.ts'
import type { Completion, SlotTable } from '../workers/slots.ts'
import { addAbortListener, countTimeout, removeAbortListener } from './abort.ts'
import { pathText } from './arguments.ts'
import { readByDescriptor } from './read-by-descriptor.ts'
import type { ReadFileRequest } from './read-by-descriptor.ts'
import { readToEnd } from './read-to-end.ts'
import type { RequestHandle } from './request-handle.ts'
import { requestStat } from './requests.ts'

/** Bytes of a lease that the second read, the proof of the end, may fill. */
const proofBytes = 256

const Step = { open: 0, read: 1, proof: 2 } as const
const stepCount = 3

const nobody = (): void => undefined

// What a file costs here is measured: no array, typed array or closure beyond those of its promise, unless it can be aborted.
/** One file: the completion of its chain's three slots. */
export class FileChain implements Completion {
  readonly promise: Promise<Buffer | string>
  private readonly handle: RequestHandle
  private readonly leases: Leases
  private readonly request: ReadFileRequest
  private resolve: (data: Buffer | string | Promise<Buffer | string>) => void = nobody
  private reject: (reason: unknown) => void = nobody
  private lease = -1
  private abandoned = false
  /** By step: slot and generation, for cancelling. */
  private readonly slots: number[] | null
  private readonly generations: number[] | null
  private opened = 0
  private bytesRead = 0
  private bytesProof = 0
  private stepsLeft: number = stepCount
  private readonly onAbort: (() => void) | null

  constructor(handle: RequestHandle, leases: Leases, request: ReadFileRequest) {
    this.handle = handle
    this.leases = leases
    this.request = request
    handle.beginTask()
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
    const { signal } = request
    this.slots = signal === undefined ? null : []
    this.generations = signal === undefined ? null : []
    this.onAbort =
      signal === undefined
        ? null
        : () => {
            this.abort(signal)
          }
    if (this.onAbort !== null) addAbortListener(signal, this.onAbort)
  }

  // Before it has a lease the chain is only forgotten; then it is up to the kernel: opening a pipe, or reading one, may
  // take for ever.
  private abort(signal: AbortSignal): void {
    countTimeout(this.handle.client, signal)
    if (this.lease >= 0) {
      this.cancelSteps()
      return
    }
    this.abandoned = true
    this.over()
    this.reject(abortError(signal))
  }

  private cancelSteps(): void {
    const { client } = this.handle
    this.slots?.forEach((slot, step) => {
      client.cancel(slot, this.generations![step]!)
    })
  }

  private over(): void {
    if (this.onAbort !== null) removeAbortListener(this.request.signal, this.onAbort)
    this.handle.endTask()
  }

  /** Publishes the chain with a lease; -1: there will be none, the ring is closing. */
  start(lease: number): void {
    const { handle, leases, request } = this
    if (this.abandoned) {
      if (lease >= 0) leases.release(lease)
      return
    }
    if (lease >= 0 && !handle.chainsWhole) {
      leases.release(lease) // while this one waited, others have come to share the SQ thread, which cuts chains now
      this.resolve(readByDescriptor(handle, request, 0))
      this.over()
      return
    }
    this.lease = lease
    const { client } = handle
    try {
      if (lease < 0) throw ringErrors.closed()
      client.chain(stepCount)
    } catch (error) {
      this.over()
      this.reject(error)
      if (lease >= 0) leases.release(lease)
      return
    }
    const address = addressOfView(leases.bytes) + lease * leases.sizeBytes
    const firstBytes = leases.sizeBytes - proofBytes
    const fixed = SqeFlag.FIXED_FILE
    const direct = leases.descriptor(lease)
    const open = this.claim(Op.OPENAT, Step.open)
    const path = handle.scratch.path(client.slots, open, request.path)
    prepOpenatDirect(client.words, client.at, SqeFlag.IO_LINK, At.FDCWD, path, request.flags, 0, direct)
    this.claim(Op.READ, Step.read)
    prepRead(client.words, client.at, fixed | SqeFlag.IO_HARDLINK, direct, address, firstBytes, -1)
    this.claim(Op.READ, Step.proof)
    prepRead(client.words, client.at, fixed, direct, address + firstBytes, proofBytes, -1)
  }

  private claim(opcode: number, step: number): number {
    const { slots } = this.handle.client
    const slot = this.handle.client.claim(opcode, this, null, null)
    slots.tag[slot] = step
    if (this.slots !== null) {
      this.slots[step] = slot
      this.generations![step] = slots.generation[slot]!
    }
    return slot
  }

  complete(slots: SlotTable, slot: number, result: number): void {
    const step = slots.tag[slot]!
    if (step === Step.open) this.opened = result
    else if (step === Step.read) this.bytesRead = result
    else this.bytesProof = result
    this.stepsLeft--
    if (this.stepsLeft === 0) this.finish()
    // A step that began because the one before it was cancelled has missed the cancellation.
    else if (this.request.signal?.aborted === true) this.cancelSteps()
  }

  private finish(): void {
    const { opened, bytesRead, bytesProof } = this
    const mayRepeat = this.request.signal?.aborted !== true
    const other = this.ended(LossResult.lost) && mayRepeat ? this.handle.elsewhere() : null
    if (other !== null) this.readAgain(other, false)
    else if (this.ended(LossResult.worker) && mayRepeat) this.readAgain(this.handle, opened >= 0)
    else if (opened < 0) {
      this.over()
      this.leases.release(this.lease)
      this.reject(this.error(Op.OPENAT, opened, 'open', pathText(this.request.path)))
    } else if (bytesRead < 0) this.fail(bytesRead)
    else if (bytesProof < 0) this.fail(bytesProof)
    else if (bytesProof > 0) this.resolve(this.readOn(bytesRead, bytesProof))
    else if (bytesRead === 0) this.resolve(this.nothing())
    else {
      this.resolve(this.data(bytesRead))
      this.closeDirect()
    }
  }

  /** Whether a step ended with `loss`. */
  private ended(loss: number): boolean {
    return this.opened === loss || this.bytesRead === loss || this.bytesProof === loss
  }

  /** The ring was lost, or its worker died over it. Single requests outlive that: read once more, without a chain. */
  private readAgain(handle: RequestHandle, opened: boolean): void {
    this.resolve(readByDescriptor(handle, this.request, 0))
    if (opened) this.closeDirect()
    else {
      this.over()
      this.leases.release(this.lease)
    }
  }

  /**
   * Nothing came: an empty file, or a pipe that nobody writes to yet. The kernel's first attempt opens a pipe without waiting
   * for a writer; core's readFile() waits for one, and so does this, on a kernel worker thread.
   */
  private async nothing(): Promise<Buffer | string> {
    const { handle, request } = this
    handle.beginTask()
    this.closeDirect()
    try {
      const target = { dirFd: At.FDCWD, path: request.path, atFlags: 0, bigint: false, syscall: 'stat' } as const
      const stats = await requestStat(handle, target).catch(() => null)
      if (stats?.isFIFO() === true) return await readByDescriptor(handle, request, SqeFlag.ASYNC)
      return request.encoding === null ? Buffer.alloc(0) : ''
    } finally {
      handle.endTask()
    }
  }

  private data(bytesRead: number): Buffer | string {
    const { bytes, sizeBytes } = this.leases
    const { encoding } = this.request
    const start = this.lease * sizeBytes
    if (encoding !== null) return bytes.toString(encoding, start, start + bytesRead)
    const data = Buffer.allocUnsafe(bytesRead)
    bytes.copy(data, 0, start, start + bytesRead)
    return data
  }

  private error(opcode: number, result: number, syscall: string, path?: string): Error {
    const { signal } = this.request
    if (signal?.aborted === true) return abortError(signal)
    const error = resultError(result, syscall, path)
    this.handle.client.slots.explain?.(opcode, error)
    return error
  }

  private fail(result: number): void {
    this.reject(this.error(Op.READ, result, 'read'))
    this.closeDirect()
  }

  // Nobody waits for it; the lease is free when the descriptor is.
  private closeDirect(): void {
    const { client } = this.handle
    this.over()
    try {
      const slot = client.claim(Op.CLOSE, releaseLease, null, this.leases)
      client.slots.tag[slot] = this.lease
      prepCloseDirect(client.words, client.at, 0, this.leases.descriptor(this.lease))
    } catch {
      // The ring is closing or its backlog is full. A new open into the same slot closes the old file by replacing it.
      this.leases.release(this.lease)
    }
  }

  /** The file goes on after the chain: read the rest on the same descriptor. */
  private async readOn(bytesRead: number, bytesProof: number): Promise<Buffer | string> {
    const { bytes, sizeBytes } = this.leases
    const { path, encoding, signal } = this.request
    const start = this.lease * sizeBytes
    const proof = start + sizeBytes - proofBytes
    try {
      const head = Buffer.concat([bytes.subarray(start, start + bytesRead), bytes.subarray(proof, proof + bytesProof)])
      const target = { dirFd: At.FDCWD, path, atFlags: 0, bigint: false, syscall: 'stat' } as const
      const stats = await requestStat(this.handle, target).catch(() => null)
      const sizeHint = stats?.isFile() === true ? Number(stats.size) : 0
      const data = await readToEnd(
        this.handle,
        this.leases.descriptor(this.lease),
        SqeFlag.FIXED_FILE,
        head,
        sizeHint,
        signal,
      )
      return encoding === null ? data : data.toString(encoding)
    } catch (error) {
      if (!diedWithWorker(error)) throw error
      return await readByDescriptor(this.handle, this.request, 0)
    } finally {
      this.closeDirect()
    }
  }
}

/** The direct descriptors of the `threadpool` poller are its worker's: one that was open is not any more. */
const diedWithWorker = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'EBADF' || error.code === 'ERR_RING_WORKER_LOST')

const releaseLease: Completion = {
  complete(slots, slot) {
    ;(slots.context[slot] as Leases).release(slots.tag[slot]!)
  },
}
