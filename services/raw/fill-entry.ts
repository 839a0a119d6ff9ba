// Fills the entry that was just claimed for an operation. Used by RawRing, Chain and streams.
import { acceptMultishot, Op, PollFlag, RecvSendFlag, TimeoutFlag } from '../../native/abi.ts'
import { invalidArgValue, ringErrors } from '../../native/errors.ts'
import { prepNop } from '../../native/operations/control.ts'
import { makesDescriptor } from '../../native/operations/index.ts'
import type { RequestClient } from '../../workers/lane.ts'
import type { Operation } from './operation.ts'

/** By opcode: which word of an SQE says that the operation is multishot, and with which bits. 0 bits: none does. */
const multishotWord = new Uint8Array(256)
const multishotBits = new Int32Array(256)
const inIoFlags = 16
for (const [opcode, word, bits] of [
  [Op.ACCEPT, 0, acceptMultishot << inIoFlags],
  [Op.RECV, 0, RecvSendFlag.RECV_MULTISHOT << inIoFlags],
  [Op.RECVMSG, 0, RecvSendFlag.RECV_MULTISHOT << inIoFlags],
  [Op.READ_MULTISHOT, 0, 0xff],
  [Op.POLL_ADD, 6, PollFlag.ADD_MULTI],
  [Op.TIMEOUT, 7, TimeoutFlag.MULTISHOT],
] as const) {
  multishotWord[opcode] = word
  multishotBits[opcode] = bits
}

/** Whether the SQE at words[at…] asks for many completions. Of the SQE, because users write operations of their own. */
function isMultishot(words: Int32Array, at: number): boolean {
  const opcode = words[at]! & 0xff
  return (words[at + multishotWord[opcode]!]! & multishotBits[opcode]!) !== 0
}

/**
 * Writes the operation's SQE. A claimed entry is published whatever happens, so where the operation must not be submitted (it is
 * in flight already, it is multishot and `multishot` is not expected, its fill() throws) a no-op takes its place: never what
 * the entry held before. Returns the error, or null.
 */
export function fillEntry(
  client: RequestClient,
  operation: Operation<unknown>,
  sqeFlags: number,
  multishot = false,
): Error | null {
  const { words, at } = client
  try {
    const { ticket } = operation
    // A stream arms its operation again while the last completion is being settled, and guards it itself.
    if (!multishot && ticket.slots?.holds(ticket.slot, ticket.generation) === true)
      throw ringErrors.operationInFlight(operation.row.name)
    operation.fill(words, at, sqeFlags)
    ticket.slots = client.slots
    // Into the ring's table, or one of the process, which is to be closed where nobody hears of it.
    if (makesDescriptor[words[at]! & 0xff] === 1 && words[at + 11] === 0) client.slots.markDescriptors(words[at + 8]!)
    if (!multishot && isMultishot(words, at)) {
      ticket.slots = null
      throw invalidArgValue('operation', operation, 'is multishot, with many results: use stream()')
    }
    return null
  } catch (error) {
    prepNop(words, at, 0)
    return error instanceof Error ? error : new Error(String(error))
  }
}
