// What is compared: one row each. Adding one is a line here. Used by run.ts.
import { runLeg } from '../measure/leg.ts'
import type { LegData, LegOrder, LegWindow, WindowResult } from '../measure/order.ts'
import { plainLayout } from '../tune/plain-layout.ts'
import type { Layout } from '../tune/types.ts'
import { runC } from './c-limit.ts'
import type { CMode } from './c-limit.ts'
import type { BenchScenario, RowRound } from './model.ts'

export interface RowInput {
  readonly scenario: BenchScenario
  readonly data: LegData
  readonly seconds: number
  readonly warmupSeconds: number
  /** With --rate. */
  readonly operationsPerSecond: number | null
  readonly buildFolder: string
  readonly signal: AbortSignal
}

export interface Row {
  readonly name: string
  readonly title: string
  /** Without --all-pollers it is left out. */
  readonly extra?: true
  readonly run: (input: RowInput) => Promise<RowRound>
}

/** Every row is compared to this one: what most programs do. */
export const baselineName = 'fs.promises'
/** What the verdict is about. */
export const ownName = 'ringmaster'

export const rows: readonly Row[] = [
  { name: ownName, title: 'Ringmaster.start() as it is', run: (input) => leg(input, 'rings', null) },
  { name: 'kernel', title: 'Ringmaster, poller kernel (SQPOLL)', extra: true, run: (input) => polled(input, 'kernel') },
  { name: 'worker', title: 'Ringmaster, poller worker', extra: true, run: (input) => polled(input, 'worker') },
  { name: 'caller', title: 'Ringmaster, poller caller', extra: true, run: (input) => polled(input, 'caller') },
  {
    name: 'threadpool',
    title: 'Ringmaster without io_uring',
    extra: true,
    run: (input) => polled(input, 'threadpool'),
  },
  { name: baselineName, title: 'node:fs/promises', run: (input) => leg(input, 'fs-promises', null) },
  { name: 'fs.*Sync', title: 'node:fs, blocking: one at a time', run: (input) => leg(input, 'fs-sync', null) },
  { name: 'C', title: 'C on the raw ring: the limit', run: (input) => limit(input, 'plain') },
  {
    name: 'C, SQPOLL',
    title: "C on the raw ring, the kernel's thread",
    extra: true,
    run: (input) => limit(input, 'sqpoll'),
  },
]

const limit = (input: RowInput, mode: CMode): Promise<RowRound> => runC({ ...input, mode })

const polled = (input: RowInput, poller: Layout['poller']): Promise<RowRound> =>
  leg(input, 'rings', { ...plainLayout, poller, depth: input.scenario.depth })

async function leg(input: RowInput, api: LegOrder['api'], layout: Layout | null): Promise<RowRound> {
  const { scenario, data, seconds, warmupSeconds, operationsPerSecond, signal } = input
  const { workload, blockBytes, depth } = scenario
  const windows: LegWindow[] = [{ seconds, load: { kind: 'closed' }, depth }]
  if (operationsPerSecond !== null) windows.push({ seconds, load: { kind: 'open', operationsPerSecond }, depth })
  const order: LegOrder = {
    ...{ api, layout, workload, blockBytes, data, warmupSeconds, windows },
    batch: 1,
    clients: 1,
    untilFlat: false,
  }
  const { used, windows: results } = await runLeg(order, { signal })
  return roundOf(used, results[0]!, results[1])
}

function roundOf(used: string, closed: WindowResult, open: WindowResult | undefined): RowRound {
  const { operations, seconds, bytes, cpuNs, p50Ns, p99Ns, spectrum, noise } = closed
  return {
    operationsPerSecond: operations / seconds,
    bytesPerSecond: bytes / seconds,
    cpuNsPerOperation: operations === 0 ? 0 : cpuNs / operations,
    ...{ p50Ns, p99Ns, spectrum, noise, used },
    paced:
      open === undefined
        ? null
        : {
            offeredPerSecond: open.offeredPerSecond ?? 0,
            achievedPerSecond: open.operations / open.seconds,
            p50Ns: open.p50Ns,
            p99Ns: open.p99Ns,
            p999Ns: open.spectrum.find(([percentile]) => percentile === 99.9)?.[1] ?? open.p99Ns,
          },
  }
}
