// Chance that can be repeated: every random test draws from one seed, prints it, and takes it from RINGMASTER_TEST_SEED.

/** The seed of this run. */
export const seed: number = Number(process.env['RINGMASTER_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

/** Says how to repeat what follows. */
export function printSeed(what: string): void {
  console.info(`${what}: RINGMASTER_TEST_SEED=${seed}`)
}

export interface Random {
  /** A number from 0 to 1, without 1. */
  next(): number
  /** An integer from 0 to `end`, without `end`. */
  below(end: number): number
  pick<T>(values: readonly T[]): T
}

/** mulberry32: small, and the same everywhere. */
export function randomFrom(start: number): Random {
  let state = start | 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
  const below = (end: number): number => Math.floor(next() * end)
  return { next, below, pick: (values) => values[below(values.length)]! }
}
