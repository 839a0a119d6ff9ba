// Who may go next, of several who wait: turns of equal size, in entries (deficit round robin). Used by admission.ts. A chain is
// one and goes whole; one that is longer than a turn saves up turns for it, so that nobody is kept from going.
import type { Backlog } from './backlog.ts'

/** Entries in one turn. */
const turnEntries = 16

/** One of those who take turns. */
export interface Queue {
  readonly backlog: Backlog
  /** Entries that it may still move in its turn. */
  deficit: number
  /** Whether barriers and its own limits let it have `group` more entries in the ring. */
  allows(group: number): boolean
  moved(group: number): void
}

export class Turns {
  private readonly queues: Queue[] = []
  private readonly present = new Set<Queue>()
  private next = 0
  /** The turn of the next one has begun, and waits for room. */
  private begun = false

  /** `queue` waits from now on, behind those that wait already. Nothing where it does already. */
  add(queue: Queue): void {
    if (this.present.has(queue)) return
    this.present.add(queue)
    this.queues.splice(this.next, 0, queue)
    if (this.queues.length > 1) this.advance()
  }

  /** Entries of the group whose turn it is; 0: nobody's, or it may not go. */
  get head(): number {
    const queue = this.queues[this.next]
    if (queue === undefined) return 0
    const group = headOf(queue.backlog)
    return group > 0 && queue.allows(group) ? group : 0
  }

  /**
   * Gives turns until nobody is left who may go; true where somebody waits for room. `room` is asked before each move; `move`
   * takes the group at the head of a queue's backlog out of it.
   */
  run(room: (group: number) => boolean, move: (backlog: Backlog, group: number) => void): boolean {
    for (let inVain = 0; this.queues.length > 0 && inVain < this.queues.length;) {
      const queue = this.queues[this.next]!
      const { backlog } = queue
      if (!this.begun) queue.deficit += turnEntries
      this.begun = true
      let group = headOf(backlog)
      while (group > 0 && group <= queue.deficit && queue.allows(group)) {
        if (!room(group)) return true
        move(backlog, group)
        queue.moved(group)
        queue.deficit -= group
        inVain = 0
        group = headOf(backlog)
      }
      this.begun = false
      if (group === 0) this.remove(queue)
      else {
        // Who is held up by limits of its own saves nothing up.
        if (queue.allows(group)) inVain = 0
        else {
          queue.deficit = 0
          inVain++
        }
        this.advance()
      }
    }
    return false
  }

  private advance(): void {
    this.next = (this.next + 1) % this.queues.length
  }

  private remove(queue: Queue): void {
    queue.deficit = 0
    this.present.delete(queue)
    this.queues.splice(this.next, 1)
    if (this.next >= this.queues.length) this.next = 0
  }

  /** Nobody waits any more. */
  clear(): void {
    for (const queue of this.queues) queue.deficit = 0
    this.queues.length = 0
    this.present.clear()
    this.next = 0
    this.begun = false
  }
}

function headOf(backlog: Backlog): number {
  backlog.dropDead()
  return backlog.headGroup
}
