// Readiness: pollAdd, pollRemove (and update), epollCtl, epollWait. For RawRing.submit() and chains; pollStream() polls on
// and on.
import { PollFlag } from '../../../native/abi.ts'
import { addressOfView } from '../../../native/addresses.ts'
import {
  epollCtl as epollCtlRow,
  epollWait as epollWaitRow,
  pollAdd as pollAddRow,
  pollRemove as pollRemoveRow,
  prepEpollCtl,
  prepEpollWait,
  prepPollAdd,
  prepPollRemove,
  prepPollUpdate,
} from '../../../native/operations/polls.ts'
import { checkInteger } from '../../arguments.ts'
import { checkDescriptor, checkFd, checkOptions, checkTarget, flagBits, namedValue } from '../checks.ts'
import { EpollCommand, EpollEvent, PollEvent } from '../flags.ts'
import type { Flags } from '../flags.ts'
import { descriptorFlags, descriptorNumber, makeOperation } from '../operation.ts'
import type { Descriptor, Operation } from '../operation.ts'
import { epollEventBytes, epollReport, putEpollEvent } from '../structs.ts'
import type { EpollReport } from '../structs.ts'

export interface PollAddOptions {
  readonly fd: Descriptor
  /** POLLIN and so on; POLLERR and POLLHUP always count. */
  readonly events: Flags<keyof typeof PollEvent>
}

/**
 * poll(2) of one descriptor. Resolves with the events that came, as bits (see PollEvent), when there is one; regular files are
 * always ready.
 * Since 5.1. io_uring_prep_poll_add(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: EBADF, ECANCELED
 */
export function pollAdd(options: PollAddOptions): Operation<number> {
  const fd = checkDescriptor(checkOptions(options).fd)
  const events = flagBits(options.events, PollEvent, 'events')
  return makeOperation(
    pollAddRow,
    (words, at, flags) => {
      prepPollAdd(words, at, flags, descriptorNumber(fd), events, 0)
    },
    { sqeFlags: descriptorFlags(fd) },
  )
}

export interface PollRemoveOptions {
  /** The poll, as it was submitted last. */
  readonly operation: Operation<unknown>
  /** Poll for these from now on, instead of removing it (5.13). */
  readonly events?: Flags<keyof typeof PollEvent>
}

/**
 * Ends a poll (which then rejects with ECANCELED), or changes what it waits for. Resolves with 0.
 * Since 5.1. io_uring_prep_poll_remove(3), io_uring_prep_poll_update(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE. Rejects: ENOENT (no such poll), EALREADY (it is completing)
 */
export function pollRemove(options: PollRemoveOptions): Operation<number> {
  const target = checkTarget(checkOptions(options).operation)
  const events = options.events === undefined ? null : flagBits(options.events, PollEvent, 'events')
  return makeOperation(
    pollRemoveRow,
    (words, at, flags) => {
      const { slot, generation } = target.ticket
      if (events === null) prepPollRemove(words, at, flags, slot, generation)
      else prepPollUpdate(words, at, flags, slot, generation, events, PollFlag.UPDATE_EVENTS)
    },
    { keep: [target] },
  )
}

export interface EpollCtlOptions {
  readonly epollFd: number
  readonly command: keyof typeof EpollCommand | number
  readonly fd: number
  readonly events?: Flags<keyof typeof EpollEvent>
  /** What epollWait gives back with this descriptor's events: up to 2^53. Default: `fd`. */
  readonly data?: number
}

/**
 * epoll_ctl(2). Resolves with 0.
 * Since 5.6. io_uring_prep_epoll_ctl(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: EEXIST, ENOENT, EBADF, EINVAL, EPERM, ELOOP
 */
export function epollCtl(options: EpollCtlOptions): Operation<number> {
  const epollFd = checkFd(checkOptions(options).epollFd, 'epollFd')
  const fd = checkFd(options.fd)
  const command = namedValue(options.command, EpollCommand, 'command')
  const event = Buffer.alloc(epollEventBytes)
  const data = checkInteger(options.data ?? fd, 'data', 0, Number.MAX_SAFE_INTEGER)
  putEpollEvent(event, 0, flagBits(options.events, EpollEvent, 'events'), data)
  return makeOperation(
    epollCtlRow,
    (words, at, flags) => {
      prepEpollCtl(words, at, flags, epollFd, command, fd, addressOfView(event))
    },
    { keep: [event] },
  )
}

export interface EpollWaitOptions {
  readonly epollFd: Descriptor
  /** At most so many reports. Default 64. */
  readonly eventsMax?: number
}

/**
 * epoll_wait(2) without a timeout: link a linkTimeout() to it. Resolves with the reports.
 * Since 6.15. io_uring_prep_epoll_wait(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE. Rejects: EBADF, EINVAL (not an epoll instance), ECANCELED
 */
export function epollWait(options: EpollWaitOptions): Operation<EpollReport[]> {
  const epollFd = checkDescriptor(checkOptions(options).epollFd, 'epollFd')
  const eventsMax = checkInteger(options.eventsMax ?? 64, 'eventsMax', 1, 65536)
  const events = Buffer.alloc(eventsMax * epollEventBytes)
  return makeOperation(
    epollWaitRow,
    (words, at, flags) => {
      prepEpollWait(words, at, flags, descriptorNumber(epollFd), addressOfView(events), eventsMax)
    },
    {
      keep: [events],
      sqeFlags: descriptorFlags(epollFd),
      result: (count) => Array.from({ length: count }, (_, index) => epollReport(events, index * epollEventBytes)),
    },
  )
}
