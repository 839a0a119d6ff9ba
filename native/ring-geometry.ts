// What a ring looks like once it is set up. Made by ring-memory.ts, sent from the ring worker to the client, read by ring.ts.

export type MemoryKind = 'user' | 'mapped'

/** What setup told about a ring. Plain data: it travels from the worker to the client. Indexes count 32-bit words. */
export interface RingGeometry {
  readonly kind: MemoryKind
  readonly ringFd: number
  readonly setupFlags: number
  readonly features: number
  readonly sqEntries: number
  readonly cqEntries: number
  readonly sqHead: number
  readonly sqTail: number
  readonly sqFlags: number
  readonly cqHead: number
  readonly cqTail: number
  readonly cqFlags: number
  readonly cqOverflow: number
  readonly cqes: number
}
