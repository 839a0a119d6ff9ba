// Sending to a mailbox: data, and direct descriptors. Used by RawRing.sendMessage() and sendDescriptor(); sendMessageSync() sends
// without a ring of one's own. mailbox.ts receives.
import { MessageRing } from '../../native/abi.ts'
import { binding } from '../../native/binding.ts'
import { RingError, invalidArgType, ringErrors } from '../../native/errors.ts'
import { msgRing, prepMsgRing, prepMsgRingFd } from '../../native/operations/registered.ts'
import { allocateDirect } from '../../native/operations/row.ts'
import { descriptorBit } from '../../workers/mailboxes.ts'
import { checkBoolean, checkInteger } from '../arguments.ts'
import { adviceOnMessages, checkFd, checkMessageTarget } from './checks.ts'
import { Mailbox } from './mailbox.ts'
import { makeOperation, operationError } from './operation.ts'
import type { DirectDescriptor, Operation } from './operation.ts'
import { requireFeature } from './support.ts'

/** Where a mailbox is. A Mailbox is one; to another thread of the process the two numbers are sent. */
export interface MailboxAddress {
  readonly ringFd: number
  readonly address: number
}

/** What is sent: three numbers. */
export interface MessageContent {
  /** A signed 32-bit number. */
  readonly data: number
  /** An unsigned 32-bit number. Default 0. */
  readonly tag?: number
  /** An unsigned 32-bit number (6.3). Default 0. */
  readonly flags?: number
}

export interface SendDescriptorOptions {
  /** An unsigned 32-bit number that comes with the message. Default 0. */
  readonly tag?: number
  /** Send no message: you tell the other side yourself (IORING_MSG_RING_CQE_SKIP). Default false. */
  readonly silent?: boolean
}

const uint32Max = 2 ** 32 - 1

function checkObject(value: unknown, name: string): void {
  if (typeof value !== 'object' || value === null) throw invalidArgType(name, 'of type object', value)
}

function checkAddress(to: MailboxAddress): MailboxAddress {
  checkObject(to, 'to')
  if (to instanceof Mailbox) to.checkRing()
  const ringFd = checkFd(to.ringFd, 'to.ringFd')
  const address = checkInteger(to.address, 'to.address', 0, uint32Max)
  checkMessageTarget(ringFd, address, 'to.address')
  return { ringFd, address }
}

/** Sends, and says of a ring that was closed meanwhile that it was. @throws (rejects) what `sending` does, ERR_RING_CLOSED */
export async function explained<R>(to: MailboxAddress, sending: Promise<R>): Promise<R> {
  try {
    return await sending
  } catch (error) {
    const absent = error instanceof Error && 'code' in error && (error.code === 'EBADF' || error.code === 'EBADFD')
    if (absent && to instanceof Mailbox && to.ringClosed) throw ringErrors.mailboxGone(error)
    throw error
  }
}

/** Data for a mailbox, as an operation: for RawRing.submit() and chains. */
export function dataMessage(to: MailboxAddress, message: MessageContent): Operation<number> {
  const { ringFd, address } = checkAddress(to)
  checkObject(message, 'message')
  const data = checkInteger(message.data, 'data', -(2 ** 31), 2 ** 31 - 1)
  const tag = checkInteger(message.tag ?? 0, 'tag', 0, uint32Max)
  const cqeFlags = checkInteger(message.flags ?? 0, 'flags', 0, uint32Max)
  if (cqeFlags !== 0) requireFeature('msgRingFlagsPass')
  return makeOperation(
    msgRing,
    (words, at, flags) => {
      prepMsgRing(words, at, flags, ringFd, data, address, tag, cqeFlags === 0 ? 0 : MessageRing.FLAGS_PASS)
      words[at + 11] = cqeFlags
    },
    { advice: adviceOnMessages(false) },
  )
}

/** A direct descriptor for another ring, as an operation. */
export function descriptorMessage(
  to: MailboxAddress,
  descriptor: DirectDescriptor,
  options: SendDescriptorOptions,
): Operation<number> {
  const { ringFd, address } = checkAddress(to)
  checkObject(descriptor, 'descriptor')
  const source = checkInteger(descriptor.direct, 'descriptor.direct', 0, 2 ** 31 - 1)
  const tag = checkInteger(options.tag ?? 0, 'tag', 0, uint32Max)
  const skip = checkBoolean(options.silent, 'silent') ? MessageRing.CQE_SKIP : 0
  return makeOperation(
    msgRing,
    (words, at, flags) => {
      prepMsgRingFd(words, at, flags, ringFd, source, allocateDirect, address | descriptorBit, tag, skip)
    },
    { advice: adviceOnMessages(true) },
  )
}

/** IORING_REGISTER_SEND_MSG_RING. */
const registerSendMessage = 31
const noRing = -1
const EINVAL = -22
const sqeWords = 16
let knownHere: boolean | undefined

/** Whether the kernel has it: one that has refuses an entry with flags, an older one does not come to look at it. */
function kernelSendsSync(): boolean {
  const refused = new Int32Array(sqeWords)
  prepMsgRing(refused, 0, 1, noRing, 0, 0, 0, 0)
  knownHere ??= binding().register(noRing, registerSendMessage, refused, 1) === EINVAL
  return knownHere
}

/**
 * Sends a message to a mailbox from any thread, without a ring: one system call, over when the message is in the other's queue.
 * Since 6.13. io_uring_register_sync_msg(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE; ERR_RING_OPERATION_UNSUPPORTED on older kernels; SystemError: EBADF, EBADFD (no
 * ring there), EOVERFLOW (no memory left to queue it)
 */
export function sendMessageSync(to: MailboxAddress, message: MessageContent): void {
  const entry = new Int32Array(sqeWords)
  const operation = dataMessage(to, message)
  operation.fill(entry, 0, 0)
  if (!kernelSendsSync()) {
    throw new RingError(
      'ERR_RING_OPERATION_UNSUPPORTED',
      'this kernel sends messages from rings only: use RawRing.sendMessage(), or Linux 6.13',
    )
  }
  const result = binding().register(noRing, registerSendMessage, entry, 1)
  if (result < 0)
    throw operationError({ ...operation, row: { ...operation.row, syscall: 'io_uring_register' } }, result)
}
