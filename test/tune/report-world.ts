// Simulated machines (simulated-machine.ts) as the world of `ringmaster tune`: the search is the real one, the disk's limits are made up, and time is the
// machine's own. Used by the tests of the report and of the command.
import type { MeasuredLimits } from '../../services/tune/report/limits.ts'
import type { ReportedMap, TuneReport } from '../../services/tune/report/model.ts'
import { tune } from '../../services/tune/tune.ts'
import type { Tuned, TuneOptions } from '../../services/tune/tune.ts'
import type { TuneWorld } from '../../services/cli/tune-options.ts'
import type { WorkloadName } from '../../services/tune/types.ts'
import type { DeniedPollers } from '../../services/tune/knobs.ts'
import { machines, presentLayout } from './machines.ts'
import { SimulatedMachine, facts } from './simulated-machine.ts'
import type { Disturbance, MachineModel } from './simulated-machine.ts'
import { randomFrom } from '../../services/tune/random.ts'

export const machineNamed = (name: string): MachineModel => machines.find((machine) => machine.name === name)!

const ramp = (most: number, times: number): MeasuredLimits['randomRead'] => {
  const points = [1, 4, 16, 64, 128].map((depth) => ({ depth, perSecond: most * (1 - 0.8 ** depth) * times }))
  return { perSecond: points.at(-1)!.perSecond, depth: 128, points }
}

/** Limits of a disk; each run a little different. */
export function madeUpLimits(seed: number): MeasuredLimits {
  const random = randomFrom(seed)
  const times = (): number => 0.95 + random() * 0.1
  return {
    sequentialRead: ramp(2.3e9, times()),
    sequentialWrite: ramp(1.9e9, times()),
    randomRead: ramp(182_000, times()),
    randomWrite: ramp(140_000, times()),
    datasyncP50Ns: 12_000 * times(),
    datasyncP99Ns: 91_000 * times(),
    memoryCopyPerSecond: 9.8e9 * times(),
    cachedReadPerSecond: 6.1e9 * times(),
    direct: true,
    checks: [
      { name: 'reads reach the device', ok: true, says: '100 % of the bytes' },
      { name: 'writes reach the device', ok: true, says: '100 % of the bytes' },
      { name: 'fdatasync is plausible', ok: false, says: 'fdatasync takes 12 µs (median), less than a device needs' },
    ],
  }
}

/** Of a disk that is asked for shares of what it can do: waiting times of a queue, and no answer above 90 % of it. */
export function madeUpMap(readsPerSecondMax: number, writeBytesPerSecondMax: number): ReportedMap {
  const cells = [0, 0.2, 0.4, 0.6, 0.8].flatMap((writes) =>
    [0.1, 0.3, 0.5, 0.7, 0.9].map((reads) => {
      const load = Math.min(0.99, reads + writes * 0.7)
      const keepsUp = reads + writes * 0.7 <= 0.95
      const p50Ns = keepsUp ? 80_000 / (1 - load) : 90e6
      const [readsPerSecond, writeBytesPerSecond] = [reads * readsPerSecondMax, writes * writeBytesPerSecondMax]
      const readsDonePerSecond = readsPerSecond * (keepsUp ? 1 : 0.7)
      const writeBytesDonePerSecond = writeBytesPerSecond * 0.99
      const rates = { readsPerSecond, writeBytesPerSecond, readsDonePerSecond, writeBytesDonePerSecond }
      return { ...rates, p50Ns, p95Ns: p50Ns * 2.1, p99Ns: p50Ns * 3.4, keepsUp }
    }),
  )
  return { cellSeconds: 1, cells }
}

export interface Simulation {
  readonly machine: MachineModel
  readonly workload: WorkloadName
  readonly disturbance: Disturbance
  readonly seed: number
  /** What the data is said to be. */
  readonly data?: string
  /** Pollers that are known not to be had, each with why; without `caller` threads do the work. */
  readonly denied?: DeniedPollers
}

export function simulate({
  machine,
  workload,
  disturbance,
  seed,
  data = 'data of its own',
  denied = {},
}: Simulation): Tuned & { now(): number } {
  const subject = new SimulatedMachine(machine, workload, disturbance, seed)
  let limitsSeconds = 0
  return {
    subject,
    now: () => subject.now() + limitsSeconds,
    machine: { ...facts(machine), denied },
    fingerprint: {
      kernel: '6.18.0',
      cpuModel: machine.name,
      cpus: machine.cpus,
      quotaCpus: machine.quotaCpus ?? null,
      memoryBytes: 8 * 2 ** 30,
      fileSystem: { type: 'ext4', mountOptions: ['rw'] },
      device: null,
      ringmaster: '0.0.0',
      date: '2026-01-01T00:00:00.000Z',
    },
    path: null,
    current:
      denied.caller === undefined
        ? presentLayout(machine)
        : { ...presentLayout(machine), poller: 'threadpool', rings: 1 },
    data,
    measureLimits: (seconds, onProgress, signal) => {
      signal.throwIfAborted()
      limitsSeconds += seconds
      onProgress(0, 'random-read')
      return Promise.resolve(madeUpLimits(seed + limitsSeconds))
    },
    measureMap: (seconds, { readsPerSecondMax, writeBytesPerSecondMax }, onProgress, signal) => {
      signal.throwIfAborted()
      limitsSeconds += seconds
      onProgress(0)
      return Promise.resolve(madeUpMap(readsPerSecondMax, writeBytesPerSecondMax))
    },
  }
}

/** A whole run with its report. */
export async function simulatedReport(simulation: Simulation, options: Partial<TuneOptions> = {}): Promise<TuneReport> {
  const tuned = simulate(simulation)
  const { report } = await tune(tuned, {
    workload: simulation.workload,
    cache: 'cached',
    budgetSeconds: 600,
    startedSeconds: 0,
    p99: undefined,
    knobs: null,
    seed: simulation.seed,
    signal: new AbortController().signal,
    onPrepare: () => undefined,
    onProgress: () => undefined,
    onLeg: () => undefined,
    now: () => tuned.now(),
    ...options,
  })
  return report
}

/** The world of the command with a simulated machine; what it writes is kept. */
export function simulatedWorld(
  simulation: Simulation,
  terminal: { isTTY?: boolean; columns?: number } = {},
): TuneWorld & { out: string; err: string; closed: number } {
  const tuned = simulate(simulation)
  const world = {
    out: '',
    err: '',
    closed: 0,
    inspect: () => Promise.resolve(tuned),
    open: () =>
      Promise.resolve({
        ...tuned,
        close: () => {
          world.closed++
          return Promise.resolve()
        },
      }),
    now: () => tuned.now(),
    stdout: { ...terminal, write: (text: string) => (world.out += text) },
    stderr: { ...terminal, write: (text: string) => (world.err += text) },
  }
  return world
}
