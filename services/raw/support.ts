// Whether the running kernel has an operation: asked of the kernel (REGISTER_PROBE), never inferred from its version. Used
// before anything is submitted by `ringmaster/raw`.
import { capabilities } from '../../native/capabilities.ts'
import { RingError } from '../../native/errors.ts'
import type { OperationRow } from '../../native/operations/row.ts'

let supported: ReadonlySet<number> | null = null

/** Asks once; Ringmaster.start() has the answer already. */
export async function loadSupport(): Promise<void> {
  supported ??= new Set((await capabilities()).opcodes)
}

/** For what can do without. */
export function isSupported(row: OperationRow): boolean {
  return supported === null || supported.has(row.opcode)
}

/** @throws ERR_RING_OPERATION_UNSUPPORTED */
export function checkSupported(row: OperationRow): void {
  if (isSupported(row)) return
  throw new RingError(
    'ERR_RING_OPERATION_UNSUPPORTED',
    `this kernel has no ${row.name}: it came with Linux ${row.since}`,
  )
}
