// The descriptors that files and sockets of this thread have open. A thread that is terminated runs no code of ours: the addon closes them
// then, as Node does with those of fs.open(), and those that the thread has not heard of yet (SlotTable.descriptors). The end of the main
// thread is the end of the process, which closes everything.
import { isMainThread } from 'node:worker_threads'
import { binding } from '../native/binding.ts'

/** As in native/src/addon.h. `closing`: a request to close it is on its way, whose completion says whether it is this thread's no more. */
const Owned = { no: 0, yes: 1, closing: 2 } as const
const countMin = 1024

let owned = new Uint8Array(0)

/** From now on the descriptor is closed when this thread ends, unless it was let go before. */
export function ownDescriptor(fd: number): void {
  if (isMainThread || fd < 0) return
  if (fd >= owned.length) {
    const grown = new Uint8Array(Math.max(countMin, owned.length * 2, fd + 1))
    grown.set(owned)
    owned = grown
    binding().ownDescriptors(owned)
  }
  owned[fd] = Owned.yes
}

/** Before it is closed: its number may be another's at once. */
export function disownDescriptor(fd: number): void {
  if (fd >= 0 && fd < owned.length) owned[fd] = Owned.no
}

/** Before a request to close it, which may never get to the kernel: descriptorClosed() follows. */
export function descriptorCloses(fd: number): void {
  if (fd >= 0 && fd < owned.length && owned[fd] === Owned.yes) owned[fd] = Owned.closing
}

/** That request is over. The number may be another descriptor's of this thread by now: that stays its own. */
export function descriptorClosed(fd: number): void {
  if (fd >= 0 && fd < owned.length && owned[fd] === Owned.closing) owned[fd] = Owned.no
}
