// Features of multishot operations, sends and receives. Rows of ../features.ts.
import { AcceptFlag, Feature, Op, PollFlag, RecvSendFlag, SqeFlag, TimeoutFlag, CqeFlag } from '../abi.ts'
import { addressOfView } from '../addresses.ts'
import { binding } from '../binding.ts'
import { prepRecv, prepRecvmsg, prepSend, prepSendZc, prepSendmsgZc } from '../operations/messages.ts'
import { prepPollAdd, prepPollUpdate } from '../operations/polls.ts'
import { prepAccept, prepAcceptMultishot } from '../operations/sockets.ts'
import { prepTimeout } from '../operations/timeouts.ts'
import { prepReadMultishot } from '../operations/vectors.ts'
import { setIoFlags } from '../operations/row.ts'
import { EBADF, ENOENT, first, noDescriptor } from './feature.ts'
import type { FeatureRow } from './feature.ts'
import type { Fill, ScratchRing } from './scratch-ring.ts'

export type StreamFeature =
  | 'multishotAccept'
  | 'multishotRecv'
  | 'multishotRecvmsg'
  | 'multishotRead'
  | 'multishotPoll'
  | 'multishotTimeout'
  | 'pollUpdate'
  | 'pollFirst'
  | 'acceptDontWait'
  | 'recvBundle'
  | 'sendBundle'
  | 'sendZc'
  | 'sendZcReportUsage'
  | 'sendZcFixedBuffer'
  | 'sendmsgZc'
  | 'recvZc'
  | 'timeoutEtimeSuccess'
  | 'timeoutBoottime'
  | 'timeoutRealtime'

const EFAULT = -14
const POLLIN = 1
const select = SqeFlag.BUFFER_SELECT

const recvTrial =
  (ioFlags: number, sqeFlags: number) =>
  (ring: ScratchRing): number | null =>
    first(ring, (words, at) => {
      prepRecv(words, at, sqeFlags, noDescriptor, 0, 0, 0, ioFlags, 0)
    })

const sendZcTrial =
  (ioFlags: number) =>
  (ring: ScratchRing): number | null =>
    first(ring, (words, at) => {
      prepSendZc(words, at, 0, noDescriptor, 0, 0, 0, ioFlags, 0)
    })

/** Older kernels look the buffer up first, and there is none: they know the flag, too. */
const sendZcFixedTrial = (ring: ScratchRing): number | null => {
  const result = sendZcTrial(RecvSendFlag.FIXED_BUF)(ring)
  return result === EFAULT ? EBADF : result
}

/** An hour, which no trial waits for. */
const timeoutTrial =
  (timeoutFlags: number) =>
  (ring: ScratchRing): number | null => {
    ring.bytes.fill(0, 0, 16).writeUInt32LE(3600, 0)
    return first(ring, (words, at) => {
      prepTimeout(words, at, 0, addressOfView(ring.bytes), 0, timeoutFlags)
    })
  }

/** An empty struct msghdr. */
function emptyMessage(ring: ScratchRing): number {
  ring.bytes.fill(0, 64, 128)
  return addressOfView(ring.bytes) + 64
}

/** With a descriptor that can be polled and is not ready; `signalled` looks at what comes when it is. */
function withEventFd(run: (fd: number) => number | null): number | null {
  const fd = binding().eventfd()
  if (fd < 0) return fd
  try {
    return run(fd)
  } finally {
    binding().closeFd(fd)
  }
}

const poll =
  (fd: number, pollFlags: number): Fill =>
  (words, at) => {
    prepPollAdd(words, at, 0, fd, POLLIN, pollFlags)
  }

