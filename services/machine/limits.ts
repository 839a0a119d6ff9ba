// What this process may still take: locked memory and file descriptors. Used by facts.ts.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { field, readText } from './text.ts'
import { isInitialNamespace } from './user-namespace.ts'

export interface ProcessLimits {
  /**
   * Memory that rings may lock, in bytes; Infinity where there is no limit or CAP_IPC_LOCK lifts it. Charged for rings before 5.12
   * and again from about 6.14, and per user: other processes of the same user take from it too.
   */
  readonly memlockBytes: number
  /** Descriptors this process may still open. */
  readonly descriptorsLeft: number
}

const capIpcLock = 14

/** The soft limit of a row of /proc/self/limits. */
function softLimit(limits: string, name: string): number {
  const soft = field(limits, name).split(/\s+/)[0] ?? ''
  return /^\d+$/.test(soft) ? Number(soft) : Infinity
}

/** Descriptors are read by opening one: where none is left, that is the answer, and no file can be read that says more. */
function descriptorsLeft(root: string, limit: number): number {
  try {
    return Math.max(0, limit - readdirSync(join(root, 'proc/thread-self/fd')).length)
  } catch (error) {
    const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined
    return code === 'EMFILE' || code === 'ENFILE' ? 0 : limit
  }
}

/** Whether bit `capability` of CapEff is set: hexadecimal, most significant digit first. */
function hasCapability(status: string, capability: number): boolean {
  const effective = field(status, 'CapEff')
  const digit = Number.parseInt(effective.at(-1 - Math.floor(capability / 4)) ?? '0', 16)
  return (digit & (1 << (capability % 4))) !== 0
}

/** RLIMIT_NOFILE, which also bounds a ring's table of direct descriptors. Infinity where there is none. */
export function descriptorLimit(root = '/'): number {
  return softLimit(readText(root, 'proc/thread-self/limits'), 'Max open files')
}

export function readLimits(root: string): ProcessLimits {
  const limits = readText(root, 'proc/thread-self/limits')
  const exempt = isInitialNamespace(root) && hasCapability(readText(root, 'proc/thread-self/status'), capIpcLock)
  return {
    memlockBytes: exempt ? Infinity : softLimit(limits, 'Max locked memory'),
    descriptorsLeft: descriptorsLeft(root, softLimit(limits, 'Max open files')),
  }
}
