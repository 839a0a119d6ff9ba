// Readiness: poll_add, poll_remove (and update), epoll_ctl, epoll_wait.
// prep*() write an SQE at words[at…]; see writeSqe.
import { Op } from '../abi.ts'
import { writeSqe } from './row.ts'
import type { OperationRow } from './row.ts'

export const pollAdd: OperationRow = {
  opcode: Op.POLL_ADD,
  name: 'poll_add',
  syscall: 'poll',
  result: 'count',
  keptAlive: [],
  since: '5.1',
  source: 'io_uring_prep_poll_add(3)',
}

/** `events`: POLLIN and so on; the result says which came. `pollFlags`: PollFlag.*. */
export function prepPollAdd(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  fd: number,
  events: number,
  pollFlags: number,
): void {
  writeSqe(words, at, Op.POLL_ADD, sqeFlags, fd, 0, 0, pollFlags, events, 0)
}

export const pollRemove: OperationRow = {
  opcode: Op.POLL_REMOVE,
  name: 'poll_remove',
  syscall: 'poll',
  result: 'zero',
  keptAlive: [],
  since: '5.1',
  source: 'io_uring_prep_poll_remove(3), io_uring_prep_poll_update(3)',
}

/** Removes the poll whose user_data is slot and generation. */
export function prepPollRemove(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  slot: number,
  generation: number,
): void {
  writeSqe(words, at, Op.POLL_REMOVE, sqeFlags, -1, 0, 0, 0, 0, 0)
  words[at + 4] = slot
  words[at + 5] = generation
}

/** Changes the events of a poll (5.13). */
export function prepPollUpdate(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  slot: number,
  generation: number,
  events: number,
  pollFlags: number,
): void {
  writeSqe(words, at, Op.POLL_REMOVE, sqeFlags, -1, 0, 0, pollFlags, events, 0)
  words[at + 4] = slot
  words[at + 5] = generation
}

export const epollCtl: OperationRow = {
  opcode: Op.EPOLL_CTL,
  name: 'epoll_ctl',
  syscall: 'epoll_ctl',
  result: 'zero',
  keptAlive: ['struct'],
  since: '5.6',
  source: 'io_uring_prep_epoll_ctl(3)',
}

/** `command`: EPOLL_CTL_ADD 1, DEL 2, MOD 3. */
export function prepEpollCtl(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  epollFd: number,
  command: number,
  fd: number,
  eventAddress: number,
): void {
  writeSqe(words, at, Op.EPOLL_CTL, sqeFlags, epollFd, fd, eventAddress, command, 0, 0)
}

export const epollWait: OperationRow = {
  opcode: Op.EPOLL_WAIT,
  name: 'epoll_wait',
  syscall: 'epoll_wait',
  result: 'count',
  keptAlive: ['buffer'],
  since: '6.15',
  source: 'io_uring_prep_epoll_wait(3)',
}

export function prepEpollWait(
  words: Int32Array,
  at: number,
  sqeFlags: number,
  epollFd: number,
  eventsAddress: number,
  eventsMax: number,
): void {
  writeSqe(words, at, Op.EPOLL_WAIT, sqeFlags, epollFd, 0, eventsAddress, eventsMax, 0, 0)
}
