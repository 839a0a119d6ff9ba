// Times that requests point to (struct __kernel_timespec), as the moment they mean. Used by timeouts and link timeouts of the
// `threadpool` poller.
import { TimeoutFlag } from '../../native/abi.ts'
import type { Kit } from './request.ts'

const EINVAL = -22
const CLOCK_REALTIME = 0
const CLOCK_MONOTONIC = 1
const CLOCK_BOOTTIME = 7
const timespecBytes = 16

const bufferMs = ({ buffer }: Kit): number => Number(buffer.getBigInt64(0, true)) * 1000 + readNs(buffer) / 1e6
const readNs = (buffer: DataView): number => Number(buffer.getBigInt64(8, true))

/** When the time at `address` has come, in performance.now() time; -EINVAL for a negative one. */
export function readDueMs(kit: Kit, address: number, timeoutFlags: number): number {
  kit.now(kit.calls.copy, kit.bufferAddress, address, timespecBytes)
  const timeMs = bufferMs(kit)
  if (timeMs < 0 || readNs(kit.buffer) < 0) return EINVAL
  if ((timeoutFlags & TimeoutFlag.ABS) === 0) return performance.now() + timeMs
  const clock =
    (timeoutFlags & TimeoutFlag.REALTIME) !== 0
      ? CLOCK_REALTIME
      : (timeoutFlags & TimeoutFlag.BOOTTIME) !== 0
        ? CLOCK_BOOTTIME
        : CLOCK_MONOTONIC
  kit.now(kit.calls.clock_gettime, clock, kit.bufferAddress)
  return Math.max(0, performance.now() + timeMs - bufferMs(kit))
}
