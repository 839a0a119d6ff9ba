// Simulated runs, each by its seed: everything the client, chains, streams, buffers and leases promise, under every
// interleaving that a seed thinks of. RINGMASTER_SEEDS: how many (500); RINGMASTER_TEST_SEED: this one run only.
import { describe, expect, it } from 'vitest'
import { seeds } from './seeds.ts'
import { runSeed } from './run.ts'

const { first, count, replay } = seeds(500)
const perCase = 50

describe(`simulated kernel, seeds ${first} to ${first + count - 1}`, () => {
  for (let from = first; from < first + count; from += perCase) {
    const to = Math.min(from + perCase, first + count)
    it(`every request settles once and everything is given back: ${from}–${to - 1}`, { timeout: 120_000 }, async () => {
      for (let seed = from; seed < to; seed++) {
        await runSeed(seed).catch((error: unknown) => {
          expect.fail(`seed ${seed}: ${error instanceof Error ? error.stack : String(error)}\nreplay: ${replay(seed)}`)
        })
      }
    })
  }

  it('a seed is a run: the same one twice is the same, step by step, result by result', async () => {
    for (let seed = first; seed < first + 10; seed++) expect(await runSeed(seed)).toBe(await runSeed(seed))
  })
})
