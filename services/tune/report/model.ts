// What a run of `ringmaster tune` says: plain data, the shape of --json. Made by build.ts; drawn by text.ts and page.ts. No behaviour.
//
// Numbers are in the unit that ends their name. What is not known (an interval of too few legs) is null in JSON. `version` grows when something is
// taken away or changes its meaning; what is added does not count.
import type { DiskMap, DiskMapCell } from '../../measure/disk-map.ts'
import type { Fingerprint } from '../../profile/schema.ts'
import type { NotChosen, TriedLayout } from '../explain.ts'
import type { DeniedPollers, KnobName, KnobValue } from '../knobs.ts'
import type { Noise } from '../noise.ts'
import type { Outcome } from '../outcome.ts'
import type { Estimate } from '../statistics.ts'
import type { Layout, TunedWorkload } from '../types.ts'
import type { Phase } from '../legs.ts'

export interface TuneReport {
  readonly format: 'ringmaster-tune'
  readonly version: 1
  readonly machine: ReportedMachine
  readonly workload: TunedWorkload
  /** What was read and written, for people. */
  readonly data: string
  readonly cache: 'cached' | 'direct'
  readonly seed: number
  /** What was given, and what was taken: all of it, limits and data among it. */
  readonly budgetSeconds: number
  readonly seconds: number
  /** Why it ended early; null: it did not. */
  readonly stopped: 'aborted' | 'budget' | null
  readonly limits: ReportedLimits | null
  /** Why there are none. */
  readonly limitsMissing: string | null
  /** Null: it was stopped before any layout was measured. */
  readonly search: ReportedSearch | null
}

/** By what it is known again, and what candidates depended on. */
export interface ReportedMachine extends Fingerprint {
  readonly effectiveCpus: number
  readonly storage: 'cache' | 'flash' | 'rotational'
  /** Pollers that could not be had, each with why. */
  readonly denied: DeniedPollers
}

export interface ReportedLimits {
  /** How often each was measured. The interval is from the least to the largest; of one run there is none. */
  readonly runs: number
  /** Whether O_DIRECT was to be had. */
  readonly direct: boolean
  readonly figures: readonly LimitFigure[]
  readonly ramps: readonly LimitRamp[]
  /** How long reads take beside how much other work; null where it was not measured. */
  readonly map: ReportedMap | null
  /** Why there is none. */
  readonly mapMissing: string | null
  /** Whether the figures agree with each other, of the last run. */
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly says: string }[]
}

export type LimitUnit = 'bytesPerSecond' | 'requestsPerSecond' | 'ns'

export interface LimitFigure {
  readonly name: string
  readonly unit: LimitUnit
  readonly value: number
  readonly low: number | null
  readonly high: number | null
  /** Requests in flight at which it was reached. */
  readonly depth: number | null
  /** Whose figure it is. */
  readonly from: 'device' | 'cache' | 'memory'
}

export interface LimitRamp {
  readonly name: string
  readonly unit: LimitUnit
  readonly points: readonly { readonly depth: number; readonly perSecond: number }[]
}

/** Latencies of 4 KiB reads for pairs of a read rate and a write bandwidth (128 KiB at a time), both offered by plan. */
export type ReportedMap = DiskMap
export type ReportedMapCell = DiskMapCell

export interface ReportedSearch {
  readonly outcome: Outcome
  readonly legs: number
  readonly seconds: number
  /** What work is counted in, and CPU per one of it. */
  readonly workUnit: 'operations' | 'bytes'
  readonly p99NsMax: number | null
  /** What is used from now on: chosen, or kept. */
  readonly used: Layout
  readonly before: ReportedSide
  /** The best that was found, whether chosen or not; null: the present one is the best. */
  readonly after: ReportedSide | null
  readonly change: ReportedChange | null
  readonly notChosen: readonly ReportedValue[]
  readonly tried: readonly ReportedLayout[]
  /** Legs in the order in which they were run. */
  readonly legsRun: readonly RunLeg[]
  readonly noise: Noise
  readonly impossible: readonly { readonly knob: KnobName; readonly value: KnobValue; readonly reason: string }[]
}

/** One of the two layouts that were held against each other: medians over its legs, with 95 % intervals. */
export interface ReportedSide {
  readonly layout: Layout
  readonly workPerSecond: Estimate
  readonly p50Ns: Estimate
  readonly p99Ns: Estimate
  readonly cpuNsPerWork: Estimate
}

/** After / before. */
export interface ReportedChange {
  /** `confirmation`: fresh legs of both, side by side; `search`: those by which it was found, which flatter it. */
  readonly from: 'confirmation' | 'search'
  readonly rounds: number
  readonly work: Estimate
  readonly cpu: Estimate
  readonly p99Ns: Estimate
  readonly otherP99Ns: Estimate
}

/** A knob's value that is not used. */
export interface ReportedValue extends Omit<NotChosen, 'best'> {
  /** The best layout that had it, by its place in `tried`; null: none was tried. */
  readonly best: number | null
}

/** `against` is against what is used from now on. */
export type ReportedLayout = TriedLayout

export interface RunLeg {
  readonly phase: Phase
  /** Its place in `tried`. */
  readonly layout: number
  readonly workPerSecond: number
  readonly p50Ns: number
  readonly p99Ns: number
  readonly cpuNsPerWork: number
}
