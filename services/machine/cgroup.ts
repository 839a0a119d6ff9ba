// What this process's control groups grant: CPU time (quota) and CPUs (cpuset), in version 1 and 2 of cgroups, and where both are
// mounted. Used by facts.ts, and by services/doctor for what placement does not go by.
import { posix } from 'node:path'
import { parseCpuList, readText } from './text.ts'

export interface CgroupGrant {
  /** CPUs' worth of time, the tightest on the path to the root; Infinity where nothing limits it. */
  readonly quotaCpus: number
  /** CPUs of the cpuset, or null where no group says. */
  readonly cpuset: readonly number[] | null
}

/** CPUs' worth of time a group grants, Infinity where it sets no quota. As cpu.max has it: "max 100000" or "50000 100000". */
export function parseQuota(cpuMax: string): number {
  const [quota, period] = cpuMax.split(/\s+/)
  const cpus = Number(quota) / Number(period)
  return Number.isFinite(cpus) && cpus > 0 ? cpus : Infinity
}

/** The kernel writes blanks in mount points as \040. */
const unescapeMount = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))

interface Mount {
  /** Which part of the hierarchy is mounted here: in a container often the container's own group. */
  readonly root: string
  readonly point: string
}

/** Where a hierarchy is mounted: that of version 2, or the version 1 one of a controller. */
function findMount(mountinfo: string, controller: string | null): Mount | null {
  for (const line of mountinfo.split('\n')) {
    // 36 35 98:0 /root /mount/point options optional… - type source super-options
    const [before, after] = line.split(' - ')
    const [, , , root, point] = (before ?? '').split(' ')
    const [type, , superOptions] = (after ?? '').split(' ')
    if (root === undefined || point === undefined) continue
    const found =
      controller === null
        ? type === 'cgroup2'
        : type === 'cgroup' && (superOptions ?? '').split(',').includes(controller)
    if (found) return { root: unescapeMount(root), point: unescapeMount(point) }
  }
  return null
}

/** The folders of a group and of all above it, as far as they are mounted; the group's own first. */
function groupFolders(mount: Mount, group: string): string[] {
  const below = mount.root === '/' ? group : group.startsWith(`${mount.root}/`) ? group.slice(mount.root.length) : '/'
  // Outside of the namespace of this process a group is shown as /../…: what is mounted is all that can be read.
  const inside = below.split('/').includes('..') ? '/' : below
  const folders: string[] = []
  for (let path = posix.normalize(inside); ; path = posix.dirname(path)) {
    folders.push(posix.join(mount.point, path))
    if (path === '/' || path === '.') return folders
  }
}

/** Reads a file in each of the folders; the first that says something, or all that do. */
const texts = (root: string, folders: readonly string[], file: string): string[] =>
  folders.map((folder) => readText(root, `${folder}/${file}`)).filter((text) => text !== '')

const firstCpus = (lists: readonly string[]): number[] | null => {
  const cpus = lists.map(parseCpuList).find((list) => list.length > 0)
  return cpus ?? null
}

/** Which hierarchies there are: `hybrid` has controllers of version 1 and a mount of version 2. */
export type CgroupVersion = 'v1' | 'v2' | 'hybrid' | 'none'

export function cgroupVersion(root: string): CgroupVersion {
  const mountinfo = readText(root, 'proc/thread-self/mountinfo')
  const hasUnified = findMount(mountinfo, null) !== null
  if (!/ - cgroup /.test(mountinfo)) return hasUnified ? 'v2' : 'none'
  return hasUnified ? 'hybrid' : 'v1'
}

/** The folders of this thread's group for a controller and of all groups above it, its own first: version 1's where that has it. */
export function controllerFolders(root: string, controller: string): string[] {
  const { unified, legacy } = cgroupFolders(root, controller)
  return legacy.length > 0 ? legacy : unified
}

/** The folders of the calling thread's groups that account for a controller, and of all above them, in version 2 and in version 1. */
export function cgroupFolders(root: string, controller: string): { unified: string[]; legacy: string[] } {
  const groups = readText(root, 'proc/thread-self/cgroup')
  const mountinfo = readText(root, 'proc/thread-self/mountinfo')
  const folders = (group: string | undefined, mount: Mount | null): string[] =>
    group === undefined || mount === null ? [] : groupFolders(mount, group)
  const legacyGroup = new RegExp(`^\\d+:(?:[^:]*,)?${controller}(?:,[^:]*)?:(.*)$`, 'm').exec(groups)?.[1]
  return {
    unified: folders(/^0::(.*)$/m.exec(groups)?.[1], findMount(mountinfo, null)),
    legacy: folders(legacyGroup, findMount(mountinfo, controller)),
  }
}

/** What the groups of the calling thread grant, and all groups above them: each level limits those below. */
export function readCgroup(root: string): CgroupGrant {
  let quotaCpus = Infinity
  const { unified, legacy } = cgroupFolders(root, 'cpu')
  quotaCpus = Math.min(quotaCpus, ...texts(root, unified, 'cpu.max').map(parseQuota))
  let cpuset = firstCpus(texts(root, unified, 'cpuset.cpus.effective'))
  for (const folder of legacy) {
    const quota = readText(root, `${folder}/cpu.cfs_quota_us`)
    quotaCpus = Math.min(quotaCpus, parseQuota(`${quota} ${readText(root, `${folder}/cpu.cfs_period_us`)}`))
  }
  const legacySet = cgroupFolders(root, 'cpuset').legacy
  cpuset ??= firstCpus(texts(root, legacySet, 'cpuset.effective_cpus'))
  cpuset ??= firstCpus(texts(root, legacySet, 'cpuset.cpus')) // before 3.17
  return { quotaCpus, cpuset }
}
