// The body of a request on its way from the connection, which gives, to whoever stores it, which takes. What was not taken yet is memory of
// its own, up to a limit: then receiving pauses. A client that sends little at a time holds none. Made by connection.ts, taken by put.ts.

/** Who is told to wait, and to go on. */
export interface Flow {
  pause(): void
  resume(): void
}

export class UploadBody {
  private readonly flow: Flow
  private readonly queuedBytesMax: number
  private queued: Buffer[] = []
  private queuedBytes = 0
  private isOver = false
  private failure: Error | null = null
  private unwanted = false
  private wake: (() => void) | null = null

  constructor(flow: Flow, queuedBytesMax: number) {
    this.flow = flow
    this.queuedBytesMax = queuedBytesMax
  }

  /** All of it has come. */
  get received(): boolean {
    return this.isOver
  }

  /** `own`: the bytes may be kept. Returns whether they were wanted. */
  give(bytes: Buffer, own: boolean): boolean {
    if (this.unwanted) return false
    this.queued.push(own ? bytes : Buffer.from(bytes))
    this.queuedBytes += bytes.length
    if (this.queuedBytes >= this.queuedBytesMax) this.flow.pause()
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
    const wasFull = this.queuedBytes >= this.queuedBytesMax
    this.queued = []
    this.queuedBytes = 0
    if (wasFull) this.flow.resume()
    return taken
  }

  /** Nobody takes it any more. */
  discard(): void {
    const wasFull = this.queuedBytes >= this.queuedBytesMax
    this.unwanted = true
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
