// How far each request of the `threadpool` poller has come, in shared memory that outlives its thread: should that die, every request
// that it had is settled once, and with its own result where there is one. The poller writes by slot, its executor by job; the
// ring client reads when the thread is dead, and not before.
import { Op } from '../../native/abi.ts'
import type { RingGeometry } from '../../native/ring-geometry.ts'

const Stage = { untouched: 0, begun: 1, handedOver: 2, over: 3 } as const

/** What the executor writes of a job: it waits for a thread (NaN), a thread has it (Infinity), or its result. */
const jobsOf = ({ cqEntries, sqEntries }: Pick<RingGeometry, 'cqEntries' | 'sqEntries'>): number =>
  cqEntries + sqEntries

/**
 * Operations of one system call, that only look about before it and only say its result after it: they are untouched until it is made,
 * and over when it returns. What is done on the way to a thread and back is not much, but worker threads die at any moment of it.
 */
export const singleCalls: ReadonlySet<number> = new Set([Op.OPENAT, Op.OPENAT2, Op.READ, Op.WRITE, Op.READV, Op.WRITEV])

/** How a request stands whose thread died. */
export type Standing =
  /** Nothing of it has happened. */
  | { readonly kind: 'untouched' }
  /** It may or may not have been carried out. */
  | { readonly kind: 'unknown' }
  /** Its system call is over, and nobody was told; `whole`: there was nothing more to do for it. */
  | { readonly kind: 'over'; readonly result: number; readonly whole: boolean }

export class Journal {
  /** By job. */
  readonly results: Float64Array
  private readonly stages: Uint8Array
  private readonly jobs: Int32Array
  private readonly outcomes: Float64Array

  constructor(memory: SharedArrayBuffer, slots: number, jobs: number) {
    this.results = new Float64Array(memory, 0, jobs)
    this.outcomes = new Float64Array(memory, jobs * 8, slots)
    this.jobs = new Int32Array(memory, (jobs + slots) * 8, slots)
    this.stages = new Uint8Array(memory, jobs * 8 + slots * 12, slots)
  }

  static allocate(slots: number, geometry: Pick<RingGeometry, 'cqEntries' | 'sqEntries'>): SharedArrayBuffer {
    return new SharedArrayBuffer(jobsOf(geometry) * 8 + slots * 13)
  }

  static of(memory: SharedArrayBuffer, geometry: RingGeometry): Journal {
    const jobs = jobsOf(geometry)
    return new Journal(memory, (memory.byteLength - jobs * 8) / 13, jobs)
  }

  /** It was taken out of the SQ, or waits, and nothing of it has happened. */
  untouched(slot: number): void {
    this.stages[slot] = Stage.untouched
  }

  begun(slot: number): void {
    this.stages[slot] = Stage.begun
  }

  // Jobs reach the executor together, a moment later: until then their numbers would still have the results of those before them.
  handedOver(slot: number, job: number): void {
    this.results[job] = NaN
    this.jobs[slot] = job
    this.stages[slot] = Stage.handedOver
  }

  over(slot: number, result: number): void {
    this.outcomes[slot] = result
    this.stages[slot] = Stage.over
  }

  standing(slot: number): Standing {
    const stage = this.stages[slot]
    if (stage === Stage.untouched) return { kind: 'untouched' }
    if (stage === Stage.over) return { kind: 'over', result: this.outcomes[slot]!, whole: true }
    if (stage !== Stage.handedOver) return { kind: 'unknown' }
    const result = this.results[this.jobs[slot]!]!
    return Number.isNaN(result) ? { kind: 'untouched' } : { kind: 'over', result, whole: false }
  }
}
