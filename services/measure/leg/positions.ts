// Where in the file the next request goes. Used by works.ts and sync-works.ts.

const alignBytes = 4096

export interface Positions {
  /** Byte offset of the next request. */
  next(): number
}

/** Xorshift, seeded by the thread: every leg reads the same blocks in the same order. */
export function randomPositions(spanBytes: number, requestBytes: number, thread: number): Positions {
  const places = Math.floor((spanBytes - requestBytes) / alignBytes) + 1
  let state = 12345 + Math.imul(thread, 0x9e3779b1)
  return {
    next: () => {
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      return Math.floor(((state >>> 0) / 4294967296) * places) * alignBytes
    },
  }
}

/** One block after the other, and from the start again; threads begin in different places. */
export function sequentialPositions(
  spanBytes: number,
  requestBytes: number,
  thread: number,
  threads: number,
): Positions {
  const places = Math.floor(spanBytes / requestBytes)
  let at = Math.floor((places / threads) * thread)
  return {
    next: () => {
      if (at >= places) at = 0
      return at++ * requestBytes
    },
  }
}
