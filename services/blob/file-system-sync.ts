// syncfs(2): one call makes everything durable that has been written to a file system. io_uring has no request for it, so a thread of the
// addon's carries it out. Used by group-sync.ts.
import { accessSync, closeSync, constants, openSync, statSync, statfsSync } from 'node:fs'
import { release } from 'node:os'
import { binding, callNumbersEach } from '../../native/binding.ts'
import type { EventWatcher, Executor } from '../../native/binding.ts'
import { kernelError } from '../../native/errors.ts'
import { isPlain } from '../../native/plain/binding.ts'
import { codeOf } from '../http/http-error.ts'
import type { SyncAll } from './group-sync.ts'

const Magic = { ext4: 0xef53, xfs: 0x5846_5342, btrfs: 0x9123_683e } as const
/** Where it is known to make data, names and inodes durable, as fsync(2) does. Elsewhere (overlayfs, FUSE, NFS, …) some do not even pass it on. */
const known: ReadonlySet<number> = new Set(Object.values(Magic))

/** Before 5.8 syncfs(2) says that all is well when data could not be written, and before 5.17 when names and inodes could not. */
function tellsErrors(): boolean {
  const [major = 0, minor = 0] = release()
    .split('.')
    .map((part) => Number.parseInt(part, 10))
  return major > 5 || (major === 5 && minor >= 17)
}

export class FileSystemSync implements SyncAll {
  readonly device: number
  /** ext4 without a journal writes its metadata last, behind its own flush. */
  readonly needsFlush: boolean
  private readonly path: string
  private readonly executor: Executor
  private readonly watcher: EventWatcher
  private readonly call = new Float64Array(callNumbersEach)
  private readonly results = new Float64Array(2)
  private running: ((result: number) => void) | null = null

  /** null where one sync of all is no substitute for one of each. `fd`: of a directory there. */
  static of(fd: number): FileSystemSync | null {
    if (isPlain() || !tellsErrors()) return null
    const path = `/proc/self/fd/${fd}`
    const { type } = statfsSync(path)
    return known.has(type) ? new FileSystemSync(path, type) : null
  }

  private constructor(path: string, type: number) {
    const addon = binding()
    this.device = statSync(path).dev
    this.needsFlush = type === Magic.ext4
    // Whatever fails from now on, the next sync tells.
    const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY)
    const eventFd = addon.eventfd()
    if (eventFd < 0) {
      closeSync(fd)
      throw kernelError(eventFd, 'eventfd')
    }
    this.call[1] = addon.callNumbers().syncfs
    this.call[2] = fd
    this.path = `/proc/self/fd/${fd}`
    this.executor = new addon.Executor(eventFd, 1, Int32Array.of(eventFd, fd))
    this.watcher = new addon.Watcher(eventFd, () => {
      if (this.executor.finished(this.results) > 0) this.running?.(this.results[1]!)
    })
  }

  /** @throws (rejects) what the kernel says */
  async run(): Promise<void> {
    this.watcher.ref()
    const result = await new Promise<number>((resolve) => {
      this.running = resolve
      this.executor.run(this.call, 1)
    })
    this.watcher.unref()
    this.running = null
    if (result < 0) throw kernelError(result, 'syncfs')
    this.checkWritable()
  }

  /**
   * A file system that has failed may have become a read-only one (btrfs, ext4), and of that syncfs(2) says that all is well, without a look:
   * whatever it is that could not be written. access(2) tells it before it tells anything of permissions.
   */
  private checkWritable(): void {
    try {
      accessSync(this.path, constants.W_OK)
    } catch (error) {
      if (codeOf(error) === 'EROFS') throw error
    }
  }

  close(): void {
    this.watcher.close()
    this.executor.close()
  }
}
