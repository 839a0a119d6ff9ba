// What the running kernel can do beyond having an opcode: flags, kinds of buffers, ways to cancel. Asked once, by trial on a ring
// of no other use. Used by services/raw/support.ts; rows are in features/*.ts, where adding one is copying a neighbour.
import { Op } from './abi.ts'
import { errnoName } from './errors.ts'
import { ringFeatures } from './features/rings.ts'
import type { RingFeature } from './features/rings.ts'
import { openScratchRing } from './features/scratch-ring.ts'
import type { ScratchRing } from './features/scratch-ring.ts'
import { streamFeatures } from './features/streams.ts'
import type { StreamFeature } from './features/streams.ts'
import { tableFeatures } from './features/tables.ts'
import type { TableFeature } from './features/tables.ts'
import type { FeatureRow } from './features/feature.ts'

export type FeatureName = StreamFeature | RingFeature | TableFeature

export interface FeatureVerdict {
  readonly ok: boolean
  /** A sentence that says why not; null where it is ok. */
  readonly reason: string | null
  /** First kernel that has it. */
  readonly since: string
  /** What it is. */
  readonly says: string
}

/** Every feature that the library knows of, and whether this kernel has it. Plain data. */
export type Features = Readonly<Record<FeatureName, FeatureVerdict>>

/** Of Capabilities: what the kernel itself reports. */
export interface KernelReport {
  readonly opcodes: readonly number[]
  /** IORING_FEAT_* bits. */
  readonly features: number
}

export const featureRows: Readonly<Record<FeatureName, FeatureRow>> = {
  ...streamFeatures,
  ...ringFeatures,
  ...tableFeatures,
}
export const featureNames: readonly FeatureName[] = Object.keys(featureRows) as FeatureName[]

const opcodeName = (opcode: number): string =>
  Object.entries(Op).find(([, value]) => value === opcode)?.[0] ?? `opcode ${opcode}`

function proven(row: FeatureRow, result: number | null): boolean {
  if (row.proof === 'armed') return result === null
  if (row.proof === 'done') return result !== null && result >= 0
  return result === row.proof
}

/** Why a feature is not there; null where it is. */
function shortfall(row: FeatureRow, report: KernelReport, ring: ScratchRing): string | null {
  if (row.refused !== undefined) return row.refused
  const missing = row.opcodes?.find((opcode) => !report.opcodes.includes(opcode))
  const came = `it came with Linux ${row.since}`
  if (missing !== undefined) return `this kernel has no ${opcodeName(missing)}; ${came}`
  if (row.bits !== undefined && (report.features & row.bits) !== row.bits)
    return `this kernel does not report it; ${came}`
  if (row.trial === undefined) return null
  const result = row.trial(ring)
  if (proven(row, result)) return null
  const ended = result === null ? 'nothing' : result < 0 ? errnoName(result) : String(result)
  return `a trial ended with ${ended}; ${came}`
}

function everyVerdict(reasonOf: (row: FeatureRow) => string | null): Features {
  const verdicts = featureNames.map((name) => {
    const row = featureRows[name]
    const reason = reasonOf(row)
    return [name, { ok: reason === null, reason, since: row.since, says: row.says }] as const
  })
  return Object.fromEntries(verdicts) as Features
}

/**
 * Tries every feature out: a few milliseconds. Where no ring can be made, none is there. `prepare` gets the descriptor of the ring
 * while that is still disabled: tests restrict it there, to see trials fail.
 */
export function tryFeatures(report: KernelReport, prepare: ((ringFd: number) => void) | null = null): Features {
  let ring: ScratchRing
  try {
    ring = openScratchRing(prepare)
  } catch (error) {
    const reason = `no ring could be made to try it: ${error instanceof Error ? error.message : String(error)}`
    return everyVerdict(() => reason)
  }
  try {
    return everyVerdict((row) => shortfall(row, report, ring))
  } finally {
    ring.close()
  }
}

/** Where rings cannot be used at all, with the reason for that. */
export function noFeatures(reason: string): Features {
  return everyVerdict(() => reason)
}
