// What a feature is, and how it is found out: by bits and opcodes that the kernel reports, and by one trial on a ring of no other use.
// Rows are in the files beside this one, trials run by ../features.ts. Never by the kernel's version: distributions take over
// single features, and take some out.
import { prepSocket } from '../operations/sockets.ts'
import { setDirect } from '../operations/row.ts'
import type { Fill, ScratchRing } from './scratch-ring.ts'

/** How a trial must end to prove the feature: armed and waiting, with a result of zero or more, or with this very errno. */
export type Proof = 'armed' | 'done' | number

export interface FeatureRow {
  /** First kernel that has it: said, never asked. */
  readonly since: string
  /** What it is, for people. */
  readonly says: string
  /** Opcodes that must be there. Some stand for their kernel: before it unknown flags were not refused but ignored. */
  readonly opcodes?: readonly number[]
  /** IORING_FEAT_* bits that must be there. */
  readonly bits?: number
  readonly proof?: Proof
  /** The result of one operation (null: none yet, it is armed) or of a registration. */
  readonly trial?: (ring: ScratchRing) => number | null
  /** Why rings of Ringmaster do not have it, whatever the kernel says. */
  readonly refused?: string
}

/** No descriptor: where an operation's flags are known it ends with EBADF, where not, with EINVAL before that. */
export const noDescriptor: number = -1
export const EBADF: number = -9
export const ENOENT: number = -2
export const ENXIO: number = -6

/** The first result of one operation, or null while it waits. */
export function first(ring: ScratchRing, fill: Fill): number | null {
  return ring.submit(fill)[0]?.result ?? null
}

/** Makes a socket in a direct descriptor. */
export function socketIn(slot: number, domain: number, type: number, sqeFlags: number): Fill {
  return (words, at) => {
    prepSocket(words, at, sqeFlags, domain, type, 0, 0)
    setDirect(words, at, slot)
  }
}
