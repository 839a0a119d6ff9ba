// The multishot operations without data: accept, poll, timeout. Made for RawRing.stream(); those that bring data are in
// data-streams.ts.
import { AcceptFlag, Op, PollFlag, TimeoutFlag, acceptMultishot } from '../../native/abi.ts'
import { addressOfView } from '../../native/addresses.ts'
import { binding } from '../../native/binding.ts'
import { outOfRange } from '../../native/errors.ts'
import { prepCloseDirect } from '../../native/operations/files.ts'
import { pollAdd, prepPollAdd } from '../../native/operations/polls.ts'
import { allocateDirect, setDirect, setIoFlags } from '../../native/operations/row.ts'
import { accept, prepAcceptMultishot } from '../../native/operations/sockets.ts'
import { prepTimeout, timeout } from '../../native/operations/timeouts.ts'
import { ignoreResult } from '../../workers/completions.ts'
import type { RingHandle } from '../../workers/ring-handle.ts'
import { checkBoolean, checkInteger } from '../arguments.ts'
import {
  adviceOnSlots,
  checkDescriptor,
  checkDirect,
  checkOptions,
  checkTimeMs,
  flagBits,
  namedValue,
  openedAs,
} from './checks.ts'
import { PollEvent } from './flags.ts'
import type { Flags } from './flags.ts'
import { descriptorFlags, descriptorNumber, makeOperation, timespec } from './operation.ts'
import type { Descriptor, DirectDescriptor, Operation } from './operation.ts'
import { pollRemove } from './operations/polls.ts'
import { socketFlags } from './operations/sockets.ts'
import type { OpenedSocketOptions } from './operations/sockets.ts'
import type { StreamOperation } from './stream.ts'
import { requireFeature } from './support.ts'

const ETIME = -62
const ECONNABORTED = -103

export interface AcceptStreamOptions extends OpenedSocketOptions {
  /** The listening socket. */
  readonly fd: Descriptor
  /** Wait for a connection before trying: for when there is none yet, as a rule (6.10). */
  readonly pollFirst?: boolean
}

/** Connections as direct descriptors, each in a slot that was free. */
export interface IntoAnyDirect {
  readonly direct: 'allocate'
}

/**
 * Connections of a listening socket, each yours to close. Whose they are is not told: the kernel has one place for the address
 * of all of them; ask with getpeername, or op.accept() with `withPeer`.
 *
 * Where no descriptor is left the stream ends with EMFILE or ENFILE, and does not try again by itself: the connection stays in
 * the listener's backlog, so close something and make a new stream. With `direct` a connection that found no slot is lost (ENFILE).
 * A connection that its peer gave up before it was accepted (ECONNABORTED) is passed over.
 * Since 5.19. io_uring_prep_multishot_accept(3), io_uring_prep_multishot_accept_direct(3), accept(2).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: EMFILE, ENFILE, EINVAL (does not listen), …
 */
export function acceptStream(options: AcceptStreamOptions & { readonly direct?: undefined }): StreamOperation<number>
export function acceptStream(options: AcceptStreamOptions & IntoAnyDirect): StreamOperation<DirectDescriptor>
export function acceptStream(
  options: AcceptStreamOptions & { readonly direct?: 'allocate' | undefined },
): StreamOperation<Descriptor> {
  requireFeature('multishotAccept')
  const { direct } = checkOptions(options)
  const fd = checkDescriptor(options.fd)
  const acceptFlags = socketFlags(options, direct)
  // A slot given would be taken by the first connection and refused to the second.
  if (direct !== undefined && checkDirect(direct) !== allocateDirect)
    throw outOfRange('direct', "'allocate' where there are many", direct)
  const ioFlags = acceptMultishot | (checkBoolean(options.pollFirst, 'pollFirst') ? AcceptFlag.POLL_FIRST : 0)
  return {
    operation: makeOperation(
      accept,
      (words, at, flags) => {
        prepAcceptMultishot(words, at, flags, descriptorNumber(fd), acceptFlags)
        setIoFlags(words, at, ioFlags)
        if (direct !== undefined) setDirect(words, at, allocateDirect)
      },
      { sqeFlags: descriptorFlags(fd), advice: adviceOnSlots(direct) },
    ),
    item: openedAs(direct),
    discard: closeAccepted,
    passes: (errno) => errno === ECONNABORTED,
  }
}

