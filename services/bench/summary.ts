// From rounds to medians, spreads, ratios to fs.promises, and to a sentence that says what it means. Called by services/cli/bench.ts; pure.
import { median, pairedRatio, spreadOf } from '../measure/statistics.ts'
import type { Ratio } from '../measure/statistics.ts'
import type { NoiseReading } from '../tune/types.ts'
import type {
  BenchScenario,
  BenchVerdict,
  PacedRound,
  RowRound,
  RowRounds,
  RowSummary,
  ScenarioReport,
} from './model.ts'
import { baselineName, ownName } from './rows.ts'
import { says, verdictOf } from './verdict.ts'

/** `isInterrupted`: rounds are missing since it was stopped, and not since something failed. */
export function summarize(
  scenario: BenchScenario,
  rows: readonly RowRounds[],
  isInterrupted: boolean = false,
): ScenarioReport {
  const baseline = rows.find(({ name }) => name === baselineName)
  const summaries = rows.flatMap((row) => summarizeRow(row, baseline))
  const own = summaries.find(({ name }) => name === ownName)
  const completeRounds = pairsOf(rows, ownName, baselineName).length
  const verdict: BenchVerdict = own === undefined ? 'unknown' : verdictOf(own.ratio, completeRounds)
  const noise = medianNoise(rows.flatMap(({ rounds }) => rounds.filter((round) => round !== null)))
  const toSync = ratioOf(pairsOf(rows, ownName, 'fs.*Sync'))
  const rounds = {
    complete: completeRounds,
    begun: Math.max(0, ...rows.map((row) => row.rounds.length)),
    isInterrupted,
  }
  const words = says({ scenario, verdict, own, toSync, noise, rounds })
  return { scenario, rows, summaries, verdict, completeRounds, noise, says: words }
}

const measured = (row: RowRounds): RowRound[] => row.rounds.filter((round) => round !== null)

function summarizeRow(row: RowRounds, baseline: RowRounds | undefined): RowSummary[] {
  const rounds = measured(row)
  const last = rounds.at(-1)
  if (last === undefined) return []
  const middle = (read: (round: RowRound) => number): number => median(rounds.map(read))
  const isBaseline = row === baseline || baseline === undefined
  const ratio = isBaseline ? null : ratioOf(pairs(row, baseline))
  const baselineCpu = isBaseline ? 0 : median(measured(baseline).map((round) => round.cpuNsPerOperation))
  const cpuNsPerOperation = middle((round) => round.cpuNsPerOperation)
  return [
    {
      name: row.name,
      title: row.title,
      perSecond: spreadOf(rounds.map((round) => round.operationsPerSecond)),
      bytesPerSecond: middle((round) => round.bytesPerSecond),
      cpuNsPerOperation,
      p50Ns: middle((round) => round.p50Ns),
      p99Ns: middle((round) => round.p99Ns),
      spectrum: last.spectrum.map(([percentile], at) => [percentile, middle((round) => round.spectrum[at]?.[1] ?? 0)]),
      paced: pacedOf(rounds.flatMap(({ paced }) => paced ?? [])),
      used: last.used,
      ratio,
      rounds: rounds.length,
      cpuRatio: baselineCpu > 0 ? cpuNsPerOperation / baselineCpu : null,
    },
  ]
}

function pacedOf(rounds: readonly PacedRound[]): PacedRound | null {
  if (rounds.length === 0) return null
  const middle = (read: (round: PacedRound) => number): number => median(rounds.map(read))
  return {
    offeredPerSecond: middle((round) => round.offeredPerSecond),
    achievedPerSecond: middle((round) => round.achievedPerSecond),
    p50Ns: middle((round) => round.p50Ns),
    p99Ns: middle((round) => round.p99Ns),
    p999Ns: middle((round) => round.p999Ns),
  }
}

/** Operations per second, of rounds that both have. */
type Pair = readonly [number, number]

const pairs = (of: RowRounds, to: RowRounds): Pair[] =>
  of.rounds.flatMap((round, index) => {
    const other = to.rounds[index] ?? null
    return round === null || other === null || other.operationsPerSecond === 0
      ? []
      : [[round.operationsPerSecond, other.operationsPerSecond] as const]
  })

function pairsOf(rows: readonly RowRounds[], of: string, to: string): Pair[] {
  const [a, b] = [rows.find(({ name }) => name === of), rows.find(({ name }) => name === to)]
  return a === undefined || b === undefined ? [] : pairs(a, b)
}

const ratioOf = (paired: readonly Pair[]): Ratio | null =>
  paired.length === 0
    ? null
    : pairedRatio(
        paired.map(([a]) => a),
        paired.map(([, b]) => b),
      )

function medianNoise(rounds: readonly RowRound[]): NoiseReading | null {
  if (rounds.length === 0) return null
  const middle = (read: (noise: NoiseReading) => number): number => median(rounds.map(({ noise }) => read(noise)))
  const orNull = (read: (noise: NoiseReading) => number | null): number | null => {
    const values = rounds.map(({ noise }) => read(noise)).filter((value) => value !== null)
    return values.length === 0 ? null : median(values)
  }
  return {
    stealShare: middle((noise) => noise.stealShare),
    otherShare: middle((noise) => noise.otherShare),
    throttledShare: middle((noise) => noise.throttledShare),
    cpuPressureShare: orNull((noise) => noise.cpuPressureShare),
    ioPressureShare: orNull((noise) => noise.ioPressureShare),
  }
}
