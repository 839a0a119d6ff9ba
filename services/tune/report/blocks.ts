// The three blocks of a report as rows of text, the same for terminals (text.ts) and the page (page.ts): the machine's limits, the choice, and what was
// not chosen. Pure.
import { knobNamed, knobs } from '../knobs.ts'
import { describeLayout, layoutKey } from '../layouts.ts'
import type { Noise } from '../noise.ts'
import { counted, signed } from '../outcome.ts'
import { roundsMin } from '../race.ts'
import type { Estimate } from '../statistics.ts'
import { neutralise } from '../../visible-text.ts'
import { deniedWarning } from '../turnable.ts'
import type { Layout, TunedWorkload } from '../types.ts'
import type {
  ReportedChange,
  ReportedLayout,
  ReportedLimits,
  ReportedMapCell,
  ReportedSearch,
  ReportedValue,
  TuneReport,
} from './model.ts'
import {
  bytes,
  cpu,
  cpuName,
  duration,
  requests,
  limit,
  limitInterval,
  time,
  withInterval,
  work,
  workName,
} from './words.ts'

export interface Block {
  readonly title: string
  /** The sentence that says it. */
  readonly says: string
  readonly heading: readonly string[]
  readonly rows: readonly (readonly string[])[]
  /** What has to be known beside the figures. */
  readonly warnings: readonly string[]
  readonly notes: readonly string[]
}

const sources = { device: 'device', cache: 'a cache, not the device', memory: 'memory' } as const

export function limitsBlock({ limits, limitsMissing }: TuneReport): Block {
  const title = "The machine's limits"
  if (limits === null)
    return { title, says: limitsMissing ?? 'not measured', heading: [], rows: [], warnings: [], notes: [] }
  const { runs, direct, figures, checks } = limits
  const how = direct ? 'past the page cache (O_DIRECT)' : 'through the page cache: the file system has no O_DIRECT'
  return {
    title,
    says: `What the disk and the memory do whoever asks, ${how}.`,
    heading: ['', 'rate or time', ...(runs > 1 ? [`least – most of ${runs}`] : []), 'in flight', 'whose'],
    rows: figures.map((figure) => [
      figure.name,
      limit(figure.value, figure.unit),
      ...(runs > 1 ? [limitInterval(figure)] : []),
      figure.depth === null ? '' : String(figure.depth),
      sources[figure.from],
    ]),
    warnings: checks.filter(({ ok }) => !ok).map(({ name, says }) => `not so: ${name}: ${says}`),
    notes: [
      `Sequential: 1 MiB requests; random: 4 KiB; fdatasync: 4 KiB appended, one at a time. The file is made and removed.`,
      ...(runs > 1
        ? []
        : ['One run each: how much they vary is not known. Three runs are made from --budget-seconds 300 on.']),
      mapNote(limits),
    ],
  }
}

/** The map of the disk in a sentence: its gentlest load and the hardest that was kept up with. */
function mapNote({ map, mapMissing }: ReportedLimits): string {
  if (map === null) return `Reads beside writes: ${mapMissing ?? 'not measured'}`
  const kept = map.cells.filter(({ keepsUp }) => keepsUp).sort((a, b) => a.p99Ns - b.p99Ns)
  const said = [kept[0], kept.at(-1)].flatMap((cell) => (cell === undefined ? [] : [mapCell(cell)]))
  const tooMuch = map.cells.length - kept.length
  const rest =
    tooMuch === 0 ? '' : `${kept.length === 0 ? '' : '; '}${tooMuch} of ${map.cells.length} loads were too much`
  return `Reads beside writes: ${said.length === 0 ? '' : `p99 from ${said.join(' to ')}`}${rest}. --html draws them all.`
}

const mapCell = (cell: ReportedMapCell): string =>
  `${time(cell.p99Ns)} at ${requests(cell.readsPerSecond)}${cell.writeBytesPerSecond === 0 ? '' : ` beside ${bytes(cell.writeBytesPerSecond)} written`}`

/** What has changed between two layouts, knob by knob, and what it brings. */
export function choiceBlock(report: TuneReport): Block {
  const { search } = report
  const title = 'The choice'
  if (search === null) {
    const says = 'None: it was stopped before any layout was measured. Nothing was changed.'
    return { title, says, heading: [], rows: [], warnings: [], notes: [] }
  }
  const { before, after, workUnit } = search
  const pair = (read: (side: typeof before) => string): readonly [string, string] => [
    read(before),
    after === null ? '' : read(after),
  ]
  const figures = (['workPerSecond', 'p50Ns', 'p99Ns', 'cpuNsPerWork'] as const).map((name) => {
    const format = (value: number): string =>
      name === 'workPerSecond' ? work(value, workUnit) : name === 'cpuNsPerWork' ? cpu(value, workUnit) : time(value)
    return [figureNames(workUnit)[name], ...pair((side) => withInterval(side[name], format)), changeOf(search, name)]
  })
  return {
    title,
    says: choiceSays(search),
    heading:
      after === null
        ? ['', 'now']
        : ['', 'before', search.outcome.kind === 'chosen' ? 'after' : 'best found', changeName(search)],
    rows: [...knobRows(search), ...figures].map((row) => (after === null ? row.slice(0, 2) : row)),
    warnings: [
      ...(search.outcome.kind === 'refused' ? [noiseFigures(search.outcome.figures)] : []),
      ...deniedWarnings(report),
    ],
    notes: [...choiceNotes(search, report.workload), ...adviceFor(report)],
  }
}

