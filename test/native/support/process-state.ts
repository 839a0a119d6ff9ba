// What the kernel says about this process: its descriptors, mappings and threads. The oracle of every test about what is left over.
import { readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const anonymousInode = 'anon_inode:'

/** Open descriptors by what they are, without the one that lists them. */
export function descriptors(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`).replace(/:\[\d+\]$/, '')]
    } catch {
      return [] // the directory's own
    }
  })
}

/** Descriptors of rings and eventfds: what this addon makes. Node's event loop has an eventfd of its own in every thread. */
export function ringDescriptors(): string[] {
  return descriptors().filter((name) => name === `${anonymousInode}[io_uring]`)
}

/** Descriptors as numbers. */
export function descriptorNumbers(): number[] {
  return readdirSync('/proc/self/fd').map(Number)
}

/** Mappings of ring memory. */
export function ringMappings(): string[] {
  return readFileSync('/proc/self/maps', 'latin1')
    .split('\n')
    .filter((line) => line.includes('[io_uring]'))
}

/** Names of this process's threads. The kernel's own among them are `iou-sqp-…` and `iou-wrk-…`. */
function threads(): string[] {
  return readdirSync('/proc/self/task').flatMap((tid) => {
    try {
      return [readFileSync(`/proc/self/task/${tid}/comm`, 'latin1').trim()]
    } catch {
      return [] // ended meanwhile
    }
  })
}

export function kernelThreads(): string[] {
  return threads().filter((name) => name.startsWith('iou-'))
}

const patienceMs = 20_000

/** Waits for what the kernel does in the background; gives up after a time that no assertion depends on. */
export async function eventually(happened: () => boolean): Promise<boolean> {
  const deadlineMs = performance.now() + patienceMs
  while (!happened()) {
    if (performance.now() > deadlineMs) return false
    await sleep(2)
  }
  return true
}

export interface ProcessState {
  readonly descriptors: readonly string[]
  readonly ringMappings: readonly string[]
  readonly kernelThreads: readonly string[]
}

/** Without open modules: a thread that is terminated while Node loads one leaves its descriptor behind, which is Node's matter. */
export function processState(): ProcessState {
  return {
    descriptors: descriptors()
      .filter((name) => !name.endsWith('.js') && !name.endsWith('.json'))
      .sort(),
    ringMappings: ringMappings(),
    kernelThreads: kernelThreads(),
  }
}

/** Threads of Node's own, which end when their worker does. */
export function nodeThreads(): number {
  return threads().length - kernelThreads().length
}

export function sameState(one: ProcessState, other: ProcessState): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
