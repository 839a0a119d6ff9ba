// The block devices below a file system, down to those that have none below: partitions to their disk, device mapper and md to their members, loop
// devices to the file they are made of. From sysfs alone. Used by trials/storage.ts.
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { deviceNumbers } from '../cli/read-only-mount.ts'
import { readText } from '../machine/text.ts'

export interface BlockDevice {
  /** As the kernel calls it: `nvme0n1`, `vda`, `dm-0`. */
  readonly name: string
  readonly kind: 'disk' | 'partition' | 'mapper' | 'loop' | 'memory'
  /** /sys/block/<name>/queue, as its files have it; '' for what is not there. */
  readonly scheduler: string
  readonly writeCache: string
  readonly nomerges: string
  readonly ioPoll: string
  readonly rotational: boolean
  readonly logicalBlockBytes: number
  /** Of a loop device: its file. */
  readonly backingFile: string | null
  readonly below: readonly BlockDevice[]
}

/** Deeper is no machine. */
const depthMax = 8

function kindOf(folder: string): BlockDevice['kind'] {
  const name = basename(folder)
  if (existsSync(join(folder, 'partition'))) return 'partition'
  if (existsSync(join(folder, 'loop'))) return 'loop'
  if (existsSync(join(folder, 'dm')) || existsSync(join(folder, 'md'))) return 'mapper'
  return /^(ram|zram)\d/.test(name) ? 'memory' : 'disk'
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** A file of the device, or, of a partition's queue, the disk's. */
function queueOf(folder: string, kind: BlockDevice['kind']): string {
  return join(kind === 'partition' ? dirname(folder) : folder, 'queue')
}

function fileDevice(path: string): string | null {
  try {
    return deviceNumbers(statSync(path).dev)
  } catch {
    return null // in another mount namespace, or removed
  }
}

/** @param numbers `major:minor`. @returns null where sysfs has no such device: the file system is on none */
export function readDevice(numbers: string, depth = 0): BlockDevice | null {
  let folder: string
  try {
    folder = realpathSync(`/sys/dev/block/${numbers}`)
  } catch {
    return null
  }
  const kind = kindOf(folder)
  const queue = queueOf(folder, kind)
  const read = (name: string): string => readText('/', join(queue, name))
  const backingFile = kind === 'loop' ? readText('/', join(folder, 'loop/backing_file')) || null : null
  const members =
    kind === 'partition'
      ? [readText('/', join(dirname(folder), 'dev'))]
      : kind === 'loop'
        ? [backingFile === null ? null : fileDevice(backingFile)]
        : listed(join(folder, 'slaves')).map((name) => readText('/', join(folder, 'slaves', name, 'dev')))
  const below = members.flatMap((member) => {
    const device = member === null || depth >= depthMax ? null : readDevice(member, depth + 1)
    return device === null ? [] : [device]
  })
  return {
    name: basename(folder),
    kind,
    // The active one is in brackets; a device without a choice has just its name.
    scheduler: /\[([^\]]+)\]/.exec(read('scheduler'))?.[1] ?? read('scheduler'),
    writeCache: read('write_cache'),
    nomerges: read('nomerges'),
    ioPoll: read('io_poll'),
    rotational: read('rotational') === '1',
    logicalBlockBytes: Number(read('logical_block_size')) || 512,
    backingFile,
    below,
  }
}

/** The devices that have none below. */
export const lowest = (device: BlockDevice): BlockDevice[] =>
  device.below.length === 0 ? [device] : device.below.flatMap(lowest)

/** From the file system's down: `loop0 on /srv/image on vda1 on vda`. */
export function describeDevice(device: BlockDevice): string {
  const file = device.backingFile === null ? '' : ` on ${device.backingFile}`
  const below = device.below.map(describeDevice).join(' and ')
  return `${device.name}${file}${below === '' ? '' : ` on ${below}`}`
}