function deniedWarnings({ machine }: TuneReport): string[] {
  const warning = deniedWarning(machine)
  return warning === null ? [] : [`${warning}.`]
}

const isConfirmed = (change: ReportedChange | null): boolean =>
  change?.from === 'confirmation' && change.rounds >= roundsMin

/** Whoever reads must not take what the search found for what was confirmed. */
const changeName = ({ change }: ReportedSearch): string =>
  isConfirmed(change) ? 'change, confirmed' : 'change, not confirmed'

const figureNames = (
  unit: ReportedSearch['workUnit'],
): Record<'workPerSecond' | 'p50Ns' | 'p99Ns' | 'cpuNsPerWork', string> => {
  return { workPerSecond: workName(unit), p50Ns: 'p50', p99Ns: 'p99', cpuNsPerWork: cpuName(unit) }
}

function changeOf({ change }: ReportedSearch, name: 'workPerSecond' | 'p50Ns' | 'p99Ns' | 'cpuNsPerWork'): string {
  if (change === null || name === 'p50Ns') return ''
  if (name === 'workPerSecond') return signed(change.work)
  if (name === 'cpuNsPerWork') return signed(change.cpu)
  return percentOf(change.p99Ns.value / change.otherP99Ns.value)
}

function percentOf(ratio: number): string {
  const percent = (ratio - 1) * 100
  return `${percent < 0 ? '−' : '+'}${Math.abs(percent).toFixed(Math.abs(percent) < 9.95 ? 1 : 0)} %`
}

function knobRows({ before, after }: ReportedSearch): string[][] {
  if (after === null) return []
  const shown = (layout: Layout, row: (typeof knobs)[number]): string =>
    row.moot(layout) === null ? row.format(layout[row.name]) : '–'
  return knobs
    .filter((row) => shown(before.layout, row) !== shown(after.layout, row))
    .map((row) => [row.title, shown(before.layout, row), shown(after.layout, row), ''])
}

function choiceSays({ outcome }: ReportedSearch): string {
  if (outcome.kind === 'chosen') return `Change it: ${outcome.why}.`
  if (outcome.kind === 'kept') return `Keep what you have: ${outcome.why}.`
  return `Not decided, nothing is changed: ${outcome.why}.`
}

function choiceNotes(
  { change, p99NsMax, before, used, outcome, noise, legs }: ReportedSearch,
  workload: TunedWorkload,
): string[] {
  const missed =
    p99NsMax !== null && before.p99Ns.value > p99NsMax
      ? `, which the present layout misses (${time(before.p99Ns.value)})`
      : ''
  const bound = p99NsMax === null ? 'p99 was not bounded' : `p99 bounded by ${time(p99NsMax)}${missed}`
  const from =
    change === null
      ? `medians of ${counted(before.workPerSecond.count, 'leg')} of the present layout`
      : comparedBy(change)
  const whole = outcome.kind === 'chosen' ? 'All of the new layout' : 'The layout that stays'
  const full = `${whole}: ${describeLayout(used, workload)}.`
  return [
    `${from[0]!.toUpperCase()}${from.slice(1)}; ${bound}; 95 % intervals; ${counted(legs, 'leg')} in all.`,
    full,
    detectable(noise.detectable),
  ].filter((line) => line !== '')
}

/** Of the machine's CPU time in the legs, so that whoever reads can look for it. */
function noiseFigures({
  stealShare,
  otherShare,
  throttledShare,
  cpuPressureShare,
  ioPressureShare,
  source,
}: Noise): string {
  const share = (value: number | null): string => (value === null ? 'not known' : `${(value * 100).toFixed(0)} %`)
  return `Noise: ${source}. Of the CPU time: steal ${share(stealShare)}, others ${share(otherShare)}; of the time: held back by the quota ${share(Math.min(1, throttledShare))}, waiting for a CPU ${share(cpuPressureShare)}, for I/O ${share(ioPressureShare)}.`
}

const comparedBy = ({ from, rounds }: ReportedChange): string =>
  from === 'confirmation' && rounds < roundsMin
    ? `not confirmed: only ${counted(rounds, 'fresh leg')} of each, and a decision takes ${roundsMin}`
    : from === 'confirmation'
      ? `confirmed on ${counted(rounds, 'fresh leg')} of each, side by side in shuffled order`
      : `not confirmed: of ${counted(rounds, 'round')} of the search, which flatter what they found`

