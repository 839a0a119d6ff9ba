// The profile: what `ringmaster tune` found best for a machine and a workload, and on which machine that was. Its shape, and nothing else. Used by
// everything in services/profile.
import { z } from 'zod'
import type { Estimate } from '../tune/statistics.ts'
import { tunedWorkloads } from '../tune/types.ts'
import type { Layout, TunedWorkload } from '../tune/types.ts'

export interface Profile {
  readonly kind: 'ringmaster-profile'
  readonly version: 1
  readonly fingerprint: Fingerprint
  readonly workload: TunedWorkload
  /** The file or folder that was read or written; null: data of the tuner's own. */
  readonly path: string | null
  readonly limits: readonly MachineLimit[]
  readonly layout: Layout
  /** What was used before. */
  readonly before: Layout
  /** What the layout gains over it, as ratios with their intervals: 1.12 is 12 % more. Null: it is the same layout. */
  readonly gain: {
    readonly work: Estimate
    readonly cpu: Estimate
    readonly p99Ns: number
    readonly p99NsBefore: number
  } | null
  readonly why: string
  readonly runnersUp: readonly RunnerUp[]
}

/** By what a machine is known again. */
export interface Fingerprint {
  readonly kernel: string
  readonly cpuModel: string
  readonly cpus: number
  /** CPUs' worth of time; null: no quota. */
  readonly quotaCpus: number | null
  readonly memoryBytes: number
  readonly fileSystem: { readonly type: string; readonly mountOptions: readonly string[] } | null
  /** What the file system is on; null: memory, a network, or several. */
  readonly device: DeviceFingerprint | null
  /** Version of this package. */
  readonly ringmaster: string
  /** ISO 8601. */
  readonly date: string
}

export interface DeviceFingerprint {
  readonly name: string
  readonly model: string | null
  readonly rotational: boolean | null
  readonly scheduler: string | null
  /** queue/nomerges: 0 merges, 1 only simple ones, 2 none. */
  readonly nomerges: number | null
  /** queue/write_cache: `write back` or `write through`. */
  readonly writeCache: string | null
}

/** What the machine can do at most, whoever asks: a figure with its unit. */
export interface MachineLimit {
  readonly name: string
  readonly value: number
  readonly unit: string
  readonly note: string | null
}

/** A layout that was not chosen. */
export interface RunnerUp {
  readonly layout: Layout
  /** Its work, and its CPU for the same work, against the chosen layout's. */
  readonly work: Estimate | null
  readonly cpu: Estimate | null
  readonly p99Ns: number | null
  readonly why: string
}

/** Goes up when an older Ringmaster would misread what is written. */
export const profileVersion = 1 as const

/** Of any text in a profile. */
export const textCharsMax = 4096
export const mountOptionsMax = 256

const text = z.string().max(textCharsMax)
const count = (max: number): z.ZodNumber => z.number().int().min(1).max(max)

const layout = z.strictObject({
  poller: z.enum(['kernel', 'worker', 'caller', 'threadpool']),
  rings: count(64),
  sqThreads: z.enum(['own', 'shared']),
  sqThreadCpu: z.number().int().min(0).max(8191).nullable(),
  sqThreadIdleMs: count(60_000),
  depth: count(65_536),
  batch: count(65_536),
  spinNs: z.number().int().min(0).max(10_000_000).nullable(),
  blockBytes: count(2 ** 31 - 1).nullable(),
  buffers: z.enum(['plain', 'registered']),
  files: z.enum(['plain', 'direct']),
  ioWorkersMax: count(65_536).nullable(),
  clients: count(1024),
}) satisfies z.ZodType<Layout>

const ratio = z.strictObject({ value: z.number(), low: z.number(), high: z.number(), count: z.number().int().min(0) })

const device = z.strictObject({
  name: text,
  model: text.nullable(),
  rotational: z.boolean().nullable(),
  scheduler: text.nullable(),
  nomerges: z.number().int().nullable(),
  /** queue/write_cache: `write back` or `write through`. */
  writeCache: text.nullable(),
})

const fingerprint = z.strictObject({
  kernel: text,
  cpuModel: text,
  cpus: z.number().int().min(1),
  quotaCpus: z.number().positive().nullable(),
  memoryBytes: z.number().int().min(0),
  fileSystem: z.strictObject({ type: text, mountOptions: z.array(text).max(mountOptionsMax) }).nullable(),
  device: device.nullable(),
  ringmaster: text,
  date: text,
})

const limit = z.strictObject({ name: text, value: z.number(), unit: text, note: text.nullable() })

const runnerUp = z.strictObject({
  layout,
  work: ratio.nullable(),
  cpu: ratio.nullable(),
  p99Ns: z.number().nullable(),
  why: text,
})

export const profileSchema: z.ZodType<Profile> = z.strictObject({
  kind: z.literal('ringmaster-profile'),
  version: z.literal(profileVersion),
  fingerprint,
  workload: z.enum(tunedWorkloads),
  path: text.nullable(),
  limits: z.array(limit).max(64),
  layout,
  before: layout,
  gain: z.strictObject({ work: ratio, cpu: ratio, p99Ns: z.number(), p99NsBefore: z.number() }).nullable(),
  why: text,
  runnersUp: z.array(runnerUp).max(64),
})
