// writeFile() with `atomic`: whoever reads, and whoever looks after a crash, finds all of the old file or all of the new one. With `durable`,
// the new one, once the promise has resolved. Used by write-file.ts.
//
//   file without a name (O_TMPFILE) ─► write ─► fdatasync ─► link: a name of its own ─► rename ─► fsync of folder and file
//
// Every step's result is looked at. A sync that has failed is not tried again: the kernel has marked the pages clean, and would say that all
// is well (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020).
import { randomBytes } from 'node:crypto'
import { constants, fchmodSync, fchownSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { realpath } from 'node:fs/promises'
import { At } from '../native/abi.ts'
import { invalidArgValue, kernelError } from '../native/errors.ts'
import { isPlain } from '../native/plain/binding.ts'
import { ownDescriptor } from '../workers/owned-descriptors.ts'
import { throwIfAborted } from './abort.ts'
import { pathText } from './arguments.ts'
import { requestLink, requestRename, requestUnlink } from './link-requests.ts'
import { closeOnExec } from './open-flags.ts'
import type { RequestHandle } from './request-handle.ts'
import { closeDescriptor, requestOpen, requestStat, requestSync } from './requests.ts'

export interface AtomicWrite {
  readonly path: string | Buffer
  readonly mode: number
  /** Refuse to replace a file (EEXIST). */
  readonly exclusive: boolean
  readonly durable: boolean
  readonly signal: AbortSignal | undefined
  /** Writes all of the data. */
  readonly fill: (fd: number) => Promise<void>
}

const ENOENT = -2
const EISDIR = -21
const EINVAL = -22
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY
/** What file systems and kernels say that have no O_TMPFILE: open(2). */
const withoutTmpfile: ReadonlySet<unknown> = new Set(['EOPNOTSUPP', 'ENOTSUP', 'EISDIR', 'EINVAL', 'ENOENT'])
const slash = '/'.charCodeAt(0)

/** Writing to a part of a file, or behind it, cannot be atomic. @throws ERR_INVALID_ARG_VALUE */
export function checkReplaces(flags: number, given: unknown): void {
  const replacing = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC
  if ((flags & ~constants.O_EXCL) !== replacing)
    throw invalidArgValue('options.flag', given, "must be 'w' or 'wx' where the file is replaced as a whole (atomic)")
}

/** @throws (rejects) as writeFile(); EEXIST with `exclusive`; EINVAL where there is something else than a regular file */
export async function writeAtomically(handle: RequestHandle, write: AtomicWrite): Promise<void> {
  const said = pathText(write.path)
  const target = await finalPath(handle, write)
  const folder = target.subarray(0, Math.max(1, target.lastIndexOf(slash)))
  const name = Buffer.concat([folder, Buffer.from(`/.ringmaster-${randomBytes(8).toString('hex')}.tmp`)])
  const before = write.exclusive ? null : await statOf(handle, target)
  if (before?.isDirectory() === true) throw kernelError(EISDIR, 'open', said)
  if (before?.isFile() === false) throw kernelError(EINVAL, 'open', said)
  const opened = await openNew(handle, folder, name, write)
  const { fd } = opened
  let { named } = opened
  ownDescriptor(fd)
  try {
    await write.fill(fd)
    if (before !== null) keepOwnership(fd, before)
    if (write.durable) await requestSync(handle, fd, true)
    throwIfAborted(write.signal)
    if (!named) {
      const self = Buffer.from(`/proc/self/fd/${fd}`)
      await requestLink(handle, self, write.exclusive ? target : name, said)
      named = !write.exclusive
    } else if (write.exclusive) await requestLink(handle, name, target, said)
    if (!write.exclusive) {
      await requestRename(handle, name, target, said)
      named = false
    }
    if (write.durable) await syncNames(handle, folder, fd)
  } finally {
    await closeDescriptor(() => handle, fd)
    if (named) await requestUnlink(handle, name, said).catch(() => undefined) // the first failure is the one to tell
  }
}

async function openNew(
  handle: RequestHandle,
  folder: Buffer,
  name: Buffer,
  { mode, signal, path }: AtomicWrite,
): Promise<{ fd: number; named: boolean }> {
  const writing = constants.O_WRONLY | closeOnExec
  if (!isPlain()) {
    try {
      return { fd: await requestOpen(handle, folder, writing | O_TMPFILE, mode, signal), named: false }
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && withoutTmpfile.has(error.code))) throw renamed(error, path)
    }
  }
  try {
    const flags = writing | constants.O_CREAT | constants.O_EXCL
    return { fd: await requestOpen(handle, name, flags, mode, signal), named: true }
  } catch (error) {
    throw renamed(error, path)
  }
}

/** An error names what the caller has asked for, not what was made on the way. */
function renamed(error: unknown, path: string | Buffer): unknown {
  if (!(error instanceof Error && 'errno' in error && typeof error.errno === 'number')) return error
  return kernelError(error.errno, 'open', pathText(path))
}

/** Absolute, so that no chdir() comes between, and at the end of links: as writeFile() writes to what a link leads to. */
async function finalPath(handle: RequestHandle, { path, exclusive }: AtomicWrite): Promise<Buffer> {
  const bytes = typeof path === 'string' ? Buffer.from(path) : path
  if (bytes.length === 0) throw kernelError(ENOENT, 'open', '')
  const absolute = bytes[0] === slash ? bytes : Buffer.concat([Buffer.from(`${process.cwd()}/`), bytes])
  if (exclusive) return absolute
  const link = await statOf(handle, absolute, At.SYMLINK_NOFOLLOW)
  if (link?.isSymbolicLink() !== true) return absolute
  return realpath(absolute, { encoding: 'buffer' })
}

async function statOf(handle: RequestHandle, path: Buffer, atFlags = 0): Promise<Stats | null> {
  const target = { dirFd: At.FDCWD, path, atFlags, bigint: false, syscall: 'stat' } as const
  return requestStat(handle, target).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }) as Promise<Stats | null>
}

/** As if it had been written to in place. Whose it is only root may keep. */
function keepOwnership(fd: number, before: Stats): void {
  try {
    fchownSync(fd, before.uid, before.gid)
  } catch {
    // Then it is the writer's, as with every tool that replaces files.
  }
  fchmodSync(fd, before.mode & 0o7777)
}

/**
 * The folder, and the inode once more: that it has a name is written there, too. A journal keeps both together; without one (ext4 can be made
 * so) a file whose inode says that nobody links to it is taken for a deleted one after a crash.
 */
async function syncNames(handle: RequestHandle, folder: Buffer, fd: number): Promise<void> {
  const outcomes = await Promise.allSettled([requestSync(handle, fd, false), syncFolder(handle, folder)])
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}

/** What a folder says of its files is durable when the folder is: fsync(2), NOTES. */
async function syncFolder(handle: RequestHandle, folder: Buffer): Promise<void> {
  const flags = constants.O_RDONLY | constants.O_DIRECTORY | closeOnExec
  const fd = await requestOpen(handle, folder, flags, 0)
  ownDescriptor(fd)
  try {
    await requestSync(handle, fd, false)
  } finally {
    await closeDescriptor(() => handle, fd)
  }
}

/** For a file that was written in place: a new one is there after a crash only if its folder says so. */
export async function syncFolderOf(handle: RequestHandle, path: string | Buffer): Promise<void> {
  const bytes = typeof path === 'string' ? Buffer.from(path) : path
  const end = bytes.lastIndexOf(slash)
  await syncFolder(handle, end < 0 ? Buffer.from('.') : bytes.subarray(0, Math.max(1, end)))
}
