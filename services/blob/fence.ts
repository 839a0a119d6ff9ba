// Whether anything may still be written to a root. After a sync that failed the kernel has marked the pages clean and forgets the error: what
// was acknowledged before may be gone, and another sync would say that all is well (Rebello et al., "Can Applications Recover from fsync
// Failures?", USENIX ATC 2020). So nothing more is written until somebody has looked, and started anew. One word that all instances share.
// Used by put.ts and object-service.ts.
import { httpError } from '../http/http-error.ts'

export class Fence {
  private readonly word: Int32Array

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.word = new Int32Array(memory, 0, 1)
  }

  get isUp(): boolean {
    return Atomics.load(this.word, 0) !== 0
  }

  /** @throws HttpError 503 */
  check(): void {
    if (this.isUp) throw httpError(503, 'a sync has failed: nothing is written any more')
  }

  /** Carries out a sync; if it fails, it was the last. */
  async guard(sync: () => Promise<void>): Promise<void> {
    this.check()
    try {
      await sync()
    } catch (error) {
      Atomics.store(this.word, 0, 1)
      throw error
    }
  }
}
