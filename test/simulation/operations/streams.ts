// Models of what waits for others, once or again and again: recv, read_multishot, accept, poll, and of zero-copy sends with
// their two completions. Listed in index.ts.
import { CqeFlag, Op, PollFlag, RecvSendFlag, acceptMultishot } from '../../../native/abi.ts'
import { Errno } from '../model.ts'
import type { Kernel, OperationModel, Request } from '../model.ts'
import type { Channel, Listener } from '../world.ts'
import { putPattern } from '../world.ts'
import { describe, readChannel, soon, waitFor } from './support.ts'

const { MORE } = CqeFlag
const POLLIN = 1

/** Posts a shot, or makes it the last: where the CQ is full, and now and then for no reason that a program could know. */
function shotOrLast(kernel: Kernel, request: Request, result: number, cqeFlags: number): boolean {
  if (!kernel.random.chance(kernel.faults.endedAtShot) && kernel.shot(request, result, cqeFlags | MORE)) return true
  kernel.complete(request, result, cqeFlags)
  return false
}

function receiveOn(kernel: Kernel, request: Request, channel: Channel): void {
  const available = channel.sent - channel.received
  if (available === 0 && !channel.ended) {
    waitFor(kernel, request, channel, () => {
      receiveOn(kernel, request, channel)
    })
    return
  }
  if (available === 0) {
    kernel.complete(request, 0)
    return
  }
  const filled = kernel
    .group(request.bufferGroup)
    ?.fill(kernel.random.chance(kernel.faults.short) ? 1 + kernel.random.below(available) : available, (bytes) => {
      putPattern(bytes, channel.id, channel.received)
      channel.received += bytes.length
    })
  if (filled === null || filled === undefined) {
    kernel.complete(request, Errno.ENOBUFS)
    return
  }
  if (shotOrLast(kernel, request, filled.bytes, filled.cqeFlags))
    kernel.later(request, () => {
      receiveOn(kernel, request, channel)
    })
}

const recv: OperationModel = {
  writes: (request) => ({ address: request.address, sizeBytes: request.length }),
  issue: (kernel, request) => {
    const thing = describe(kernel, request)?.thing
    if (thing?.kind !== 'channel') kernel.complete(request, Errno.EBADF)
    else if ((request.ioFlags & RecvSendFlag.RECV_MULTISHOT) !== 0) receiveOn(kernel, request, thing)
    else readChannel(kernel, request, thing)
  },
}

const readMultishot: OperationModel = {
  issue: (kernel, request) => {
    const thing = describe(kernel, request)?.thing
    if (thing?.kind !== 'channel') kernel.complete(request, Errno.EBADF)
    else receiveOn(kernel, request, thing)
  },
}

function acceptOn(kernel: Kernel, request: Request, listener: Listener): void {
  if (listener.pending === 0) {
    waitFor(kernel, request, listener, () => {
      acceptOn(kernel, request, listener)
    })
    return
  }
  listener.pending--
  const fd = kernel.world.open(kernel.world.channel())
  if ((request.ioFlags & acceptMultishot) === 0) kernel.complete(request, fd)
  else if (shotOrLast(kernel, request, fd, 0))
    kernel.later(request, () => {
      acceptOn(kernel, request, listener)
    })
}

const accept: OperationModel = {
  issue: (kernel, request) => {
    const thing = describe(kernel, request)?.thing
    if (thing?.kind === 'listener') acceptOn(kernel, request, thing)
    else kernel.complete(request, Errno.EINVAL)
  },
}

// Level when armed, then an event for every change.
function pollOn(kernel: Kernel, request: Request, channel: Channel): void {
  const again = (): void => {
    waitFor(kernel, request, channel, () => {
      pollOn(kernel, request, channel)
    })
  }
  if (channel.sent === channel.received && !channel.ended) again()
  else if ((request.length & PollFlag.ADD_MULTI) === 0) kernel.complete(request, POLLIN)
  else if (shotOrLast(kernel, request, POLLIN, 0)) again()
}

const pollAdd: OperationModel = {
  issue: (kernel, request) => {
    const thing = describe(kernel, request)?.thing
    if (thing?.kind === 'channel') pollOn(kernel, request, thing)
    else kernel.complete(request, thing === undefined ? Errno.EBADF : POLLIN)
  },
}

// The data is read at some time between the first completion and the notification: as late as it can be.
function sendWithoutCopy(kernel: Kernel, request: Request, channel: Channel): void {
  const { random, faults } = kernel
  if (random.chance(faults.failed)) {
    kernel.complete(request, Errno.EIO)
    return
  }
  const bytes = random.chance(faults.short) ? 1 + random.below(request.length) : request.length
  const notify = (): void => {
    channel.outgoing.push(kernel.memory.at(request.address, bytes).slice())
    kernel.complete(request, 0, CqeFlag.NOTIF)
  }
  kernel.first(request, bytes, MORE)
  kernel.later(request, notify)
}

const sendZc: OperationModel = {
  issue: (kernel, request) => {
    const thing = describe(kernel, request)?.thing
    if (thing?.kind !== 'channel') kernel.complete(request, Errno.EBADF)
    else
      soon(kernel, request, () => {
        sendWithoutCopy(kernel, request, thing)
      })
  },
}

export const streamModels: readonly (readonly [number, OperationModel])[] = [
  [Op.RECV, recv],
  [Op.READ_MULTISHOT, readMultishot],
  [Op.ACCEPT, accept],
  [Op.POLL_ADD, pollAdd],
  [Op.SEND_ZC, sendZc],
]
