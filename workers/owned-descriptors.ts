// The descriptors that files of this thread have open. A thread that is terminated runs no code of ours: the addon closes them then,
// as Node does with those of fs.open(). The end of the main thread is the end of the process, which closes everything.
import { isMainThread } from 'node:worker_threads'
import { binding } from '../native/binding.ts'

const wordsMin = 32

/** A bit for each descriptor. */
let owned = new Uint32Array(0)

/** From now on the descriptor is closed when this thread ends, unless it was let go before. */
export function ownDescriptor(fd: number): void {
  if (isMainThread || fd < 0) return
  const word = fd >>> 5
  if (word >= owned.length) {
    const grown = new Uint32Array(Math.max(wordsMin, owned.length * 2, word + 1))
    grown.set(owned)
    owned = grown
    binding().ownDescriptors(owned)
  }
  owned[word]! |= 1 << (fd & 31)
}

/** Before it is closed: its number may be another's at once. */
export function disownDescriptor(fd: number): void {
  const word = fd >>> 5
  if (fd >= 0 && word < owned.length) owned[word]! &= ~(1 << (fd & 31))
}
