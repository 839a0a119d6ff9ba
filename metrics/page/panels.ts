// The parts of the page that are words and numbers: fills them from the history, a few times a second. Each number says where it comes
// from.

import { byId, explain, fillPairs, fillTable, make, quietLine, say, type Value } from './dom.ts'
import { bytes, duration, percent, short, whole } from './format.ts'
import { jobsOf } from './jobs.ts'
import { counterOf, growth, growthOfAll, keyOf, lookBackMs, type History, type Span } from './history.ts'
import { counterSources, stageSources } from './sources.ts'
import { callsOf, callSources } from './calls.ts'
import { judge } from './verdict.ts'
import { liveCounters, ringsDetailedMax, type LiveAbout, type LiveFrame, type LiveRing } from '../live-protocol.ts'

const kernelStage = 1

export const rate = (span: Span | null, value: (span: Span) => number): number =>
  span === null ? NaN : value(span) / span.seconds

/** The figures at the top right: of all rings. */
export function showHeadline(history: History, frame: LiveFrame): void {
  const span = history.span()
  const operations = rate(span, (of) => growthOfAll(of, 'completions'))
  const inFlight = frame.rings.reduce((sum, ring) => sum + ring.gauges[0]!, 0)
  const latency = (q: number): string => duration(history.quantile(null, null, kernelStage, q))
  fillPairs(
    byId('headline'),
    [
      { label: 'operations/s', text: short(operations), source: counterSources.completions.source },
      {
        label: 'completions/s',
        text: short(rate(span, (of) => growthOfAll(of, 'reapedCompletions'))),
        source: `completions taken, those of multishot requests too: ${counterSources.reapedCompletions.source}`,
      },
      {
        label: 'in flight',
        text: whole(inFlight),
        source: 'client counter inFlight in shared memory; /metrics: ringmaster_ring_in_flight',
        exact: inFlight,
      },
      {
        label: 'errors/s',
        text: short(rate(span, (of) => growthOfAll(of, 'errors'))),
        source: counterSources.errors.source,
      },
      {
        label: 'calls made/s',
        text: short(rate(span, (of) => callsOf(of).made)),
        source: callSources.made,
      },
      {
        label: 'calls avoided/s',
        text: short(rate(span, (of) => callsOf(of).avoided)),
        source: callSources.avoided,
      },
      {
        label: 'kernel p50 · p99',
        text: `${latency(0.5)} · ${latency(0.99)}`,
        source: `${stageSources[kernelStage]!}. Without nop, timeouts and other bookkeeping`,
      },
    ],
    true,
  )
  // Most of what is asked for fails.
  const failed = rate(span, (of) => growthOfAll(of, 'errors'))
  const isAlarm = failed > 1 && failed > operations / 2
  byId('headline').children[3]!.classList.toggle('alarm', isAlarm)
}

/** Who this is, since when, and whether it takes requests. */
export function showProcess(about: LiveAbout, { atMs, ready }: LiveFrame): void {
  const { host, pid, startedMs, version, node, kernel, effectiveCpus, placement } = about
  const up = duration(Math.floor((atMs - startedMs) / 1000) * 1e9)
  const element = byId('about')
  say(
    element,
    `${host} · pid ${pid} · up ${up} · ringmaster ${version} · Node ${node} · Linux ${kernel} · ${effectiveCpus} CPUs`,
  )
  explain(
    element,
    `os.hostname(), process.pid, performance.timeOrigin; CPUs: affinity and cgroup limits, /metrics: ringmaster_effective_cpus. ${placement}`,
  )
  const pill = byId('ready')
  pill.hidden = ready === undefined
  if (ready === undefined) return
  pill.dataset['state'] = ready.ok ? 'live' : 'refused'
  say(pill, ready.ok ? 'ready' : `not ready: ${ready.reason}`)
  explain(pill, 'what GET /readyz answers; /metrics: ringmaster_daemon_ready')
}

/** No frame says so any more. */
export function forgetReadiness(): void {
  const pill = byId('ready')
  pill.dataset['state'] = 'unknown'
  say(pill, 'readiness unknown')
}

/** The charts in a sentence each. */
export function showChartWords(history: History): void {
  const span = history.span()
  const perSecond = (of: (span: Span) => number): string => `${short(rate(span, of))} a second now`
  say(byId('throughput-words'), `Operations completed: ${perSecond((of) => growthOfAll(of, 'completions'))}.`)
  const made = perSecond((of) => callsOf(of).made)
  say(byId('calls-words'), `System calls: ${made} made, ${perSecond((of) => callsOf(of).avoided)} avoided.`)
  explainChart(
    'throughput',
    `${completionsSource}; rates between frames, one upon the other. Other: the less busy operations, nop, timeouts and other bookkeeping, and all of rings that are counters only`,
  )
  explainChart('calls', `made: ${callSources.made}. Avoided: ${callSources.avoided}`)
}

/** Its title, and the figures of its legend. */
function explainChart(id: string, source: string): void {
  explain(byId(`${id}-title`), source)
  const legend = byId(id).querySelector<HTMLElement>('.u-legend')
  if (legend !== null) explain(legend, source)
}

