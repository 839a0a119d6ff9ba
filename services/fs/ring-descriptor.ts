// What stands in a FileHandle for the native object that Node has there, where a ring has opened the file: a descriptor that a ring closes. Made by
// file-handle.ts.
import { AsyncResource } from 'node:async_hooks'
import { closeSync } from 'node:fs'
import { disownDescriptor, ownDescriptor } from '../../workers/owned-descriptors.ts'
import { closeDescriptor } from '../requests.ts'
import type { Router } from '../request-handle.ts'

/** As Node does with its own: it warns, since nobody should count on it. */
const lost = new FinalizationRegistry<RingDescriptor>((descriptor) => {
  const { fd } = descriptor
  void descriptor.close().catch(() => undefined)
  process.emitWarning(`Closing file descriptor ${fd} on garbage collection`)
  process.emitWarning(
    'Closing a FileHandle object on garbage collection is deprecated. Please close FileHandle objects explicitly using FileHandle.prototype.close(). In the future, an error will be thrown if a file descriptor is closed during garbage collection.',
    'DeprecationWarning',
    'DEP0137',
  )
})

export class RingDescriptor {
  fd: number
  private readonly router: Router
  private resource: AsyncResource | null = null

  constructor(router: Router, fd: number) {
    this.router = router
    this.fd = fd
    if (fd < 0) return
    ownDescriptor(fd)
    router.files.opened++
  }

  /** When `handle` is forgotten without close(), this is closed. */
  closeWith(handle: object): void {
    lost.register(handle, this, this)
  }

  async close(): Promise<void> {
    const fd = this.taken()
    if (fd >= 0) await closeDescriptor(() => this.router.pick(), fd)
  }

  /** For what Node does at once (`kCloseSync`). */
  closeSync(): void {
    const fd = this.taken()
    if (fd < 0) return
    disownDescriptor(fd)
    closeSync(fd)
  }

  private taken(): number {
    const { fd } = this
    this.fd = -1
    if (fd < 0) return fd
    lost.unregister(this)
    this.router.files.closed++ // whatever close(2) says, the descriptor is gone
    return fd
  }

  /** For async_hooks: made when it is asked for. */
  getAsyncId(): number {
    this.resource ??= new AsyncResource('FILEHANDLE')
    return this.resource.asyncId()
  }
}
