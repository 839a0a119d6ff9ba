// Whether what came is a live frame. Used by live-client.ts: who answers at the address may be anybody, and nothing that it says may stop `top` or be
// drawn as something that it is not. The types are those of metrics/live-protocol.ts; the compiler sees that they agree.
import { z } from 'zod'
import { ringsMax, type LiveAbout, type LiveFrame, type LiveRing } from '../../metrics/live-protocol.ts'
import { trafficRowsMax, type TrafficReport } from '../../metrics/traffic-report.ts'

const number = z.number()
const text = z.string().max(10_000)
const rows = <Item extends z.ZodType>(item: Item): z.ZodReadonly<z.ZodArray<Item>> =>
  z.array(item).max(10_000).readonly()

const queue = z.object({ entries: number, head: number, tail: number, from: number, cells: text })
const times = z.object({
  clientRunNs: number.nullable(),
  clientWaitNs: number.nullable(),
  pollerRunNs: number.nullable(),
  pollerWaitNs: number.nullable(),
})
const kernelTable = z.tuple([number, number]).readonly().nullable()

const ring: z.ZodType<LiveRing> = z.object({
  ring: number,
  client: number,
  poller: text,
  reason: text,
  state: text,
  workerState: text,
  memory: text,
  sqEntries: number,
  cqEntries: number,
  inFlightMax: number,
  backlogMax: number,
  sq: queue.nullable(),
  cq: queue.nullable(),
  asleep: z.boolean(),
  overflowed: z.boolean(),
  slots: rows(z.tuple([number, number, number, number, number]).readonly()).nullable(),
  counters: rows(number),
  gauges: rows(number),
  factsAtMs: number,
  sqThread: z.object({ tid: number, cpu: number, busyNs: number, totalNs: number }).nullable(),
  times,
  groups: rows(z.tuple([number, number, number]).readonly()),
  files: kernelTable,
  buffers: kernelTable,
  operations: rows(z.tuple([number, text, number, number, number, number, number]).readonly()),
  errors: rows(z.tuple([text, text, number]).readonly()),
  histograms: rows(rows(number)),
  advice: z.object({ poller: text, cause: text, reason: text }),
})

export const frameSchema: z.ZodType<LiveFrame> = z.object({
  sequence: number,
  atMs: number,
  spanMs: number,
  rings: z.array(ring).max(ringsMax).readonly(),
  ringsLeftOut: number,
  histogramsLeftOut: number,
  arenas: rows(
    z.object({ slabs: number, slabBytes: number, leased: number, waiters: number, registered: z.boolean() }),
  ),
  jobs: rows(z.object({ kind: text, name: text, state: text, detail: text, progress: number })),
  ready: z.object({ ok: z.boolean(), reason: text }).exactOptional(),
})

/** Which protocol is spoken, before anything else is read. */
export const versionSchema: z.ZodType<{ liveVersion: number }> = z.object({ liveVersion: number })

export const aboutSchema: z.ZodType<LiveAbout> = z.object({
  liveVersion: number,
  host: text,
  pid: number,
  startedMs: number,
  version: text,
  node: text,
  kernel: text,
  effectiveCpus: number,
  wakeCostNs: number,
  spinNs: number,
  placement: text,
})

const trafficRows = z
  .array(z.object({ id: number, name: text, open: number, requests: number, bytes: number }))
  .max(trafficRowsMax)
  .readonly()

export const trafficSchema: z.ZodType<TrafficReport> = z.object({
  trafficVersion: number,
  atMs: number,
  sinceMs: number,
  files: trafficRows,
  clients: trafficRows,
})
