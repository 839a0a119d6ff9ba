// The live page's beginning: brings stream, history, stage, charts and keys together. Runs in the browser; built by build.mjs into the
// one page that live-page.ts sends.

import { Charts } from './charts.ts'
import { ColourScheme } from './colours.ts'
import { Connection, type ConnectionState } from './connection.ts'
import { byId, explain, fillPairs, makeTabs, say } from './dom.ts'
import { watchEscape } from './escape.ts'
import { duration } from './format.ts'
import { HeatMap, type HeatFilter } from './heat-map.ts'
import { growth, History, isCountersOnly, keyOf, silenceMs } from './history.ts'
import { listenToKeys, type PageKey } from './keys.ts'
import { Notices } from './notices.ts'
import * as panels from './panels.ts'
import * as stageWords from './stage-words.ts'
import { liveScene } from './scene.ts'
import { SlowMotion } from './slow-motion.ts'
import { stageSources } from './sources.ts'
import { Stage } from './stage.ts'
import { startTooltips } from './tooltip.ts'
import { startTour } from './tour.ts'
import { startGroups } from './groups.ts'
import { liveVersion, ringsDetailedMax, type LiveAbout, type LiveFrame, type LiveRing } from '../live-protocol.ts'

const stageNames = ['queued', 'kernel', 'delivered'] as const
/** Tables and charts: as often as a reader can follow. */
const slowPartsMs = 900

const scheme = new ColourScheme()
const history = new History()
const stage = new Stage(byId('stage'), byId('stage-canvas'), scheme)
const heatMap = new HeatMap(byId('heat-canvas'), scheme)
const charts = new Charts(byId('throughput'), byId('calls'), scheme)

let chosenRing: string | null = null
let heatStage = 1
let heatOp: number | null = null
let paused = false
let slowPartsShownMs = -Infinity

const filter = (): HeatFilter => ({ ring: null, op: heatOp, stage: heatStage })

function ringOf(frame: LiveFrame): LiveRing | null {
  return frame.rings.find((ring) => keyOf(ring) === chosenRing) ?? frame.rings[0] ?? null
}

const showTabs = makeTabs(byId('rings'), (value) => chooseRing(value))
const showStageTabs = makeTabs(byId('heat-stage'), (value) => chooseStage(Number(value)))

function chooseRing(value: string): void {
  if (value === chosenRing) return
  slow.stop()
  chosenRing = value
  stage.clear()
  showFrame(true)
}

function moveRing(step: number): void {
  const rings = history.latest?.rings ?? []
  const ring = history.latest === null ? null : ringOf(history.latest)
  const at = rings.findIndex((one) => one === ring)
  const next = rings[(at + step + rings.length) % rings.length]
  if (next !== undefined) chooseRing(keyOf(next))
}

function chooseStage(index: number): void {
  heatStage = index
  showStageTabs(
    stageNames.map((label, value) => ({ value: String(value), label })),
    String(heatStage),
  )
  heatMap.fill(history.series, filter())
  showHeatWords()
}

function showHeatWords(): void {
  const quantile = (q: number): string => duration(history.quantile(null, heatOp, heatStage, q))
  say(
    byId('heat-words'),
    `last 10 s, all rings: p50 ${quantile(0.5)} solid, p99 ${quantile(0.99)} dashed, p99.9 ${quantile(0.999)}`,
  )
  const without = heatOp === null ? '. Without nop, timeouts and other bookkeeping' : ''
  explain(byId('heat-words'), `${stageSources[heatStage]!}${without}`)
}

const slow = new SlowMotion({
  ring: () => {
    const ring = history.latest === null ? null : ringOf(history.latest)
    return {
      ring: ring?.ring ?? 0,
      client: ring?.client ?? 0,
      poller: ring?.poller ?? 'kernel',
      sq: ring?.sqEntries ?? 0,
      cq: ring?.cqEntries ?? 0,
      name: ring === null ? 'this ring' : tabName(ring),
    }
  },
  show: (shown, spanMs) => {
    stage.show(shown, spanMs)
    const ring = history.latest === null ? null : ringOf(history.latest)
    if (ring !== null) stageWords.showCaptions(shown, ring, history, true)
  },
  begins: () => {
    stage.clear()
    byId('stage-card').dataset['replay'] = 'yes'
    showFrame(true)
  },
  ends: () => {
    byId('stage-card').dataset['replay'] = 'no'
    stage.clear()
    showFrame(true)
  },
})

