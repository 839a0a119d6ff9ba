// How much of a ring background requests may use: the control law alone, without a clock or a ring. Used by admission.ts, once
// per interval. Additive increase, multiplicative decrease: what many feel at once is given back fast and taken slowly.

/** A latency this many times the unloaded one is congestion. */
export const congestedRatio = 2

export interface ShareInput {
  /** Entries that background may have in flight now. */
  readonly share: number
  /** What it always may have, so that it never starves. */
  readonly floor: number
  /** All there is. */
  readonly ceiling: number
  /**
   * The foreground's latency in the kernel, as a multiple of what it is without background; Infinity where that is not known
   * yet; 0 where nothing completed.
   */
  readonly latencyRatio: number
  /** There is no foreground to be disturbed. */
  readonly foregroundIdle: boolean
}

/** The share for the next interval. */
export function nextShare({ share, floor, ceiling, latencyRatio, foregroundIdle }: ShareInput): number {
  if (foregroundIdle) return ceiling
  if (latencyRatio === 0) return share
  if (latencyRatio > congestedRatio) return Math.max(floor, share >> 1)
  return Math.min(ceiling, share + Math.max(1, ceiling >> 5))
}

/** The share that is background's whatever happens: a chain of that length must fit. */
export const shareFloor = (inFlightMax: number): number =>
  Math.max(1, Math.min(inFlightMax >> 1, Math.max(8, inFlightMax >> 6)))
