// What every layout that was tried came to, and for each knob's value why it was not chosen: by the best layout that had it. Pure. Called by search.ts.
import type { Knob, KnobName, KnobValue, TunedMachine } from './knobs.ts'
import type { Ledger, Entry } from './ledger.ts'
import type { ImpossibleValue } from './legs.ts'
import { layoutKey } from './layouts.ts'
import { cpuOf, workOf } from './objective.ts'
import type { Objective } from './objective.ts'
import { counted, gainShareMin, milliseconds, signed } from './outcome.ts'
import { roundsMin } from './race.ts'
import { median, pairedRatio } from './statistics.ts'
import type { Estimate } from './statistics.ts'
import type { Layout, Sample } from './types.ts'

/** A layout with its figures: medians over its legs. */
export interface TriedLayout {
  readonly layout: Layout
  readonly legs: number
  /** Operations, or bytes of a workload whose size of requests is a knob, per second; null where it never ran. */
  readonly workPerSecond: number | null
  readonly p50Ns: number | null
  readonly p99Ns: number | null
  /** Per operation, or per byte. */
  readonly cpuNsPerWork: number | null
  /** Its work against the chosen layout's, what the rounds had in common taken out; null where it never ran, or is the chosen one. */
  readonly against: Estimate | null
  readonly cpuAgainst: Estimate | null
  /** "−18 % ± 3", or what spoke against it; "chosen" for the chosen one. */
  readonly why: string
  /** The same without the figures, for tables that have them in columns of their own. */
  readonly brief: string
}

export interface NotChosen {
  readonly knob: KnobName
  readonly value: KnobValue
  /** The knob and its value, for people. */
  readonly title: string
  /** The best layout that had it; null where none was tried. */
  readonly best: TriedLayout | null
  readonly why: string
}

export interface Explained {
  readonly tried: readonly TriedLayout[]
  readonly notChosen: readonly NotChosen[]
}

const polishPasses = 4
/** Two-sided, 95 %, and what a median needs more than a mean: see statistics.ts. */
const widthOfMedian = 1.96 * Math.sqrt(Math.PI / 2)

export interface ExplainOptions {
  /** What is used from now on: chosen, or kept. */
  readonly chosen: Layout
  readonly knobs: readonly Knob[]
  readonly machine: TunedMachine
  readonly impossible: readonly ImpossibleValue[]
  /** Layouts whose p99 was too long in the confirmation. */
  readonly missed: readonly Layout[]
  /** Of single legs, for layouts that were in too few rounds to tell from. */
  readonly deviation: number
}

export function explain(ledger: Ledger, options: ExplainOptions): Explained {
  const { chosen, knobs, machine, impossible, deviation } = options
  const missed = new Set(options.missed.map(layoutKey))
  const works = effects(ledger, (sample) => Math.log(workOf(ledger.objective, sample)))
  const cpus = effects(ledger, (sample) => Math.log(cpuOf(ledger.objective, sample)))
  const winner = ledger.entry(chosen)
  const tried = ledger.entries.map((entry) => describe(ledger, entry, winner, { works, cpus, deviation, missed }))
  const { p99NsMax } = ledger.objective
  /** What keeps the bound and is known well comes first: of others it says little what they did. */
  const rank = ({ p99Ns, legs }: TriedLayout): number =>
    (p99NsMax === null || (p99Ns ?? 0) <= p99NsMax ? 2 : 0) + (legs >= roundsMin ? 1 : 0)
  const best = (name: KnobName, value: KnobValue): TriedLayout | null => {
    const having = tried.filter(({ layout }) => layout[name] === value)
    const ran = having.filter(({ legs }) => legs > 0)
    const sorted = ran.sort((a, b) => rank(b) - rank(a) || (b.against?.value ?? 1) - (a.against?.value ?? 1))
    return sorted[0] ?? having[0] ?? null
  }
  const notChosen = knobs.flatMap((knob) => {
    const [moot, clash] = [knob.moot(chosen), knob.clash(chosen)]
    const denied = knob.impossible(machine)
    const isTried =
      knob.scale &&
      knob.candidates(machine).some((value) => value !== chosen[knob.name] && best(knob.name, value) !== null)
    return [...knob.candidates(machine), ...denied.map(({ value }) => value)]
      .filter((value) => value !== chosen[knob.name] && moot === null)
      .map((value) => {
        const found = best(knob.name, value)
        const out =
          impossible.find((each) => each.knob === knob.name && each.value === value) ??
          denied.find((each) => each.value === value)
        const why = out === undefined ? (found?.why ?? clash ?? untried(isTried)) : `impossible here: ${out.reason}`
        return { knob: knob.name, value, title: `${knob.title} ${knob.format(value)}`, best: found, why }
      })
  })
  return { tried, notChosen }
}

/** `isTried`: other values of the same scale. */
const untried = (isTried: boolean): string =>
  isTried
    ? 'not tried: values between did worse already, or there was no time for it'
    : 'not tried: there was no time for it'

interface Effects {
  readonly works: ReadonlyMap<string, number>
  readonly cpus: ReadonlyMap<string, number>
  readonly deviation: number
  readonly missed: ReadonlySet<string>
}

