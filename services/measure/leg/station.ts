// One thread's part of a leg: its files, its share of the depth, and the loops. Made by main.ts for the main thread, by client.ts for the others.
import { promises } from 'node:fs'
import type { ArenaLease } from '../../../workers/arena.ts'
import type { Ringmaster } from '../../ringmaster.ts'
import { LayoutImpossibleError } from '../../tune/types.ts'
import { LatencyHistogram } from '../latency-histogram.ts'
import type { LegOrder } from '../order.ts'
import { plainBuffers, registeredBuffers } from './buffers.ts'
import { closedLoop, closedSyncLoop, openLoop, openSyncLoop } from './loops.ts'
import type { Tally } from './loops.ts'
import { makeSyncWork } from './sync-works.ts'
import type { FilesLike } from './work.ts'
import { makeWork } from './works.ts'

/** What one thread is to do next: its share. */
export interface StationWindow {
  readonly seconds: number
  readonly depth: number
  /** Null: closed loop. */
  readonly operationsPerSecond: number | null
}

/** What came of it: plain data that can be sent to another thread. */
export interface StationResult {
  readonly seconds: number
  readonly operations: number
  readonly bytes: number
  readonly overdue: number
  readonly counts: Float64Array<ArrayBuffer>
  readonly maxNs: number
}

interface Prepared {
  readonly depth: number
  readonly run: (deadlineMs: number, operationsPerSecond: number | null, tally: Tally) => Promise<void>
  readonly close: () => Promise<void>
}

export class Station {
  private readonly order: LegOrder
  private readonly rings: Ringmaster | null
  private readonly thread: number
  private prepared: Prepared | null = null
  private readonly latency = new LatencyHistogram()

  /** `rings`: this thread's; null for node:fs. */
  constructor(order: LegOrder, rings: Ringmaster | null, thread: number) {
    this.order = order
    this.rings = rings
    this.thread = thread
  }

  async run({ seconds, depth, operationsPerSecond }: StationWindow): Promise<StationResult> {
    if (this.prepared?.depth !== depth) {
      await this.prepared?.close()
      this.prepared = null
      this.prepared = await this.prepare(depth)
    }
    const { latency } = this
    latency.reset()
    const tally: Tally = { operations: 0, bytes: 0, overdue: 0, latency }
    const startedMs = performance.now()
    await this.prepared.run(startedMs + seconds * 1000, operationsPerSecond, tally)
    const { operations, bytes, overdue } = tally
    const counts = latency.counts.slice()
    return { seconds: (performance.now() - startedMs) / 1000, operations, bytes, overdue, counts, maxNs: latency.max }
  }

  async close(): Promise<void> {
    await this.prepared?.close()
    this.prepared = null
  }

  private async prepare(depth: number): Promise<Prepared> {
    const { order, rings, thread } = this
    if (order.api === 'fs-sync') {
      const work = await makeSyncWork(order)
      const run: Prepared['run'] = (deadlineMs, rate, tally) =>
        rate === null ? closedSyncLoop(work, deadlineMs, tally) : openSyncLoop(work, rate, deadlineMs, tally)
      return { depth, run, close: () => Promise.resolve(work.close()) }
    }
    const aligned = order.data.cache === 'direct'
    const registered = rings !== null && order.layout?.buffers === 'registered'
    const buffers = registered ? registeredBuffers(rings) : plainBuffers(aligned)
    const files = await this.files(buffers.leases)
    const work = await makeWork({ order, files, buffers, depth, thread, threads: order.clients })
    const run: Prepared['run'] = (deadlineMs, rate, tally) =>
      rate === null ? closedLoop(work, deadlineMs, tally) : openLoop(work, rate, deadlineMs, tally)
    return { depth, run, close: () => work.close() }
  }

  private async files(leases: ReadonlyMap<Uint8Array, ArenaLease>): Promise<FilesLike> {
    const { rings, order } = this
    if (rings === null) return promises
    if (order.layout?.files !== 'direct') return rings
    if (order.batch > 1) throw new LayoutImpossibleError('batches (readBatch) are for descriptors of the process')
    // On demand: legs of node:fs must not have loaded the library.
    const { directFiles } = await import('./direct-files.ts')
    // A thread that joined has one ring of its own.
    return directFiles(rings, this.thread === 0 ? order.layout.rings : 1, leases)
  }
}
