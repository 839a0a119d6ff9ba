// Features of cancelling, chains, messages between rings and commands of sockets. Rows of ../features.ts.
import { CancelFlag, Feature, MessageRing, Op, RegisterOp, SocketCommand, SqeFlag } from '../abi.ts'
import { addressOfView } from '../addresses.ts'
import { prepCancelMatching, prepCancelWhere, prepNop, prepNopResult } from '../operations/control.ts'
import { prepPollAdd } from '../operations/polls.ts'
import { prepMsgRing, prepMsgRingFd } from '../operations/registered.ts'
import { prepTimeout } from '../operations/timeouts.ts'
import { writeSqe } from '../operations/row.ts'
import { prepSocketCommand, prepSocketName } from '../operations/sockets.ts'
import { EBADF, ENOENT, first, noDescriptor, socketIn } from './feature.ts'
import type { FeatureRow } from './feature.ts'
import { scratchSlots } from './scratch-ring.ts'
import type { Fill, ScratchRing } from './scratch-ring.ts'

export type RingFeature =
  | 'cancelAll'
  | 'cancelAny'
  | 'cancelFd'
  | 'cancelFdFixed'
  | 'cancelOp'
  | 'cancelUserData'
  | 'syncCancel'
  | 'cqeSkip'
  | 'linkedFile'
  | 'msgRing'
  | 'msgRingFlagsPass'
  | 'msgRingFd'
  | 'msgRingCqeSkip'
  | 'nopInjectResult'
  | 'nopFile'
  | 'socketInq'
  | 'socketGetsockopt'
  | 'socketGetsockname'

const nopFile = 2
const [AF_UNIX, AF_INET, SOCK_STREAM, SOCK_DGRAM] = [1, 2, 1, 2]
const [SOL_SOCKET, SO_TYPE] = [1, 3]
const POLLHUP = 16

/** Nothing may match, or what another trial has left: both say that the kernel knows how to look. */
const cancelTrial =
  (cancelFlags: number, fd: number) =>
  (ring: ScratchRing): number | null => {
    const result = first(ring, (words, at) => {
      prepCancelMatching(words, at, fd, cancelFlags)
    })
    return result === ENOENT ? 0 : result
  }

/**
 * With a timeout that would run for an hour. Linux 6.1 ignores flags of cancellations that it does not know, and looks for the user_data
 * alone: what tells is which request is found.
 */
function besideTimeout(ring: ScratchRing, cancel: (number: number) => Fill): number | null {
  ring.bytes.fill(0, 0, 16).writeUInt32LE(3600, 0)
  const armed = first(ring, (words, at) => {
    prepTimeout(words, at, 0, addressOfView(ring.bytes), 0, 0)
  })
  return armed === null ? first(ring, cancel(ring.lastNumber())) : armed
}

/** A command of a socket that was just made, in direct descriptor 2. */
const commandTrial =
  (command: (ring: ScratchRing) => Fill) =>
  (ring: ScratchRing): number | null => {
    const made = first(ring, socketIn(2, AF_INET, SOCK_DGRAM, 0))
    return made === null || made < 0 ? made : first(ring, command(ring))
  }

const messageTrial =
  (messageFlags: number) =>
  (ring: ScratchRing): number | null =>
    first(ring, (words, at) => {
      prepMsgRing(words, at, 0, ring.fd, 0, 0, 0, messageFlags)
    })

/** From an empty slot: that there is nothing to send is said after the flags were read. */
const messageFdTrial =
  (messageFlags: number) =>
  (ring: ScratchRing): number | null =>
    first(ring, (words, at) => {
      prepMsgRingFd(words, at, 0, ring.otherFd, scratchSlots - 1, 0, 0, 0, messageFlags)
    })

