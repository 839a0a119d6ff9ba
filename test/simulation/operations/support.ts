// What the models of operations share: descriptors, when something happens, and reading what a channel holds.
import { SqeFlag } from '../../../native/abi.ts'
import { Errno } from '../model.ts'
import type { Kernel, Request } from '../model.ts'
import type { Channel, Description, Listener } from '../world.ts'
import { putPattern } from '../world.ts'

/** What the request's descriptor stands for: looked up when it starts, as for linked requests. */
export function describe(kernel: Kernel, request: Request): Description | undefined {
  const { world } = kernel
  return (request.sqeFlags & SqeFlag.FIXED_FILE) === 0
    ? world.descriptors.get(request.fd)
    : world.direct.get(request.fd)
}

/** Now or at some later step. */
export function soon(kernel: Kernel, request: Request, run: () => void): void {
  if (kernel.random.chance(kernel.faults.inline)) run()
  else kernel.later(request, run)
}

/** Calls `look` whenever something happens to `thing`, until the request is over or `look` runs. */
export function waitFor(kernel: Kernel, request: Request, thing: Channel | Listener, look: () => void): void {
  thing.waiting.set(request, () => {
    thing.waiting.delete(request)
    kernel.later(request, look)
  })
  kernel.wait(request, () => thing.waiting.delete(request))
}

/** A single read or receive: waits for data or the end. */
export function readChannel(kernel: Kernel, request: Request, channel: Channel): void {
  const available = channel.sent - channel.received
  if (available === 0) {
    if (channel.ended) kernel.complete(request, 0)
    else
      waitFor(kernel, request, channel, () => {
        readChannel(kernel, request, channel)
      })
    return
  }
  soon(kernel, request, () => {
    // Another request may have been here meanwhile.
    const bytes = Math.min(request.length, channel.sent - channel.received)
    if (bytes === 0 && request.length > 0 && !channel.ended) {
      readChannel(kernel, request, channel)
      return
    }
    if (kernel.random.chance(kernel.faults.failed)) {
      kernel.complete(request, Errno.EIO)
      return
    }
    putPattern(kernel.memory.at(request.address, bytes), channel.id, channel.received)
    channel.received += bytes
    kernel.complete(request, bytes)
  })
}
