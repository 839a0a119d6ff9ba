// Simulated runs that are traced: under every interleaving, fault, loss and death that a seed thinks of, each request is told once, when it
// is over, and as the kernel's ledger has it. RINGMASTER_SEEDS: how many (200); RINGMASTER_TEST_SEED: this one run only.
import { expect, it } from 'vitest'
import { TraceFeed } from '../../metrics/trace-feed.ts'
import { TraceKind, allocateTrace } from '../../metrics/trace-memory.ts'
import { TraceReader } from '../../metrics/trace-reader.ts'
import { TraceWriter } from '../../metrics/trace-writer.ts'
import { operationCount } from '../../metrics/ring-metrics.ts'
import { CqeFlag } from '../../native/abi.ts'
import { Tracer } from '../../workers/tracer.ts'
import { runSeed } from './run.ts'
import { seeds } from './seeds.ts'
import type { Stand } from './stand.ts'

const { first, count } = seeds(200)

/** Traces a stand; what is returned compares, at the end. */
function trace({ handle, kernel }: Stand): () => void {
  const { client, metrics } = handle
  const feed = new TraceFeed()
  const memory = allocateTrace(65_536)
  feed.add(new TraceWriter(memory, 1))
  client.tracer = new Tracer(client.slots, client.counters, feed)
  return () => {
    const records = new TraceReader(memory).read().filter(({ kind }) => kind === TraceKind.completion)
    const over = records.filter(({ flags }) => (flags & CqeFlag.MORE) === 0)
    const told = Array.from({ length: operationCount }, (_, op) => over.filter(({ opcode }) => opcode === op).length)
    const counted = told.map((_, op) => metrics.completions(op))
    expect(told).toEqual(counted)
    expect(new Set(over.map(({ id }) => id)).size).toBe(over.length)
    for (const { slot, generation, result, openedMs, publishedMs, seenMs, settledMs } of records) {
      const times = [openedMs, publishedMs, seenMs, settledMs]
      expect(times).toEqual([...times].sort((one, other) => one - other))
      const results = kernel.ledger.get(`${slot}:${generation}`)
      if (results !== undefined && result > -100_000) expect(results).toContain(result)
    }
  }
}

it(`each request is told once, seeds ${first} to ${first + count - 1}`, { timeout: 240_000 }, async () => {
  for (let seed = first; seed < first + count; seed++) {
    await runSeed(seed, trace).catch((error: unknown) => {
      expect.fail(
        `seed ${seed}: ${error instanceof Error ? error.stack : String(error)}\nreplay: RINGMASTER_TEST_SEED=${seed} npx vitest run test/simulation/trace.test.ts`,
      )
    })
  }
})
