// The real machine as a Subject of the tuner (services/tune/types.ts): one workload, measured leg by leg. Made by `ringmaster tune`.
import type { Layout, NoiseReading, Sample, Subject, TunedWorkload } from '../tune/types.ts'
import { legSeconds, runLeg } from './leg.ts'
import type { LegOptions } from './leg.ts'
import type { LegData, LegLoad, LegOrder, LegTimes, WindowResult } from './order.ts'

export interface MachineSubjectOptions {
  readonly workload: TunedWorkload
  readonly data: LegData
  /** Bytes per request where the layout does not say. */
  readonly blockBytes: number
  /**
   * Where latencies come from. `closed`: from the throughput's own window. `open` and `paced` (see order.ts): from a window of their own after it,
   * 40 % of the time, by plan.
   */
  readonly latency: LegLoad
  /** Default: until throughput is flat, see `warmupSecondsMin`. */
  readonly warmupSeconds?: number
  readonly leg?: LegOptions
}

const latencyShare = 0.4
/**
 * However short the window is: a fresh process reads 0.65 of what it does later in its second 100 ms, 0.8 in the third, 0.95 in the fourth, all from
 * then on (random-read from the page cache, depth 64, pollers kernel, worker and caller, two legs each, 2 CPUs with nothing else to do). With
 * 0.25 s a layout with worker was measured at 639 k/s, where it does 955 k/s.
 */
const warmupSecondsMin = 0.4
const warmupShare = 0.25

/** From the start of the process until its warm-up begins, and from its last window to its end: of fresh ones, on 2 CPUs. */
const startSeconds = 0.55

type TimeOptions = Pick<MachineSubjectOptions, 'latency' | 'warmupSeconds'>

function timesFor(depth: number, seconds: number, { latency, warmupSeconds }: TimeOptions): LegTimes {
  const closed = latency.kind === 'closed'
  const throughput = {
    seconds: closed ? seconds : seconds * (1 - latencyShare),
    load: { kind: 'closed' as const },
    depth,
  }
  return {
    warmupSeconds: warmupSeconds ?? Math.max(warmupSecondsMin, seconds * warmupShare),
    windows: closed ? [throughput] : [throughput, { seconds: seconds * latencyShare, load: latency, depth }],
  }
}

/**
 * What a leg takes of which windows of `seconds` are asked, all in all, before one was measured; in seconds. Latencies from a window of their own,
 * as `ringmaster tune` has them.
 */
export function legCostSeconds(seconds: number): number {
  return startSeconds + legSeconds(timesFor(1, seconds, { latency: { kind: 'paced', share: 0.5 } }))
}

/** Layouts and requests become what a leg is told. */
function orderFor(layout: Layout, seconds: number, options: MachineSubjectOptions): LegOrder {
  const { workload, data } = options
  const { depth, batch, clients } = layout
  return {
    api: 'rings',
    layout,
    workload,
    batch,
    clients,
    blockBytes: layout.blockBytes ?? options.blockBytes,
    data,
    ...timesFor(depth, seconds, options),
    untilFlat: false,
  }
}

/** Throughput and CPU of the first window, latencies of the last. */
export function sampleOf(windows: readonly WindowResult[], noise: NoiseReading): Sample {
  const throughput = windows[0]!
  const latency = windows.at(-1)!
  const { seconds, operations, bytes, cpuNs } = throughput
  return {
    seconds,
    operations,
    operationsPerSecond: operations / seconds,
    bytesPerSecond: bytes / seconds,
    p50Ns: latency.p50Ns,
    p99Ns: latency.p99Ns,
    cpuNsPerOperation: operations === 0 ? 0 : cpuNs / operations,
    noise,
  }
}

export function machineSubject(options: MachineSubjectOptions): Subject {
  return {
    measure: async (layout, seconds, signal) => {
      const { windows, noise } = await runLeg(orderFor(layout, seconds, options), { ...options.leg, signal })
      return sampleOf(windows, noise)
    },
  }
}
