// A descriptor that belongs to an object of this thread: closed with the thread, unless it was let go before. Base of served-file.ts,
// ring-folder.ts and new-file.ts.
import { ownDescriptor } from '../../workers/owned-descriptors.ts'
import type { RequestHandle } from '../request-handle.ts'

export class HeldDescriptor<Handle extends RequestHandle = RequestHandle> {
  readonly fd: number
  protected readonly handle: Handle

  /** Takes over the descriptor. */
  constructor(handle: Handle, fd: number) {
    this.handle = handle
    this.fd = fd
    ownDescriptor(fd)
  }
}