export const streamFeatures: Readonly<Record<StreamFeature, FeatureRow>> = {
  multishotAccept: {
    since: '5.19',
    says: 'one request accepts connection after connection',
    opcodes: [Op.ACCEPT, Op.SOCKET],
    proof: EBADF,
    trial: (ring) =>
      first(ring, (words, at) => {
        prepAcceptMultishot(words, at, 0, noDescriptor, 0)
      }),
  },
  multishotRecv: {
    since: '6.0',
    says: 'one request receives again and again into provided buffers',
    opcodes: [Op.RECV, Op.SEND_ZC],
    proof: EBADF,
    trial: recvTrial(RecvSendFlag.RECV_MULTISHOT, select),
  },
  multishotRecvmsg: {
    since: '6.0',
    says: 'the same, with addresses and control data',
    opcodes: [Op.RECVMSG, Op.SEND_ZC],
    proof: EBADF,
    trial: (ring) =>
      first(ring, (words, at) => {
        prepRecvmsg(words, at, select, noDescriptor, emptyMessage(ring), 0, RecvSendFlag.RECV_MULTISHOT, 0)
      }),
  },
  multishotRead: {
    since: '6.7',
    says: 'one request reads a pipe or another pollable file again and again',
    opcodes: [Op.READ_MULTISHOT],
    proof: EBADF,
    trial: (ring) =>
      first(ring, (words, at) => {
        prepReadMultishot(words, at, select, noDescriptor, 0, -1, 0)
      }),
  },
  multishotPoll: {
    since: '5.13',
    says: 'one request reports readiness again and again',
    proof: 'done',
    trial: (ring) =>
      withEventFd((fd) => {
        const refused = first(ring, poll(fd, PollFlag.ADD_MULTI))
        if (refused !== null) return refused
        binding().signal(fd)
        const [shot] = ring.later()
        return shot === undefined || (shot.cqeFlags & CqeFlag.MORE) === 0 ? null : shot.result
      }),
  },
  multishotTimeout: {
    since: '6.4',
    says: 'one request ticks again and again',
    proof: 'armed',
    trial: timeoutTrial(TimeoutFlag.MULTISHOT),
  },
  pollUpdate: {
    since: '5.13',
    says: 'what a poll waits for can be changed',
    proof: ENOENT,
    trial: (ring) =>
      first(ring, (words, at) => {
        prepPollUpdate(words, at, 0, -1, -1, POLLIN, PollFlag.UPDATE_EVENTS)
      }),
  },
  pollFirst: {
    since: '5.19',
    says: 'a send or receive waits for readiness before it tries',
    opcodes: [Op.SOCKET],
    proof: EBADF,
    trial: recvTrial(RecvSendFlag.POLL_FIRST, 0),
  },
  acceptDontWait: {
    since: '6.10',
    says: 'an accept that ends at once where nobody waits',
    opcodes: [Op.ACCEPT, Op.SOCKET],
    proof: EBADF,
    trial: (ring) =>
      first(ring, (words, at) => {
        prepAccept(words, at, 0, noDescriptor, 0, 0, 0)
        setIoFlags(words, at, AcceptFlag.DONTWAIT)
      }),
  },
  recvBundle: {
    since: '6.10',
    says: 'one receive fills several provided buffers',
    bits: Feature.RECVSEND_BUNDLE,
    proof: EBADF,
    trial: recvTrial(RecvSendFlag.BUNDLE, select),
  },
  sendBundle: {
    since: '6.10',
    says: 'one send sends several provided buffers',
    bits: Feature.RECVSEND_BUNDLE,
    proof: EBADF,
    trial: (ring) =>
      first(ring, (words, at) => {
        prepSend(words, at, select, noDescriptor, 0, 0, 0, RecvSendFlag.BUNDLE)
      }),
  },
  sendZc: {
    since: '6.0',
    says: 'sends without copying',
    opcodes: [Op.SEND_ZC],
    proof: EBADF,
    trial: sendZcTrial(0),
  },
  sendZcReportUsage: {
    since: '6.2',
    says: 'such a send says whether it was copied after all',
    opcodes: [Op.SEND_ZC],
    proof: EBADF,
    trial: sendZcTrial(RecvSendFlag.SEND_ZC_REPORT_USAGE),
  },
  sendZcFixedBuffer: {
    since: '6.0',
    says: 'such a send from a registered buffer',
    opcodes: [Op.SEND_ZC],
    proof: EBADF,
    trial: sendZcFixedTrial,
  },
  sendmsgZc: {
    since: '6.1',
    says: 'such a send of several pieces, or with control data',
    opcodes: [Op.SENDMSG_ZC],
    proof: EBADF,
    trial: (ring) =>
      first(ring, (words, at) => {
        prepSendmsgZc(words, at, 0, noDescriptor, emptyMessage(ring), 0, 0)
      }),
  },
  recvZc: {
    since: '6.15',
    says: 'receives without copying',
    opcodes: [Op.RECV_ZC],
    refused:
      'it needs a network card with header/data split and a queue of its own, and a ring with DEFER_TASKRUN and 32-byte completions',
  },
  timeoutEtimeSuccess: {
    since: '5.16',
    says: 'a timeout that runs out is no failure in a chain',
    proof: 'armed',
    trial: timeoutTrial(TimeoutFlag.ETIME_SUCCESS),
  },
  timeoutBoottime: {
    since: '5.15',
    says: 'timeouts by the clock that goes on while the machine sleeps',
    proof: 'armed',
    trial: timeoutTrial(TimeoutFlag.BOOTTIME),
  },
  timeoutRealtime: {
    since: '5.15',
    says: 'timeouts by the time of day',
    proof: 'armed',
    trial: timeoutTrial(TimeoutFlag.REALTIME),
  },
}
