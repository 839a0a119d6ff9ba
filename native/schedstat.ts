// What the scheduler says about a thread in /proc/self/task/<tid>/schedstat: how long it ran, and how long it could have and had to
// wait for a CPU. Read every few seconds by the advisor and when metrics are scraped; never on the I/O path.
import { readFileSync } from 'node:fs'

/** Times since the thread began. */
export interface ThreadTimes {
  readonly runNs: number
  /** Runnable, and waiting in a CPU's run queue. */
  readonly waitNs: number
}

/** Parses "run wait slices"; null for what is not that. */
export function parseThreadTimes(text: string): ThreadTimes | null {
  const times = /^(\d+) (\d+) \d+\s*$/.exec(text)
  return times === null ? null : { runNs: Number(times[1]), waitNs: Number(times[2]) }
}

/** The times of a thread of this process, or null where it has ended or the kernel does not count (CONFIG_SCHED_INFO). */
export function readThreadTimes(tid: number): ThreadTimes | null {
  try {
    return parseThreadTimes(readFileSync(`/proc/self/task/${tid}/schedstat`, 'latin1'))
  } catch {
    return null
  }
}
