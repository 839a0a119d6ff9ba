// An open folder of the blob service, on a ring: where files are made, looked at, named and removed. Made by blob-root.ts.
import { constants, fstatSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { At, Resolve } from '../../native/abi.ts'
import { codeOf } from '../http/http-error.ts'
import { requestMakeDirectory, requestUnlink } from '../link-requests.ts'
import { closeOnExec } from '../open-flags.ts'
import type { RequestHandle } from '../request-handle.ts'
import { closeDescriptor, requestOpenBeneath, requestStat } from '../requests.ts'
import type { Folder, GroupSync } from './group-sync.ts'
import { HeldDescriptor } from './held-descriptor.ts'
import { RingNewFile } from './new-file.ts'
import type { NewFile, StoreFolder } from './store.ts'
import { temporaryName } from './temporary-files.ts'

const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY
/** What file systems and kernels say that have no O_TMPFILE: open(2). */
const withoutTmpfile: ReadonlySet<unknown> = new Set(['EOPNOTSUPP', 'ENOTSUP', 'EISDIR', 'EINVAL', 'ENOENT'])
const confined = Resolve.BENEATH | Resolve.NO_MAGICLINKS
const writing = constants.O_WRONLY | closeOnExec
const here = Buffer.from('.')
const modes = { file: 0o666, folder: 0o777 } as const // less the umask

export class RingFolder extends HeldDescriptor implements StoreFolder, Folder {
  readonly device: number
  readonly inode: number
  private readonly syncs: GroupSync

  constructor(handle: RequestHandle, syncs: GroupSync, fd: number) {
    super(handle, fd)
    this.syncs = syncs
    const { dev, ino } = fstatSync(fd) // a microsecond: it has just been opened
    this.device = dev
    this.inode = ino
  }

  async create(): Promise<NewFile> {
    try {
      return this.newFile(await this.openNew(here, O_TMPFILE), temporaryName(), false)
    } catch (error) {
      if (!withoutTmpfile.has(codeOf(error))) throw error
    }
    const name = temporaryName()
    return this.newFile(await this.openNew(name, constants.O_CREAT | constants.O_EXCL), name, true)
  }

  private openNew(name: Buffer, flags: number): Promise<number> {
    return requestOpenBeneath(this.handle, this.fd, name, writing | flags, modes.file, confined)
  }

  private newFile(fd: number, name: Buffer, named: boolean): NewFile {
    return new RingNewFile(this.handle, fd, { folder: this, syncs: this.syncs, name, named })
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
    return this.syncs.syncFolder(this)
  }

  close(): Promise<void> {
    return closeDescriptor(() => this.handle, this.fd)
  }
}
