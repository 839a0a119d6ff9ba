// Child processes that may lock little memory, for real: a limit, and no CAP_IPC_LOCK, which root has and which lifts it. Used by tests
// of capabilities, of starting without, and of registering memory.
import { spawnSync } from 'node:child_process'
import { release } from 'node:os'

const has = (command: string): boolean => spawnSync(command, ['--version']).status === 0

/** Whether this process can limit others: root without its capabilities is bound like anybody else. */
export const canLimitMemlock: boolean = process.getuid?.() === 0 && has('setpriv') && has('prlimit')

// Kernels from 5.12 to 6.13 charge rings to the cgroup and not to this limit.
const [major, minor] = release().split('.').map(Number) as [number, number]
export const ringsAreCharged: boolean = major > 6 || (major === 6 && minor >= 14)

/** The command under which a program may lock so many bytes, or `soft:hard`. */
export const underMemlock = (bytes: number | string): [string, ...string[]] => [
  'prlimit',
  `--memlock=${bytes}`,
  ...['setpriv', '--bounding-set', '-all', '--inh-caps', '-all'],
]