/** Shows the latest frame. `all`: also what is otherwise shown once a second. */
function showFrame(all: boolean): void {
  const frame = history.latest
  const ring = frame === null ? null : ringOf(frame)
  if (frame === null || ring === null) return
  const before = history.series.at(-2)
  const span = history.span()
  showRings(frame, ring)
  if (!slow.active) {
    const old = before?.rings.find((one) => keyOf(one) === keyOf(ring)) ?? null
    const scene = liveScene(ring, old)
    stage.show(scene, frame.spanMs)
    stageWords.showCaptions(scene, ring, history, false)
  }
  stageWords.showShelf(ring)
  const nowMs = performance.now()
  if (!all && nowMs - slowPartsShownMs < slowPartsMs) return
  slowPartsShownMs = nowMs
  panels.showHeadline(history, frame)
  panels.showVerdict(history, ring)
  stageWords.showLegend(frame)
  stageWords.showTables(ring, frame)
  panels.showStages(history, frame, null)
  panels.showCounters(ring, span)
  panels.showOperations(ring, span, keyOf(ring), isCountersOnly(frame, ring))
  panels.showJobs(frame)
  showHeatWords()
  showHeatOps(frame)
  charts.show(history.series)
  panels.showChartWords(history)
  const left = frame.ringsLeftOut > 0 ? ` ${frame.ringsLeftOut} rings are not shown.` : ''
  say(byId('footer'), `Every number says where it comes from: hover over it, or focus it.${left}`)
}

function tabName({ ring, client }: LiveRing): string {
  return client === 0 ? `ring ${ring}` : `thread ${client} on ring ${ring}`
}

function showRings(frame: LiveFrame, ring: LiveRing): void {
  const span = history.span()
  showTabs(
    frame.rings.map((one) => ({
      value: keyOf(one),
      label: tabName(one),
      busy:
        one.state !== 'open' || one.workerState !== 'well'
          ? 'ill'
          : span !== null && growth(span, keyOf(one), 'publishedEntries') > 0
            ? 'yes'
            : 'no',
    })),
    keyOf(ring),
  )
  say(
    byId('stage-title'),
    `${ring.client === 0 ? `Ring ${ring.ring}` : `Ring of thread ${ring.client}`}${slow.active ? ', slow motion' : ''}`,
  )
  const trouble = [
    ring.state === 'open' ? '' : ring.state,
    ring.overflowed ? 'completions wait in the kernel: the queue is full' : '',
    isCountersOnly(history.latest, ring)
      ? `shown by its counters only, as all after the first ${ringsDetailedMax}`
      : '',
  ]
  say(
    byId('ring-reason'),
    [`poller ${ring.poller}: ${ring.reason}`, ...trouble.filter((text) => text !== '')].join(' · '),
  )
}

function showHeatOps(frame: LiveFrame): void {
  const select = byId<HTMLSelectElement>('heat-op')
  const names = new Map(frame.rings.flatMap((ring) => ring.operations.map(([op, name]) => [op, name] as const)))
  for (const [op, name] of [...names].sort(([one], [other]) => one - other)) {
    if ([...select.options].some(({ value }) => value === String(op))) continue
    select.add(new Option(name, String(op)))
  }
}

const stateWords: Readonly<Record<ConnectionState | 'silent', string>> = {
  connecting: 'connecting',
  live: 'live',
  silent: 'no news',
  reconnecting: 'reconnecting',
  refused: 'no stream',
  paused: 'paused',
  hidden: 'resting',
}

const connection = new Connection({
  about: (about: LiveAbout) => {
    const before = process
    process = about
    if (before !== null && nameOf(before) !== nameOf(about)) {
      forget()
      slow.orphan(`pid ${before.pid} on ${before.host}`)
      notices.news(`Another process answers now: ${nameOf(about)}. What was known of ${nameOf(before)} is cleared.`)
    }
    if (about.liveVersion !== liveVersion)
      notices.lasting('The process is of another version than this page: reload it.')
  },
  frame: (frame) => {
    heardMs = performance.now()
    if (history.add(frame)) heatMap.fill(history.series, filter())
    else heatMap.add(frame, filter())
    showState('live')
    showFrame(false)
    const perSecond = frame.spanMs > 0 ? ` · ${(1000 / frame.spanMs).toFixed(0)}/s` : ''
    say(byId('connection'), `live${perSecond}`)
    explain(
      byId('connection'),
      'frames of GET /live, from the time between the last two; /metrics: ringmaster_live_frames_total',
    )
    if (process !== null) panels.showProcess(process, frame)
  },
  state: (state) => {
    if (state !== 'live') showState(state)
    notices.trouble(troubles[state] ?? '')
  },
})

