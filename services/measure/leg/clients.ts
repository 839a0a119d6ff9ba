// The threads of a leg: the main thread's station and those of client.ts, which do each window at the same time. Used by main.ts.
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Ringmaster } from '../../ringmaster.ts'
import { LayoutImpossibleError } from '../../tune/types.ts'
import { LatencyHistogram } from '../latency-histogram.ts'
import type { LegOrder } from '../order.ts'
import type { ClientAnswer, ClientData } from './client.ts'
import { Station } from './station.ts'
import type { StationResult, StationWindow } from './station.ts'

/** What all threads did together. */
export interface TeamResult {
  readonly seconds: number
  readonly operations: number
  readonly bytes: number
  readonly overdue: number
  readonly latency: LatencyHistogram
  /** CPU of processes of ours beside this one, which are no part of what is measured. */
  readonly helperCpuNs: number
}

export class Team {
  private readonly own: Station
  private readonly workers: readonly Worker[]
  private readonly exits: readonly Promise<unknown>[]

  private constructor(own: Station, workers: readonly Worker[]) {
    this.own = own
    this.workers = workers
    this.exits = workers.map((worker) => once(worker, 'exit'))
  }

  static async start(order: LegOrder, rings: Ringmaster | null): Promise<Team> {
    const file = new URL('./client.js', import.meta.url)
    const workers = Array.from({ length: order.clients - 1 }, (_, index) => {
      const handle = rings?.attach() ?? null
      const data: ClientData = { order, rings: handle, thread: index + 1 }
      return new Worker(file, { workerData: data, transferList: handle?.transferList ?? [] })
    })
    await Promise.all(workers.map((worker) => once(worker, 'message')))
    return new Team(new Station(order, rings, 0), workers)
  }

  /** Depth and rate are shared out as evenly as they go; each thread has at least one request. */
  async run({ seconds, depth, operationsPerSecond }: StationWindow): Promise<TeamResult> {
    const threads = this.workers.length + 1
    const share = (thread: number): StationWindow => ({
      seconds,
      depth: Math.max(1, Math.floor(depth / threads) + (thread < depth % threads ? 1 : 0)),
      operationsPerSecond: operationsPerSecond === null ? null : operationsPerSecond / threads,
    })
    const others = this.workers.map(async (worker, index) => {
      const answer = once(worker, 'message')
      worker.postMessage(share(index + 1))
      const [result] = (await answer) as [ClientAnswer]
      if ('impossible' in result) throw new LayoutImpossibleError(result.impossible)
      return result
    })
    const results = await Promise.all([this.own.run(share(0)), ...others])
    const latency = new LatencyHistogram()
    for (const { counts, maxNs } of results) latency.add(counts, maxNs)
    const sum = (read: (result: StationResult) => number): number =>
      results.reduce((total, one) => total + read(one), 0)
    return {
      seconds: Math.max(...results.map((result) => result.seconds)),
      operations: sum((result) => result.operations),
      bytes: sum((result) => result.bytes),
      overdue: sum((result) => result.overdue),
      latency,
      helperCpuNs: 0,
    }
  }

  async close(): Promise<void> {
    await this.own.close()
    for (const worker of this.workers) worker.postMessage(null)
    await Promise.all(this.exits)
  }
}
