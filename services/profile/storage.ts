// What a folder is stored on: its file system with mount options, and the block device below it with what decides how it performs. Used by
// fingerprint.ts.
import { realpathSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { readText } from '../machine/text.ts'
import { mountOptionsMax, textCharsMax } from './schema.ts'
import type { DeviceFingerprint, Fingerprint } from './schema.ts'

export type Storage = Pick<Fingerprint, 'fileSystem' | 'device'>

interface Mount {
  readonly point: string
  readonly device: string
  readonly type: string
  readonly options: readonly string[]
}

/** `path` is absolute, without symbolic links. `root` is where /proc and /sys are. */
export function readStorage(path: string, root = '/'): Storage {
  const mounts = readText(root, 'proc/self/mountinfo').split('\n').flatMap(parseMount)
  const above = mounts.filter(({ point }) => point === '/' || path === point || path.startsWith(`${point}/`))
  // Of several mounts in one place the last covers the others.
  const mount = above.reduce<Mount | null>(
    (nearest, each) => (nearest === null || each.point.length >= nearest.point.length ? each : nearest),
    null,
  )
  if (mount === null) return { fileSystem: null, device: null }
  // The layers of an overlay can be a text of any length.
  const mountOptions = mount.options.slice(0, mountOptionsMax).map((option) => option.slice(0, textCharsMax))
  return { fileSystem: { type: mount.type, mountOptions }, device: readDevice(mount.device, root) }
}

/** 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue: options of the mount, then of the file system. */
function parseMount(line: string): Mount[] {
  const [before, after] = line.split(' - ')
  const [, , device, , point, mountOptions] = (before ?? '').split(' ')
  const [type, , superOptions] = (after ?? '').split(' ')
  if (device === undefined || point === undefined || type === undefined || type === '') return []
  const options = new Set([...(mountOptions ?? '').split(','), ...(superOptions ?? '').split(',')])
  options.delete('')
  return [{ point: unescaped(point), device, type, options: [...options].sort() }]
}

/** The kernel writes blanks and the like as \040. */
const unescaped = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))

/** By its numbers, "254:0". A partition has no queue of its own: that of its disk counts. Null where there is no block device. */
function readDevice(numbers: string, root: string): DeviceFingerprint | null {
  const found = realPath(join(root, 'sys/dev/block', numbers))
  if (found === null) return null
  const isPartition = readText(found, 'partition') !== ''
  const disk = isPartition ? dirname(found) : found
  const word = (file: string): string | null => readText(disk, file) || null
  const scheduler = word('queue/scheduler')
  const number = (file: string): number | null => {
    const value = word(file)
    return value !== null && /^\d+$/.test(value) ? Number(value) : null
  }
  const rotational = number('queue/rotational')
  return {
    name: relative(dirname(disk), disk),
    model: word('device/model'),
    rotational: rotational === null ? null : rotational === 1,
    // "mq-deadline [none]": the one in use.
    scheduler: scheduler === null ? null : (/\[([^\]]+)\]/.exec(scheduler)?.[1] ?? scheduler),
    nomerges: number('queue/nomerges'),
    writeCache: word('queue/write_cache'),
  }
}

function realPath(path: string): string | null {
  try {
    return realpathSync(path)
  } catch {
    return null
  }
}
