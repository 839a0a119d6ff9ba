// The multishot operations: accept, poll, recv, read, timeout. Made for RawRing.stream().
import { PollFlag, RecvSendFlag, SqeFlag, TimeoutFlag } from '../../native/abi.ts'
import { addressOfView } from '../../native/addresses.ts'
import { binding } from '../../native/binding.ts'
import { prepRecv, recv } from '../../native/operations/messages.ts'
import { pollAdd, prepPollAdd } from '../../native/operations/polls.ts'
import { accept, prepAcceptMultishot } from '../../native/operations/sockets.ts'
import { prepTimeout, timeout } from '../../native/operations/timeouts.ts'
import { prepReadMultishot, readMultishot } from '../../native/operations/vectors.ts'
import { descriptorFlags, descriptorNumber, makeOperation, timespec } from './operation.ts'
import type { Descriptor } from './operation.ts'
import type { BufferLease, ProvidedBuffers } from './provided-buffers.ts'
import type { StreamOperation } from './stream.ts'

const SOCK_CLOEXEC = 0o2000000
const ETIME = -62

/** Connections of a listening socket, as descriptors of the process (5.19). */
export function acceptStream(options: { fd: Descriptor }): StreamOperation<number> {
  const { fd } = options
  return {
    operation: makeOperation(
      accept,
      (words, at, flags) => {
        prepAcceptMultishot(words, at, flags, descriptorNumber(fd), SOCK_CLOEXEC)
      },
      { sqeFlags: descriptorFlags(fd) },
    ),
    item: (result) => result,
    discard: (accepted) => {
      binding().closeFd(accepted)
    },
    zeroEnds: false,
  }
}

/** Readiness of a descriptor, as the events that came (5.13). Edge-like: read until EAGAIN before the next. */
export function pollStream(options: { fd: Descriptor; events: number }): StreamOperation<number> {
  const { fd, events } = options
  return {
    operation: makeOperation(
      pollAdd,
      (words, at, flags) => {
        prepPollAdd(words, at, flags, descriptorNumber(fd), events, PollFlag.ADD_MULTI)
      },
      { sqeFlags: descriptorFlags(fd) },
    ),
    item: (result) => result,
    discard: () => undefined,
    zeroEnds: false,
  }
}

function leased(
  buffers: ProvidedBuffers,
): Pick<StreamOperation<BufferLease>, 'item' | 'discard' | 'zeroEnds' | 'buffers'> {
  return {
    item: (result, cqeFlags) => {
      const lease = buffers.take(result, cqeFlags)
      if (lease === null) throw new Error('the kernel completed a buffer-select request without a buffer')
      return lease
    },
    discard: (lease) => {
      lease.release()
    },
    zeroEnds: true,
    buffers,
  }
}

/** What a socket receives, each piece in a provided buffer (6.0). Ends when the peer has. */
export function recvStream(options: { fd: Descriptor; buffers: ProvidedBuffers }): StreamOperation<BufferLease> {
  const { fd, buffers } = options
  return {
    operation: makeOperation(
      recv,
      (words, at, flags) => {
        prepRecv(words, at, flags, descriptorNumber(fd), 0, 0, 0, RecvSendFlag.RECV_MULTISHOT, buffers.group)
      },
      { sqeFlags: descriptorFlags(fd) | SqeFlag.BUFFER_SELECT, keep: [buffers] },
    ),
    ...leased(buffers),
  }
}

/** What a pipe or another pollable file gives, each piece in a provided buffer (6.7). Not for regular files. */
export function readStream(options: { fd: Descriptor; buffers: ProvidedBuffers }): StreamOperation<BufferLease> {
  const { fd, buffers } = options
  return {
    operation: makeOperation(
      readMultishot,
      (words, at, flags) => {
        prepReadMultishot(words, at, flags, descriptorNumber(fd), 0, -1, buffers.group)
      },
      { sqeFlags: descriptorFlags(fd) | SqeFlag.BUFFER_SELECT, keep: [buffers] },
    ),
    ...leased(buffers),
  }
}

/** A tick every `intervalMs`; ends after `count` ticks, 0: never (6.4). Items count from 1. */
export function timeoutStream(options: { intervalMs: number; count?: number }): StreamOperation<number> {
  const time = timespec(options.intervalMs)
  const count = options.count ?? 0
  let ticks = 0
  return {
    operation: makeOperation(
      timeout,
      (words, at, flags) => {
        // Armed again after a pause: for as many as are still to come.
        prepTimeout(words, at, flags, addressOfView(time), count === 0 ? 0 : count - ticks, TimeoutFlag.MULTISHOT)
      },
      { keep: [time] },
    ),
    item: () => ++ticks,
    discard: () => undefined,
    zeroEnds: false,
    shotErrno: ETIME,
    complete: () => count !== 0 && ticks >= count,
  }
}
