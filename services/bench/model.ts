// The nouns of `ringmaster bench`: what is compared, and what came of it. No behaviour. Imported by the other files of this folder.
import type { Ratio, Spread } from '../measure/statistics.ts'
import type { NoiseReading, WorkloadName } from '../tune/types.ts'

/** One round of one row. */
export interface RowRound {
  readonly operationsPerSecond: number
  readonly bytesPerSecond: number
  readonly cpuNsPerOperation: number
  readonly p50Ns: number
  readonly p99Ns: number
  /** [percentile, ns], from the median to the maximum. */
  readonly spectrum: readonly (readonly [number, number])[]
  readonly noise: NoiseReading
  /** With --rate: what was asked and what was done of it, and latencies from the intended start. */
  readonly paced: PacedRound | null
  /** What was really used: "1 ring, poller kernel". */
  readonly used: string
}

export interface PacedRound {
  readonly offeredPerSecond: number
  readonly achievedPerSecond: number
  readonly p50Ns: number
  readonly p99Ns: number
  readonly p999Ns: number
}

/** One workload with its sizes. */
export interface BenchScenario {
  readonly workload: WorkloadName
  /** Bytes of one request; of small-files 0: the files' own. */
  readonly blockBytes: number
  readonly depth: number
}

/** Rounds by number; null where the row failed or did not run, so that rounds can be paired between rows. */
export interface RowRounds {
  readonly name: string
  readonly title: string
  readonly rounds: readonly (RowRound | null)[]
  /** Why there is none, or fewer. */
  readonly missing: readonly string[]
}

export interface RowSummary {
  readonly name: string
  readonly title: string
  readonly perSecond: Spread
  readonly bytesPerSecond: number
  readonly cpuNsPerOperation: number
  readonly p50Ns: number
  readonly p99Ns: number
  readonly spectrum: readonly (readonly [number, number])[]
  readonly paced: PacedRound | null
  readonly used: string
  /** To fs-promises, from rounds side by side; null for itself, and where either is missing. */
  readonly ratio: Ratio | null
  /** That gave a figure. */
  readonly rounds: number
  readonly cpuRatio: number | null
}

export type BenchVerdict = 'faster' | 'slower' | 'equal' | 'inconclusive' | 'unknown'

export interface ScenarioReport {
  readonly scenario: BenchScenario
  readonly rows: readonly RowRounds[]
  readonly summaries: readonly RowSummary[]
  readonly verdict: BenchVerdict
  /** In which both Ringmaster and fs.promises gave a figure. */
  readonly completeRounds: number
  /** What it means for whoever asked. */
  readonly says: string
  /** Medians over all rounds. */
  readonly noise: NoiseReading | null
}

export interface SkippedScenario {
  readonly scenario: BenchScenario
  readonly reason: string
}

export interface BenchReport {
  readonly machine: string
  readonly data: string
  readonly cache: 'cached' | 'direct'
  readonly rounds: number
  readonly seconds: number
  readonly scenarios: readonly ScenarioReport[]
  readonly skipped: readonly SkippedScenario[]
  /** By a signal: some rounds are missing. */
  readonly interrupted: boolean
  /** All of it in a sentence. */
  readonly says: string
}
