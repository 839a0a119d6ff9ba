// The root of the blob service on a ring: one open directory below which everything is opened, made, renamed and removed, and which can be
// opened anew while requests run. Used by resident.ts.
import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import type { Stats } from 'node:fs'
import { At, Resolve } from '../../native/abi.ts'
import { ownDescriptor } from '../../workers/owned-descriptors.ts'
import type { RingHandle } from '../../workers/ring-handle.ts'
import type { RingFile } from '../file.ts'
import { codeOf } from '../http/http-error.ts'
import type { StoredFile } from '../http/storage.ts'
import { requestMakeDirectory, requestUnlink } from '../link-requests.ts'
import { closeOnExec } from '../open-flags.ts'
import type { RequestHandle } from '../request-handle.ts'
import { closeDescriptor, requestOpenBeneath, requestStat, requestSync } from '../requests.ts'
import { retryAgain } from '../retry-again.ts'
import type { Ringmaster } from '../ringmaster.ts'
import { RingNewFile } from './new-file.ts'
import { ServedFile } from './served-file.ts'
import type { BlobStore, NewFile, StoreFolder } from './store.ts'

const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY
/** What file systems and kernels say that have no O_TMPFILE: open(2). */
const withoutTmpfile: ReadonlySet<unknown> = new Set(['EOPNOTSUPP', 'ENOTSUP', 'EISDIR', 'EINVAL', 'ENOENT'])
const confined = Resolve.BENEATH | Resolve.NO_MAGICLINKS
const folderFlags = constants.O_RDONLY | constants.O_DIRECTORY | closeOnExec
const here = Buffer.from('.')
const slash = Buffer.from('/')
const modes = { file: 0o666, folder: 0o777 } as const // less the umask

export class BlobRoot implements BlobStore {
  private readonly rings: Ringmaster
  private readonly path: string
  private directory: RingFile

  /** @throws (rejects) as open(2) */
  static async open(rings: Ringmaster, path: string): Promise<BlobRoot> {
    return new BlobRoot(rings, path, await rings.open(path, constants.O_RDONLY | constants.O_DIRECTORY))
  }

  private constructor(rings: Ringmaster, path: string, directory: RingFile) {
    this.rings = rings
    this.path = path
    this.directory = directory
  }

  async open(path: Buffer, flags: number): Promise<StoredFile> {
    return new ServedFile(this.handle, await this.openBeneath(path, flags | closeOnExec))
  }

  async openFolder(path: Buffer): Promise<StoreFolder> {
    return new RingFolder(this.handle, await this.openBeneath(path.length === 0 ? here : path, folderFlags))
  }

  /** Of a thread that joined: its only ring. */
  private get handle(): RingHandle {
    return this.rings.rings.handles[0]!
  }

  private openBeneath(path: Buffer, flags: number): Promise<number> {
    const { directory } = this
    const open = (handle: RequestHandle): Promise<number> =>
      requestOpenBeneath(handle, directory.fd, path, flags, 0, confined)
    return retryAgain(() => directory.tracked('open', open))
  }

  async makeFolder(path: Buffer, syncs: ((folder: StoreFolder) => Promise<void>) | null): Promise<StoreFolder> {
    const found = await openIfThere(() => this.openFolder(path))
    if (found !== null) return found
    // From the root, a name at a time: what a link within the root leads to is where the next one is made.
    let folder = (await this.openFolder(Buffer.alloc(0))) as RingFolder
    try {
      for (let end = path.indexOf(slash); ; end = path.indexOf(slash, end + 1)) {
        const upTo = path.subarray(0, end === -1 ? path.length : end)
        const next = await this.makeOne(folder, upTo, syncs)
        await folder.close()
        folder = next
        if (end === -1) return folder
      }
    } catch (error) {
      await folder.close()
      throw error
    }
  }

  private async makeOne(
    parent: RingFolder,
    path: Buffer,
    syncs: ((folder: StoreFolder) => Promise<void>) | null,
  ): Promise<RingFolder> {
    const found = await openIfThere(() => this.openFolder(path))
    if (found !== null) return found as RingFolder
    await parent.makeFolder(path.subarray(path.lastIndexOf(slash) + 1))
    await syncs?.(parent)
    return (await this.openFolder(path)) as RingFolder
  }

  /** Follows the path again. If it cannot be opened, the old one stays. @throws (rejects) as open(2) */
  async reopen(): Promise<void> {
    const old = this.directory
    this.directory = await this.rings.open(this.path, constants.O_RDONLY | constants.O_DIRECTORY)
    await old.close() // behind the requests that have it
  }

  async close(): Promise<void> {
    await this.directory.close()
  }
}

async function openIfThere(open: () => Promise<StoreFolder>): Promise<StoreFolder | null> {
  try {
    return await open()
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw error
  }
}

class RingFolder implements StoreFolder {
  readonly fd: number
  private readonly handle: RequestHandle

  constructor(handle: RequestHandle, fd: number) {
    this.handle = handle
    this.fd = fd
    ownDescriptor(fd)
  }

  async create(): Promise<NewFile> {
    const { handle } = this
    const writing = constants.O_WRONLY | closeOnExec
    const open = (name: Buffer, flags: number): Promise<number> =>
      requestOpenBeneath(handle, this.fd, name, writing | flags, modes.file, confined)
    try {
      return new RingNewFile(handle, await open(here, O_TMPFILE), {
        folderFd: this.fd,
        name: temporaryName(),
        named: false,
      })
    } catch (error) {
      if (!withoutTmpfile.has(codeOf(error))) throw error
    }
    const name = temporaryName()
    const fd = await open(name, constants.O_CREAT | constants.O_EXCL)
    return new RingNewFile(handle, fd, { folderFd: this.fd, name, named: true })
  }

  async stat(name: Buffer): Promise<Stats | null> {
    const target = { dirFd: this.fd, path: name, atFlags: At.SYMLINK_NOFOLLOW, bigint: false, syscall: 'stat' } as const
    try {
      return (await requestStat(this.handle, target)) as Stats
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return null
      throw error
    }
  }

  /** It may be there meanwhile: whoever else needed it has made it. */
  async makeFolder(name: Buffer): Promise<void> {
    try {
      await requestMakeDirectory(this.handle, this.fd, name, modes.folder, '')
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
    }
  }

  unlink(name: Buffer): Promise<void> {
    return requestUnlink(this.handle, name, '', this.fd)
  }

  sync(): Promise<void> {
    return requestSync(this.handle, this.fd, false)
  }

  close(): Promise<void> {
    return closeDescriptor(() => this.handle, this.fd)
  }
}

/** Of temporary files that have one: it is not served, nor listed, and what a crash leaves is told by it. */
function temporaryName(): Buffer {
  return Buffer.from(`.ringmaster-${randomBytes(8).toString('hex')}.tmp`)
}
