// What the kernel tells about a ring in /proc/self/fdinfo. Read when metrics are scraped and when a ring closes; never on
// the I/O path (it takes the ring's lock).
import { readFileSync } from 'node:fs'

/** The SQ thread as the kernel accounts for it; times since the ring was created (SqTotalTime and SqWorkTime: 6.9). */
export interface SqThread {
  /** Thread id within this process. */
  readonly tid: number
  /** CPU it last ran on. */
  readonly cpu: number
  /** Time it spent doing something useful. */
  readonly busyNs: number
  /** Time it ran at all. */
  readonly totalNs: number
}

/** Parses fdinfo text; null where there is no SQ thread (or the kernel could not take the lock just now). */
export function parseSqThread(text: string): SqThread | null {
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s*(-?\\d+)`, 'm').exec(text)?.[1] ?? -1)
  const tid = field('SqThread')
  if (tid <= 0) return null
  // The kernel counts microseconds (io_uring/fdinfo.c).
  return {
    tid,
    cpu: field('SqThreadCpu'),
    busyNs: Math.max(0, field('SqWorkTime')) * 1000,
    totalNs: Math.max(0, field('SqTotalTime')) * 1000,
  }
}

/** The SQ thread of a ring of this process, or null: there is none, or it has not run yet. */
export function readSqThread(ringFd: number): SqThread | null {
  try {
    const thread = parseSqThread(readFileSync(`/proc/self/fdinfo/${ringFd}`, 'latin1'))
    if (thread === null) return null
    // Until it has run for the first time the kernel tells the thread that made the ring (io_sq_thread, io_uring/sqpoll.c).
    return readFileSync(`/proc/self/task/${thread.tid}/comm`, 'latin1').startsWith('iou-sqp-') ? thread : null
  } catch {
    return null // closed or ended meanwhile, or no /proc
  }
}
