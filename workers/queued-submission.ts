// What waits for a place in the ring, and barriers: the part of a ring client between submission.ts, which every request runs through,
// and ring-client.ts, which reaps. The base of orphans.ts and so of RingClient, nothing else's.
import { ClientCounter } from '../metrics/ring-metrics.ts'
import { failWaiting } from './backlog-cancel.ts'
import type { Backlog } from './backlog.ts'
import { SlotState } from './slots.ts'
import { Submission } from './submission.ts'

export abstract class QueuedSubmission extends Submission {
  /**
   * As chain(), for a barrier: begins when everything before it is over, and what is claimed later after it. Held here and not
   * in the kernel (IOSQE_IO_DRAIN), where cancellations would wait behind it for what they are to cancel. @throws as chain()
   */
  barrier(count: number): void {
    const { eras } = this
    this.passBarriers()
    const alone = eras.open && this.load === 0 && !this.viewsWait
    eras.begin()
    this.room = alone ? this.inFlightMax : 0
    try {
      this.chain(count)
    } catch (error) {
      eras.revoke()
      throw error
    } finally {
      this.updateRoom()
    }
    if (this.intoBacklog) return
    eras.stamp()
    eras.pass(Infinity)
  }

  passBarriers(): boolean {
    const { eras, backlog } = this
    let passed = false
    if (!eras.open && this.inFlight === 0) {
      backlog.dropDead()
      const oldest = Math.min(backlog.headEra, this.admission?.headEra ?? Infinity)
      while (eras.pass(oldest)) passed = true
    }
    this.updateRoom()
    return passed
  }

  updateRoom(): void {
    this.room = this.eras.open ? this.admitMax : 0
  }

  /** Moves waiting groups into the ring while they fit. */
  protected drainBacklog(): void {
    const { backlog, ring } = this
    // Where there are views they take turns with these: publishing sees to it.
    while (this.admission === null) {
      backlog.dropDead()
      const group = backlog.headGroup
      if (group === 0 || (!backlog.headIsDue && !this.passBarriers())) break
      if (this.inFlight + group > this.inFlightMax) break
      if (!ring.hasRoom(group)) {
        this.publish()
        this.waitsForSq = !ring.hasRoom(group)
        if (this.waitsForSq) break
      }
      this.move(backlog, group)
    }
    this.counters[ClientCounter.backlog] = backlog.length
    this.updateRoom()
    this.publish()
  }

  /** Moves the group at the head of a backlog into the ring, where there is room. */
  move(backlog: Backlog, group: number): void {
    const { ring, slots } = this
    for (let index = 0; index < group; index++) {
      slots.state[backlog.slotAt(0)] = SlotState.prepared
      backlog.shiftTo(ring.sqes, this.reserveEntry())
      this.inFlight++
    }
  }

  /** Takes every waiting request out of the backlogs and fails it with `result`. */
  protected failBacklog(result: number): void {
    failWaiting(this, result)
    this.counters[ClientCounter.backlog] = 0
    this.admission?.failAll(result)
  }
}
