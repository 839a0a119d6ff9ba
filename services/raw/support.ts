// Whether the running kernel has an operation: asked of the kernel (REGISTER_PROBE), never inferred from its version. Used
// before anything is submitted by `ringmaster/raw`.
import { capabilities } from '../../native/capabilities.ts'
import { RingError } from '../../native/errors.ts'
import type { OperationRow } from '../../native/operations/row.ts'
import { Poller } from '../../workers/poller-kind.ts'
import { threadpoolRefusal } from '../../workers/threadpool/refusals.ts'

let supported: ReadonlySet<number> | null = null

/** Asks once; Ringmaster.start() has the answer already. */
export async function loadSupport(): Promise<void> {
  supported ??= new Set((await capabilities()).opcodes)
}

/**
 * `poller` is the ring's: without io_uring it is not the kernel that is asked. `sqeFlags` are the operation's.
 * @throws ERR_RING_OPERATION_UNSUPPORTED
 */
export function checkSupported(row: OperationRow, poller: Poller, sqeFlags: number): void {
  if (poller === Poller.threadpool) {
    checkWithoutRings(row.name, threadpoolRefusal(row.opcode, sqeFlags))
    return
  }
  if (supported === null || supported.has(row.opcode)) return
  throw new RingError(
    'ERR_RING_OPERATION_UNSUPPORTED',
    `this kernel has no ${row.name}: it came with Linux ${row.since}`,
  )
}

/** Where the poller is `threadpool` and `refusal` says why it cannot: @throws ERR_RING_OPERATION_UNSUPPORTED */
export function checkWithoutRings(name: string, refusal: string | null): void {
  if (refusal === null) return
  throw new RingError(
    'ERR_RING_OPERATION_UNSUPPORTED',
    `${name} needs io_uring, and this ring has the poller 'threadpool': ${refusal}`,
  )
}
