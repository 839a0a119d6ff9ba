// The body of a request on its way from the connection, which gives, to whoever stores it, which takes. What was not taken yet is memory of
// its own, up to a limit: then receiving pauses. A client that sends little at a time holds none. Made by connection.ts, taken by put.ts.
import { httpError, type HttpError } from '../http/http-error.ts'
import type { BlobLimits } from './limits.ts'
import type { BodyLength } from './request-head.ts'

type UploadLimits = Pick<BlobLimits, 'uploadQueueBytesMax' | 'uploadBytesMax'>

/** What a piece costs beside its bytes: chunks of one byte each must not be more than their share. */
const pieceBytes = 256
/** Pieces that are smaller on average are put together before they are written. */
const smallBytes = 4096

/** Who is told to wait, and to go on. */
export interface Flow {
  pause(): void
  resume(): void
}

export class UploadBody {
  private readonly flow: Flow
  private readonly limits: UploadLimits
  /** Why it is refused before any of it is read; null: it is not. */
  readonly refusal: HttpError | null
  /** null where it is known only at its end. */
  readonly lengthBytes: number | null
  private bytes = 0
  private queued: Buffer[] = []
  private queuedBytes = 0
  private isOver = false
  private failure: Error | null = null
  private unwanted = false
  private wake: (() => void) | null = null

  constructor(flow: Flow, length: BodyLength, limits: UploadLimits) {
    this.flow = flow
    this.limits = limits
    this.lengthBytes = length === 'chunked' ? null : length
    this.refusal = length !== 'chunked' && length > limits.uploadBytesMax ? tooLong() : null
  }

  /** All of it has come. */
  get received(): boolean {
    return this.isOver
  }

  /** `own`: the bytes may be kept. Returns whether they were wanted. */
  give(bytes: Buffer, own: boolean): boolean {
    if (this.unwanted) return false
    this.bytes += bytes.length
    if (this.bytes > this.limits.uploadBytesMax) {
      this.fail(tooLong())
      this.discard()
      return false
    }
    this.queued.push(own ? bytes : Buffer.from(bytes))
    this.queuedBytes += bytes.length + pieceBytes
    if (this.isFull) this.flow.pause()
    this.stir()
    return true
  }

  end(): void {
    this.isOver = true
    this.stir()
  }

  /** No more comes, and it is not whole. */
  fail(error: Error): void {
    if (this.isOver) return
    this.failure ??= error
    this.stir()
  }

  /** What has come since it was last asked, in order; null at the end. @throws what fail() was given */
  async take(): Promise<Buffer[] | null> {
    while (this.queued.length === 0) {
      if (this.failure !== null) throw this.failure
      if (this.isOver) return null
      await new Promise<void>((resolve) => {
        this.wake = resolve
      })
    }
    const taken = this.queued
    const isSmall = taken.length > 1 && this.queuedBytes < taken.length * (smallBytes + pieceBytes)
    this.empty()
    return isSmall ? [Buffer.concat(taken)] : taken
  }

  /** Nobody takes it any more. */
  discard(): void {
    this.unwanted = true
    this.empty()
  }

  private get isFull(): boolean {
    return this.queuedBytes >= this.limits.uploadQueueBytesMax
  }

  private empty(): void {
    const wasFull = this.isFull
    this.queued = []
    this.queuedBytes = 0
    if (wasFull) this.flow.resume()
  }

  private stir(): void {
    const { wake } = this
    this.wake = null
    wake?.()
  }
}

const tooLong = (): HttpError => httpError(413, 'a longer upload than is taken')
