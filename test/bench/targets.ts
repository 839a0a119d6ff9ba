// What is asked of the project, as ratios within one run: the table that `npm run bench -- --targets` judges. Read by main.ts and summary.ts.
import { usesApi } from './legs/ringmaster-rows.ts'
import type { Api, Metric, Scenario, Target } from './model.ts'
import { scenarios } from './scenarios/index.ts'

const hand = ['kernel', 'worker', 'caller'] as const
const batches = hand.map((poller) => `${poller}-batch`)
const fsPromises = ['fs-promises-4', 'fs-promises-cpus']
const fsOneByOne = ['fs-promises-4', 'fs-promises-cpus', 'fs-callback-4', 'fs-callback-cpus', 'fs-sync']

const table: readonly Target[] = [
  { scenario: 'read4k-depth64', of: hand, to: fsPromises, metric: 'throughput', atLeast: 5 },
  { scenario: 'read4k-depth64', of: hand, to: ['fs-promises-uring*'], metric: 'throughput', atLeast: 3 },
  { scenario: 'read4k-depth64', of: batches, to: ['fs-*'], metric: 'throughput', atLeast: 1.3 },
  { scenario: 'read4k-depth64', of: ['caller-batch'], to: ['c-plain-batch'], metric: 'throughput', atLeast: 0.75 },
  { scenario: 'read4k-depth64', of: ['kernel-batch'], to: ['c-sqpoll-batch'], metric: 'throughput', atLeast: 0.75 },
  { scenario: 'nop', of: ['caller-batch'], to: ['c-plain-batch'], metric: 'throughput', atLeast: 0.55 },
  { scenario: 'nop', of: ['kernel-batch'], to: ['c-sqpoll-batch'], metric: 'throughput', atLeast: 0.55 },
  { scenario: 'read4k-depth1', of: hand, to: fsPromises, metric: 'p50', atLeast: 5 },
  { scenario: 'readfile', of: hand, to: fsPromises, metric: 'throughput', atLeast: 8 },
  { scenario: 'readfile', of: hand, to: ['fs-sync'], metric: 'throughput', atLeast: 1.3 },
  { scenario: 'statx', of: hand, to: fsPromises, metric: 'throughput', atLeast: 6 },
  {
    scenario: 'append',
    of: hand.map((poller) => `${poller}-group`),
    to: fsOneByOne,
    metric: 'throughput',
    atLeast: 8,
  },
]

/** Whatever was chosen by hand must not be much better than what `auto` chooses. */
const autoAtLeast = 0.9
/** Of what the prototype does that proved the design. Only where --prototype names it. */
const prototypeAtLeast = 0.75

/** All targets of a scenario: those of the table, and what is asked of every scenario. */
export function targetsOf(scenario: Scenario, prototype: boolean): readonly Target[] {
  const own = table.filter((target) => target.scenario === scenario.name)
  return [...own, ...autoTargets(scenario), ...(prototype ? prototypeTargets(scenario) : [])]
}

export function hasTargets({ limits }: Scenario, targets: readonly Target[]): boolean {
  return targets.length > 0 || limits.length > 0
}

/** The legs that are judged, as patterns for selectLegs(). */
export function legsOf({ limits }: Scenario, targets: readonly Target[]): readonly string[] {
  return [...new Set([...targets.flatMap(({ of, to }) => [...of, ...to]), ...limits.map(({ leg }) => leg)])]
}

function autoTargets(scenario: Scenario): readonly Target[] {
  const metric: Metric = scenario.depth === 1 && scenario.workload === 'read' ? 'p50' : 'throughput'
  const suffixes = scenario.sweep === undefined ? [''] : scenario.sweep.values.map((value) => `@${value}`)
  const rivals = [...hand, 'threadpool']
  return scenario.apis
    .filter((api) => usesApi('auto', api, scenario))
    .flatMap((api) =>
      suffixes.map((suffix) => ({
        scenario: scenario.name,
        of: [`auto${ofApi(api)}${suffix}`],
        to: rivals
          .filter((poller) => usesApi(poller, api, scenario))
          .map((poller) => `${poller}${ofApi(api)}${suffix}`),
        metric,
        atLeast: autoAtLeast,
      })),
    )
}

const withPrototype: Readonly<Record<string, Metric>> = {
  nop: 'throughput',
  'read4k-depth1': 'p50',
  'read4k-depth64': 'throughput',
  readfile: 'throughput',
}

function prototypeTargets({ name }: Scenario): readonly Target[] {
  const metric = withPrototype[name]
  if (metric === undefined) return []
  return hand.map((poller) => ({
    scenario: name,
    of: [poller],
    to: [`prototype-${poller}`],
    metric,
    atLeast: prototypeAtLeast,
  }))
}

const ofApi = (api: Api): string => (api === 'promise' ? '' : `-${api}`)

/** A name in the table that no scenario has would never be judged. */
const unknown = table.find(({ scenario }) => !scenarios.some(({ name }) => name === scenario))
if (unknown !== undefined) throw new Error(`the target of '${unknown.scenario}' has no scenario`)
