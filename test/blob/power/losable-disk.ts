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

const mib = 2 ** 20

export const diskKinds = {
  ext4: { make: ['mkfs.ext4', '-q', '-F'], repair: null, mebibytes: 192 },
  xfs: { make: ['mkfs.xfs', '-q', '-f'], repair: null, mebibytes: 320 },
  btrfs: { make: ['mkfs.btrfs', '-q', '-f'], repair: null, mebibytes: 256 },
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

export class LosableDisk implements Disposable {
  /** Where the file system under test is mounted. */
  readonly path: string
  private readonly kind: DiskKind
  private readonly lower: string
  private readonly lowerImage: string
  private readonly image: string
  private mounted: string[] = []

  /** @throws where this may not be done, or there is no such mkfs */
  constructor(folder: string, kind: DiskKind) {
    const { make, mebibytes } = diskKinds[kind]
    this.kind = kind
    this.lowerImage = join(folder, 'disk.image')
    this.lower = join(folder, 'disk')
    this.image = join(this.lower, 'image')
    this.path = join(folder, 'mounted')
    for (const path of [this.lower, this.path]) mkdirSync(path)
    writeFileSync(this.lowerImage, '')
    truncateSync(this.lowerImage, (mebibytes + 64) * mib)
    run('mkfs.ext4', '-q', '-F', this.lowerImage)
    this.mount(this.lowerImage, this.lower)
    try {
      // All of it is written once: what is written later is in its place already, as on a disk.
      writeFileSync(this.image, Buffer.alloc(mebibytes * mib))
      run(make[0], ...make.slice(1), this.image)
      run('sync', '-f', this.image)
      this.mount(this.image, this.path)
    } catch (error) {
      this[Symbol.dispose]()
      throw error
    }
  }

  private mount(image: string, path: string): void {
    run('mount', '-o', 'loop', image, path)
    this.mounted.unshift(path)
  }

  private unmountAll(): void {
    for (const path of this.mounted.splice(0)) run('umount', path)
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
  restorePower(): void {
    this.unmountAll()
    this.mount(this.lowerImage, this.lower)
    const { repair } = diskKinds[this.kind]
    if (repair !== null) runRepair(repair[0], ...repair.slice(1), this.image)
    this.mount(this.image, this.path)
  }

  [Symbol.dispose](): void {
    this.unmountAll()
  }
}

/** Exit code 1: there was something to repair. */
function runRepair(command: string, ...parameters: readonly string[]): void {
  try {
    run(command, ...parameters)
  } catch (error) {
    if (!(error instanceof Error && 'status' in error && error.status === 1)) throw error
  }
}
