// A file that is being uploaded, on a ring: without a name where the file system can do that, until all of it is there. Made by blob-root.ts.
//
//   O_TMPFILE ─► write … ─► fdatasync ─► link to its name │ name taken: link to another ─► rename over it
import type { Stats } from 'node:fs'
import { At, Op } from '../../native/abi.ts'
import { addressOfView } from '../../native/addresses.ts'
import { prepWrite } from '../../native/operations/files.ts'
import { settleWithResult } from '../../workers/completions.ts'
import { ownDescriptor } from '../../workers/owned-descriptors.ts'
import { codeOf } from '../http/http-error.ts'
import { requestLink, requestRename, requestUnlink } from '../link-requests.ts'
import type { RequestHandle } from '../request-handle.ts'
import { closeDescriptor, requestStat, requestSync } from '../requests.ts'
import type { NewFile } from './store.ts'

interface Place {
  readonly folderFd: number
  /** Its own until it is committed. */
  readonly name: Buffer
  /** Whether it has that name. */
  named: boolean
}

export class RingNewFile implements NewFile {
  private readonly handle: RequestHandle
  private readonly fd: number
  private readonly place: Place

  constructor(handle: RequestHandle, fd: number, place: Place) {
    this.handle = handle
    this.fd = fd
    this.place = place
    ownDescriptor(fd)
  }

  write(bytes: Uint8Array, positionBytes: number): Promise<number> {
    const { client } = this.handle
    const slot = client.claim(Op.WRITE, settleWithResult, bytes, null)
    prepWrite(client.words, client.at, 0, this.fd, addressOfView(bytes), bytes.byteLength, positionBytes)
    return client.slots.promise(slot)
  }

  sync(): Promise<void> {
    return requestSync(this.handle, this.fd, true)
  }

  async stat(): Promise<Stats> {
    const target = { dirFd: this.fd, path: '', atFlags: At.EMPTY_PATH, bigint: false, syscall: 'fstat' } as const
    return (await requestStat(this.handle, target)) as Stats
  }

  async commit(name: Buffer, exclusive: boolean): Promise<'created' | 'replaced'> {
    if (await this.linkTo(name, exclusive)) return 'created'
    const { handle, place } = this
    if (!place.named) {
      await requestLink(handle, this.source, place.name, '', place.folderFd)
      place.named = true
    }
    await requestRename(handle, place.name, name, '', place.folderFd)
    place.named = false
    return 'replaced'
  }

  /** Whether the name was free. */
  private async linkTo(name: Buffer, exclusive: boolean): Promise<boolean> {
    const { handle, place } = this
    try {
      await requestLink(handle, this.source, name, '', place.folderFd)
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

  async close(): Promise<void> {
    const { handle, place } = this
    try {
      await closeDescriptor(() => handle, this.fd)
    } finally {
      if (place.named) await requestUnlink(handle, place.name, '', place.folderFd)
    }
  }
}
