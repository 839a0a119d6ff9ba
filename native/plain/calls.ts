// System calls on files, as node:fs has them: what the `threadpool` poller asks for by name and number, carried out by libuv's
// threads. Used by jobs.ts. Arguments are those of the system call, addresses are PlainMemory's.
import * as fs from 'node:fs'
import { resolve } from 'node:path'
import { At, OpenHow, Resolve } from '../abi.ts'
import type { CallName } from '../binding.ts'
import { openBeneath } from './beneath.ts'
import { errnoOf, failure } from './errno.ts'
import type { PlainMemory } from './memory.ts'
import { putStatx } from './statx.ts'

const ENXIO = -6
const EAGAIN = -11
const ESPIPE = -29
const AT_REMOVEDIR = 0x200
const O_CLOEXEC = 0o2000000
const iovecBytes = 16
const vectorsMax = 1024
const statxBytes = 256
/** Windows has none, whatever the types say. */
const nonBlocking = Number(Reflect.get(fs.constants, 'O_NONBLOCK') ?? 0)
/** O_ACCMODE */
const accessMode = 3

interface Opened {
  /** Where it is: only Linux finds a path below a descriptor. */
  readonly path: Buffer
  /** Whoever opened it expects to wait. */
  readonly patient: boolean
  /** It may be a FIFO from which nothing has come. */
  unwritten: boolean
}

/** Six arguments of a system call, from `at`. */
export type Arguments = Float64Array
/** Takes a result: zero or more, or -errno. `notYet`: it would have waited for somebody else, and is to be begun again. */
type Done = (result: number, notYet?: boolean) => void
/** Throws, or calls `done` later, once. */
export type PlainCall = (args: Arguments, done: Done) => void

type Moves = (error: Error | null, count: number) => void

export class PlainCalls {
  readonly byName: Readonly<Partial<Record<CallName, PlainCall>>>
  private readonly memory: PlainMemory
  /** What was opened here, by descriptor. */
  private readonly opened = new Map<number, Opened>()

  constructor(memory: PlainMemory) {
    this.memory = memory
    this.byName = {
      openat: (args, done) => {
        this.open(this.path(args, 0), args[2]!, args[3]!, done)
      },
      openat2: (args, done) => {
        this.openConfined(args, done)
      },
      close: ([fd], done) => {
        this.opened.delete(fd!)
        fs.close(fd!, plainly(done))
      },
      preadv2: (args, done) => {
        this.move(args, done, (fd, views, position, moved) => {
          if (views.length === 1) fs.read(fd, views[0]!, 0, views[0]!.length, position, moved)
          else fs.readv(fd, views, position, moved)
        })
      },
      pwritev2: (args, done) => {
        this.move(args, done, (fd, views, position, moved) => {
          if (views.length === 1) fs.write(fd, views[0]!, 0, views[0]!.length, position, moved)
          else fs.writev(fd, views, position, moved)
        })
      },
      statx: (args, done) => {
        this.stat(args, done)
      },
      fsync: ([fd], done) => {
        fs.fsync(fd!, plainly(done))
      },
      fdatasync: ([fd], done) => {
        fs.fdatasync(fd!, plainly(done))
      },
      ftruncate: ([fd, length], done) => {
        fs.ftruncate(fd!, length, plainly(done))
      },
      mkdirat: (args, done) => {
        fs.mkdir(this.path(args, 0), { mode: args[2]! }, plainly(done))
      },
      unlinkat: (args, done) => {
        if ((args[2]! & ~AT_REMOVEDIR) !== 0) throw failure('EINVAL')
        const remove = args[2] === AT_REMOVEDIR ? fs.rmdir : fs.unlink
        remove(this.path(args, 0), plainly(done))
      },
      renameat2: (args, done) => {
        if (args[4] !== 0) throw failure('EINVAL') // node:fs has no way to exchange two files, nor not to replace one
        fs.rename(this.path(args, 0), this.path(args, 2), plainly(done))
      },
      linkat: (args, done) => {
        if (args[4] !== 0) throw failure('EINVAL')
        fs.link(this.path(args, 0), this.path(args, 2), plainly(done))
      },
      symlinkat: (args, done) => {
        fs.symlink(this.text(args[0]!), this.path(args, 1), plainly(done))
      },
    }
  }

  /** A descriptor was closed in another way. */
  closed(fd: number): void {
    this.opened.delete(fd)
  }

  private text(address: number): Buffer {
    const text = this.memory.text(address)
    if (text === null) throw failure('EFAULT')
    if (text.length === 0) throw failure('ENOENT')
    return text
  }

  /** A path and the directory that it begins at, arguments `at` and `at` + 1. */
  private path(args: Arguments, at: number): Buffer {
    const text = this.text(args[at + 1]!)
    const fd = args[at]!
    if (fd === At.FDCWD || text[0] === 0x2f) return text
    return Buffer.concat([this.directory(fd), Buffer.from('/'), text])
  }

  private directory(fd: number): Buffer {
    if (fd < 0) throw failure('EBADF')
    if (process.platform === 'linux') return Buffer.from(`/proc/self/fd/${fd}`)
    const known = this.opened.get(fd)
    if (known === undefined) throw failure('EBADF')
    return known.path
  }

