// A file that is being uploaded, on a ring: without a name where the file system can do that, until all of it is there. Made by
// ring-folder.ts.
//
//   O_TMPFILE ─► write … ─► sync ─► link to its name │ name taken: link to another ─► rename over it ─► sync of name and inode
import { fstatSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { At, Op } from '../../native/abi.ts'
import { addressOfView } from '../../native/addresses.ts'
import { prepWrite } from '../../native/operations/files.ts'
import { settleWithResult } from '../../workers/completions.ts'
import { codeOf, httpError } from '../http/http-error.ts'
import { requestLink, requestRename, requestUnlink } from '../link-requests.ts'
import type { RequestHandle } from '../request-handle.ts'
import { closeDescriptor, requestStat } from '../requests.ts'
import type { Folder, GroupSync } from './group-sync.ts'
import { HeldDescriptor } from './held-descriptor.ts'
import type { Committed, NewFile } from './store.ts'

const created: Committed = { outcome: 'created', replacedBytes: null }

interface Place {
  readonly folder: Folder
  readonly syncs: GroupSync
  /** Its own until it is committed. */
  readonly name: Buffer
  /** Whether it has that name. */
  named: boolean
}

export class RingNewFile extends HeldDescriptor implements NewFile {
  private readonly place: Place

  constructor(handle: RequestHandle, fd: number, place: Place) {
    super(handle, fd)
    this.place = place
  }

  write(bytes: Uint8Array, positionBytes: number): Promise<number> {
    const { client } = this.handle
    const slot = client.claim(Op.WRITE, settleWithResult, bytes, null)
    prepWrite(client.words, client.at, 0, this.fd, addressOfView(bytes), bytes.byteLength, positionBytes)
    return client.slots.promise(slot)
  }

  sync(): Promise<void> {
    return this.place.syncs.syncFile(this.place.folder, this.fd)
  }

  /** By a system call: its inode is in memory, as long as it is open. */
  stat(): Promise<Stats> {
    return Promise.resolve(fstatSync(this.fd))
  }

  async commit(name: Buffer, exclusive: boolean): Promise<Committed> {
    if (await this.linkTo(name, exclusive)) return created
    const { handle, place } = this
    const folderFd = place.folder.fd
    const replacedBytes = await this.checkReplaceable(name)
    if (!place.named) {
      await requestLink(handle, this.source, place.name, '', folderFd)
      place.named = true
    }
    await requestRename(handle, place.name, name, '', folderFd)
    place.named = false
    return { outcome: 'replaced', replacedBytes }
  }

  /** rename(2) would replace a FIFO or a socket, too. The size of the file that is there; null where there is none. */
  private async checkReplaceable(name: Buffer): Promise<number | null> {
    const dirFd = this.place.folder.fd
    const target = { dirFd, path: name, atFlags: At.SYMLINK_NOFOLLOW, bigint: false, syscall: 'lstat' } as const
    const stats = await requestStat(this.handle, target).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return null // removed meanwhile
      throw error
    })
    if (stats !== null && !stats.isFile() && !stats.isSymbolicLink()) throw httpError(409, 'not a regular file')
    return stats?.isFile() === true ? (stats as Stats).size : null
  }

  /** Whether the name was free. */
  private async linkTo(name: Buffer, exclusive: boolean): Promise<boolean> {
    try {
      await requestLink(this.handle, this.source, name, '', this.place.folder.fd)
      return true
    } catch (error) {
      if (codeOf(error) !== 'EEXIST' || exclusive) throw error
      return false
    }
  }

  /** What a link is made of: linkat(2) follows it to the file. */
  private get source(): Buffer {
    return this.place.named ? this.place.name : Buffer.from(`/proc/self/fd/${this.fd}`)
  }

  syncName(): Promise<void> {
    return this.place.syncs.syncName(this.place.folder, this.fd)
  }

  async close(): Promise<void> {
    const { handle, place } = this
    try {
      await closeDescriptor(() => handle, this.fd)
    } finally {
      if (place.named) await requestUnlink(handle, place.name, '', place.folder.fd)
    }
  }
}
