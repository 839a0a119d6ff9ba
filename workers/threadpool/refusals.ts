// What the `threadpool` poller cannot do, and why: operations that are the kernel's own queues and buffers, which system calls do not
// have. Used by services/raw before such an operation is submitted.
import { Op, SqeFlag } from '../../native/abi.ts'
import { isPlain } from '../../native/plain/binding.ts'
import { calls, plainCalls } from './calls/index.ts'

const registeredBuffers = "registered buffers are the kernel's"
const providedBuffers = 'provided buffers are taken by the kernel when data comes'
const zeroCopy = 'the kernel tells only io_uring when it has let go of a buffer'
const withoutAddon = 'node:fs, which does the work where there is no addon, has no such call: it needs the addon'
const waits = 'it would keep a thread for as long as it waits'

const reasons: ReadonlyMap<number, string> = new Map<number, string>([
  [Op.READ_FIXED, registeredBuffers],
  [Op.WRITE_FIXED, registeredBuffers],
  [Op.READV_FIXED, registeredBuffers],
  [Op.WRITEV_FIXED, registeredBuffers],
  [Op.READ_MULTISHOT, providedBuffers],
  [Op.PROVIDE_BUFFERS, providedBuffers],
  [Op.REMOVE_BUFFERS, providedBuffers],
  [Op.SEND_ZC, zeroCopy],
  [Op.SENDMSG_ZC, zeroCopy],
  [Op.RECV_ZC, zeroCopy],
  [Op.MSG_RING, 'there is no ring in the kernel that could be sent to'],
  [Op.FUTEX_WAIT, waits],
  [Op.FUTEX_WAITV, waits],
  [Op.WAITID, waits],
])

/** Why an operation with these SqeFlag bits is refused; null where it is not. */
export function threadpoolRefusal(opcode: number, sqeFlags: number): string | null {
  if ((sqeFlags & SqeFlag.BUFFER_SELECT) !== 0) return providedBuffers
  if (isPlain() && calls.has(opcode) && !plainCalls.has(opcode)) return withoutAddon
  return calls.has(opcode) ? null : (reasons.get(opcode) ?? 'no system call does it')
}
