// What to do when the kernel refuses a ring that it seemed to allow: no locked memory is left, no descriptor, a filter came down. Used
// by openRings().
import { explainSetupError } from '../native/capabilities.ts'
import type { Poller } from '../workers/poller-kind.ts'
import { withoutRings } from './placement.ts'
import type { Decision } from './placement/types.ts'

/** The poller that serves instead, and why; null where the error is another one, and the caller's to report. */
export function withoutRefusedRing(error: unknown, poller: Poller): Decision<Poller> | null {
  if (!(error instanceof Error) || !('syscall' in error) || !('errno' in error)) return null
  if (error.syscall !== 'io_uring_setup' && error.syscall !== 'mmap') return null
  return withoutRings(explainSetupError(Number(error.errno), poller === 'kernel').message)
}
