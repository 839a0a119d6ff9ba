// Direct descriptors that were sent to this ring and that nobody is there to close: their mailbox was closed, or had no room.
// Used by the ring client, off the hot path. A close that finds no room for itself is made again on a later turn.
import { Op } from '../native/abi.ts'
import { prepCloseDirect } from '../native/operations/files.ts'
import { ignoreResult } from './completions.ts'
import type { Submission } from './submission.ts'

export class StrayDescriptors {
  private readonly submission: Submission
  /** Slots of the ring's table, so never more than that has. */
  private readonly waiting = new Set<number>()

  constructor(submission: Submission) {
    this.submission = submission
  }

  /** Nobody waits for the result: there is nobody to tell, and the ring's end empties its table anyway. */
  close(direct: number): void {
    if (direct < 0) return // a forged message: as a direct descriptor -1 would mean descriptor 0 of the process
    const { submission } = this
    try {
      submission.claim(Op.CLOSE, ignoreResult, null, null)
    } catch {
      this.waiting.add(direct) // no room; or the ring is being closed, and it does not matter
      return
    }
    prepCloseDirect(submission.words, submission.at, 0, direct)
    this.waiting.delete(direct)
  }

  /** Once per turn, when what waited for a place has got it. */
  retry(): void {
    for (const direct of [...this.waiting]) this.close(direct)
  }

  get count(): number {
    return this.waiting.size
  }
}
