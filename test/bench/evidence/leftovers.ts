// Proof: after close() the process has the descriptors and threads it had before start(). Called by evidence.ts.
import { z } from 'zod'
import { runSubject } from './subject.ts'
import type { Verdict } from './verdict.ts'

const MS_PER_ROUND_LIMIT = 10_000

const roundSchema = z.object({
  round: z.number(),
  threads: z.array(z.string()),
  descriptors: z.array(z.string()),
  settleMs: z.number(),
})

export async function proveLeftovers(poller: string, rounds: number, file: string): Promise<Verdict> {
  const timeoutMs = 30_000 + rounds * MS_PER_ROUND_LIMIT
  const lines = await runSubject({ task: 'cycles', poller, count: rounds, file, timeoutMs })
  const seen = lines.map((line) => roundSchema.parse(JSON.parse(line)))
  const unclean = seen.filter(({ threads, descriptors }) => threads.length + descriptors.length > 0)
  const slowestMs = Math.max(...seen.map(({ settleMs }) => settleMs))
  const last = seen.at(-1)
  return {
    claim: `left after close(), ${rounds} times, ${poller} poller`,
    holds: seen.length === rounds && unclean.length === 0,
    figures:
      `${last?.descriptors.length ?? '?'} descriptors, ${last?.threads.length ?? '?'} threads in the end; ` +
      `${unclean.length} unclean rounds; the kernel settled within ${slowestMs.toFixed(0)} ms`,
    details: unclean
      .slice(-1)
      .map(({ round, threads, descriptors }) => `round ${round}: ${[...threads, ...descriptors].join(', ')}`),
  }
}
