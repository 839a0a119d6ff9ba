// What the parent asks of a leg's process, and what it answers: plain data, one line of JSON each way. Written by leg.ts, read by leg/main.ts, and
// the other way round. A leg is one fresh process: what one layout leaves behind (threads, caches, heap) cannot favour the next.
import { z } from 'zod'
import { tunedWorkloads } from '../tune/types.ts'
import type { Layout, NoiseReading, TunedWorkload } from '../tune/types.ts'
import { recordedVisit } from '../recording/format.ts'
import type { RecordedVisit } from '../recording/format.ts'

/** Those of users, and what only limits.ts does: writes into a file of its own. */
export type LegWorkload = TunedWorkload | 'random-write' | 'sequential-write'

/**
 * `closed`: as soon as one request has ended the next begins: throughput. `open`: by plan, whatever has ended; latencies count from the
 * intended start. `paced`: as `open`, at a share of what the window before came to.
 */
export type LegLoad =
  | { readonly kind: 'closed' }
  | { readonly kind: 'open'; readonly operationsPerSecond: number }
  | { readonly kind: 'paced'; readonly share: number }

export interface LegData {
  /** Read, never written; except by the workloads *-write, which get a file of ours. Null: the workload needs none. */
  readonly file: string | null
  /** Only so much of it, from its start. */
  readonly spanBytes: number
  /** The small files; those that are asked for, or replayed. */
  readonly paths: readonly string[]
  /** Where files without a name are made. */
  readonly scratchFolder: string
  /** `cached`: read once before each leg. `direct`: O_DIRECT. */
  readonly cache: 'cached' | 'direct'
  /** Ours: removed by whoever is left when the parent is killed. */
  readonly ownFolder: string | null
  /** Of `http`: the folder that is served; `paths` are below it. */
  readonly root?: string | undefined
  /** Of `recorded`: what is done, again and again; files are places in `paths`. */
  readonly visits?: readonly RecordedVisit[] | undefined
}

export interface LegWindow {
  readonly seconds: number
  readonly load: LegLoad
  readonly depth: number
}

export interface LegOrder {
  readonly api: 'rings' | 'fs-promises' | 'fs-sync'
  /** Null: as Ringmaster.start() does by itself. */
  readonly layout: Layout | null
  readonly workload: LegWorkload
  readonly batch: number
  readonly blockBytes: number
  readonly clients: number
  readonly data: LegData
  /** Of closed loop, before the first window; before the first of open loop some of its own load, too: `windowWarmupSeconds`. */
  readonly warmupSeconds: number
  /** One after the other, on the same rings. */
  readonly windows: readonly LegWindow[]
  /** Stop after two windows that brought less than 5 % more than the best before: limits.ts raises the depth so. */
  readonly untilFlat: boolean
}

/** What decides how long a leg takes. */
export type LegTimes = Pick<LegOrder, 'warmupSeconds' | 'windows'>

export interface WindowResult {
  readonly depth: number
  readonly seconds: number
  readonly operations: number
  readonly bytes: number
  /** Of open loop: what was to be done; null: closed loop. */
  readonly offeredPerSecond: number | null
  /** Requests that were due and not begun when the time (and a quarter more) was over: counted in the latencies with what they had waited by then. */
  readonly overdue: number
  readonly p50Ns: number
  readonly p99Ns: number
  /** [percentile, ns], from the median to the maximum. */
  readonly spectrum: readonly (readonly [number, number])[]
  /** getrusage(RUSAGE_SELF): all threads, the kernel's iou-* among them; of `http` the server's process alone. Of open loop it has the pacing in it, which looks at the clock all the time. */
  readonly cpuNs: number
  /** /proc/self/io: what came from and went to the device; null where the kernel does not count. */
  readonly deviceReadBytes: number | null
  readonly deviceWriteBytes: number | null
  readonly noise: NoiseReading
}

/** As much as it takes until latencies are flat, where a poller spins on one of 2 CPUs and the compiler needs the other (100 ms where none spins). */
const openWarmupSecondsMax = 0.25

/** The unmeasured load right before a window: open loop is other code than what ran until then. Legs without a warm-up have none here, either. */
export function windowWarmupSeconds({ windows, warmupSeconds }: LegTimes, index: number): number {
  const isFirst = windows[index]?.load.kind !== 'closed' && (windows[index - 1]?.load.kind ?? 'closed') === 'closed'
  return isFirst ? Math.min(warmupSeconds, openWarmupSecondsMax) : 0
}

/** Lines of a leg's stdout. `window` is said as each begins. */
export type LegAnswer =
  | { readonly kind: 'warmup' | 'window' }
  | {
      readonly kind: 'result'
      readonly used: string
      readonly windows: readonly WindowResult[]
      readonly noise: NoiseReading
    }
  | { readonly kind: 'impossible' | 'failed'; readonly reason: string }

const layout = z.object({
  poller: z.enum(['kernel', 'worker', 'caller', 'threadpool']),
  rings: z.number(),
  sqThreads: z.enum(['own', 'shared']),
  sqThreadCpu: z.number().nullable(),
  sqThreadIdleMs: z.number(),
  depth: z.number(),
  batch: z.number(),
  spinNs: z.number().nullable(),
  blockBytes: z.number().nullable(),
  buffers: z.enum(['plain', 'registered']),
  files: z.enum(['plain', 'direct']),
  ioWorkersMax: z.number().nullable(),
  clients: z.number(),
})

const load = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('closed') }),
  z.object({ kind: z.literal('open'), operationsPerSecond: z.number().positive() }),
  z.object({ kind: z.literal('paced'), share: z.number().positive().max(1) }),
])

export const legOrder: z.ZodType<LegOrder> = z.object({
  api: z.enum(['rings', 'fs-promises', 'fs-sync']),
  layout: layout.nullable(),
  workload: z.enum([...tunedWorkloads, 'random-write', 'sequential-write']),
  batch: z.number(),
  blockBytes: z.number(),
  clients: z.number(),
  data: z.object({
    file: z.string().nullable(),
    spanBytes: z.number(),
    paths: z.array(z.string()),
    scratchFolder: z.string(),
    cache: z.enum(['cached', 'direct']),
    ownFolder: z.string().nullable(),
    root: z.string().optional(),
    visits: z.array(recordedVisit).optional(),
  }),
  warmupSeconds: z.number(),
  windows: z.array(z.object({ seconds: z.number(), load, depth: z.number() })),
  untilFlat: z.boolean(),
})

const noise = z.object({
  stealShare: z.number(),
  otherShare: z.number(),
  cpuPressureShare: z.number().nullable(),
  ioPressureShare: z.number().nullable(),
  throttledShare: z.number(),
})

const windowResult: z.ZodType<WindowResult> = z.object({
  depth: z.number(),
  seconds: z.number(),
  operations: z.number(),
  bytes: z.number(),
  offeredPerSecond: z.number().nullable(),
  overdue: z.number(),
  p50Ns: z.number(),
  p99Ns: z.number(),
  spectrum: z.array(z.tuple([z.number(), z.number()])),
  cpuNs: z.number(),
  deviceReadBytes: z.number().nullable(),
  deviceWriteBytes: z.number().nullable(),
  noise,
})

export const legAnswer: z.ZodType<LegAnswer> = z.union([
  z.object({ kind: z.enum(['warmup', 'window']) }),
  z.object({ kind: z.literal('result'), used: z.string(), windows: z.array(windowResult), noise }),
  z.object({ kind: z.enum(['impossible', 'failed']), reason: z.string() }),
])
