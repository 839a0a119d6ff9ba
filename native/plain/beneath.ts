// openat2(2) with RESOLVE_BENEATH without openat2(2): opens below a directory and nowhere else. Used by calls.ts.
//
// The path is walked name by name, symbolic links are read and walked in their turn, and what is opened is followed no further. A
// kernel does that in one go; here somebody who renames directories meanwhile could lead the last step astray. So what was opened is
// looked at once more: Linux says where a descriptor really is; elsewhere it must be the file that the walked path still names.
import { close, constants, fstat, open } from 'node:fs'
import { lstat, readlink } from 'node:fs/promises'
import { isAbsolute } from 'node:path'
import { promisify } from 'node:util'
import { errnoOf, failure } from './errno.ts'

/** As the kernel's MAXSYMLINKS. */
const linksMax = 40
/** Windows has none, whatever the types say. */
const noFollow = Number(Reflect.get(constants, 'O_NOFOLLOW') ?? 0)
const ENOENT = -2

// File names are bytes: latin1 keeps each as one character.
const bytesOf = (name: string): Buffer => Buffer.from(name, 'latin1')

export interface BeneathRequest {
  /** The directory's path, and its descriptor. */
  readonly root: Buffer
  readonly rootFd: number
  readonly path: Buffer
  readonly flags: number
  readonly mode: number
}

/** Resolves with a descriptor. @throws (rejects) an error that errnoOf() knows: EXDEV where the path leads out */
export async function openBeneath(request: BeneathRequest): Promise<number> {
  const path = await walk(request)
  const fd = await promisify(open)(bytesOf(path), request.flags | noFollow, request.mode)
  try {
    if (await isBeneath(request.rootFd, fd, path)) return fd
  } catch (error) {
    await promisify(close)(fd)
    throw error
  }
  await promisify(close)(fd)
  throw failure('EAGAIN') // a rename raced with the walk: as the kernel says it
}

/** The path without symbolic links and `..`, below root. */
async function walk({ root, path, flags }: BeneathRequest): Promise<string> {
  const base = root.toString('latin1')
  const names = splitRelative(path.toString('latin1'))
  const below: string[] = []
  let links = 0
  while (names.length > 0) {
    const name = names.shift()!
    if (name === '' || name === '.') continue
    if (name === '..') {
      if (below.length === 0) throw failure('EXDEV')
      below.pop()
      continue
    }
    const last = names.length === 0
    const at = [base, ...below, name].join('/')
    const stats = await lstat(bytesOf(at)).catch((error: unknown) => {
      if (last && errnoOf(error) === ENOENT && (flags & constants.O_CREAT) !== 0) return null
      throw error
    })
    if (stats?.isSymbolicLink() === true) {
      if (++links > linksMax || (last && noFollow !== 0 && (flags & noFollow) !== 0)) throw failure('ELOOP')
      const target = await readlink(bytesOf(at), { encoding: 'buffer' })
      names.unshift(...splitRelative(target.toString('latin1')))
      continue
    }
    if (!last && stats?.isDirectory() !== true) throw failure('ENOTDIR')
    below.push(name)
  }
  return [base, ...below].join('/')
}

function splitRelative(path: string): string[] {
  if (path === '') throw failure('ENOENT')
  if (path.startsWith('/') || isAbsolute(path)) throw failure('EXDEV')
  // There a name could be a drive, a stream, or a way of its own.
  if (process.platform === 'win32' && /[\\:]/.test(path)) throw failure('EXDEV')
  return path.split('/')
}

async function isBeneath(rootFd: number, fd: number, path: string): Promise<boolean> {
  const [top, own] = await Promise.all([nameOf(rootFd), nameOf(fd)])
  if (top !== null && own !== null) return top === '/' || own === top || own.startsWith(`${top}/`)
  const [opened, named] = await Promise.all([
    promisify(fstat)(fd, { bigint: true }),
    lstat(bytesOf(path), { bigint: true }),
  ])
  return opened.dev === named.dev && opened.ino === named.ino
}

/** Where a descriptor is by the kernel's own word; null where it does not say. */
async function nameOf(fd: number): Promise<string | null> {
  if (process.platform !== 'linux') return null
  const name = await readlink(`/proc/self/fd/${fd}`, { encoding: 'buffer' }).catch(() => null)
  return name?.toString('latin1') ?? null
}
