// The nouns of the benchmark: scenario, leg, plan, measurement. No behaviour. Imported by every file in test/bench.

/** What one operation does. A driver implements some of these; a leg applies to a scenario when its driver does. */
export type Workload = 'nop' | 'read' | 'readfile' | 'blocks' | 'chain-read' | 'chain-write' | 'receive' | 'send'

/**
 * `promise`: one promise per operation. `batch`: one promise per batch. `chain`: one promise per chain. `stream`: a multishot request. `zero-copy`: sends that do not
 * copy. `sender`: RawRing.sender(), which decides.
 */
export type Api = 'promise' | 'batch' | 'chain' | 'stream' | 'zero-copy' | 'sender'

export interface BatchShape {
  readonly sizeEntries: number
  readonly inFlightBatches: number
}

/** One ratio the scenario is about: the best leg of `of` against the best leg of `to`, always with more as better. */
export interface Comparison {
  readonly of: readonly string[]
  readonly to: readonly string[]
  /** `p50` compares latencies and turns them round, so that 5 means five times faster. */
  readonly metric: 'throughput' | 'p50'
  /** The project's target for this ratio, where it has one. */
  readonly atLeast?: number
}

/** A figure of one leg that must stay below a limit, whatever the other legs do. */
export interface Limit {
  readonly leg: string
  readonly metric: 'entersPerOperation'
  readonly atMost: number
}

export interface Scenario {
  readonly name: string
  readonly title: string
  readonly workload: Workload
  /** Only legs on `ringmaster/raw` take part: `fd-<poller>` by descriptors of the process, `direct-<poller>` by direct descriptors. */
  readonly raw?: true
  /** Operations in flight, for every leg that can have more than one. */
  readonly depth: number
  /** Of `receive` and `send`: how large the messages are. */
  readonly messageBytes?: number
  /** Bytes of one read, for the workload `blocks`: a multiple of 4096. */
  readonly blockBytes?: number
  /** Present where the batch API takes part. */
  readonly batch?: BatchShape
  readonly unit: string
  /** Every leg's ratio to this one is reported. */
  readonly baseline: string
  readonly comparisons: readonly Comparison[]
  readonly limits: readonly Limit[]
}

/** What a leg needs to know to make its command line. */
export interface BenchContext {
  readonly dataFile: string
  readonly dataDirectory: string
  /** The workload whose data is our own, so that its content can be checked as well as its length. */
  readonly stamped: ReadonlySet<Workload>
  readonly seconds: number
  readonly warmupSeconds: number
  readonly buildDirectory: string
  readonly prototypeDirectory?: string
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
  readonly plan: (scenario: Scenario, context: BenchContext) => LegPlan | LegSkip
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
