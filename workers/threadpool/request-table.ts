// The requests that the `threadpool` poller has taken and not finished. Used by its engine.
import { Request, RequestState, scratchBytes } from './request.ts'

export class RequestTable {
  /** Requests there can be at a time. */
  readonly capacity: number
  private readonly scratch: ArrayBuffer
  private readonly scratchAddress: number
  private readonly all: Request[] = []
  private readonly free: Request[] = []
  private usedCount = 0

  constructor(capacity: number, addressOf: (view: ArrayBufferView) => number) {
    this.capacity = capacity
    this.scratch = new ArrayBuffer(capacity * scratchBytes)
    this.scratchAddress = addressOf(new Uint8Array(this.scratch))
  }

  get available(): number {
    return this.capacity - this.usedCount
  }

  get inUse(): number {
    return this.usedCount
  }

  /** Call only while some are available. */
  claim(): Request {
    this.usedCount++
    return this.free.pop() ?? this.make()
  }

  private make(): Request {
    const job = this.all.length
    const at = job * scratchBytes
    const request = new Request(job, new DataView(this.scratch, at, scratchBytes), this.scratchAddress + at)
    this.all.push(request)
    return request
  }

  release(request: Request): void {
    request.reset()
    this.usedCount--
    this.free.push(request)
  }

  at(job: number): Request | undefined {
    return this.all[job]
  }

  used(): Request[] {
    return this.all.filter(({ state }) => state !== RequestState.free)
  }
}
