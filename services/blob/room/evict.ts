// Removes objects that the owner of the accounts has chosen, in an instance: as DELETE does, under the lock of the name, so that nothing that was
// written meanwhile goes with them. Who reads one has it open, and reads it to its end. Called by resident.ts.
import { codeOf } from '../../http/http-error.ts'
import type { WriteContext } from '../put.ts'
import type { StoreFolder } from '../store.ts'
import type { Candidate } from './oldest.ts'
import type { Room } from './room.ts'

const gone: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'EXDEV'])

/** How many of them it has removed. @throws the first error, once nothing is under way any more */
export async function evict(context: WriteContext, room: Room, victims: readonly Candidate[]): Promise<number> {
  context.fence.check()
  const settled = await Promise.allSettled(victims.map((victim) => evictOne(context, room, victim)))
  for (const outcome of settled) if (outcome.status === 'rejected') throw outcome.reason
  return settled.filter((outcome) => outcome.status === 'fulfilled' && outcome.value).length
}

async function evictOne({ store, locks }: WriteContext, room: Room, victim: Candidate): Promise<boolean> {
  const path = Buffer.from(victim.path, 'latin1')
  const slash = path.lastIndexOf('/')
  const name = path.subarray(slash + 1)
  const folder = await openIfThere(() => store.openFolder(path.subarray(0, Math.max(0, slash))))
  if (folder === null) return false
  try {
    return await locks.hold(folder.inode, name, async () => {
      const stats = await folder.stat(name)
      if (stats === null || !stats.isFile() || !isSame(stats, victim)) return false
      await folder.unlink(name)
      room.removed(victim.path, stats.size, true)
      return true
    })
  } finally {
    await folder.close()
  }
}

const isSame = (stats: { readonly ino: number; readonly mtimeMs: number }, victim: Candidate): boolean =>
  stats.ino === victim.inode && Math.floor(stats.mtimeMs) === victim.changedMs

async function openIfThere(open: () => Promise<StoreFolder>): Promise<StoreFolder | null> {
  try {
    return await open()
  } catch (error) {
    if (gone.has(codeOf(error))) return null
    throw error
  }
}