export const ringFeatures: Readonly<Record<RingFeature, FeatureRow>> = {
  cancelAll: { since: '5.19', says: 'cancels every match', proof: 'done', trial: cancelTrial(CancelFlag.ALL, -1) },
  cancelAny: {
    since: '5.19',
    says: 'cancels whatever there is',
    proof: 'done',
    trial: cancelTrial(CancelFlag.ANY, -1),
  },
  cancelFd: {
    since: '5.19',
    says: 'cancels by descriptor',
    proof: EBADF,
    trial: cancelTrial(CancelFlag.FD, noDescriptor),
  },
  cancelFdFixed: {
    since: '6.0',
    says: 'cancels by direct descriptor',
    proof: EBADF,
    trial: cancelTrial(CancelFlag.FD | CancelFlag.FD_FIXED, scratchSlots - 1),
  },
  cancelOp: {
    since: '6.6',
    says: 'cancels by opcode',
    proof: 'done',
    trial: (ring) =>
      besideTimeout(ring, () => (words, at) => {
        prepCancelWhere(words, at, 0, -1, -1, -1, Op.TIMEOUT, CancelFlag.OP)
      }),
  },
  cancelUserData: {
    since: '6.6',
    says: 'cancels by request and something else',
    proof: ENOENT, // the timeout is no NOP
    trial: (ring) =>
      besideTimeout(ring, (number) => (words, at) => {
        prepCancelWhere(words, at, 0, number, 0, -1, Op.NOP, CancelFlag.USERDATA | CancelFlag.OP)
      }),
  },
  syncCancel: {
    since: '6.0',
    says: 'cancels by a call',
    proof: ENOENT,
    trial: (ring) => {
      const argument = Buffer.alloc(64)
      argument.fill(0xff, 0, 12) // no such request, no descriptor
      return ring.register(RegisterOp.REGISTER_SYNC_CANCEL, argument, 1)
    },
  },
  cqeSkip: {
    since: '5.17',
    says: 'no completion for what succeeds',
    bits: Feature.CQE_SKIP,
    proof: 'armed',
    trial: (ring) =>
      first(ring, (words, at) => {
        prepNop(words, at, SqeFlag.CQE_SKIP_SUCCESS)
      }),
  },
  linkedFile: {
    since: '5.17',
    says: 'a chain uses the direct descriptor that it opens',
    bits: Feature.LINKED_FILE,
    opcodes: [Op.SOCKET],
    proof: 'done',
    trial: (ring) =>
      ring.chain([
        socketIn(1, AF_UNIX, SOCK_STREAM, SqeFlag.IO_LINK),
        (words, at) => {
          prepPollAdd(words, at, SqeFlag.FIXED_FILE, 1, POLLHUP, 0)
        },
      ])[1] ?? null,
  },
  msgRing: {
    since: '5.18',
    says: 'completions posted to another ring',
    opcodes: [Op.MSG_RING],
    proof: 'done',
    trial: messageTrial(0),
  },
  msgRingFlagsPass: {
    since: '6.3',
    says: 'with flags of choice',
    opcodes: [Op.MSG_RING],
    proof: 'done',
    trial: messageTrial(MessageRing.FLAGS_PASS),
  },
  msgRingFd: {
    since: '6.0',
    says: 'direct descriptors given to another ring',
    opcodes: [Op.MSG_RING],
    proof: EBADF,
    trial: messageFdTrial(0),
  },
  msgRingCqeSkip: {
    since: '6.0',
    says: 'without telling it',
    opcodes: [Op.MSG_RING],
    proof: EBADF,
    trial: messageFdTrial(MessageRing.CQE_SKIP),
  },
  nopInjectResult: {
    since: '6.10',
    says: 'a no-op that ends as it is told',
    proof: 7,
    trial: (ring) =>
      first(ring, (words, at) => {
        prepNopResult(words, at, 0, 7)
      }),
  },
  nopFile: {
    since: '6.13',
    says: 'a no-op that looks up a descriptor',
    proof: EBADF,
    trial: (ring) =>
      first(ring, (words, at) => {
        writeSqe(words, at, Op.NOP, 0, noDescriptor, 0, 0, 0, nopFile, 0)
      }),
  },
  socketInq: {
    since: '6.7',
    says: 'asks a socket what is there to read',
    opcodes: [Op.URING_CMD, Op.SOCKET],
    proof: 'done',
    trial: commandTrial(() => (words, at) => {
      prepSocketCommand(words, at, SqeFlag.FIXED_FILE, 2, SocketCommand.SIOCINQ, 0, 0, 0, 0)
    }),
  },
  socketGetsockopt: {
    since: '6.7',
    says: 'options of sockets, read and set',
    opcodes: [Op.URING_CMD, Op.SOCKET],
    proof: 'done',
    trial: commandTrial((ring) => (words, at) => {
      const value = addressOfView(ring.bytes) + 128
      prepSocketCommand(words, at, SqeFlag.FIXED_FILE, 2, SocketCommand.GETSOCKOPT, SOL_SOCKET, SO_TYPE, value, 4)
    }),
  },
  socketGetsockname: {
    since: '6.19',
    says: 'addresses of sockets',
    opcodes: [Op.URING_CMD, Op.SOCKET],
    proof: 'done',
    trial: commandTrial((ring) => (words, at) => {
      ring.bytes.writeUInt32LE(128, 128)
      const address = addressOfView(ring.bytes)
      prepSocketName(words, at, SqeFlag.FIXED_FILE, 2, address + 256, address + 128, 0)
    }),
  },
}
