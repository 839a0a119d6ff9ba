// The simulated machines that the search has to find the best layout of, and how one search is held against the sweep. Used by search.test.ts and by
// the table (npm run proof:tune).
import { defaultLayout } from '../../services/tune/layouts.ts'
import type { KnobName } from '../../services/tune/knobs.ts'
import { search } from '../../services/tune/search.ts'
import type { SearchResult } from '../../services/tune/search.ts'
import type { Layout, WorkloadName } from '../../services/tune/types.ts'
import { sweep, sweepSeconds, workOfTruth } from './exhaustive.ts'
import type { Sweep } from './exhaustive.ts'
import { SimulatedMachine, facts, truth } from './simulated-machine.ts'
import type { Disturbance, MachineModel } from './simulated-machine.ts'

const cached = { storage: 'cache', deviceIops: 50e6, deviceNs: 0, deviceBytesPerSecond: 12e9 } as const
const fast = { storage: 'flash', deviceIops: 900_000, deviceNs: 80_000, deviceBytesPerSecond: 6e9 } as const
const cloud = { storage: 'flash', deviceIops: 16_000, deviceNs: 500_000, deviceBytesPerSecond: 250e6 } as const
const turning = { storage: 'rotational', deviceIops: 250, deviceNs: 6e6, deviceBytesPerSecond: 180e6 } as const

export const machines: readonly MachineModel[] = [
  { name: '1 CPU, cached', cpus: 1, ...cached },
  { name: '2 CPUs, cached', cpus: 2, ...cached },
  { name: '2 CPUs, cloud disk', cpus: 2, ...cloud },
  { name: '4 CPUs, cached', cpus: 4, ...cached },
  { name: '4 CPUs, fast disk', cpus: 4, ...fast },
  { name: '8 CPUs, quota 1.5, cached', cpus: 8, quotaCpus: 1.5, ...cached },
  { name: '8 CPUs, turning disk', cpus: 8, ...turning },
  { name: '8 CPUs, no SQPOLL, cached', cpus: 8, ...cached, sqThreadsDenied: 'SQPOLL is not allowed (EPERM)' },
  { name: '16 CPUs, fast disk', cpus: 16, ...fast },
  { name: '32 CPUs, cached', cpus: 32, nodes: 2, ...cached },
  { name: '64 CPUs, quota 6, fast disk', cpus: 64, quotaCpus: 6, nodes: 2, ...fast },
  { name: '128 CPUs, cached', cpus: 128, nodes: 2, ...cached },
]

/** What Ringmaster would do there by itself (services/placement.ts), as far as the model knows it. */
export function presentLayout(machine: MachineModel): Layout {
  const cpus = Math.min(machine.cpus, machine.quotaCpus ?? Infinity)
  const poller = cpus < 2 ? 'caller' : cpus < 3 || machine.sqThreadsDenied !== undefined ? 'worker' : 'kernel'
  const rings = poller === 'caller' ? 1 : Math.min(8, Math.max(1, Math.floor(cpus / 4)))
  return defaultLayout({ poller, rings, sqThreads: 'own', sqThreadIdleMs: 50 })
}

export interface Trial {
  readonly result: SearchResult
  readonly optimum: Sweep
  /** The work of what was chosen or kept, against the optimum's; both without noise. */
  readonly ratio: number
  /** The p99 of it against the bound. */
  readonly p99Share: number
  readonly presentRatio: number
  /** The search's time against the sweep's. */
  readonly timeShare: number
}

/** What keeps the bound only by less than p99 varies cannot be told from what misses it: the optimum is of those that surely keep it. */
const p99Margin = 0.9

const sweeps = new Map<string, Sweep>()

export interface TrialOptions {
  readonly machine: MachineModel
  readonly workload: WorkloadName
  readonly disturbance: Disturbance
  readonly seed: number
  readonly budgetSeconds?: number
  readonly only?: readonly KnobName[]
}

/** One search, and what the sweep says of it. The bound on p99 is twice that of the present layout. */
export async function trial(options: TrialOptions): Promise<Trial> {
  const { machine, workload, disturbance, seed, only, budgetSeconds = 600 } = options
  const current = presentLayout(machine)
  const present = truth(machine, workload, current)
  const p99NsMax = present.p99Ns * 2
  const name = `${machine.name} ${workload} ${only?.join() ?? ''}`
  const optimum =
    sweeps.get(name) ?? sweep(machine, workload, current, { p99NsMax: p99NsMax * p99Margin, ...(only && { only }) })
  sweeps.set(name, optimum)
  const subject = new SimulatedMachine(machine, workload, disturbance, seed)
  const knobs = only === undefined ? {} : { knobs: only }
  const p99 = { nsMax: p99NsMax }
  const { now } = subject
  const result = await search({
    subject,
    machine: facts(machine),
    workload,
    current,
    budgetSeconds,
    seed,
    p99,
    now,
    ...knobs,
  })
  const used = result.outcome.kind === 'chosen' ? result.outcome.layout : current
  const found = truth(machine, workload, used)
  return {
    result,
    optimum,
    ratio: workOfTruth(workload, found) / optimum.bestWork,
    p99Share: found.p99Ns / p99NsMax,
    presentRatio: workOfTruth(workload, present) / optimum.bestWork,
    timeShare: result.seconds / sweepSeconds(optimum, budgetSeconds / 600),
  }
}
