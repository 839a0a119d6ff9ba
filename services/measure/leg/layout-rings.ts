// Starts Ringmaster as a layout says, and insists on it: a leg that silently had another poller would be a lie in the table. Called by main.ts.
import { Ringmaster } from '../../ringmaster.ts'
import type { RingmasterOptions } from '../../options.ts'
import { LayoutImpossibleError } from '../../tune/types.ts'
import type { Layout } from '../../tune/types.ts'

/** Completions of a ring unless more requests than that are to be in flight. */
const cqEntriesUsual = 4096
const cqEntriesMax = 65536

/** `depth`: the most requests in flight, of all clients. */
export function layoutOptions(layout: Layout | null, depth: number, clients: number): RingmasterOptions {
  const perRing = Math.ceil(depth / (layout?.rings ?? 1))
  const cqEntries = Math.min(cqEntriesMax, 2 ** Math.ceil(Math.log2(2 * perRing)))
  const queues: RingmasterOptions =
    cqEntries <= cqEntriesUsual ? {} : { cqEntries, sqEntries: Math.min(4096, cqEntries), backlogMax: 2 * depth }
  const common: RingmasterOptions = { ...queues, clientsMax: Math.max(8, clients), adviceIntervalMs: 0 }
  if (layout === null) return common
  const { poller, rings, sqThreads, sqThreadCpu, sqThreadIdleMs, spinNs } = layout
  return {
    ...common,
    poller,
    rings,
    spinNs: spinNs ?? 'auto',
    ...(poller === 'kernel' ? { sqThreads, sqThreadIdleMs } : {}),
    // Not pinned means what it says; `auto` would pin where CPUs are set aside.
    ...(poller === 'kernel' && sqThreadCpu !== null ? { sqThreadCpu } : { pinCpus: [] }),
  }
}

const message = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** @throws LayoutImpossibleError with the reason of whoever refuses: the option's limits, the library, or the kernel */
export async function startLayout(layout: Layout | null, depth: number, clients: number): Promise<Ringmaster> {
  const options = layoutOptions(layout, depth, clients)
  if (layout === null) return Ringmaster.start(options)
  const rings = await Ringmaster.start(options).catch((error: unknown) => {
    throw new LayoutImpossibleError(message(error), { cause: error })
  })
  try {
    const started = rings.stats().rings
    const other = started.find(({ poller }) => poller !== layout.poller)
    if (other !== undefined)
      throw new LayoutImpossibleError(`ring ${other.ring} got the poller ${other.poller}: ${other.reason}`)
    await limitIoWorkers(rings, layout)
    return rings
  } catch (error) {
    await rings.close()
    throw error
  }
}

async function limitIoWorkers(rings: Ringmaster, { ioWorkersMax, rings: count }: Layout): Promise<void> {
  if (ioWorkersMax === null) return
  const limits = { bounded: ioWorkersMax, unbounded: ioWorkersMax }
  for (let ring = 0; ring < count; ring++) {
    await rings
      .raw(ring)
      .registrations.iowqMaxWorkers(limits)
      .catch((error: unknown) => {
        throw new LayoutImpossibleError(`io-wq's workers cannot be limited: ${message(error)}`, { cause: error })
      })
  }
}

/** What was really used, for people. */
export function describeRings(rings: Ringmaster): string {
  const { rings: all } = rings.stats()
  const pollers = [...new Set(all.map(({ poller }) => poller))].join(' and ')
  return `${all.length} ring${all.length === 1 ? '' : 's'}, poller ${pollers}`
}