function describe(ledger: Ledger, entry: Entry, winner: Entry, effects: Effects): TriedLayout {
  const { works, cpus, deviation, missed } = effects
  const { objective } = ledger
  const samples = [...entry.rounds.values()]
  const isChosen = entry.key === winner.key
  const middle = (read: (sample: Sample) => number): number | null =>
    samples.length === 0 ? null : median(samples.map(read))
  const ratio = (from: ReadonlyMap<string, number>, read: (sample: Sample) => number): Estimate | null => {
    if (isChosen || samples.length === 0 || winner.rounds.size === 0) return null
    const pairs = [...entry.rounds].flatMap(([round, sample]) => {
      const other = winner.rounds.get(round)
      return other === undefined ? [] : [[read(sample), read(other)] as const]
    })
    if (pairs.length >= roundsMin) return pairedRatio(pairs)
    const value = (from.get(entry.key) ?? NaN) - (from.get(winner.key) ?? NaN)
    const width = widthOfMedian * deviation * Math.sqrt(1 / samples.length + 1 / winner.rounds.size)
    return {
      value: Math.exp(value),
      low: Math.exp(value - width),
      high: Math.exp(value + width),
      count: samples.length,
    }
  }
  const against = ratio(works, (sample) => workOf(objective, sample))
  const cpuAgainst = ratio(cpus, (sample) => cpuOf(objective, sample))
  const p99Ns = middle((sample) => sample.p99Ns)
  return {
    layout: entry.layout,
    legs: samples.length,
    workPerSecond: middle((sample) => workOf(objective, sample)),
    p50Ns: middle((sample) => sample.p50Ns),
    p99Ns,
    cpuNsPerWork: middle((sample) => cpuOf(objective, sample)),
    against,
    cpuAgainst,
    ...(isChosen
      ? { why: 'chosen', brief: 'chosen' }
      : entry.impossible !== null
        ? { why: entry.impossible, brief: entry.impossible }
        : reasonAgainst({ against, cpuAgainst, p99Ns }, objective, missed.has(entry.key))),
  }
}

/** The first of these that holds: it never ran; p99; less work; as much, for more CPU; more, but not for certain. */
export function reasonAgainst(
  { against, cpuAgainst, p99Ns }: Pick<TriedLayout, 'against' | 'cpuAgainst' | 'p99Ns'>,
  { p99NsMax }: Objective,
  missed: boolean,
): Pick<TriedLayout, 'why' | 'brief'> {
  if (against === null) return { why: 'not measured', brief: 'not measured' }
  const legs = against.count < roundsMin ? ` (${counted(against.count, 'leg')})` : ''
  const figure = `${signed(against)}${legs}`
  if (p99NsMax !== null && p99Ns !== null && p99Ns > p99NsMax) {
    const bound = milliseconds(p99NsMax)
    const over =
      milliseconds(p99Ns) === bound ? `p99 just above ${bound}` : `p99 ${milliseconds(p99Ns)}, more than ${bound}`
    return { why: `${over}; work ${figure}`, brief: `p99 above ${bound}` }
  }
  if (missed) return { why: `p99 too long in fresh legs; work ${figure}`, brief: 'p99 too long in fresh legs' }
  if (against.high < 1) return { why: figure, brief: 'less work' }
  if (cpuAgainst !== null && cpuAgainst.low > 1 && against.value < 1 + gainShareMin)
    return {
      why: `no more work that counts (${figure}), and CPU for the same work ${signed(cpuAgainst)}`,
      brief: 'no more work that counts, and more CPU for it',
    }
  const isCheaper = cpuAgainst !== null && cpuAgainst.high < 1 && cpuAgainst.value < 1 - gainShareMin
  const brief =
    against.value < 1 + gainShareMin
      ? isCheaper
        ? 'less CPU, but not for certain as much work'
        : 'no difference that counts'
      : against.count < roundsMin
        ? 'the time was over before it was decided'
        : against.low > 1
          ? 'looks better, and was not confirmed'
          : 'not for certain'
  return { why: `${brief}: ${figure}`, brief }
}

/**
 * What each layout does by itself, once what each round has in common is taken out: a two-way table by median polish (J. W. Tukey, Exploratory Data
 * Analysis, 1977, chapter 10). It compares layouts that were never in one round, by way of those that both were with.
 */
function effects(ledger: Ledger, read: (sample: Sample) => number): ReadonlyMap<string, number> {
  const cells = ledger.entries.flatMap(({ key, rounds }) =>
    [...rounds].map(([round, sample]) => ({ key, round, value: read(sample) })),
  )
  const byKey = grouped(cells, ({ key }) => key)
  const byRound = grouped(cells, ({ round }) => round)
  const ofKey = new Map<string, number>()
  const ofRound = new Map<number, number>()
  for (let pass = 0; pass < polishPasses; pass++) {
    for (const [key, own] of byKey)
      ofKey.set(key, median(own.map(({ value, round }) => value - (ofRound.get(round) ?? 0))))
    for (const [round, own] of byRound)
      ofRound.set(round, median(own.map(({ value, key }) => value - (ofKey.get(key) ?? 0))))
  }
  return ofKey
}

function grouped<Item, Key>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group === undefined) groups.set(keyOf(item), [item])
    else group.push(item)
  }
  return groups
}
