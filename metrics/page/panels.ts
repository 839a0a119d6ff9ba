// The parts of the page that are words and numbers: fills them from the history, a few times a second. Each number says where it comes
// from.

import { byId, explain, fillPairs, fillTable, make, say, type Value } from './dom.ts'
import { bytes, duration, percent, short, whole } from './format.ts'
import { counterOf, growth, growthOfAll, keyOf, lookBackMs, type History, type Span } from './history.ts'
import { lookOf } from './operations.ts'
import type { RingScene } from './scene.ts'
import { counterSources, stageSources } from './sources.ts'
import { judge } from './verdict.ts'
import { liveCounters, type LiveFrame, type LiveJob, type LiveRing } from '../live-protocol.ts'

const kernelStage = 1
const boardsMax = 4
const buffersShown = 32

const rate = (span: Span | null, value: (span: Span) => number): number =>
  span === null ? NaN : value(span) / span.seconds

/** The six figures at the top right: of all rings. */
export function showHeadline(history: History, frame: LiveFrame): void {
  const span = history.span()
  const operations = rate(span, (of) => growthOfAll(of, 'completions'))
  const made = rate(span, (of) => growthOfAll(of, 'enterCalls') + growthOfAll(of, 'workerEnterCalls'))
  const entries = rate(span, (of) => growthOfAll(of, 'publishedEntries'))
  const inFlight = frame.rings.reduce((sum, ring) => sum + ring.gauges[0]!, 0)
  const latency = (q: number): string => duration(history.quantile(null, null, kernelStage, q))
  fillPairs(
    byId('headline'),
    [
      { label: 'operations/s', text: short(operations), source: counterSources.completions.source },
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
        text: short(made),
        source: 'client and worker counters enterCalls; /metrics: ringmaster_ring_enter_calls_total',
      },
      {
        label: 'calls avoided/s',
        text: short(Math.max(0, entries - made)),
        source:
          'entries published less io_uring_enter calls: what a call for each operation would have been more; /metrics: ringmaster_ring_published_entries_total, ringmaster_ring_enter_calls_total',
      },
      { label: 'kernel p50 · p99', text: `${latency(0.5)} · ${latency(0.99)}`, source: stageSources[kernelStage]! },
    ],
    true,
  )
}

export function showVerdict(history: History, ring: LiveRing): void {
  const span = history.span(lookBackMs)
  const then = span?.first.rings.find((one) => keyOf(one) === keyOf(ring))
  if (span === null || then === undefined) return
  const { answer, title, sentence, figures } = judge(then, ring, span.seconds)
  byId('verdict').dataset['answer'] = answer
  say(byId('verdict-title'), title)
  say(byId('verdict-sentence'), sentence)
  fillPairs(
    byId('verdict-figures'),
    figures.map(({ label, value, source }) => ({ label, text: value, source })),
    true,
  )
}

/** The words on the stage, and what a screen reader is told of it. */
export function showCaptions(scene: RingScene, ring: LiveRing, history: History, isReplay: boolean): void {
  const span = history.span()
  const perSecond = (name: Parameters<typeof growth>[2]): string =>
    isReplay ? 'slow motion' : `${short(rate(span, (of) => growth(of, keyOf(ring), name)))}/s`
  const queue = (
    id: string,
    name: string,
    of: RingScene['sq'],
    doing: string,
    counter: 'publishedEntries' | 'reapedCompletions',
  ): string => {
    const waiting = of === null ? null : (of.tail - of.head) >>> 0
    const size = name === 'Submission queue' ? ring.sqEntries : ring.cqEntries
    const figure = waiting === null ? '–' : whole(waiting)
    caption(
      id,
      name,
      figure,
      `${doing} of ${whole(size)}`,
      perSecond(counter),
      `head and tail of the queue, in memory shared with the kernel; ${counterSources[counter].source}`,
    )
    return `${name}: ${figure} ${doing}.`
  }
  const words = [
    queue('caption-sq', 'Submission queue', scene.sq, 'waiting', 'publishedEntries'),
    queue('caption-cq', 'Completion queue', scene.cq, 'to be read', 'reapedCompletions'),
  ]
  const [who, state] = pollerWords(scene, ring)
  const per = ring.poller === 'caller' ? 'enterCalls' : 'sqWakeups'
  const calls = isReplay ? '' : `${perSecond(per)} ${per === 'sqWakeups' ? 'wake-ups' : 'calls'}`
  caption(
    'caption-poller',
    '',
    state,
    who,
    calls,
    `IORING_SQ_NEED_WAKEUP in the queue's flags; fdinfo SqThread, SqThreadCpu; ${counterSources[per].source}`,
  )
  const waiting = scene.backlog > 0 ? `, ${whole(scene.backlog)} wait outside` : ''
  caption(
    'caption-kernel',
    '',
    `${whole(scene.inFlight)} in flight`,
    `of ${whole(ring.inFlightMax)} at most${waiting}`,
    scene.slots === null ? 'its requests are known to its own thread only' : '',
    "client's slot table, counters inFlight and backlog; /metrics: ringmaster_ring_in_flight, ringmaster_ring_backlog",
  )
  words.push(`${who}: ${state}.`, `${whole(scene.inFlight)} requests in flight.`)
  // Read out when asked for, not five times a second: the canvas is described by it.
  say(byId('stage-words'), words.join(' '))
}

