// What a run would do, without doing it: for --dry-run. Pure. Called by services/cli/tune.ts.
import { describeLayout } from '../layouts.ts'
import type { KnobName, KnobValue } from '../knobs.ts'
import { planMap } from '../disk-map.ts'
import { planLimits } from '../tune.ts'
import { deniedWarning, turnableKnobs } from '../turnable.ts'
import type { TurnableRequest } from '../turnable.ts'
import type { Layout, TunedWorkload } from '../types.ts'
import { neutralise } from '../../visible-text.ts'
import { duration } from './words.ts'

export interface PlanRequest extends TurnableRequest {
  readonly budgetSeconds: number
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
  /** What is denied here, and so left out; null: nothing. */
  readonly warning: string | null
  readonly knobs: readonly {
    readonly name: KnobName
    readonly title: string
    readonly says: string
    readonly values: readonly KnobValue[]
    /** The same, for people. */
    readonly texts: readonly string[]
    /** Values that cannot be had here, each with why. */
    readonly impossible: readonly { readonly value: KnobValue; readonly text: string; readonly reason: string }[]
    /** Why it makes no difference here, and is not turned; null where it may. */
    readonly idle: string | null
  }[]
}

export function planOf(request: PlanRequest): TunePlan {
  const { workload, machine, current, budgetSeconds, data } = request
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
    warning: deniedWarning(machine),
    knobs: turnableKnobs(request).map(({ knob, values, impossible, idle }) => {
      const { name, title, says, format } = knob
      const out = impossible.map(({ value, reason }) => ({ value, text: format(value), reason }))
      return { name, title, says, values, texts: values.map(format), impossible: out, idle }
    }),
  }
}

export function formatPlan(plan: TunePlan): string {
  const { limits, knobs } = plan
  const width = Math.max(...knobs.map(({ title }) => title.length))
  const lines = [
    `Nothing was measured. ringmaster tune would take ${duration(plan.budgetSeconds)} at most:`,
    `  data           ${neutralise(plan.data)}`,
    `  limits         ${limits.runs === 0 ? 'none: the time is too short' : `${limits.runs} ${limits.runs === 1 ? 'run' : 'runs'} of ${duration(limits.secondsEach)}`}`,
    `  disk map       ${plan.mapSeconds === 0 ? 'none: the time is too short' : `reads beside writes, 5 × 5 loads: about ${duration(plan.mapSeconds)}`}`,
    `  search         ${plan.workload}, what is left: about ${duration(plan.searchSeconds)}, the last fifth to confirm the winner`,
    `  starting from  ${describeLayout(plan.current, plan.workload)}`,
    ...(plan.warning === null ? [] : [`  impossible     ${plan.warning}`]),
    '',
    'Knobs and the values that are worth a try on this machine:',
    ...knobs.flatMap(({ title, texts, impossible, idle }) => [
      `  ${title.padEnd(width)}  ${idle === null ? texts.join(', ') : `not turned: ${idle}`}`,
      ...reasons(impossible).map((line) => `  ${' '.repeat(width)}  ${line}`),
    ]),
  ]
  return `${lines.join('\n')}\n`
}

/** Values that cannot be had for the same reason share a line. */
function reasons(impossible: TunePlan['knobs'][number]['impossible']): string[] {
  return [...new Set(impossible.map(({ reason }) => reason))].map((reason) => {
    const texts = impossible.filter((each) => each.reason === reason).map(({ text }) => text)
    return `impossible: ${texts.join(', ')}: ${reason}`
  })
}
