// Keeps a workload going for a window: closed loop (a request after the other in each lane) and open loop (by plan). Called by station.ts.
import { setImmediate as turn } from 'node:timers/promises'
import type { LatencyHistogram } from '../latency-histogram.ts'
import type { Moved, SyncWork, Work } from './work.ts'

export interface Tally {
  operations: number
  bytes: number
  overdue: number
  readonly latency: LatencyHistogram
}

const nsPerMs = 1e6
/** How long a blocking loop goes on before the event loop has a turn, in which it is noticed that the parent has gone. */
const blockingMsMax = 50

/** Runs until `deadlineMs` (performance.now()), and lets the last requests end. The clock is read once per start. */
export async function closedLoop(work: Work, deadlineMs: number, tally: Tally): Promise<void> {
  const { operationsPerStart } = work
  const runLane = async (lane: number): Promise<void> => {
    let startedMs = performance.now()
    while (startedMs < deadlineMs) {
      const moved = await work.start(lane)
      tally.bytes += work.finish(moved, lane)
      tally.operations += operationsPerStart
      const endedMs = performance.now()
      tally.latency.record((endedMs - startedMs) * nsPerMs, operationsPerStart)
      startedMs = endedMs
    }
  }
  await Promise.all(Array.from({ length: work.lanes }, (_, lane) => runLane(lane)))
}

/**
 * Start k is due at k / rate, whatever has ended by then: it waits for a lane if need be, and its latency counts from when it was due. Else a stall
 * would hide all requests that it kept from being made ("coordinated omission": G. Tene, wrk2's README).
 */
export function openLoop(work: Work, operationsPerSecond: number, deadlineMs: number, tally: Tally): Promise<void> {
  return new Promise((resolve, reject) => {
    new OpenLoop(work, operationsPerSecond, deadlineMs, tally, { resolve, reject }).look()
  })
}

/**
 * Lanes are taken from a stack and given back, without a promise for the wait: what pacing leaves to the garbage collector stops the load that it
 * paces, and would be measured as the layout's.
 */
class OpenLoop {
  private readonly work: Work
  private readonly deadlineMs: number
  private readonly tally: Tally
  private readonly end: { resolve(): void; reject(reason: unknown): void }
  private readonly startedMs = performance.now()
  private readonly intervalMs: number
  private readonly giveUpMs: number
  private planned = 0
  private readonly free: Int32Array
  private freeCount: number
  /** Of the request in each lane. */
  private readonly dueMs: Float64Array
  private readonly finished: readonly ((moved: Moved) => void)[]
  private isArmed = false
  private isFailed = false

  constructor(work: Work, operationsPerSecond: number, deadlineMs: number, tally: Tally, end: OpenLoop['end']) {
    this.work = work
    this.deadlineMs = deadlineMs
    this.tally = tally
    this.end = end
    this.intervalMs = (1000 * work.operationsPerStart) / operationsPerSecond
    this.giveUpMs = deadlineMs + (deadlineMs - this.startedMs) / 4
    const lanes = Array.from({ length: work.lanes }, (_, lane) => lane)
    this.free = Int32Array.from(lanes)
    this.freeCount = lanes.length
    this.dueMs = new Float64Array(lanes.length)
    this.finished = lanes.map((lane) => (moved) => {
      this.finish(lane, moved)
    })
  }

  readonly look = (): void => {
    this.isArmed = false
    try {
      this.startDue()
    } catch (error) {
      this.fail(error)
    }
  }

  private readonly fail = (reason: unknown): void => {
    this.isFailed = true
    this.end.reject(reason)
  }

  private startDue(): void {
    const { work, tally, startedMs, intervalMs, deadlineMs, giveUpMs } = this
    while (this.freeCount > 0 && !this.isFailed) {
      const dueMs = startedMs + this.planned * intervalMs
      if (dueMs >= deadlineMs) {
        if (this.freeCount === work.lanes) this.end.resolve()
        return
      }
      const nowMs = performance.now()
      if (nowMs < dueMs) {
        this.arm(dueMs - nowMs)
        return
      }
      this.planned++
      if (nowMs > giveUpMs) {
        tally.overdue += work.operationsPerStart
        tally.latency.record((nowMs - dueMs) * nsPerMs, work.operationsPerStart)
        continue
      }
      const lane = this.free[--this.freeCount]!
      this.dueMs[lane] = dueMs
      work.start(lane).then(this.finished[lane], this.fail)
    }
  }

  private finish(lane: number, moved: Moved): void {
    const { work, tally } = this
    try {
      tally.bytes += work.finish(moved, lane)
      tally.operations += work.operationsPerStart
      tally.latency.record((performance.now() - this.dueMs[lane]!) * nsPerMs, work.operationsPerStart)
      this.free[this.freeCount++] = lane
      if (!this.isArmed) this.startDue()
    } catch (error) {
      this.fail(error)
    }
  }

  // A timer is up to a millisecond late: the last moments are spent looking at the clock, once per turn of the event loop.
  private arm(leftMs: number): void {
    this.isArmed = true
    if (leftMs > 2) setTimeout(this.look, leftMs - 1)
    else setImmediate(this.look)
  }
}

export async function closedSyncLoop(work: SyncWork, deadlineMs: number, tally: Tally): Promise<void> {
  let startedMs = performance.now()
  while (startedMs < deadlineMs) {
    const sliceEndMs = Math.min(deadlineMs, startedMs + blockingMsMax)
    while (startedMs < sliceEndMs) {
      tally.bytes += work.perform()
      tally.operations++
      const endedMs = performance.now()
      tally.latency.record((endedMs - startedMs) * nsPerMs, 1)
      startedMs = endedMs
    }
    await turn()
    startedMs = performance.now()
  }
}

export async function openSyncLoop(
  work: SyncWork,
  operationsPerSecond: number,
  deadlineMs: number,
  tally: Tally,
): Promise<void> {
  const asWork: Work = {
    lanes: 1,
    operationsPerStart: 1,
    start: () => Promise.resolve(work.perform()),
    finish: (moved) => (typeof moved === 'number' ? moved : 0),
    close: () => Promise.resolve(),
  }
  await openLoop(asWork, operationsPerSecond, deadlineMs, tally)
}
