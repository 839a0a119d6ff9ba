// An epoll instance for tests, which Node makes none of. Used by the proofs of epoll_ctl and epoll_wait.
import { once } from 'node:events'
import * as fs from 'node:fs'
import { Worker } from 'node:worker_threads'
import { op } from '../../../services/raw/index.ts'
import type { Operation } from '../../../services/raw/index.ts'
import { eventually } from '../harness.ts'

const epolls = (): number[] =>
  fs.readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`) === 'anon_inode:[eventpoll]' ? [Number(fd)] : []
    } catch {
      return []
    }
  })

/** What an epoll instance watches, by the kernel's own account. */
export function watched(epollFd: number): { fd: number; events: number; data: number }[] {
  const rows = fs
    .readFileSync(`/proc/self/fdinfo/${epollFd}`, 'latin1')
    .matchAll(/tfd: +(\d+) events: +(\w+) data: +(\w+)/g)
  return [...rows].map(([, fd, events, data]) => {
    return { fd: Number(fd), events: parseInt(events!, 16), data: parseInt(data!, 16) }
  })
}

/**
 * An epoll instance that nobody waits on and that is empty. Node makes none for us, so it is the event loop of a thread that is
 * kept busy; what it watched is put back before the thread goes on.
 */
export async function epollInstance(
  submit: <R>(operation: Operation<R>) => Promise<R>,
): Promise<{ epollFd: number; close: () => Promise<void> }> {
  const before = new Set(epolls())
  const gate = new Int32Array(new SharedArrayBuffer(8))
  const script = `const { workerData } = require('node:worker_threads')
    Atomics.store(workerData, 1, 1)
    Atomics.wait(workerData, 0, 0)`
  const worker = new Worker(script, { eval: true, workerData: gate })
  if (!(await eventually(() => Atomics.load(gate, 1) === 1))) throw new Error('the thread did not start')
  const epollFd = epolls().find((fd) => !before.has(fd))!
  const own = watched(epollFd)
  for (const { fd } of own) await submit(op.epollCtl({ epollFd, command: 'EPOLL_CTL_DEL', fd }))
  const close = async (): Promise<void> => {
    for (const entry of own) await submit(op.epollCtl({ epollFd, command: 'EPOLL_CTL_ADD', ...entry }))
    const exited = once(worker, 'exit')
    Atomics.store(gate, 0, 1)
    Atomics.notify(gate, 0)
    await exited
  }
  return { epollFd, close }
}
