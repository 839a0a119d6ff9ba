// Puts a report together: what the search found, the legs it found it by, and the machine's limits. Pure. Called by services/tune/tune.ts.
import { layoutKey } from '../layouts.ts'
import { cpuOf, workOf } from '../objective.ts'
import type { Objective } from '../objective.ts'
import type { SearchResult } from '../search.ts'
import { medianEstimate } from '../statistics.ts'
import type { Estimate } from '../statistics.ts'
import type { Layout, Sample } from '../types.ts'
import type { RecordedLeg, Recorder } from './recorder.ts'
import type { ReportedChange, ReportedSearch, ReportedSide } from './model.ts'

export function reportSearch(result: SearchResult, recorder: Recorder): ReportedSearch {
  const { outcome, objective, current, leader, tried, notChosen } = result
  const places = new Map(tried.map(({ layout }, place) => [layoutKey(layout), place]))
  const placeOf = (layout: Layout): number | undefined => places.get(layoutKey(layout))
  const change = changeOf(result)
  const side = (layout: Layout, other: Layout): ReportedSide => sideOf(layout, other, recorder, change, objective)
  return {
    outcome,
    legs: result.legs,
    seconds: result.seconds,
    workUnit: objective.workload === 'sequential-read' ? 'bytes' : 'operations',
    p99NsMax: objective.p99NsMax,
    used: outcome.kind === 'chosen' ? outcome.layout : current,
    before: side(current, leader),
    after: change === null ? null : side(leader, current),
    change,
    notChosen: notChosen.map(({ knob, value, title, why, best }) => {
      return { knob, value, title, why, best: best === null ? null : (placeOf(best.layout) ?? null) }
    }),
    tried,
    legsRun: recorder.legs.flatMap(({ phase, layout, sample }) => {
      const place = placeOf(layout)
      const { p50Ns, p99Ns } = sample
      const [workPerSecond, cpuNsPerWork] = [workOf(objective, sample), cpuOf(objective, sample)]
      return place === undefined ? [] : [{ phase, layout: place, workPerSecond, p50Ns, p99Ns, cpuNsPerWork }]
    }),
    noise: result.noise,
    impossible: result.impossible,
  }
}

/** The best against the present layout, as it is reported: by the confirmation, if there was one. */
export function changeOf({ current, leader, confirmed, searched }: SearchResult): ReportedChange | null {
  const compared = confirmed ?? searched
  if (compared === null || layoutKey(leader) === layoutKey(current)) return null
  const { rounds, work, cpu, p99Ns, otherP99Ns } = compared
  return { from: confirmed === null ? 'search' : 'confirmation', rounds, work, cpu, p99Ns, otherP99Ns }
}

/**
 * Those that decide: the rounds of the confirmation in which both sides were measured, and of those the last ones, which are compared. A side's
 * figures and the change are then of the same legs, also where it was ended in the middle of a round.
 */
function legsOf(layout: Layout, other: Layout, recorder: Recorder, change: ReportedChange | null): RecordedLeg[] {
  if (change?.from !== 'confirmation') return recorder.of(layout)
  const others = new Set(recorder.of(other, 'confirmation').map(({ round }) => round))
  const fresh = recorder.of(layout, 'confirmation').filter(({ round }) => others.has(round))
  return fresh.length > 0 ? fresh.slice(-change.rounds) : recorder.of(layout)
}

/** A layout's figures where it is held against `other`. */
export function sideOf(
  layout: Layout,
  other: Layout,
  recorder: Recorder,
  change: ReportedChange | null,
  objective: Objective,
): ReportedSide {
  const legs = legsOf(layout, other, recorder, change)
  const estimate = (read: (sample: Sample) => number): Estimate =>
    medianEstimate(legs.map(({ sample }) => read(sample)))
  return {
    layout,
    workPerSecond: estimate((sample) => workOf(objective, sample)),
    p50Ns: estimate((sample) => sample.p50Ns),
    p99Ns: estimate((sample) => sample.p99Ns),
    cpuNsPerWork: estimate((sample) => cpuOf(objective, sample)),
  }
}
