// Proof: ten million operations leave nothing behind on the heap. Called by evidence.ts.
import { z } from 'zod'
import { formatTable } from '../../../services/bench/table.ts'
import { runSubject } from './subject.ts'
import type { Verdict } from './verdict.ts'

const KIB = 1024
/** One byte kept per twenty operations would already be above it. */
const HEAP_GROWTH_BYTES_MAX = 512 * KIB
const EXTERNAL_GROWTH_BYTES_MAX = 64 * KIB
/** The allocator may keep some pages of what the collector freed. */
const RSS_GROWTH_BYTES_MAX = 16 * 1024 * KIB
const MS_PER_OPERATION_LIMIT = 0.05

const checkpointSchema = z.object({
  operations: z.number(),
  heapUsed: z.number(),
  external: z.number(),
  arrayBuffers: z.number(),
  rss: z.number(),
})

export async function proveGrowth(poller: string, operations: number, file: string): Promise<Verdict> {
  const timeoutMs = 60_000 + operations * MS_PER_OPERATION_LIMIT
  const lines = await runSubject({
    task: 'growth',
    poller,
    count: operations,
    file,
    timeoutMs,
    nodeFlags: ['--expose-gc'],
  })
  const checkpoints = lines.map((line) => checkpointSchema.parse(JSON.parse(line)))
  // The first is the base: by then code is compiled and every pool has its size.
  const [first, last] = [checkpoints[0], checkpoints.at(-1)]
  if (first === undefined || last === undefined) throw new Error('the subject printed no checkpoint')
  const heap = last.heapUsed - first.heapUsed
  const external = last.external - first.external
  const rss = last.rss - first.rss
  const kib = (bytes: number): string => (bytes / KIB).toFixed(0)
  const rows = checkpoints.map((at) => [
    String(at.operations),
    ...[at.heapUsed, at.external, at.arrayBuffers, at.rss].map((bytes) => kib(bytes)),
  ])
  return {
    claim: `growth over ${operations} reads, ${poller} poller`,
    holds: heap <= HEAP_GROWTH_BYTES_MAX && external <= EXTERNAL_GROWTH_BYTES_MAX && rss <= RSS_GROWTH_BYTES_MAX,
    figures: `heap ${kib(heap)} KiB, external ${kib(external)} KiB, resident ${kib(rss)} KiB from first to last checkpoint`,
    details: formatTable(['operations', 'heap KiB', 'external KiB', 'buffers KiB', 'resident KiB'], rows),
  }
}
