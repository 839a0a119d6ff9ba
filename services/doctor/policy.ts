// What may stand between this process and io_uring: the sysctl, seccomp, security modules, a tracer. Read from /proc and /sys; nothing is
// tried here (trials/calls.ts does). Used by context.ts and, for what it means, by denial.ts.
import { field, readText } from '../machine/text.ts'
import { isInitialNamespace } from '../machine/user-namespace.ts'

export interface Policy {
  /** kernel.io_uring_disabled: '0', '1' or '2'; null before Linux 6.6, which has no such thing. */
  readonly disabled: string | null
  /** kernel.io_uring_group; -1 for none. */
  readonly group: number
  /** Whether this process is in it; null where that cannot be told. */
  readonly inGroup: boolean | null
  /** CAP_SYS_ADMIN, and not just in a user namespace: the sysctl asks for the real one. */
  readonly isAdmin: boolean
  /** CAP_IPC_LOCK, the real one: no memlock limit. */
  readonly mayLock: boolean
  /** /proc/self/status, Seccomp: 0 none, 1 strict, 2 filters; null where the kernel does not say. */
  readonly seccomp: number | null
  /** How many filters; null before Linux 5.9. */
  readonly filters: number | null
  /** Active security modules; null where securityfs is not mounted. */
  readonly modules: readonly string[] | null
  /** What a security module calls this process: a SELinux context, an AppArmor profile; '' for none. */
  readonly label: string
  /** The process that traces this one; 0 for none. */
  readonly tracerPid: number
}

const capSysAdmin = 21n
const capIpcLock = 14n

/** A group of this user namespace as the namespace above knows it; null where it is not mapped. */
function outsideGroup(gid: number, gidMap: string): number | null {
  for (const line of gidMap.split('\n')) {
    const [inside, outside, count] = line.trim().split(/\s+/).map(Number)
    if (inside === undefined || outside === undefined || count === undefined) continue
    if (gid >= inside && gid < inside + count) return outside + gid - inside
  }
  return null
}

function isInGroup(status: string, gidMap: string, isInitial: boolean, group: number): boolean | null {
  if (group < 0) return false
  const effective = field(status, 'Gid').split(/\s+/)[1] ?? ''
  const groups = [effective, ...field(status, 'Groups').split(/\s+/)].filter((gid) => gid !== '').map(Number)
  const real = isInitial ? groups : groups.map((gid) => outsideGroup(gid, gidMap))
  if (real.includes(group)) return true
  // A namespace in a namespace may map it once more.
  return isInitial ? false : null
}

const numberIn = (text: string): number | null => (/^-?\d+$/.test(text) ? Number(text) : null)

export function readPolicy(root = '/'): Policy {
  const status = readText(root, 'proc/self/status')
  const isInitial = isInitialNamespace(root)
  const disabled = readText(root, 'proc/sys/kernel/io_uring_disabled')
  const group = numberIn(readText(root, 'proc/sys/kernel/io_uring_group')) ?? -1
  const effective = BigInt(`0x${field(status, 'CapEff') || '0'}`)
  const may = (capability: bigint): boolean => isInitial && ((effective >> capability) & 1n) === 1n
  const modules = readText(root, 'sys/kernel/security/lsm')
  const label = readText(root, 'proc/self/attr/apparmor/current') || readText(root, 'proc/self/attr/current')
  return {
    disabled: disabled === '' ? null : disabled,
    group,
    inGroup: isInGroup(status, readText(root, 'proc/self/gid_map'), isInitial, group),
    isAdmin: may(capSysAdmin),
    mayLock: may(capIpcLock),
    seccomp: numberIn(field(status, 'Seccomp')),
    filters: numberIn(field(status, 'Seccomp_filters')),
    modules: modules === '' ? null : modules.split(','),
    label: label.replace(/\0.*$/s, ''),
    tracerPid: numberIn(field(status, 'TracerPid')) ?? 0,
  }
}

/** Whether the sysctl denies io_uring to this process: 2 to all, 1 to those without CAP_SYS_ADMIN outside of the group (admin-guide/sysctl/kernel.rst). */
export function sysctlDenies({ disabled, isAdmin, inGroup }: Policy): boolean | null {
  if (disabled === '2') return true
  if (disabled !== '1' || isAdmin || inGroup === true) return false
  return inGroup === null ? null : true
}