function caption(id: string, above: string, figure: string, first: string, second: string, source: string): void {
  const element = byId(id)
  if (element.children.length === 0) element.append(make('span'), make('strong'), make('span'), make('br'), make('b'))
  const [title, strong, line, , bold] = element.children as HTMLCollectionOf<HTMLElement>
  say(title!, above)
  say(strong!, figure)
  say(line!, first)
  say(bold!, second)
  explain(element, source)
}

function pollerWords(
  { pollerState }: RingScene,
  { poller, sqThread, workerState }: LiveRing,
): [who: string, state: string] {
  const states = { asleep: 'asleep', idle: 'awake, looking', busy: 'awake, working', none: 'quiet' } as const
  if (poller === 'kernel')
    return [
      sqThread === null ? 'SQ thread of the kernel' : `SQ thread ${sqThread.tid}, CPU ${sqThread.cpu}`,
      states[pollerState],
    ]
  if (poller === 'caller') return ['your thread calls the kernel', pollerState === 'busy' ? 'calling' : 'quiet']
  const worker = workerState === 'well' ? 'ring worker' : `ring worker (${workerState})`
  return [poller === 'worker' ? worker : `${worker}, ordinary system calls`, states[pollerState]]
}

export function showLegend(frame: LiveFrame): void {
  const legend = byId('legend')
  const ops = [...new Set(frame.rings.flatMap((ring) => ring.operations.map(([op]) => op)))].sort(
    (one, other) => one - other,
  )
  const key = ops.join()
  if (legend.dataset['key'] === key) return
  legend.dataset['key'] = key
  legend.replaceChildren(
    ...ops.map((op) => {
      const { letter, family, name } = lookOf(op)
      const chip = make('i', letter)
      chip.className = 'chip'
      chip.dataset['family'] = family
      const item = make('span')
      item.append(chip, name)
      return item
    }),
  )
}

export function showShelf({ groups }: LiveRing): void {
  const shelf = byId('shelf')
  const key = groups.map(([group, count]) => `${group}:${count}`).join()
  if (shelf.dataset['key'] !== key || shelf.children.length === 0) {
    shelf.dataset['key'] = key
    shelf.replaceChildren(
      ...(groups.length === 0
        ? [quiet('None on this ring. Streams of sockets provide them: the kernel takes one when data has come.')]
        : groups.slice(0, boardsMax).map(([, count]) => board(count))),
    )
  }
  for (const [index, [group, count, available]] of groups.slice(0, boardsMax).entries()) {
    const element = shelf.children[index] as HTMLElement
    const boxes = element.querySelectorAll('i')
    const full = Math.round((available / count) * boxes.length)
    for (const [at, box] of boxes.entries()) box.className = at < full ? 'full' : ''
    const text = `group ${group}: ${whole(available)} of ${whole(count)} free`
    say(
      element.querySelector('p')!,
      groups.length > boardsMax && index === boardsMax - 1
        ? `${text}, and ${groups.length - boardsMax} groups more`
        : text,
    )
    explain(element, 'the mirror of the buffer ring that its owner keeps (ProvidedBuffers.available)')
  }
}

