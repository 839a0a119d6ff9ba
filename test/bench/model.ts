// The nouns of the benchmark: scenario, leg, plan, measurement. No behaviour. Imported by every file in test/bench.

/** What one operation does. A driver implements some of these; a leg applies to a scenario when its driver does. */
export type Workload =
  | 'nop'
  | 'read'
  | 'mixed'
  | 'append'
  | 'statx'
  | 'readfile'
  | 'chain-read'
  | 'chain-write'
  | 'receive'
  | 'send'
  | 'idle'

/**
 * How a leg asks for operations. Every leg of Ringmaster is a poller and one of these, and is called `<poller>-<api>`; `promise`, which
 * is what most programs do, is not said.
 *
 * `promise`: one promise per operation. `batch`: one per batch. `chain`: one per chain. `group`: many appends, one fdatasync.
 * `raw`: `ringmaster/raw`, descriptors of the process. `direct`: the same with direct descriptors. `plain`: aligned memory that is not
 * registered. `arena`: registered memory. `multishot`: one receive for many messages. `zero-copy`: sends that do not copy.
 * `sender`: RawRing.sender(), which decides.
 */
export type Api = (typeof apis)[number]
export const apis = [
  'promise',
  'batch',
  'chain',
  'group',
  'raw',
  'direct',
  'plain',
  'arena',
  'multishot',
  'zero-copy',
  'sender',
] as const

export interface BatchShape {
  readonly sizeEntries: number
  readonly inFlightBatches: number
}

/** `p50` and `cpu` compare latencies and CPU per operation, and turn them round, so that 5 means five times better. */
export type Metric = 'throughput' | 'p50' | 'cpu'

/** One ratio: the best leg of `of` against the best leg of `to`, always with more as better. */
export interface Comparison {
  readonly of: readonly string[]
  readonly to: readonly string[]
  readonly metric: Metric
}

/** A ratio that is asked of the project. All of them are in targets.ts. */
export interface Target extends Comparison {
  readonly scenario: string
  readonly atLeast: number
}

/** A figure of one leg that must stay below a limit, whatever the other legs do. */
export interface Limit {
  readonly leg: string
  readonly metric: 'entersPerOperation'
  readonly atMost: number
}

/** The same legs with one parameter of the scenario at several values: `caller@64` is the leg `caller` at 64. */
export interface Sweep {
  readonly parameter: 'depth' | 'parked' | 'clients' | 'rings' | 'scrapers'
  readonly values: readonly number[]
}

export interface Scenario {
  readonly name: string
  readonly title: string
  readonly workload: Workload
  readonly apis: readonly Api[]
  /** Operations in flight, for every leg that can have more than one. */
  readonly depth: number
  /** Of `receive` and `send`: how large the messages are. */
  readonly messageBytes?: number
  /** Bytes of one read or write; default 4096, else a multiple of it. Of `append`: any number. */
  readonly blockBytes?: number
  /** With O_DIRECT: from the device, into aligned memory. */
  readonly uncached?: true
  /** Present where the batch API takes part. */
  readonly batch?: BatchShape
  /** Of `append`: how many appends one fdatasync of the `group` API makes durable. */
  readonly groupSize?: number
  /** Requests that wait all the time beside those that are measured. */
  readonly parked?: number
  /** Processes that scrape /metrics once a second beside the load. */
  readonly scrapers?: number
  /** Threads that each do the whole workload with rings of their own. */
  readonly clients?: number
  /** Rings of a hand-picked poller; default 1. Only the first is used where the API is `raw`. */
  readonly rings?: number
  /** Where the default of 4096 completions is not enough; for every poller, `auto` too. */
  readonly cqEntries?: number
  readonly sweep?: Sweep
  /** Not all legs that could, but these; `*` stands for anything. */
  readonly legs?: readonly string[]
  readonly unit: string
  /** Every leg's ratio to this one is reported. */
  readonly baseline: string
  readonly comparisons: readonly Comparison[]
  readonly limits: readonly Limit[]
}

/** What a leg needs to know to make its command line. */
export interface BenchContext {
  readonly data: TestData
  readonly seconds: number
  readonly warmupSeconds: number
  readonly buildDirectory: string
  readonly prototypeDirectory?: string
}

/** Where the test data is; an empty path where no scenario needs it. */
export interface TestData {
  readonly blocks: string
  readonly mixed: string
  readonly smallFiles: string
  readonly statTree: string
  /** For what legs write and remove again: on the same disk as the other data. */
  readonly scratch: string
  /** Whether blocks and files are our own, so that their content can be checked as well as its length. */
  readonly ownBlocks: boolean
  readonly ownFiles: boolean
}

/** What one workload needs of it. */
export interface WorkloadData {
  readonly file: string
  readonly directory: string
  readonly stamped: boolean
}

/** How to run one round of one leg in a fresh process. */
export interface LegPlan {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly parse: (stdout: string) => Measurement
}

export interface LegSkip {
  readonly skip: string
}

export interface Leg {
  readonly name: string
  readonly title: string
  readonly applies: (scenario: Scenario) => boolean
  /** `value` is where in its sweep the scenario is, already set in it. */
  readonly plan: (scenario: Scenario, context: BenchContext, value: number | null) => LegPlan | LegSkip
}

/** What one leg reports about one timed window. `null`: this leg cannot know it. */
export interface Measurement {
  readonly operations: number
  readonly seconds: number
  /** User and system time of the whole process: `iou-sqp-*` and `iou-wrk-*` are threads of it and are counted. */
  readonly cpuSeconds: number
  readonly p50Us: number | null
  readonly p99Us: number | null
  readonly p999Us: number | null
  readonly loopUtilization: number | null
  readonly entersPerOperation: number | null
  /** Bytes read from the device in the window: above zero means that the page cache did not hold. */
  readonly deviceBytes: number | null
  readonly note?: string
}
