// The functions that take paths and no data: stat, lstat, access, mkdir, mkdtemp, rename, link, symlink, unlink, rmdir, rm. What they cannot do
// themselves, or had better not judge, goes to Node's own. Made for a route by make-fs.ts.
import { randomInt } from 'node:crypto'
import { At } from '../../native/abi.ts'
import { linkat, mkdirat, renameat, symlinkat, unlinkat } from '../../native/operations/links.ts'
import { requestStat } from '../requests.ts'
import type { RequestHandle } from '../request-handle.ts'
import { mkdirRecursive } from './mkdir-recursive.ts'
import { requestExists, requestMkdir, requestRmdir, requestTwoNames, requestUnlinkFile } from './name-requests.ts'
import { codeOf, ownCall } from './own.ts'
import type { AnyCall } from './own.ts'
import { isOptions, plainEncoding, plainMode, plainPath } from './plain.ts'
import type { Route } from './route.ts'

export interface PathFunctions {
  readonly stat: AnyCall
  readonly lstat: AnyCall
  readonly access: AnyCall
  readonly mkdir: AnyCall
  readonly mkdtemp: AnyCall
  readonly rename: AnyCall
  readonly link: AnyCall
  readonly symlink: AnyCall
  readonly unlink: AnyCall
  readonly rmdir: AnyCall
  readonly rm: AnyCall
}

const symlinkTypes: readonly unknown[] = ['dir', 'file', 'junction', null, undefined]
const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'
const mkdtempLetters = 6
/** As often as glibc's mkdtemp(3) would never need: then Node's is asked, and says why. */
const mkdtempTries = 100

export function makePaths(route: Route): PathFunctions {
  const { stat, lstat } = makeStats(route)
  return { stat, lstat, access: makeAccess(route), ...makeDirectories(route), ...makeNames(route), rm: makeRm(route) }
}

function makeStats(route: Route): Pick<PathFunctions, 'stat' | 'lstat'> {
  const make = (syscall: 'stat' | 'lstat', atFlags: number): AnyCall => {
    const ownStat = ownCall(syscall)
    const call: AnyCall = (...args) => {
      const [path, options] = args
      const handle = route.handle()
      const target = handle === null || !hasKnownStatOptions(options) ? null : plainPath(path)
      if (handle === null || target === null) return ownStat(...args)
      const bigint = options !== undefined && Reflect.get(options as object, 'bigint') === true
      try {
        return requestStat(handle, { dirFd: At.FDCWD, path: target, atFlags, bigint, syscall })
      } catch (error) {
        return route.refused(
          error,
          () => call(...args),
          () => ownStat(...args),
        )
      }
    }
    return call
  }
  return { stat: make('stat', 0), lstat: make('lstat', At.SYMLINK_NOFOLLOW) }
}

function hasKnownStatOptions(options: unknown): boolean {
  if (!isOptions(options)) return false
  const throws: unknown = options === undefined ? undefined : Reflect.get(options, 'throwIfNoEntry')
  return throws === undefined || throws === true
}

/** Whether the file is there. Whether it may be read, written or executed only access(2) knows, and no operation of io_uring. */
function makeAccess(route: Route): AnyCall {
  const ownAccess = ownCall('access')
  // access(2) asks for the user who started the program, every other call for the one it acts as.
  const isOneUser = (): boolean =>
    process.getuid?.() === process.geteuid?.() && process.getgid?.() === process.getegid?.()
  return async (...args) => {
    const [path, mode] = args
    const handle = (mode === undefined || mode === 0) && isOneUser() ? route.handle() : null
    const target = handle === null ? null : plainPath(path)
    if (handle === null || target === null) return ownAccess(...args)
    try {
      return await requestExists(handle, target)
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') throw error
      return ownAccess(...args)
    }
  }
}