  // A thread of libuv's that waits for a FIFO's other end could not be called back, and with four of them all files of the process
  // would stand still. So what is opened here never waits (to files of a disk that means nothing), and what would is tried again.
  private open(path: Buffer, flags: number, mode: number, done: Done): void {
    const patient = (flags & nonBlocking) === 0 && nonBlocking !== 0
    // Node opens everything close-on-exec.
    fs.open(path, (flags & ~O_CLOEXEC) | nonBlocking, mode & 0o7777, (error, fd) => {
      if (error === null) {
        const readOnly = (flags & accessMode) === fs.constants.O_RDONLY
        this.opened.set(fd, { path: absolute(path), patient, unwritten: patient && readOnly })
        done(fd)
        return
      }
      const result = errnoOf(error)
      if (result !== ENXIO || !patient) done(result)
      else
        fs.stat(path, (failed, stats) => {
          done(ENXIO, failed === null && stats.isFIFO()) // nobody reads it yet
        })
    })
  }

  private openConfined(args: Arguments, done: Done): void {
    const how = this.memory.bytes(args[2]!, OpenHow.sizeBytes)
    if (how === null) throw failure('EFAULT')
    const flags = how.readUInt32LE(OpenHow.flags) & ~O_CLOEXEC
    const mode = how.readUInt32LE(OpenHow.mode)
    const resolution = how.readUInt32LE(OpenHow.resolve)
    if (resolution === 0) {
      this.open(this.path(args, 0), flags, mode, done)
      return
    }
    // NO_MAGICLINKS goes along: what is walked by names has none.
    if ((resolution & ~Resolve.NO_MAGICLINKS) !== Resolve.BENEATH) throw failure('EINVAL')
    const rootFd = args[0]!
    const root = rootFd === At.FDCWD ? Buffer.from('.') : this.directory(rootFd)
    openBeneath({ root, rootFd, path: this.text(args[1]!), flags, mode }).then(done, (error: unknown) => {
      done(errnoOf(error))
    })
  }

  private move(
    args: Arguments,
    done: Done,
    begin: (fd: number, views: Buffer[], position: number | null, moved: Moves) => void,
  ): void {
    const [fd, address, count, position, , rwFlags] = args
    if (rwFlags !== 0) throw failure('EOPNOTSUPP')
    const views = this.vectors(address!, count!)
    const attempt = (at: number | null): void => {
      begin(fd!, views, at, (error, moved) => {
        const result = error === null ? moved : errnoOf(error)
        if (result === EAGAIN && this.opened.get(fd!)?.patient === true) done(EAGAIN, true)
        else if (result === 0) this.endOrNotBegun(fd!, views, done)
        else if (at !== null && result === ESPIPE)
          attempt(null) // a stream has no positions: io_uring ignores them
        else {
          const opened = this.opened.get(fd!)
          if (result > 0 && opened !== undefined) opened.unwritten = false
          done(result)
        }
      })
    }
    attempt(position! < 0 ? null : position!)
  }

  // A FIFO that is read before anybody has written to it says 0, as at its end; a blocking open would have waited for a writer.
  private endOrNotBegun(fd: number, views: readonly Buffer[], done: Done): void {
    const opened = this.opened.get(fd)
    if (opened?.unwritten !== true || views.every(({ length }) => length === 0)) {
      done(0)
      return
    }
    fs.fstat(fd, (error, stats) => {
      opened.unwritten = error === null && stats.isFIFO()
      done(0, opened.unwritten)
    })
  }

  private vectors(address: number, count: number): Buffer[] {
    if (count > vectorsMax) throw failure('EINVAL')
    const table = this.memory.bytes(address, count * iovecBytes)
    if (table === null) throw failure('EFAULT')
    return Array.from({ length: count }, (_, index) => {
      const at = index * iovecBytes
      const base = table.readUInt32LE(at) + table.readUInt32LE(at + 4) * 4294967296
      const bytes = this.memory.bytes(base, table.readUInt32LE(at + 8) + table.readUInt32LE(at + 12) * 4294967296)
      if (bytes === null) throw failure('EFAULT')
      return bytes
    })
  }

  private stat(args: Arguments, done: Done): void {
    const bytes = this.memory.bytes(args[4]!, statxBytes)
    if (bytes === null) throw failure('EFAULT')
    const taken = (error: Error | null, stats: fs.BigIntStats): void => {
      if (error === null) putStatx(bytes, stats)
      done(error === null ? 0 : errnoOf(error))
    }
    const itself = (args[2]! & At.EMPTY_PATH) !== 0 && this.memory.text(args[1]!)?.length === 0
    if (itself) fs.fstat(args[0]!, { bigint: true }, taken)
    else if ((args[2]! & At.SYMLINK_NOFOLLOW) !== 0) fs.lstat(this.path(args, 0), { bigint: true }, taken)
    else fs.stat(this.path(args, 0), { bigint: true }, taken)
  }
}

const plainly =
  (done: Done) =>
  (error: Error | null): void => {
    done(error === null ? 0 : errnoOf(error))
  }

/** Bytes that are no UTF-8 stay as they are. */
function absolute(path: Buffer): Buffer {
  const text = path.toString('latin1')
  return Buffer.from(
    resolve(text.startsWith('/') ? '/' : Buffer.from(process.cwd()).toString('latin1'), text),
    'latin1',
  )
}
