// A disk whose power can be taken away, with what was in its write cache. Used by power.test.ts; needs root and two loop devices.
//
//   file system under test ─► loop device ─► a file on ext4 ─► loop device ─► a file of this machine
//            "the disk": its cache is that file's page cache; a flush is an fsync of it ┘
//
// The lower ext4 is shut down without its log (EXT4_IOC_SHUTDOWN, the kernel's own way to try a loss of power): what nobody had flushed is
// gone, as from a disk's cache, for the kernel writes none of it any more. What it had written back by itself stays, as with a disk.
import { execFileSync } from 'node:child_process'
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const mib = 2 ** 20

export const diskKinds = {
  ext4: { make: ['mkfs.ext4', '-q', '-F'], repair: null, mebibytes: 192 },
  xfs: { make: ['mkfs.xfs', '-q', '-f'], repair: null, mebibytes: 320 },
  btrfs: { make: ['mkfs.btrfs', '-q', '-f'], repair: null, mebibytes: 256 },
  // Not in the usual run: the name of an object that is being replaced may be gone afterwards, with what it had been (one of 60 times), since
  // nothing there orders the old inode's end behind the folder's new entry.
  'ext4 without a journal': {
    make: ['mkfs.ext4', '-q', '-F', '-O', '^has_journal'],
    repair: ['e2fsck', '-f', '-y'],
    mebibytes: 192,
  },
} as const
export type DiskKind = keyof typeof diskKinds

const run = (command: string, ...parameters: readonly string[]): string =>
  execFileSync(command, parameters, { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' })

/** _IOR('X', 125, __u32), EXT4_GOING_FLAGS_NOLOGFLUSH. */
const shutDown = `open(my $folder, '<', $ARGV[0]) or die "$!"; my $how = pack('L', 2); ioctl($folder, 0x8004587d, $how) or die "$!"`

export class LosableDisk implements AsyncDisposable {
  /** Where the file system under test is mounted. */
  readonly path: string
  private readonly kind: DiskKind
  private readonly lower: string
  private readonly lowerImage: string
  private readonly image: string
  private mounted: string[] = []

  /** @throws (rejects) where this may not be done, or there is no such mkfs */
  static async make(folder: string, kind: DiskKind): Promise<LosableDisk> {
    const disk = new LosableDisk(folder, kind)
    try {
      disk.fill()
      return disk
    } catch (error) {
      await disk.unmountAll()
      throw error
    }
  }

  private constructor(folder: string, kind: DiskKind) {
    this.kind = kind
    this.lowerImage = join(folder, 'disk.image')
    this.lower = join(folder, 'disk')
    this.image = join(this.lower, 'image')
    this.path = join(folder, 'mounted')
    for (const path of [this.lower, this.path]) mkdirSync(path)
  }

  private fill(): void {
    const { make, mebibytes } = diskKinds[this.kind]
    writeFileSync(this.lowerImage, '')
    truncateSync(this.lowerImage, (mebibytes + 64) * mib)
    run('mkfs.ext4', '-q', '-F', this.lowerImage)
    this.mount(this.lowerImage, this.lower)
    // All of it is written once: what is written later is in its place already, as on a disk.
    writeFileSync(this.image, Buffer.alloc(mebibytes * mib))
    run(make[0], ...make.slice(1), this.image)
    run('sync', '-f', this.image)
    this.mount(this.image, this.path)
  }

  private mount(image: string, path: string): void {
    run('mount', '-o', 'loop', image, path)
    this.mounted.unshift(path)
  }

  private async unmountAll(): Promise<void> {
    for (let path = this.mounted[0]; path !== undefined; path = this.mounted[0]) {
      await unmount(path)
      this.mounted.shift()
    }
  }

  /** What is there so far stays. */
  sync(): void {
    run('sync', '-f', this.path)
  }

  /** From now on nothing reaches the disk. */
  losePower(): void {
    run('perl', '-e', shutDown, this.lower)
  }

  /** Once nobody has anything open: mounted again, as a machine does that starts. */
  async restorePower(): Promise<void> {
    await this.unmountAll()
    this.mount(this.lowerImage, this.lower)
    const { repair } = diskKinds[this.kind]
    if (repair !== null) runRepair(repair[0], ...repair.slice(1), this.image)
    this.mount(this.image, this.path)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.unmountAll()
  }
}

/** A loop device lets go of its file some time after it was unmounted, and one that is still there would be taken once more. */
async function unmount(path: string): Promise<void> {
  const device = run('findmnt', '-n', '-o', 'SOURCE', path).trim()
  for (let attempt = 0; ; attempt++) {
    try {
      run('umount', path)
      break
    } catch (error) {
      if (attempt === 50) throw error
      await sleep(100)
    }
  }
  for (let attempt = 0; attempt < 50 && isInUse(device); attempt++) await sleep(100)
}

const isInUse = (device: string): boolean => run('losetup', '-n', '-l', '-O', 'NAME').split(/\s+/).includes(device)

/** Exit code 1: there was something to repair. */
function runRepair(command: string, ...parameters: readonly string[]): void {
  try {
    run(command, ...parameters)
  } catch (error) {
    if (!(error instanceof Error && 'status' in error && error.status === 1)) throw error
  }
}
