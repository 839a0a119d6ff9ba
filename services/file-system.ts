// The file operations, as of fs.promises: what Ringmaster and its views (view.ts) have in common. Each asks its router for a ring.
import { constants } from 'node:fs'
import type { BigIntStats, Stats } from 'node:fs'
import { At, Resolve } from '../native/abi.ts'
import { invalidArgType } from '../native/errors.ts'
import { leaseStamp } from '../workers/arena.ts'
import { throwIfAborted } from './abort.ts'
import { checkReplaces } from './atomic-write.ts'
import { checkBoolean, checkEncoding, checkInteger, checkMode, checkPath, checkSignal } from './arguments.ts'
import type { PathLike } from './arguments.ts'
import { submitNops } from './batch.ts'
import { RingFile } from './file.ts'
import type { OpenOptions, ReadFileOptions, WriteFileOptions } from './file-options.ts'
import { openDescriptor } from './open-descriptor.ts'
import { closeOnExec, openFlags } from './open-flags.ts'
import { readWholeFile } from './read-file.ts'
import type { Router } from './request-handle.ts'
import { retryAgain } from './retry-again.ts'
import { requestNop, requestOpenBeneath, requestStat } from './requests.ts'
import { isTimed, withTimeout } from './time-limit.ts'
import type { Timed } from './time-limit.ts'
import { dataBytes, writeWholeFile } from './write-file.ts'
import type { WriteFileRequest } from './write-file.ts'

const noOptions: Timed & { bigint?: boolean } = {}

export abstract class RingFileSystem {
  /** `ringmaster/fs` makes requests of its own. @internal */
  readonly router: Router

  protected constructor(router: Router) {
    this.router = router
  }

  /**
   * Opens a file. As fs.promises.open(): flags 'r', 'wx+', … or O_* bits, mode for a file that is created.
   * @throws SystemError of open(2), ERR_INVALID_ARG_*
   */
  async open(
    path: PathLike,
    flags: string | number = 'r',
    mode: number | string = 0o666,
    options: OpenOptions = {},
  ): Promise<RingFile> {
    if (isTimed(options)) return withTimeout(options, (timed) => this.open(path, flags, mode, timed))
    const checked = checkPath(path)
    const bits = openFlags(flags) | closeOnExec
    const signal = checkSignal(options.signal)
    const createMode = checkMode(mode, 'mode')
    throwIfAborted(signal)
    const fd = await openDescriptor(this.router, checked, bits, createMode, signal)
    return new RingFile(this.router, fd, bits, options.ordered === true)
  }

  /**
   * Opens a path below a directory and nowhere else, whatever symbolic links and `..` say: openat2(2) with RESOLVE_BENEATH
   * and RESOLVE_NO_MAGICLINKS.
   * @throws SystemError: EXDEV where the path leads out, ELOOP for magic links.
   */
  async openBeneath(
    directory: RingFile,
    path: string | Buffer,
    flags: string | number = 'r',
    options: Timed = noOptions,
  ): Promise<RingFile> {
    if (isTimed(options)) return withTimeout(options, (timed) => this.openBeneath(directory, path, flags, timed))
    const signal = checkSignal(options.signal)
    const checked = checkPath(path)
    const bits = openFlags(flags) | closeOnExec
    if (!(directory instanceof RingFile)) throw invalidArgType('directory', 'a RingFile', directory)
    const resolve = Resolve.BENEATH | Resolve.NO_MAGICLINKS
    const createMode = (bits & constants.O_CREAT) !== 0 ? 0o666 : 0 // openat2 wants 0 where nothing is created
    const request = (): Promise<number> =>
      directory.tracked(
        'open',
        () => requestOpenBeneath(this.router.pick(), directory.fd, checked, bits, createMode, resolve, signal),
        signal,
      )
    const fd = await retryAgain(request)
    return new RingFile(this.router, fd, bits, false)
  }

  /** As fs.promises.stat(). */
  stat(path: PathLike, options?: Timed & { bigint?: false }): Promise<Stats>
  stat(path: PathLike, options: Timed & { bigint: true }): Promise<BigIntStats>
  stat(path: PathLike, options: Timed & { bigint?: boolean } = noOptions): Promise<Stats | BigIntStats> {
    return this.statPath(path, 'stat', 0, options)
  }

