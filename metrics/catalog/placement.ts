// The plane of placement: what a pool found on its machine and what it chose. Registered by Ringmaster.register(); to add a metric, copy a row.
import { atMost, nsPerSecond, type Plane, poolRule } from '../plane.ts'

export interface PlacementReading {
  readonly effectiveCpus: number
  readonly wakeCostNs: number
  readonly spinNs: number
  /** By option. */
  readonly choices: readonly { readonly name: string; readonly value: number | string }[]
}

/** Choices that follow a measurement: another value with each start. They have gauges of their own. */
const measured: readonly string[] = ['spinNs']

// prettier-ignore
export const placementPlane: Plane<PlacementReading> = {
  name: 'placement',
  subjectLabels: ['pool'],
  labelRules: { pool: poolRule, option: atMost(32), value: atMost(32 * 64) },
  rows: [
    { name: 'ringmaster_effective_cpus', type: 'gauge', unit: 'count', labels: [],
      help: 'CPUs this process may use, by affinity and cgroup quota, as of the start; a quota may make it a fraction.',
      read: ({ effectiveCpus }, sample) => sample(effectiveCpus) },
    { name: 'ringmaster_wake_cost_seconds', type: 'gauge', unit: 'seconds', labels: [],
      help: 'Time that sleeping and being woken takes here, measured at the start.',
      read: ({ wakeCostNs }, sample) => sample(wakeCostNs / nsPerSecond) },
    { name: 'ringmaster_spin_limit_seconds', type: 'gauge', unit: 'seconds', labels: [],
      help: 'Time that a client looks for completions before it sleeps.',
      read: ({ spinNs }, sample) => sample(spinNs / nsPerSecond) },
    { name: 'ringmaster_placement_info', type: 'gauge', unit: 'info', labels: ['option', 'value'],
      help: 'Always 1; the labels say what was chosen for an option, by the rules of placement or by the user.',
      read: ({ choices }, sample) => {
        for (const { name, value } of choices) if (!measured.includes(name)) sample(1, name, String(value))
      } },
  ],
}
