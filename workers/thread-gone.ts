// Waits for the end of an SQ thread. Used where rings are closed: ring-handle.ts, and open-rings.ts where several have one.
import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { untilSync } from './sleep-sync.ts'

/** How long the end of a thread is waited for at most. */
export const threadGoneMs = 2000

const threadIsThere = (tid: number): boolean => readdirSync('/proc/self/task').includes(String(tid))

/** The kernel ends an SQ thread in the background, after its ring's descriptor is closed: wait for it, with a limit. */
export async function threadGone(tid: number): Promise<void> {
  const deadlineMs = performance.now() + threadGoneMs
  while (performance.now() < deadlineMs && threadIsThere(tid)) await sleep(1)
}

/** The same without the event loop. */
export function threadGoneSync(tid: number): void {
  untilSync(() => !threadIsThere(tid), threadGoneMs)
}