  /** As fs.promises.lstat(). */
  lstat(path: PathLike, options?: Timed & { bigint?: false }): Promise<Stats>
  lstat(path: PathLike, options: Timed & { bigint: true }): Promise<BigIntStats>
  lstat(path: PathLike, options: Timed & { bigint?: boolean } = noOptions): Promise<Stats | BigIntStats> {
    return this.statPath(path, 'lstat', At.SYMLINK_NOFOLLOW, options)
  }

  private statPath(
    path: PathLike,
    syscall: 'stat' | 'lstat',
    atFlags: number,
    given: (Timed & { bigint?: boolean }) | null,
  ): Promise<Stats | BigIntStats> {
    // Not an async function, which would be a promise and three turns of the microtask queue more for each path.
    try {
      const options = given ?? noOptions
      if (options.timeoutMs !== undefined)
        return withTimeout(options, (timed) => this.statPath(path, syscall, atFlags, timed))
      const signal = checkSignal(options.signal)
      throwIfAborted(signal)
      const checked = checkPath(path)
      const target = { dirFd: At.FDCWD, path: checked, atFlags, bigint: options.bigint === true, syscall }
      return requestStat(this.router.pick(), target, signal)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Reads a whole file. As fs.promises.readFile() with a path. Small files are one chain of requests on a direct
   * descriptor; large, growing and empty ones, pipes and /proc are read to their real end.
   */
  readFile(path: PathLike, options?: null | (ReadFileOptions & { encoding?: null })): Promise<Buffer>
  readFile(path: PathLike, options: BufferEncoding | (ReadFileOptions & { encoding: BufferEncoding })): Promise<string>
  readFile(path: PathLike, options?: BufferEncoding | null | ReadFileOptions): Promise<Buffer | string> {
    try {
      const given: ReadFileOptions = wholeFileOptions(options)
      if (given.timeoutMs !== undefined) return withTimeout(given, (timed) => this.readWhole(path, timed))
      return this.readWhole(path, given)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  private readWhole(path: PathLike, given: ReadFileOptions): Promise<Buffer | string> {
    try {
      const signal = checkSignal(given.signal)
      const request = {
        path: checkPath(path),
        flags: openFlags(given.flag ?? 'r'),
        encoding: checkEncoding(given.encoding),
        signal,
      }
      throwIfAborted(signal)
      return readWholeFile(this.router.pick(), request)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Writes a whole file. As fs.promises.writeFile() with a path; with `atomic`, readers and crashes find the old file or the new one.
   * @throws SystemError, AbortError, ERR_INVALID_ARG_*; ERR_INVALID_ARG_VALUE of `atomic` with other flags than w and wx
   */
  async writeFile(
    path: PathLike,
    data: string | ArrayBufferView,
    options?: BufferEncoding | null | WriteFileOptions,
  ): Promise<void> {
    const given: WriteFileOptions = wholeFileOptions(options)
    if (given.timeoutMs !== undefined) return withTimeout(given, (timed) => this.writeFile(path, data, timed))
    const bytes = dataBytes(data, checkEncoding(given.encoding) ?? 'utf8')
    const { arenas } = this.router
    const request: WriteFileRequest = {
      path: checkPath(path),
      data: bytes,
      flags: openFlags(given.flag ?? 'w'),
      mode: checkMode(given.mode ?? 0o666, 'mode'),
      flush: given.flush === true,
      atomic: checkBoolean(given.atomic, 'atomic'),
      durable: checkBoolean(given.durable, 'durable'),
      signal: checkSignal(given.signal),
      ...{ arenas, lease: leaseStamp(arenas, bytes) },
    }
    if (request.atomic) checkReplaces(request.flags, given.flag)
    await writeWholeFile(this.router.pick(), request)
  }

  /** A request that does nothing: what the queues themselves cost. */
  nop(): Promise<void> {
    try {
      return requestNop(this.router.pick())
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** `count` of them as one batch with one promise. */
  async nopBatch(count: number): Promise<void> {
    await submitNops(this.router.pick().client, checkInteger(count, 'count', 0, 1_000_000))
  }
}

/** What readFile() and writeFile() take: options, only an encoding, or nothing. @throws ERR_INVALID_ARG_TYPE, as core's do */
function wholeFileOptions<T extends object>(
  options: T | BufferEncoding | null | undefined,
): T | { encoding?: BufferEncoding } {
  if (typeof options === 'string') return { encoding: options }
  if (options === null || options === undefined) return {}
  if (typeof options !== 'object') throw invalidArgType('options', 'of type string or an instance of Object', options)
  return options
}
