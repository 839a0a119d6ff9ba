// The root of the blob service on a ring: one open directory below which everything is opened, made, renamed and removed, and which can be
// opened anew while requests run. Used by resident.ts.
import { constants } from 'node:fs'
import { Resolve } from '../../native/abi.ts'
import type { RingHandle } from '../../workers/ring-handle.ts'
import type { RingFile } from '../file.ts'
import { codeOf } from '../http/http-error.ts'
import type { StoredFile } from '../http/storage.ts'
import { closeOnExec } from '../open-flags.ts'
import type { RequestHandle } from '../request-handle.ts'
import { requestOpenBeneath } from '../requests.ts'
import { retryAgain } from '../retry-again.ts'
import type { Ringmaster } from '../ringmaster.ts'
import { FileSystemSync } from './file-system-sync.ts'
import { GroupSync } from './group-sync.ts'
import { RingFolder } from './ring-folder.ts'
import { ServedFile } from './served-file.ts'
import type { BlobStore, StoreFolder } from './store.ts'

const rootFlags = constants.O_RDONLY | constants.O_DIRECTORY
const confined = Resolve.BENEATH | Resolve.NO_MAGICLINKS
const folderFlags = constants.O_RDONLY | constants.O_DIRECTORY | closeOnExec
const here = Buffer.from('.')
const slash = Buffer.from('/')

export class BlobRoot implements BlobStore {
  private readonly rings: Ringmaster
  private readonly path: string
  private directory: RingFile
  private syncs: GroupSync

  /** @throws (rejects) as open(2) */
  static async open(rings: Ringmaster, path: string): Promise<BlobRoot> {
    return new BlobRoot(rings, path, await rings.open(path, rootFlags))
  }

  private constructor(rings: Ringmaster, path: string, directory: RingFile) {
    this.rings = rings
    this.path = path
    this.directory = directory
    this.syncs = this.syncsOf(directory)
  }

  private syncsOf({ fd }: RingFile): GroupSync {
    return new GroupSync(this.handle, FileSystemSync.of(fd))
  }

  async open(path: Buffer, flags: number): Promise<StoredFile> {
    return new ServedFile(this.handle, await this.openBeneath(path, flags | closeOnExec))
  }

  async openFolder(path: Buffer): Promise<StoreFolder> {
    return new RingFolder(this.handle, this.syncs, await this.openBeneath(path.length === 0 ? here : path, folderFlags))
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
    this.directory = await this.rings.open(this.path, rootFlags)
    const { syncs } = this
    this.syncs = this.syncsOf(this.directory)
    await syncs.close()
    await old.close() // behind the requests that have it
  }

  async close(): Promise<void> {
    await this.syncs.close()
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