const detectable = (share: number): string =>
  share >= 1
    ? 'Not even a layout that does twice as much would surely have been seen to.'
    : Number.isFinite(share)
      ? `A difference of ${percentOf(1 + share).slice(1)} or more would have been seen in four cases of five.`
      : ''

/** What to do now. */
function adviceFor({ search, stopped, budgetSeconds }: TuneReport): string[] {
  const outcome = search?.outcome
  const more = `--budget-seconds ${Math.ceil(budgetSeconds * 3)}`
  if (outcome?.kind === 'refused')
    return [
      outcome.noise === 'spread'
        ? `What to do: give it more time, which narrows the intervals: ${more}; or another hour.`
        : 'What to do: end what disturbs, and run the same again.',
    ]
  if (outcome?.kind === 'kept' && stopped === 'budget')
    return [
      `What to do: the ${duration(budgetSeconds)} were over before the search was; ${more} gives it three times as much.`,
    ]
  if (outcome?.kind === 'kept' && stopped === null)
    return ['What to do: nothing. The present layout is as good as any that was tried.']
  return []
}

export function notChosenBlock(report: TuneReport): Block {
  const { search } = report
  const title = 'Not chosen, because'
  if (search === null) return { title, says: 'Nothing was tried.', heading: [], rows: [], warnings: [], notes: [] }
  const reference = search.outcome.kind === 'chosen' ? 'the new layout' : 'the layout that stays'
  return {
    title,
    says: `For each value the best layout that had it, against ${reference}: work, and CPU for the same work. By the legs of the search, which flatter the best of them, where nothing else is said.`,
    heading: ['value', 'work', 'CPU', 'p99', 'legs', 'because'],
    rows: notChosenRows(report, search),
    warnings: [],
    notes: [
      'Each differs from the reference in more than this one value where the search had gone on by then: --html and --json have every layout whole.',
    ],
  }
}

/** Values of one knob that were not tried, for one reason, share a row. */
function notChosenRows(report: TuneReport, { notChosen, tried }: ReportedSearch): string[][] {
  const rows: { cells: string[]; untried: ReportedValue | null }[] = []
  for (const value of notChosen) {
    const best = value.best === null ? undefined : tried[value.best]
    const before = rows.find(
      ({ untried }) => best === undefined && untried?.knob === value.knob && untried.why === value.why,
    )
    if (before !== undefined) {
      before.cells[0] += `, ${value.value === null ? value.title : knobNamed(value.knob).format(value.value)}`
      continue
    }
    const cells = [
      value.title,
      ratio(best?.against),
      ratio(best?.cpuAgainst),
      best?.p99Ns === undefined || best.p99Ns === null ? '–' : time(best.p99Ns),
      String(best?.legs ?? 0),
      because(report, value, best),
    ]
    rows.push({ cells, untried: best === undefined ? value : null })
  }
  return rows.map(({ cells }) => cells)
}

const ratio = (estimate: Estimate | null | undefined): string =>
  estimate === null || estimate === undefined ? '–' : signed(estimate)

/** The search's own reason, and what is known to be behind it. The figures are in columns of their own. */
function because(
  { machine }: TuneReport,
  { knob, value, why }: ReportedValue,
  best: ReportedLayout | undefined,
): string {
  const reason = best !== undefined && best.why === why ? best.brief : why
  const cpus = machine.effectiveCpus
  const against = best?.against ?? null
  const spins = knob === 'poller' && value === 'kernel' && cpus < 3 && against !== null && against.value < 1
  return spins ? `${reason}: an SQ thread spins on one of ${cpus === 1 ? '1 CPU' : `${+cpus.toFixed(2)} CPUs`}` : reason
}

/** In the order in which they are read. */
export const blocksOf = (report: TuneReport): readonly [limits: Block, choice: Block, notChosen: Block] => [
  limitsBlock(report),
  choiceBlock(report),
  notChosenBlock(report),
]

/** What the run was, in two lines at the top. */
export function headOf(report: TuneReport): readonly [string, string] {
  const { workload, data, cache, machine, search, seconds, seed, stopped } = report
  const quota = machine.quotaCpus !== null ? `, quota ${+machine.quotaCpus.toFixed(2)}` : ''
  const memory = `${(machine.memoryBytes / 2 ** 30).toFixed(1)} GiB`
  const cpus = `${machine.cpus} ${machine.cpus === 1 ? 'CPU' : 'CPUs'}${quota}`
  const ended = stopped === 'aborted' ? ', stopped' : stopped === 'budget' ? ', no time for more' : ''
  return [
    neutralise(`${workload}, ${cache === 'direct' ? 'O_DIRECT' : 'page cache'}: ${data}`),
    `${machine.cpuModel}, ${cpus}, ${memory}, Linux ${machine.kernel}; ${counted(search?.legs ?? 0, 'leg')} in ${duration(seconds)}${ended}; seed ${seed}`,
  ]
}

export const isUsed = (search: ReportedSearch, layout: Layout): boolean => layoutKey(layout) === layoutKey(search.used)
