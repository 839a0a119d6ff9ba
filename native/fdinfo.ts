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

/** Tables that are registered with a ring: places, and how many of them hold something. */
export interface RingTables {
  readonly files: number
  readonly filesUsed: number
  readonly buffers: number
  readonly buffersUsed: number
}

/** Parses fdinfo text; null where the kernel could not take the ring's lock just now, and left the tables out. */
export function parseRingTables(text: string): RingTables | null {
  const parts = /^UserFiles:\s*(\d+)\n([\s\S]*?)^UserBufs:\s*(\d+)\n((?: *\d+: .*\n)*)/m.exec(text)
  if (parts === null) return null
  const used = (lines: string): number => {
    let count = 0
    for (const line of lines.split('\n')) if (/^ *\d+: /.test(line) && !line.endsWith('<none>')) count++
    return count
  }
  return {
    files: Number(parts[1]),
    filesUsed: used(parts[2]!),
    buffers: Number(parts[3]),
    buffersUsed: used(parts[4]!),
  }
}

/** All that the kernel tells of a ring of this process, for the functions above; empty where it is closed or there is no /proc. */
export function readRingText(ringFd: number): string {
  try {
    return readFileSync(`/proc/self/fdinfo/${ringFd}`, 'latin1')
  } catch {
    return ''
  }
}

/** Until it has run for the first time the kernel tells the thread that made the ring (io_sq_thread, io_uring/sqpoll.c). */
export function isSqThread(tid: number): boolean {
  try {
    return readFileSync(`/proc/self/task/${tid}/comm`, 'latin1').startsWith('iou-sqp-')
  } catch {
    return false // ended meanwhile
  }
}

/** The SQ thread of a ring of this process, or null: there is none, or it has not run yet. */
export function readSqThread(ringFd: number): SqThread | null {
  const thread = parseSqThread(readRingText(ringFd))
  return thread !== null && isSqThread(thread.tid) ? thread : null
}
