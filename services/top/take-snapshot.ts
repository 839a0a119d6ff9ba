// From frames and traffic to what is shown. Used by run.ts, once a refresh. Pure.
import type { LiveAbout, LiveFrame, LiveRing } from '../../metrics/live-protocol.ts'
import { isCountersOnly, keyOf, type History, type Span } from '../../metrics/page/history.ts'
import { jobsOf } from '../../metrics/page/jobs.ts'
import type { TrafficRow } from '../../metrics/traffic-report.ts'
import type { ClientRow, FileRow, OperationRow, RingRow, Snapshot } from './snapshot.ts'
import { earlierFacts, findRing, share, stagesOf, takeRing } from './take-rings.ts'
import type { TrafficSpan } from './traffic-client.ts'

/** Null: there is one frame only. `intervalMs`: what rates are of, as near as frames come to it. */
export function takeSnapshot(
  history: History,
  about: LiveAbout,
  traffic: TrafficSpan | null,
  intervalMs: number,
): Snapshot | null {
  const span = history.span(intervalMs)
  if (span === null) return null
  const { last, seconds } = span
  const rings = last.rings.map((ring) => takeRing(history, span, ring))
  const operations = takeOperations(history, span)
  const { host, pid, startedMs, version, node, kernel, effectiveCpus } = about
  return {
    atMs: last.atMs,
    seconds,
    daemon: { host, pid, startedMs, version, node, kernel, effectiveCpus },
    ready: last.ready ?? null,
    rates: {
      operationsPerSecond: sum(rings, (ring) => ring.operationsPerSecond),
      errorsPerSecond: sum(rings, (ring) => ring.errorsPerSecond),
      enterCallsPerSecond: sum(rings, (ring) => ring.enterCallsPerSecond),
      wakeupsPerSecond: sum(rings, (ring) => ring.wakeupsPerSecond),
      bytesPerSecond: sum(operations, (operation) => operation.bytesPerSecond),
    },
    totals: {
      operations: sum(rings, ({ totals }) => totals.operations),
      errors: sum(rings, ({ totals }) => totals.errors),
      enterCalls: sum(rings, ({ totals }) => totals.enterCalls),
      wakeups: sum(rings, ({ totals }) => totals.wakeups),
    },
    inFlight: sum(rings, (ring) => ring.inFlight),
    stages: stagesOf(history, null, null),
    rings,
    ringsLeftOut: last.ringsLeftOut,
    ringsCountersOnly: last.rings.filter((ring) => isCountersOnly(last, ring)).length,
    operations,
    jobs: jobsOf(last),
    files: traffic === null ? null : takeFiles(traffic),
    clients: [...takeThreads(history, span, rings), ...(traffic === null ? [] : takeHttpClients(traffic))],
  }
}

const sum = <Row>(rows: readonly Row[], valueOf: (row: Row) => number): number =>
  rows.reduce((total, row) => total + valueOf(row), 0)

interface Counted {
  readonly name: string
  requests: number
  completions: number
  /** With what multishot requests gave before their last completion. */
  given: number
  errors: number
  bytes: number
}

/** Of all rings whose operations are told; `ringsOf`: only those, so that a ring that comes or goes is no rate. */
function countOperations(frame: LiveFrame, ringsOf: LiveFrame): Map<number, Counted> {
  const counted = new Map<number, Counted>()
  for (const ring of frame.rings) {
    if (findRing(ringsOf, keyOf(ring)) === undefined) continue
    for (const [op, name, requests, completions, errors, bytes, given] of ring.operations) {
      let row = counted.get(op)
      if (row === undefined)
        counted.set(op, (row = { name, requests: 0, completions: 0, given: 0, errors: 0, bytes: 0 }))
      row.requests += requests
      row.completions += completions
      row.given += completions + given
      row.errors += errors
      row.bytes += bytes
    }
  }
  return counted
}

