// readFile(): a whole file, whatever it is. Used by Ringmaster.readFile().
//
// Small files take one chain on a direct descriptor, published at once: open ─LINK► read ─HARDLINK► read. The second read
// proves the end of the file (a short read alone proves it for regular files only, not for pipes or /proc), and no stat is
// needed. The close follows when the result is known, and nobody waits for it: a chain that closed by itself would lose what
// a pipe still holds. Files that are not over after the chain are read on, on the same open file, to their real end:
// large ones, growing ones, pipes, /proc.
import { constants } from 'node:fs'
import { ringErrors } from '../native/errors.ts'
import { FileChain } from './file-chain.ts'
import { readByDescriptor } from './read-by-descriptor.ts'
import type { ReadFileRequest } from './read-by-descriptor.ts'
import type { RequestHandle } from './request-handle.ts'

/** Reads a whole file through `handle`'s ring. */
export function readWholeFile(handle: RequestHandle, request: ReadFileRequest): Promise<Buffer | string> {
  const { leases } = handle
  // A direct descriptor is nobody's to inherit or to share: flags beyond plain reading take the long way.
  if (leases === null || !handle.chainsWhole || request.flags !== constants.O_RDONLY)
    return readByDescriptor(handle, request, 0)
  const lease = leases.tryLease()
  if (lease < 0 && leases.queued >= handle.client.backlogMax) {
    return Promise.reject(ringErrors.backlogFull(handle.client.backlogMax))
  }
  const chain = new FileChain(handle, leases, request)
  if (lease >= 0) chain.start(lease)
  else {
    leases.wait((granted) => {
      chain.start(granted)
    })
  }
  return chain.promise
}