function makeNames(route: Route): Pick<PathFunctions, 'rename' | 'link' | 'symlink' | 'unlink' | 'rmdir'> {
  const two = (syscall: 'rename' | 'link' | 'symlink', row: typeof renameat): AnyCall => {
    const ownTwo = ownCall(syscall)
    const call: AnyCall = (...args) => {
      const handle = syscall === 'symlink' && !symlinkTypes.includes(args[2]) ? null : route.handleFor(row)
      const path = handle === null ? null : plainPath(args[0])
      const dest = path === null ? null : plainPath(args[1])
      if (handle === null || path === null || dest === null) return ownTwo(...args)
      try {
        return requestTwoNames(handle, syscall, path, dest)
      } catch (error) {
        return route.refused(
          error,
          () => call(...args),
          () => ownTwo(...args),
        )
      }
    }
    return call
  }
  const one = (name: string, request: (handle: RequestHandle, path: string | Buffer) => Promise<void>): AnyCall => {
    const ownOne = ownCall(name)
    const call: AnyCall = (...args) => {
      const handle = name === 'rmdir' && args[1] !== undefined ? null : route.handleFor(unlinkat)
      const path = handle === null ? null : plainPath(args[0])
      if (handle === null || path === null) return ownOne(...args)
      try {
        return request(handle, path)
      } catch (error) {
        return route.refused(
          error,
          () => call(...args),
          () => ownOne(...args),
        )
      }
    }
    return call
  }
  return {
    rename: two('rename', renameat),
    link: two('link', linkat),
    symlink: two('symlink', symlinkat),
    unlink: one('unlink', requestUnlinkFile),
    rmdir: one('rmdir', requestRmdir),
  }
}

function makeDirectories(route: Route): Pick<PathFunctions, 'mkdir' | 'mkdtemp'> {
  const ownMkdir = ownCall('mkdir')
  const ownMkdtemp = ownCall('mkdtemp')
  const mkdir: AnyCall = (...args) => {
    const given = mkdirOptions(args[1])
    const handle = given === null ? null : route.handleFor(mkdirat)
    const path = handle === null ? null : plainPath(args[0])
    if (handle === null || path === null || given === null) return ownMkdir(...args)
    if (given.recursive) return mkdirRecursive(handle, path, given.mode, () => ownMkdir(...args))
    try {
      return requestMkdir(handle, path, given.mode)
    } catch (error) {
      return route.refused(
        error,
        () => mkdir(...args),
        () => ownMkdir(...args),
      )
    }
  }
  const mkdtemp: AnyCall = async (...args) => {
    const [prefix, options] = args
    const encoding: unknown =
      typeof options === 'object' && options !== null ? Reflect.get(options, 'encoding') : options
    const known = plainEncoding(encoding)
    // Node warns of a prefix that ends with an X.
    const plain = typeof prefix === 'string' && !prefix.endsWith('X') && (known === null || known === 'utf8')
    const handle = plain ? route.handleFor(mkdirat) : null
    const path = handle === null ? null : plainPath(prefix)
    if (handle === null || typeof path !== 'string') return ownMkdtemp(...args)
    for (let tries = 0; tries < mkdtempTries; tries++) {
      const name = Array.from({ length: mkdtempLetters }, () => letters[randomInt(letters.length)]!)
      const folder = path + name.join('')
      try {
        await requestMkdir(handle, folder, 0o700, 'mkdtemp')
        return folder
      } catch (error) {
        if (codeOf(error) !== 'EEXIST')
          return route.refused(
            error,
            () => mkdtemp(...args),
            () => ownMkdtemp(...args),
          )
      }
    }
    return ownMkdtemp(...args)
  }
  return { mkdir, mkdtemp }
}

function mkdirOptions(options: unknown): { readonly mode: number; readonly recursive: boolean } | null {
  const given = typeof options === 'number' || typeof options === 'string' ? { mode: options } : options
  if (given !== undefined && given !== null && typeof given !== 'object') return null
  const mode = plainMode(given === undefined || given === null ? undefined : Reflect.get(given, 'mode'), 0o777)
  const recursive: unknown = given === undefined || given === null ? undefined : Reflect.get(given, 'recursive')
  if (mode === null || (recursive !== undefined && typeof recursive !== 'boolean')) return null
  return { mode, recursive: recursive === true }
}

/**
 * Removes a file. A folder, and whatever cannot be removed, is Node's: it looks first, which costs as much as removing, and its errors say what
 * it saw.
 */
function makeRm(route: Route): AnyCall {
  const ownRm = ownCall('rm')
  return async (...args) => {
    const [path, options] = args
    const handle = isOptions(options) && hasKnownRmOptions(options) ? route.handleFor(unlinkat) : null
    const target = handle === null ? null : plainPath(path)
    if (handle === null || target === null) return ownRm(...args)
    try {
      return await requestUnlinkFile(handle, target)
    } catch {
      return ownRm(...args)
    }
  }
}

function hasKnownRmOptions(options: object | undefined): boolean {
  if (options === undefined) return true
  const isKnown = (value: unknown): boolean => value === undefined || typeof value === 'boolean'
  return (
    isKnown(Reflect.get(options, 'recursive')) &&
    isKnown(Reflect.get(options, 'force')) &&
    Reflect.get(options, 'maxRetries') === undefined &&
    Reflect.get(options, 'retryDelay') === undefined
  )
}