function takeOperations(history: History, { first, last, seconds }: Span): OperationRow[] {
  const then = countOperations(first, last)
  const now = countOperations(last, first)
  const grown = (op: number, field: 'given' | 'errors' | 'bytes'): number =>
    Math.max(0, now.get(op)![field] - (then.get(op)?.[field] ?? 0)) / seconds
  const ops = [...now.keys()]
  const all = sum(ops, (op) => grown(op, 'given'))
  return ops
    .map((op): OperationRow => {
      const { name, requests, completions, given, errors } = now.get(op)!
      const perSecond = grown(op, 'given')
      return {
        operation: name,
        perSecond,
        share: all === 0 ? 0 : perSecond / all,
        bytesPerSecond: grown(op, 'bytes'),
        errorsPerSecond: grown(op, 'errors'),
        inFlight: Math.max(0, requests - completions),
        stages: stagesOf(history, null, op),
        total: given,
        errorsTotal: errors,
      }
    })
    .sort((one, other) => other.perSecond - one.perSecond || other.total - one.total)
}

function takeThreads(history: History, { last }: Span, rings: readonly RingRow[]): ClientRow[] {
  return [...new Set(rings.map(({ client }) => client))].map((client): ClientRow => {
    const own = rings.filter((ring) => ring.client === client)
    const one = last.rings.find((ring) => ring.client === client)
    const { cpuShare, waitShare } = one === undefined ? unknownShares : clientShares(history, one)
    return {
      kind: 'thread',
      client: client === 0 ? 'thread of Ringmaster.start()' : `thread ${client}`,
      perSecond: sum(own, (ring) => ring.operationsPerSecond),
      bytesPerSecond: sum(own, (ring) => ring.bytesPerSecond),
      inFlight: sum(own, (ring) => ring.inFlight + ring.backlog),
      total: sum(own, ({ totals }) => totals.operations),
      cpuShare,
      waitShare,
    }
  })
}

const unknownShares = { cpuShare: NaN, waitShare: NaN }

function clientShares(history: History, ring: LiveRing): { cpuShare: number; waitShare: number } {
  const then = earlierFacts(history, ring)
  if (then === null) return unknownShares
  const elapsedNs = (ring.factsAtMs - then.factsAtMs) * 1e6
  return {
    cpuShare: share(ring.times.clientRunNs, then.times.clientRunNs, elapsedNs),
    waitShare: share(ring.times.clientWaitNs, then.times.clientWaitNs, elapsedNs),
  }
}

interface Grown {
  readonly row: TrafficRow
  readonly requestsPerSecond: number
  readonly bytesPerSecond: number
}

/** A row that was not there has come since. */
function grownRows({ first, last }: TrafficSpan, list: 'files' | 'clients'): Grown[] {
  const before = new Map(first[list].map((row) => [row.id, row]))
  const seconds = (last.atMs - first.atMs) / 1000
  const perSecond = (grown: number): number => (seconds > 0 ? Math.max(0, grown) / seconds : 0)
  return last[list]
    .map((row) => ({
      row,
      requestsPerSecond: perSecond(row.requests - (before.get(row.id)?.requests ?? 0)),
      bytesPerSecond: perSecond(row.bytes - (before.get(row.id)?.bytes ?? 0)),
    }))
    .sort((one, other) => other.requestsPerSecond - one.requestsPerSecond || other.row.requests - one.row.requests)
}

const takeFiles = (traffic: TrafficSpan): FileRow[] =>
  grownRows(traffic, 'files').map(({ row: { name, open, requests, bytes }, requestsPerSecond, bytesPerSecond }) => ({
    file: name,
    open,
    requestsPerSecond,
    bytesPerSecond,
    requests,
    bytes,
  }))

const takeHttpClients = (traffic: TrafficSpan): ClientRow[] =>
  grownRows(traffic, 'clients').map(({ row: { name, open, requests }, requestsPerSecond, bytesPerSecond }) => ({
    kind: 'http',
    client: name,
    perSecond: requestsPerSecond,
    bytesPerSecond,
    inFlight: open,
    total: requests,
    cpuShare: NaN,
    waitShare: NaN,
  }))
