// Cancels past the queue: io_uring_register(REGISTER_SYNC_CANCEL), 6.0. Used by the ring client while a barrier (IOSQE_IO_DRAIN)
// is in the ring: a cancellation that is a request waits behind the barrier, for what it was to cancel.
import { CancelFlag, RegisterOp } from '../native/abi.ts'
import { binding } from '../native/binding.ts'

/** struct io_uring_sync_cancel_reg: addr, fd, flags, timeout (two 64-bit words, 0: do not wait), opcode, padding. */
const syncCancelBytes = 64

function registerCancel(ringFd: number, slot: number, generation: number, cancelFlags: number): void {
  const words = new Int32Array(syncCancelBytes >> 2)
  words[0] = slot
  words[1] = generation
  words[2] = -1
  words[3] = cancelFlags
  // -ENOENT, -ETIME: it is over, or it is not the kernel's to stop just now. Its completion says which.
  binding().register(ringFd, RegisterOp.REGISTER_SYNC_CANCEL, words, 1)
}

/** Cancels one request. */
export function cancelNow(ringFd: number, slot: number, generation: number): void {
  registerCancel(ringFd, slot, generation, 0)
}

/** Cancels everything in the ring. */
export function cancelAllNow(ringFd: number): void {
  registerCancel(ringFd, 0, 0, CancelFlag.ANY | CancelFlag.ALL)
}
