// The figures of a machine's own limits. No behaviour. Imported by limits.ts and limit-checks.ts, and by who shows them.

/** The best of a ramp of depths. */
export interface RampLimit {
  /** Bytes per second of the sequential ones, requests per second of the random ones. */
  readonly perSecond: number
  readonly depth: number
  readonly points: readonly { readonly depth: number; readonly perSecond: number }[]
  /** What the kernel says came from, or went to, the device, of what was moved; null where it does not say. */
  readonly deviceShare: number | null
}

export interface LimitFigures {
  /** 1 MiB at a time. */
  readonly sequentialRead: RampLimit
  readonly sequentialWrite: RampLimit
  /** 4 KiB at a time. */
  readonly randomRead: RampLimit
  readonly randomWrite: RampLimit
  /** 4 KiB appended, then fdatasync(2): one at a time. */
  readonly datasyncP50Ns: number
  readonly datasyncP99Ns: number
  /** memcpy of 64 MiB by one thread: bytes copied per second. */
  readonly memoryCopyPerSecond: number
  /** read(2) of 1 MiB from the page cache by one thread: bytes per second. */
  readonly cachedReadPerSecond: number
  /** Whether O_DIRECT was to be had: else the four numbers are the page cache's. */
  readonly direct: boolean
}
