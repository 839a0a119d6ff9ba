// The clock of waits in io_uring_enter(2). Used by Registrations. Ringmaster's own client waits in its event loop and not there, so this
// is for who enters the ring by other means; timeouts name their clock themselves.
import { RegisterOp } from '../../../native/abi.ts'
import type { RingHandle } from '../../../workers/ring-handle.ts'
import { namedValue } from '../checks.ts'
import { register } from './call.ts'

const clocks = { MONOTONIC: 1, BOOTTIME: 7 } as const
export type WaitClock = keyof typeof clocks

export function clock(handle: RingHandle, name: WaitClock): void {
  // struct io_uring_clock_register { u32 clockid; u32 resv[3] }
  register(handle, RegisterOp.REGISTER_CLOCK, Uint32Array.of(namedValue(name, clocks, 'clock'), 0, 0, 0), 0)
}