export function showVerdict(history: History, ring: LiveRing): void {
  const span = history.span(lookBackMs)
  const then = span?.first.rings.find((one) => keyOf(one) === keyOf(ring))
  if (span === null || then === undefined) return
  const { answer, title, sentence, source, figures } = judge(then, ring, span.seconds)
  byId('verdict').dataset['answer'] = answer
  say(byId('verdict-title'), title)
  say(byId('verdict-sentence'), sentence)
  explain(byId('verdict-sentence'), source)
  fillPairs(
    byId('verdict-figures'),
    figures.map(({ label, value, source }) => ({ label, text: value, source })),
    true,
  )
}

export function showStages(history: History, frame: LiveFrame, ring: string | null): void {
  const ops = new Map<number, string>()
  for (const one of frame.rings) {
    if (ring !== null && keyOf(one) !== ring) continue
    for (const [op, name] of one.operations) ops.set(op, name)
  }
  const rows = [...ops].flatMap(([op, name]): { weight: number; values: Value[] }[] => {
    const histograms = [0, 1, 2].map((stage) => history.histogram(ring, op, stage))
    const weight = histograms[1]!.reduce((sum, count) => sum + count, 0)
    if (weight === 0) return []
    const values = [0, 1, 2].flatMap((stage) =>
      [0.5, 0.99].map((q) => ({ text: duration(history.quantile(ring, op, stage, q)), source: stageSources[stage]! })),
    )
    return [{ weight, values: [{ text: name }, ...values] }]
  })
  byId('stages-none').hidden = rows.length > 0
  rows.sort((one, other) => other.weight - one.weight)
  fillTable(
    byId('stages'),
    ['operation', 'queued p50', 'queued p99', 'kernel p50', 'kernel p99', 'delivered p50', 'delivered p99'],
    rows.slice(0, 12).map(({ values }) => values),
  )
}

export function showCounters(ring: LiveRing, span: Span | null): void {
  const rows = liveCounters.map((name): Value[] => {
    const total = counterOf(ring, name)
    const { label, source } = counterSources[name]
    const perSecond = rate(span, (of) => growth(of, keyOf(ring), name))
    return [{ text: label }, { text: whole(total), source, exact: total }, { text: `${short(perSecond)}/s`, source }]
  })
  fillTable(byId('counters'), ['counter', 'since the start', 'a second, now'], rows)
  for (const [index, row] of [...byId<HTMLTableElement>('counters').tBodies[0]!.rows].entries())
    row.dataset['counter'] = liveCounters[index]!
}

const completionsSource = `${counterSources.completions.source}; of multishot requests also those before the last one, as seen in the completion queue while somebody looks`

export function showOperations(
  { ring, operations, errors }: LiveRing,
  span: Span | null,
  key: string,
  isCountersOnly: boolean,
): void {
  const none = byId('operations-none')
  none.hidden = operations.length > 0
  say(
    none,
    isCountersOnly
      ? `Operations and errors by code are told of the first ${ringsDetailedMax} rings only. Those of this one: /metrics, ringmaster_operation_completions_total{ring="${ring}"} and ringmaster_operation_errors_total{ring="${ring}"}.`
      : 'Nothing was asked of this ring yet.',
  )
  const then = span?.first.rings.find((one) => keyOf(one) === key)
  const rows = operations.map(([op, name, requests, completions, failed, moved, given]): Value[] => {
    const before = then?.operations.find(([other]) => other === op)
    const perSecond =
      span === null || before === undefined
        ? NaN
        : Math.max(0, completions + given - before[3] - before[6]) / span.seconds
    return [
      { text: name },
      { text: whole(requests), source: counterSources.requests.source, exact: requests },
      { text: whole(completions + given), source: completionsSource, exact: completions + given },
      { text: `${short(perSecond)}/s`, source: completionsSource },
      {
        text: moved === 0 ? '–' : bytes(moved),
        source: 'operation rows in shared memory; /metrics: ringmaster_operation_bytes_total',
        exact: moved,
      },
      { text: whole(failed), source: counterSources.errors.source, exact: failed },
    ]
  })
  fillTable(byId('operations'), ['operation', 'requested', 'completions', 'completions/s', 'bytes', 'errors'], rows)
  fillTable(
    byId('errors'),
    ['error', 'operation', 'since the start'],
    errors.map(([operation, code, count]) => [
      { text: code },
      { text: operation },
      { text: whole(count), source: counterSources.errors.source, exact: count },
    ]),
  )
  byId('errors').hidden = errors.length === 0
}

const jobSource = 'what the job says of itself, with each frame; of background work: the gauges of its ring'

export function showJobs(frame: LiveFrame): void {
  const jobs = jobsOf(frame)
  const area = byId('jobs')
  if (jobs.length === 0) {
    if (area.dataset['empty'] !== 'yes') area.replaceChildren(quietLine('No resident service and no background work.'))
    area.dataset['empty'] = 'yes'
    return
  }
  if (area.dataset['empty'] !== 'no') area.replaceChildren(make('table'))
  area.dataset['empty'] = 'no'
  fillTable(
    area.firstElementChild as HTMLElement,
    ['job', 'name', 'state', 'progress', 'detail'],
    jobs.map(({ kind, name, state, detail, progress }) => [
      { text: kind },
      { text: name },
      { text: state },
      { text: progress < 0 ? '–' : percent(progress), source: jobSource },
      { text: detail, source: jobSource },
    ]),
  )
}
