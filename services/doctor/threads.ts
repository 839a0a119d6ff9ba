// How many threads and processes may still be started: RLIMIT_NPROC, which is of all processes of a user together, and pids.max of control groups. Used by
// context.ts. Where there are none left, nothing can be tried, and Node.js itself aborts, or stands still.
import { readdirSync } from 'node:fs'
import { controllerFolders } from '../machine/cgroup.ts'
import { field, readText } from '../machine/text.ts'

export interface ThreadsLeft {
  /** Infinity: no limit. */
  readonly left: number
  readonly limit: number
  readonly by: 'RLIMIT_NPROC' | 'pids.max'
}

/** A machine may have many processes. */
const processesMax = 20_000

/** Threads of all processes whose real user is `uid`. */
function threadsOf(uid: string): number {
  let threads = 0
  for (const pid of readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .slice(0, processesMax)) {
    const status = readText('/', `proc/${pid}/status`)
    if (field(status, 'Uid').split(/\s+/)[0] === uid) threads += Number(field(status, 'Threads'))
  }
  return threads
}

const capSysAdmin = 21n
const capSysResource = 24n

function ofUser(): ThreadsLeft {
  const status = readText('/', 'proc/self/status')
  const soft = /^Max processes +(\d+)/m.exec(readText('/', 'proc/self/limits'))?.[1]
  const uid = field(status, 'Uid').split(/\s+/)[0] ?? ''
  const effective = BigInt(`0x${field(status, 'CapEff') || '0'}`)
  // copy_process(): the limit is not for root, nor for who has one of these.
  const isExempt =
    uid === '0' || ((effective >> capSysAdmin) & 1n) === 1n || ((effective >> capSysResource) & 1n) === 1n
  if (soft === undefined || isExempt) return { left: Infinity, limit: Infinity, by: 'RLIMIT_NPROC' }
  return { left: Math.max(0, Number(soft) - threadsOf(uid)), limit: Number(soft), by: 'RLIMIT_NPROC' }
}

function ofGroups(): ThreadsLeft[] {
  return controllerFolders('/', 'pids').flatMap((folder) => {
    const max = readText('/', `${folder}/pids.max`)
    if (!/^\d+$/.test(max)) return []
    const left = Math.max(0, Number(max) - Number(readText('/', `${folder}/pids.current`)))
    return [{ left, limit: Number(max), by: 'pids.max' as const }]
  })
}

/** The tightest limit. */
export function readThreadsLeft(): ThreadsLeft {
  return ofGroups().reduce((least, each) => (each.left < least.left ? each : least), ofUser())
}
