// Which mount a path is on, and what kind of file system that is. Used by trials/storage.ts, and by ../doctor's checks for a path that does
// not answer: /proc/self/mountinfo is read without asking the file system.

export interface Mount {
  /** mount ID, as in /proc/self/fdinfo. */
  readonly id: number
  /** `major:minor`; the major number is 0 where the file system has no device of its own. */
  readonly device: string
  readonly point: string
  readonly type: string
  readonly source: string
  /** Of the mount and of the file system. */
  readonly options: readonly string[]
}

/** The kernel writes blanks as \040. */
const unescape = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))

/** proc_pid_mountinfo(5): "36 35 98:0 /root /point options optional… - type source super-options". */
export function parseMounts(mountinfo: string): Mount[] {
  return mountinfo.split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ')
    const [id, , device, , point, options] = before.split(' ')
    const [type, source, superOptions = ''] = after.split(' ')
    if (device === undefined || point === undefined || type === undefined) return []
    const all = [...(options ?? '').split(','), ...superOptions.split(',')]
    return [{ id: Number(id), device, point: unescape(point), type, source: unescape(source ?? ''), options: all }]
  })
}

/** By its name: the longest mount point above it, the last one mounted there. Symbolic links are not followed. */
export function mountAbove(mounts: readonly Mount[], path: string): Mount | null {
  const above = mounts.filter(({ point }) => path === point || path.startsWith(point === '/' ? '/' : `${point}/`))
  return above.reduce<Mount | null>(
    (best, mount) => (best === null || mount.point.length >= best.point.length ? mount : best),
    null,
  )
}

export type MountKind = 'local' | 'memory' | 'overlay' | 'network' | 'fuse' | 'kernel'

const networkTypes = [
  'nfs',
  'nfs4',
  'cifs',
  'smb3',
  '9p',
  'virtiofs',
  'ceph',
  'glusterfs',
  'afs',
  'lustre',
  'gpfs',
  'ocfs2',
  'gfs2',
  'ncpfs',
]
const kernelTypes = [
  'proc',
  'sysfs',
  'devtmpfs',
  'devpts',
  'cgroup',
  'cgroup2',
  'debugfs',
  'tracefs',
  'securityfs',
  'bpf',
  'mqueue',
  'configfs',
  'autofs',
]

export function kindOf({ type }: Pick<Mount, 'type'>): MountKind {
  if (type === 'tmpfs' || type === 'ramfs') return 'memory'
  if (type === 'overlay' || type === 'aufs') return 'overlay'
  if (type === 'fuse' || type.startsWith('fuse.') || type === 'fuseblk') return 'fuse'
  if (networkTypes.includes(type)) return 'network'
  return kernelTypes.includes(type) ? 'kernel' : 'local'
}