function board(count: number): HTMLElement {
  const element = make('div')
  const row = make('div')
  row.className = 'board'
  for (let box = 0; box < Math.min(count, buffersShown); box++) row.append(make('i'))
  element.append(row, quiet(''))
  return element
}

function quiet(text: string): HTMLElement {
  const element = make('p', text)
  element.className = 'quiet-line'
  return element
}

export function showTables(ring: LiveRing, frame: LiveFrame): void {
  const of = (table: readonly [number, number] | null): string =>
    table === null ? '–' : table[1] === 0 ? 'none' : `${whole(table[0])} of ${whole(table[1])} used`
  const leased = frame.arenas.reduce((sum, arena) => sum + arena.leased, 0)
  const slabs = frame.arenas.reduce((sum, arena) => sum + arena.slabs, 0)
  fillPairs(byId('tables'), [
    { label: 'direct descriptors', text: of(ring.files), source: 'fdinfo UserFiles' },
    { label: 'registered buffers', text: of(ring.buffers), source: 'fdinfo UserBufs' },
    {
      label: 'arena slabs',
      text: slabs === 0 ? 'none' : `${whole(leased)} of ${whole(slabs)} leased`,
      source: 'Ringmaster.stats().arenas; /metrics: ringmaster_arena_slabs_leased',
    },
  ])
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
  rows.sort((one, other) => other.weight - one.weight)
  fillTable(
    byId('stages'),
    ['', 'queued', 'p99', 'kernel', 'p99', 'delivered', 'p99'],
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
  fillTable(byId('counters'), ['', 'since the start', 'now'], rows)
  for (const [index, row] of [...byId<HTMLTableElement>('counters').tBodies[0]!.rows].entries())
    row.dataset['counter'] = liveCounters[index]!
}

export function showOperations({ operations, errors }: LiveRing, span: Span | null, key: string): void {
  const then = span?.first.rings.find((one) => keyOf(one) === key)
  const rows = operations.map(([op, name, requests, completions, failed, moved]): Value[] => {
    const before = then?.operations.find(([other]) => other === op)
    const perSecond = span === null || before === undefined ? NaN : (completions - before[3]) / span.seconds
    return [
      { text: name },
      { text: whole(requests), source: counterSources.requests.source, exact: requests },
      { text: `${short(perSecond)}/s`, source: counterSources.completions.source },
      {
        text: moved === 0 ? '–' : bytes(moved),
        source: 'operation rows in shared memory; /metrics: ringmaster_operation_bytes_total',
        exact: moved,
      },
      { text: whole(failed), source: counterSources.errors.source, exact: failed },
    ]
  })
  fillTable(byId('operations'), ['operation', 'requested', 'now', 'bytes', 'errors'], rows)
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

export function showJobs(frame: LiveFrame): void {
  const jobs: LiveJob[] = [...frame.jobs]
  for (const ring of frame.rings) {
    const [, , , waiting, inFlight, share] = ring.gauges
    if (share! > 0)
      jobs.push({
        kind: 'background',
        name: `views on ring ${ring.ring}`,
        state: inFlight! > 0 ? 'running' : 'quiet',
        detail: `${whole(inFlight!)} of ${whole(share!)} places, ${whole(waiting!)} waiting`,
        progress: -1,
      })
  }
  const area = byId('jobs')
  if (jobs.length === 0) {
    if (area.dataset['empty'] !== 'yes') area.replaceChildren(quiet('No resident service and no background work.'))
    area.dataset['empty'] = 'yes'
    return
  }
  if (area.dataset['empty'] !== 'no') area.replaceChildren(make('table'))
  area.dataset['empty'] = 'no'
  fillTable(
    area.firstElementChild as HTMLElement,
    ['job', 'name', 'state', 'progress', ''],
    jobs.map(({ kind, name, state, detail, progress }) => [
      { text: kind },
      { text: name },
      { text: state },
      { text: progress < 0 ? '–' : percent(progress) },
      { text: detail },
    ]),
  )
}
