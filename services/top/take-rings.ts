// From frames to rows about rings. Used by take-snapshot.ts. Pure.
import { quantileNs } from '../../metrics/exponential-histogram.ts'
import { Stage } from '../../metrics/ring-metrics.ts'
import type { LiveFrame, LiveQueue, LiveRing } from '../../metrics/live-protocol.ts'
import { counterOf, growth, keyOf, type History, type Span } from '../../metrics/page/history.ts'
import type { QueueFill, Rates, RingRow, Stages, StageTimes, ThreadState, Totals } from './snapshot.ts'

/** The kernel is asked about threads once a second and less often of many rings: what is told of them is of so long. */
const factsMs = 3_000

export function takeRing(history: History, span: Span, ring: LiveRing): RingRow {
  const key = keyOf(ring)
  const then = findRing(span.first, key)
  const { usefulShare, cpuShare } = threadShares(history, ring)
  const bytes = (one: LiveRing | undefined): number => one?.operations.reduce((sum, row) => sum + row[5], 0) ?? NaN
  return {
    ring: ring.ring,
    client: ring.client,
    poller: ring.poller,
    state: ring.workerState === 'well' ? ring.state : `worker ${ring.workerState}`,
    sq: fillOf(history, span, key, ({ sq }) => sq),
    cq: fillOf(history, span, key, ({ cq }) => cq),
    overflowed: ring.overflowed,
    inFlight: ring.gauges[0] ?? NaN,
    inFlightMax: ring.inFlightMax,
    backlog: ring.gauges[1] ?? NaN,
    ...ratesOf(span, key),
    thread: threadState(history, ring),
    usefulShare,
    cpuShare,
    bytesPerSecond: ring.sq === null ? NaN : Math.max(0, bytes(ring) - bytes(then)) / span.seconds,
    stages: stagesOf(history, key, null),
    totals: totalsOf(ring),
    advice: ring.advice.cause === 'none' ? '' : `${ring.advice.poller}: ${ring.advice.reason}`,
  }
}

export const findRing = (frame: LiveFrame, key: string): LiveRing | undefined =>
  frame.rings.find((one) => keyOf(one) === key)

function ratesOf(span: Span, key: string): Rates {
  const perSecond = (...names: Parameters<typeof growth>[2][]): number =>
    names.reduce((sum, name) => sum + growth(span, key, name), 0) / span.seconds
  return {
    operationsPerSecond: perSecond('completions'),
    errorsPerSecond: perSecond('errors'),
    enterCallsPerSecond: perSecond('enterCalls', 'workerEnterCalls'),
    wakeupsPerSecond: perSecond('sqWakeups'),
  }
}

const totalsOf = (ring: LiveRing): Totals => ({
  operations: counterOf(ring, 'completions'),
  errors: counterOf(ring, 'errors'),
  enterCalls: counterOf(ring, 'enterCalls') + counterOf(ring, 'workerEnterCalls'),
  wakeups: counterOf(ring, 'sqWakeups'),
})

/** Of one ring (null: all) and one operation (null: all but the library's own). */
export function stagesOf(history: History, key: string | null, op: number | null): Stages {
  const times = (stage: Stage): StageTimes => {
    const counts = history.histogram(key, op, stage)
    return { p50Ns: quantileNs(counts, 0.5), p99Ns: quantileNs(counts, 0.99) }
  }
  return { queued: times(Stage.queued), kernel: times(Stage.kernel), delivered: times(Stage.delivered) }
}

/** Indexes run freely in 32 bits. */
const filledOf = ({ head, tail, entries }: LiveQueue): number => Math.min(entries, (tail - head) >>> 0)

function fillOf(
  history: History,
  { first, last }: Span,
  key: string,
  queueOf: (ring: LiveRing) => LiveQueue | null,
): QueueFill | null {
  const ring = findRing(last, key)
  const queue = ring === undefined ? null : queueOf(ring)
  if (queue === null) return null
  let filledMax = filledOf(queue)
  for (const frame of history.series) {
    if (frame.atMs <= first.atMs) continue
    const then = findRing(frame, key)
    const seen = then === undefined ? null : queueOf(then)
    if (seen !== null) filledMax = Math.max(filledMax, filledOf(seen))
  }
  return { entries: queue.entries, filled: filledOf(queue), filledMax }
}

function threadState(history: History, ring: LiveRing): ThreadState {
  if (ring.workerState !== 'well') return 'gone'
  if (ring.poller === 'caller' || ring.poller === 'threadpool') return 'none'
  // Its flags are in a memory that the feed has not looked at.
  if (ring.sq === null) return 'unknown'
  if (ring.asleep) return 'asleep'
  const before = history.series.at(-2)
  const then = before === undefined ? undefined : findRing(before, keyOf(ring))
  const isPublished = then !== undefined && counterOf(ring, 'publishedEntries') > counterOf(then, 'publishedEntries')
  return isPublished ? 'busy' : 'idle'
}

function threadShares(history: History, ring: LiveRing): { usefulShare: number; cpuShare: number } {
  const then = earlierFacts(history, ring)
  if (then === null) return { usefulShare: NaN, cpuShare: NaN }
  const elapsedNs = (ring.factsAtMs - then.factsAtMs) * 1e6
  const [thread, before] = [ring.sqThread, then.sqThread]
  if (thread !== null && before !== null && thread.tid === before.tid) {
    const totalNs = Math.max(0, thread.totalNs - before.totalNs)
    const busyNs = Math.max(0, thread.busyNs - before.busyNs)
    return { usefulShare: totalNs === 0 ? NaN : Math.min(1, busyNs / totalNs), cpuShare: totalNs / elapsedNs }
  }
  return { usefulShare: NaN, cpuShare: share(ring.times.pollerRunNs, then.times.pollerRunNs, elapsedNs) }
}

/** How much of the elapsed time a counter of times grew by; NaN where it is not known. */
export function share(nowNs: number | null, thenNs: number | null, elapsedNs: number): number {
  return nowNs === null || thenNs === null ? NaN : Math.max(0, nowNs - thenNs) / elapsedNs
}

/** The same ring, with what the kernel said about its threads before; null: that has been said once only. */
export function earlierFacts(history: History, ring: LiveRing): LiveRing | null {
  const key = keyOf(ring)
  let found: LiveRing | null = null
  for (let index = history.series.length - 2; index >= 0; index--) {
    const then = findRing(history.series[index]!, key)
    if (then === undefined) break
    if (then.factsAtMs < ring.factsAtMs) found = then
    if (ring.factsAtMs - then.factsAtMs >= factsMs) break
  }
  return found
}