const notices = new Notices()
const troubles: Partial<Record<ConnectionState, string>> = {
  refused:
    'No stream of frames: sixteen look at this page already (503), or the process is gone. What is shown is old. Trying again every 3 s.',
  reconnecting: 'The stream was cut: what is shown is old. Trying again.',
}
let process: LiveAbout | null = null
let heardMs = -Infinity
let shownState: ConnectionState | 'silent' = 'connecting'

const nameOf = ({ host, pid, startedMs }: LiveAbout): string =>
  `pid ${pid} on ${host}, started ${new Date(startedMs).toLocaleString()}`

function forget(): void {
  history.clear()
  heatMap.fill([], filter())
}

function showState(state: ConnectionState | 'silent'): void {
  shownState = state
  const pill = byId('connection')
  pill.dataset['state'] = state
  // Told to a screen reader once: the seconds in the pill are for eyes.
  say(byId('connection-words'), stateWords[state])
  const isStale = state === 'silent' || state === 'reconnecting' || state === 'refused'
  document.body.dataset['stale'] = isStale && history.latest !== null ? 'yes' : 'no'
  // Neither does it say whether it is ready.
  if (state !== 'live') panels.forgetReadiness()
  if (state !== 'live') say(pill, isStale && heardMs > 0 ? `no news for ${silentSeconds()} s` : stateWords[state])
}

const silentSeconds = (): string => ((performance.now() - heardMs) / 1000).toFixed(0)

// A process that stands still sends nothing, not even that.
setInterval(() => {
  const isLate = performance.now() - heardMs > silenceMs(history.latest?.spanMs ?? 0)
  if (shownState === 'live' && isLate) showState('silent')
  else if (shownState !== 'live') showState(shownState)
}, 500)

function togglePause(): void {
  paused = !paused
  const button = byId('pause')
  button.setAttribute('aria-pressed', String(paused))
  say(button, paused ? 'Resume' : 'Pause')
  connection.pause(paused)
}

const help = byId<HTMLDialogElement>('help')
const startTheTour = startTour()
const closesOther = watchEscape([byId('tooltip'), byId('tour')])
const sayScheme = (): void => say(byId('scheme'), scheme.scheme === 'dark' ? 'Light' : 'Dark')

/** What a key does, and what the list of keys says of it. */
const keys: readonly PageKey[] = [
  {
    key: ' ',
    name: 'Space',
    does: 'pause and resume; in slow motion play and pause',
    run: () => (slow.active ? slow.togglePlay() : togglePause()),
  },
  { key: 'ArrowRight', name: '→', does: 'next ring', run: () => moveRing(1) },
  { key: 'ArrowLeft', name: '←', does: 'previous ring', run: () => moveRing(-1) },
  { key: 'm', name: 'M', does: 'slow motion', run: () => void slow.start() },
  { key: '.', name: '.', does: 'slow motion: next step', run: () => slow.step(1) },
  { key: ',', name: ',', does: 'slow motion: step back', run: () => slow.step(-1) },
  { key: 'n', name: 'N', does: 'slow motion: skip to the next event', run: () => slow.skip() },
  {
    key: 'Escape',
    name: 'Esc',
    does: 'closes what is open; else back to live',
    run: () => (closesOther() ? undefined : slow.stop()),
  },
  {
    key: 's',
    name: 'S',
    does: 'latency of the next stage',
    run: () => chooseStage((heatStage + 1) % stageNames.length),
  },
  { key: 't', name: 'T', does: 'what am I looking at?', run: startTheTour },
  { key: 'd', name: 'D', does: 'dark or light', run: () => scheme.toggle() },
  { key: '?', name: '?', does: 'this list', run: () => help.showModal() },
]

listenToKeys(keys, () => help.open)

byId('pause').addEventListener('click', togglePause)
byId('scheme').addEventListener('click', () => scheme.toggle())
byId('tour-open').addEventListener('click', startTheTour)
byId('help-open').addEventListener('click', () => help.showModal())
byId<HTMLSelectElement>('heat-op').addEventListener('change', (event) => {
  const { value } = event.target as HTMLSelectElement
  heatOp = value === '' ? null : Number(value)
  heatMap.fill(history.series, filter())
  showHeatWords()
})
fillPairs(
  byId('help-keys'),
  keys.map(({ name, does }) => ({ label: name, text: does })),
)
startTooltips(
  new Map<HTMLElement, (x: number, y: number) => string | null>([
    [byId('stage-canvas'), (x, y) => stage.wordsAt(x, y)],
    [byId('heat-canvas'), (x, y) => heatMap.wordsAt(x, y)],
  ]),
)
startGroups()
scheme.onChange(sayScheme)
sayScheme()
chooseStage(heatStage)
connection.update()
