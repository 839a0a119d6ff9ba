// What a path is on, and how its file system behaves: tried with a file of the trial's own where it may make one, otherwise with one that is
// there, which is only read. A trial, run in a process of its own (child.ts): a file system that does not answer holds up that process alone.
import { accessSync, closeSync, constants, openSync, readFileSync, statSync, statfsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { deviceNumbers } from '../../cli/read-only-mount.ts'
import { readDevice } from '../devices.ts'
import type { BlockDevice } from '../devices.ts'
import { parseMounts } from '../mounts.ts'
import type { Mount } from '../mounts.ts'
import { tryFile } from './file.ts'
import type { FileFacts } from './file.ts'
import type { Tell } from './trial.ts'

/** Facts are told one after the other: of a file system that stops answering the first ones are known. */
export interface StorageFacts {
  /** What was asked last. */
  readonly asking: 'path' | 'mount' | 'devices' | 'file'
  /** The error's code where the path cannot be had. */
  readonly pathError: string | null
  readonly kind: 'file' | 'folder' | 'other'
  readonly mount: Mount | null
  readonly freeBytes: number
  readonly sizeBytes: number
  /** 0 and 0 where the file system does not count them. */
  readonly freeInodes: number
  readonly inodes: number
  /** null: on no device that can be seen. */
  readonly device: BlockDevice | null
  /** The file that was made for the trial, and is removed at its end. */
  readonly made: string
  /** null: there was no file to try it with. */
  readonly file: FileFacts | null
  /** Why none could be made. */
  readonly fileError: string | null
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : String(error)

/** open(2) without asking the file system for more than the name. */
const O_PATH = 0o10000000

function mountOf(path: string): Mount | null {
  const fd = openSync(path, O_PATH)
  try {
    const id = Number(/^mnt_id:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1])
    return parseMounts(readFileSync('/proc/self/mountinfo', 'latin1')).find((mount) => mount.id === id) ?? null
  } catch {
    return null // without /proc
  } finally {
    closeSync(fd)
  }
}

/** The device of a block special file, or of the file system a path is on. */
function numbersOf(path: string, special: boolean): string | null {
  try {
    const { dev, rdev } = statSync(path)
    return deviceNumbers(special ? rdev : dev)
  } catch {
    return null
  }
}

/** btrfs and overlay have numbers of their own: the source, or the upper folder, says on what they are. */
function deviceBelow({ device, source, options }: Mount): BlockDevice | null {
  const own = readDevice(device)
  if (own !== null) return own
  const upper = options.find((option) => option.startsWith('upperdir='))?.slice('upperdir='.length)
  const numbers = source.startsWith('/dev/')
    ? numbersOf(source, true)
    : upper === undefined
      ? null
      : numbersOf(upper, false)
  return numbers === null ? null : readDevice(numbers)
}

export function tryStorage(path: string, tell: Tell): Promise<void> {
  tell({ asking: 'path' })
  let kind: StorageFacts['kind']
  try {
    const stats = statSync(path)
    kind = stats.isFile() ? 'file' : stats.isDirectory() ? 'folder' : 'other'
    accessSync(path, kind === 'folder' ? constants.R_OK | constants.X_OK : constants.R_OK)
    tell({ pathError: null, kind, asking: 'mount' })
    const mount = mountOf(path)
    const { bavail, blocks, bsize, ffree, files } = statfsSync(path)
    tell({ mount, freeBytes: bavail * bsize, sizeBytes: blocks * bsize, freeInodes: ffree, inodes: files })
    const own = stats.isBlockDevice() ? readDevice(deviceNumbers(stats.rdev)) : null
    tell({ asking: 'devices', device: own ?? (mount === null || kind === 'other' ? null : deviceBelow(mount)) })
  } catch (error) {
    tell({ pathError: codeOf(error) })
    return Promise.resolve()
  }
  tell({ asking: 'file', file: null, fileError: null })
  // What reading a device or a pipe does is its own business.
  if (kind === 'other') return Promise.resolve()
  const folder = kind === 'folder' ? path : dirname(resolve(path))
  return tryFile(folder, kind === 'file' ? path : null, tell)
}
