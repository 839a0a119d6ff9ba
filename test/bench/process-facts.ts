// What /proc says about a process: descriptors, threads, CPU time, context switches. Called by evidence/*,
// evidence-subject.ts and leg-process.ts.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

export interface TaskFacts {
  readonly id: string
  readonly name: string
  readonly cpuNs: number
  readonly switches: number
}

type ProcessId = number | 'self'

/** All threads of the process; the kernel's `iou-*` threads are among them. */
export function tasks(process: ProcessId): readonly TaskFacts[] {
  return readdirSync(`/proc/${process}/task`).flatMap((id) => {
    try {
      const directory = `/proc/${process}/task/${id}`
      const status = readFileSync(`${directory}/status`, 'utf8')
      const switches = [...status.matchAll(/^(?:non)?voluntary_ctxt_switches:\t(\d+)$/gm)]
      return {
        id,
        name: readFileSync(`${directory}/comm`, 'utf8').trim(),
        cpuNs: cpuNs(directory),
        switches: switches.reduce((sum, match) => sum + Number(match[1]), 0),
      }
    } catch {
      // It ended between the listing and the reading.
      return []
    }
  })
}

/** What each descriptor refers to, without those of this very listing. */
export function descriptors(process: ProcessId): readonly string[] {
  const directory = `/proc/${process}/fd`
  return readdirSync(directory).flatMap((id) => {
    try {
      const target = readlinkSync(`${directory}/${id}`)
      return /^\/proc\/\w+\/fd$/.test(target) ? [] : [target.replace(/^(pipe|socket):\[\d+\]$/, '$1')]
    } catch {
      return []
    }
  })
}

/** What is in `after` and not in `before`, as often as it is too many. */
export function surplus(before: readonly string[], after: readonly string[]): readonly string[] {
  const left = [...before]
  return after.filter((item) => {
    const at = left.indexOf(item)
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
}

/** Nanoseconds where the kernel keeps scheduler statistics, else its clock ticks of 10 ms. */
function cpuNs(directory: string): number {
  try {
    const [runNs = '0'] = readFileSync(`${directory}/schedstat`, 'utf8').split(' ')
    if (Number(runNs) > 0) return Number(runNs)
  } catch {
    // Built without schedstat.
  }
  const stat = readFileSync(`${directory}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10_000_000
}