function closeAccepted(accepted: Descriptor, { client }: RingHandle): void {
  if (typeof accepted === 'number') {
    binding().closeFd(accepted)
    return
  }
  try {
    client.claim(Op.CLOSE, ignoreResult, null, null)
    prepCloseDirect(client.words, client.at, 0, accepted.direct)
  } catch {
    // The ring is closing: its table goes with it. (Or 65,536 requests wait: the slot is lost, the stream was being given up.)
  }
}

export interface PollStreamOptions {
  readonly fd: Descriptor
  /** POLLIN and so on; POLLERR and POLLHUP always count. */
  readonly events: Flags<keyof typeof PollEvent>
  /**
   * An item whenever the consumer asks and it is ready, changed or not, as poll(2). Default false. The kernel has no multishot poll
   * like this (6.18 refuses IORING_POLL_ADD_LEVEL): each item is a request.
   */
  readonly level?: boolean
}

/** A poll that can be changed while it goes on. */
export interface PollStreamOperation extends StreamOperation<number> {
  /**
   * To submit: polls for other events from now on. Rejects: ENOENT where the stream is not armed just now (a slow consumer):
   * it will be with the new events. @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE
   */
  update(events: Flags<keyof typeof PollEvent>): Operation<number>
}

/**
 * Readiness of a descriptor, as the events that came (see PollEvent). An item for each change, as epoll's EPOLLET: what is ready
 * when the stream starts counts as one; read until EAGAIN before the next.
 * Since 5.13. io_uring_prep_poll_multishot(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: EBADF, …
 */
export function pollStream(options: PollStreamOptions): PollStreamOperation {
  requireFeature('multishotPoll')
  const fd = checkDescriptor(checkOptions(options).fd)
  let events = flagBits(options.events, PollEvent, 'events')
  const pollFlags = checkBoolean(options.level, 'level') ? 0 : PollFlag.ADD_MULTI
  const operation = makeOperation(
    pollAdd,
    (words, at, flags) => {
      prepPollAdd(words, at, flags, descriptorNumber(fd), events, pollFlags)
    },
    { sqeFlags: descriptorFlags(fd) },
  )
  return {
    operation,
    item: (result) => result,
    discard: () => undefined,
    update: (wanted) => {
      events = flagBits(wanted, PollEvent, 'events')
      return pollRemove({ operation, events: wanted })
    },
  }
}

const clocks: Readonly<Record<'monotonic' | 'boottime' | 'realtime', number>> = {
  monotonic: 0,
  boottime: TimeoutFlag.BOOTTIME,
  realtime: TimeoutFlag.REALTIME,
}

export interface TimeoutStreamOptions {
  /** Time between ticks, in milliseconds, more than 0; fractions count. */
  readonly intervalMs: number
  /** Ends after so many ticks. Default 0: never. */
  readonly count?: number
  /** `boottime` goes on while the machine sleeps. Default `monotonic`. */
  readonly clock?: keyof typeof clocks
}

/**
 * A tick every `intervalMs`, as its number, from 1. A consumer that is slow enough to stop the stream gets later ticks, not fewer.
 * Since 6.4. io_uring_prep_timeout(3) with IORING_TIMEOUT_MULTISHOT.
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE
 */
export function timeoutStream(options: TimeoutStreamOptions): StreamOperation<number> {
  requireFeature('multishotTimeout')
  const intervalMs = checkTimeMs(checkOptions(options).intervalMs, 'intervalMs')
  const time = timespec(intervalMs)
  if (time.every((byte) => byte === 0)) throw outOfRange('intervalMs', '> 0', intervalMs)
  const count = checkInteger(options.count ?? 0, 'count', 0, 2 ** 31 - 1)
  const timeoutFlags = TimeoutFlag.MULTISHOT | namedValue(options.clock ?? 'monotonic', clocks, 'clock')
  let ticks = 0
  return {
    operation: makeOperation(
      timeout,
      (words, at, flags) => {
        prepTimeout(words, at, flags, addressOfView(time), count === 0 ? 0 : count - ticks, timeoutFlags)
      },
      { keep: [time] },
    ),
    begin: () => {
      ticks = 0
    },
    item: () => ++ticks,
    discard: () => undefined,
    complete: () => count > 0 && ticks >= count,
    shotErrno: ETIME,
  }
}
