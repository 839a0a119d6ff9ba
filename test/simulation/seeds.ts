// Which seeds a test goes through: the first so many, or the one that is to be replayed. Used by the tests beside it.

export interface Seeds {
  readonly first: number
  readonly count: number
  /** The command that repeats the run of one seed. */
  readonly replay: (seed: number) => string
}

/** RINGMASTER_TEST_SEED: this one only. RINGMASTER_SEEDS: how many, from RINGMASTER_FIRST_SEED (1); default `usual`. */
export function seeds(usual: number): Seeds {
  const replay = (seed: number): string =>
    `RINGMASTER_TEST_SEED=${seed} npx vitest run test/simulation/simulation.test.ts`
  const given = process.env['RINGMASTER_TEST_SEED']
  if (given !== undefined) return { first: Number(given), count: 1, replay }
  const first = Number(process.env['RINGMASTER_FIRST_SEED'] ?? 1)
  return { first, count: Number(process.env['RINGMASTER_SEEDS'] ?? usual), replay }
}
