// Keeps a workload going for a window: closed loop (a request after the other in each lane) and open loop (by plan). Called by station.ts.
import { setImmediate as turn } from 'node:timers/promises'
import type { LatencyHistogram } from '../latency-histogram.ts'
import type { SyncWork, Work } from './work.ts'

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
export async function openLoop(
  work: Work,
  operationsPerSecond: number,
  deadlineMs: number,
  tally: Tally,
): Promise<void> {
  const { operationsPerStart } = work
  const startedMs = performance.now()
  const intervalMs = (1000 * operationsPerStart) / operationsPerSecond
  const giveUpMs = deadlineMs + (deadlineMs - startedMs) / 4
  const pacer = new Pacer()
  let planned = 0
  const runLane = async (lane: number): Promise<void> => {
    for (;;) {
      const dueMs = startedMs + planned++ * intervalMs
      if (dueMs >= deadlineMs) return
      let nowMs = performance.now()
      if (nowMs < dueMs) {
        await pacer.until(dueMs)
        nowMs = performance.now()
      }
      if (nowMs > giveUpMs) {
        tally.overdue += operationsPerStart
        tally.latency.record((nowMs - dueMs) * nsPerMs, operationsPerStart)
        continue
      }
      const moved = await work.start(lane)
      tally.bytes += work.finish(moved, lane)
      tally.operations += operationsPerStart
      tally.latency.record((performance.now() - dueMs) * nsPerMs, operationsPerStart)
    }
  }
  await Promise.all(Array.from({ length: work.lanes }, (_, lane) => runLane(lane)))
}

/** Wakes lanes when their request is due. They wait in the order in which requests are due. */
class Pacer {
  private readonly waiting: { dueMs: number; resume: () => void }[] = []
  private first = 0
  private running = false

  until(dueMs: number): Promise<void> {
    return new Promise((resume) => {
      this.waiting.push({ dueMs, resume })
      if (this.running) return
      this.running = true
      this.arm()
    })
  }

  // A timer is up to a millisecond late: the last moments are spent looking at the clock, once per turn of the event loop.
  private arm(): void {
    const leftMs = this.waiting[this.first]!.dueMs - performance.now()
    if (leftMs > 2) setTimeout(this.look, leftMs - 1)
    else setImmediate(this.look)
  }

  private readonly look = (): void => {
    const nowMs = performance.now()
    while (this.first < this.waiting.length && this.waiting[this.first]!.dueMs <= nowMs)
      this.waiting[this.first++]!.resume()
    if (this.first === this.waiting.length) {
      this.waiting.length = this.first = 0
      this.running = false
      return
    }
    if (this.first > 1024) {
      this.waiting.splice(0, this.first)
      this.first = 0
    }
    this.arm()
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
