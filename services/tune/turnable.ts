// What is left to turn on this machine, and why the rest is not: pollers that are denied, and knobs that make no difference without them. Pure. Used by
// report/plan.ts, by services/cli/tune.ts and by tune.ts.
import { knobNamed } from './knobs.ts'
import type { Knob, KnobName, KnobValue, TunedMachine } from './knobs.ts'
import { knobsFor } from './layouts.ts'
import type { Layout, TunedWorkload } from './types.ts'

export interface TurnableRequest {
  readonly workload: TunedWorkload
  readonly machine: TunedMachine
  readonly current: Layout
  /** Null: all that matter to the workload. */
  readonly knobs: readonly KnobName[] | null
}

export interface TurnableKnob {
  readonly knob: Knob
  readonly values: readonly KnobValue[]
  readonly impossible: readonly { readonly value: KnobValue; readonly reason: string }[]
  /** Why nothing comes of turning it, whatever else is turned; null where something may. */
  readonly idle: string | null
}

export function turnableKnobs({ workload, machine, current, knobs: only }: TurnableRequest): TurnableKnob[] {
  const knobs = knobsFor(workload, only ?? undefined)
  const turnsPoller = knobs.some(({ name }) => name === 'poller')
  const candidates = turnsPoller ? (knobNamed('poller').candidates(machine) as readonly Layout['poller'][]) : []
  const pollers = [...new Set([...candidates, current.poller])]
  return knobs.map((knob) => ({
    knob,
    values: knob.candidates(machine),
    impossible: knob.impossible(machine),
    idle: idleReason(knob, pollers, current),
  }))
}

/** Whether there is any other layout than the present one. */
export function isAnythingLeft(request: TurnableRequest): boolean {
  const { current } = request
  return turnableKnobs(request).some(
    ({ knob, values, idle }) => idle === null && values.some((value) => value !== current[knob.name]),
  )
}

function idleReason({ moot }: Knob, pollers: readonly Layout['poller'][], current: Layout): string | null {
  // Several rings that share an SQ thread: there every knob of SQ threads makes a difference, if there are any.
  const reasons = pollers.map((poller) => moot({ ...current, poller, rings: 2, sqThreads: 'shared' }))
  return reasons.includes(null) ? null : (reasons[0] ?? null)
}

/** What is said before anything is measured where pollers are denied; null where none is. */
export function deniedWarning({ denied = {} }: Pick<TunedMachine, 'denied'>): string | null {
  const { kernel, worker, caller } = denied
  if (caller !== undefined && worker !== undefined)
    return `io_uring cannot be used here: ${caller}. Only the poller threadpool, system calls on threads, is tuned`
  return kernel === undefined ? null : `SQPOLL cannot be used here: ${kernel}. The poller kernel is left out`
}
