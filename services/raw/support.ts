// Whether the running kernel has an operation or a feature: asked of the kernel (REGISTER_PROBE, trials), never inferred from its
// version. Used before anything is submitted by `ringmaster/raw`.
import { capabilities } from '../../native/capabilities.ts'
import type { Capabilities } from '../../native/capabilities.ts'
import { RingError } from '../../native/errors.ts'
import { noFeatures, tryFeatures } from '../../native/features.ts'
import type { FeatureName, Features } from '../../native/features.ts'
import type { OperationRow } from '../../native/operations/row.ts'
import { Poller } from '../../workers/poller-kind.ts'
import { threadpoolRefusal } from '../../workers/threadpool/refusals.ts'

let known: Capabilities | null = null
let supported: ReadonlySet<number> | null = null
let tried: Features | null = null

/** Asks until there are rings; Ringmaster.start() has the answer already. What was missing may have been descriptors or locked memory. */
export async function loadSupport(): Promise<void> {
  if (known?.rings.ok === true) return
  const found = await capabilities()
  if (found === known) return
  known = found
  supported = new Set(found.opcodes)
  tried = null
}

/** Takes over what another thread of this process has asked. */
export function adoptSupport(found: Capabilities): void {
  known ??= found
  supported ??= new Set(found.opcodes)
}

/** For what can do without. `poller` is the ring's: without io_uring it is not the kernel that is asked. */
export function isSupported(row: OperationRow, poller: Poller): boolean {
  if (poller === Poller.threadpool) return threadpoolRefusal(row.opcode, 0) === null
  return supported === null || supported.has(row.opcode)
}

/**
 * `sqeFlags` are the operation's.
 * @throws ERR_RING_OPERATION_UNSUPPORTED
 */
export function checkSupported(row: OperationRow, poller: Poller, sqeFlags: number): void {
  if (poller === Poller.threadpool) {
    const refusal = threadpoolRefusal(row.opcode, sqeFlags)
    if (refusal !== null) throw withoutRing(row.name, refusal)
    return
  }
  if (isSupported(row, poller)) return
  throw new RingError(
    'ERR_RING_OPERATION_UNSUPPORTED',
    `this kernel has no ${row.name}: it came with Linux ${row.since}`,
  )
}

/**
 * What this kernel can do beyond having an opcode, found out by one trial each on a ring of no other use; asked once. Where io_uring
 * cannot be used, nothing, with the reason.
 */
export async function features(): Promise<Features> {
  await loadSupport()
  return triedFeatures(known!)
}

function triedFeatures(found: Capabilities): Features {
  tried ??= found.rings.ok ? tryFeatures(found) : noFeatures(found.rings.message ?? 'io_uring cannot be used')
  return tried
}

/**
 * Refuses what this kernel cannot do. The first call tries everything out (a few milliseconds), later ones look it up. Before any
 * Ringmaster was started it lets everything pass: then nothing can be submitted either. So it does where there is no io_uring: then
 * there are only rings with the poller `threadpool`, which say for themselves what they cannot do.
 * @throws ERR_RING_OPERATION_UNSUPPORTED with the reason
 */
export function requireFeature(name: FeatureName): void {
  const missing = missingFeature(name)
  if (missing !== undefined) throw new RingError('ERR_RING_OPERATION_UNSUPPORTED', missing)
}

/** Why this kernel lacks a feature, for errors of the kernel that do not say; undefined where it has it, or is not asked. */
export function missingFeature(name: FeatureName): string | undefined {
  if (known?.rings.ok !== true) return undefined
  const { ok, reason, says } = triedFeatures(known)[name]
  return ok ? undefined : `this kernel has no ${name} (${says}): ${reason}`
}

/** What a ring with the poller `threadpool` cannot have. */
export function withoutRing(name: string, refusal: string): RingError {
  return new RingError(
    'ERR_RING_OPERATION_UNSUPPORTED',
    `${name} needs io_uring, and this ring has the poller 'threadpool': ${refusal}`,
  )
}
