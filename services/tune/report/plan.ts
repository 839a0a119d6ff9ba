// What a run would do, without doing it: for --dry-run. Pure. Called by services/cli/tune.ts.
import { knobsFor, describeLayout } from '../layouts.ts'
import type { KnobName, KnobValue, TunedMachine } from '../knobs.ts'
import { planMap } from '../disk-map.ts'
import { planLimits } from '../tune.ts'
import type { Layout, TunedWorkload } from '../types.ts'
import { duration, printable } from './words.ts'

export interface PlanRequest {
  readonly workload: TunedWorkload
  readonly machine: TunedMachine
  readonly current: Layout
  readonly budgetSeconds: number
  readonly knobs: readonly KnobName[] | null
  readonly data: string
}

/** The shape of --dry-run --json. */
export interface TunePlan {
  readonly format: 'ringmaster-tune-plan'
  readonly version: 1
  readonly workload: TunedWorkload
  readonly data: string
  readonly current: Layout
  readonly budgetSeconds: number
  readonly limits: { readonly runs: number; readonly secondsEach: number }
  /** For the map of the disk, reads beside writes; 0: none. */
  readonly mapSeconds: number
  readonly searchSeconds: number
  readonly knobs: readonly {
    readonly name: KnobName
    readonly title: string
    readonly says: string
    readonly values: readonly KnobValue[]
    /** The same, for people. */
    readonly texts: readonly string[]
  }[]
}

export function planOf({ workload, machine, current, budgetSeconds, knobs, data }: PlanRequest): TunePlan {
  const limits = planLimits(budgetSeconds)
  const mapSeconds = planMap(budgetSeconds)
  return {
    format: 'ringmaster-tune-plan',
    version: 1,
    workload,
    data,
    current,
    budgetSeconds,
    limits,
    mapSeconds,
    searchSeconds: budgetSeconds - limits.runs * limits.secondsEach - mapSeconds,
    knobs: knobsFor(workload, knobs ?? undefined).map(({ name, title, says, candidates, format }) => {
      const values = candidates(machine)
      return { name, title, says, values, texts: values.map(format) }
    }),
  }
}

export function formatPlan(plan: TunePlan): string {
  const { limits, knobs } = plan
  const width = Math.max(...knobs.map(({ title }) => title.length))
  const lines = [
    `Nothing was measured. ringmaster tune would take ${duration(plan.budgetSeconds)} at most:`,
    `  data           ${printable(plan.data)}`,
    `  limits         ${limits.runs === 0 ? 'none: the time is too short' : `${limits.runs} ${limits.runs === 1 ? 'run' : 'runs'} of ${duration(limits.secondsEach)}`}`,
    `  disk map       ${plan.mapSeconds === 0 ? 'none: the time is too short' : `reads beside writes, 5 × 5 loads: about ${duration(plan.mapSeconds)}`}`,
    `  search         ${plan.workload}, what is left: about ${duration(plan.searchSeconds)}, the last fifth to confirm the winner`,
    `  starting from  ${describeLayout(plan.current)}`,
    '',
    'Knobs and the values that are worth a try on this machine:',
    ...knobs.map(({ title, texts }) => `  ${title.padEnd(width)}  ${texts.join(', ')}`),
  ]
  return `${lines.join('\n')}\n`
}
