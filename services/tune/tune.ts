// One run of `ringmaster tune`, whatever is measured: the machine's limits, the search, and the report of both, within one budget. Called by
// services/cli/tune.ts with the real machine (real-machine.ts), by tests with simulated ones.
import { profileOf } from '../profile/make.ts'
import type { Fingerprint, MachineLimit, Profile } from '../profile/schema.ts'
import { mapOf } from './disk-map.ts'
import type { MeasureMap } from './disk-map.ts'
import type { KnobName, TunedMachine } from './knobs.ts'
import type { Progress } from './legs.ts'
import { workOf } from './objective.ts'
import { reportSearch } from './report/build.ts'
import { reportLimits } from './report/limits.ts'
import type { MeasuredLimits } from './report/limits.ts'
import type { LiveLeg } from './report/live.ts'
import type { ReportedLimits, TuneReport } from './report/model.ts'
import { Recorder } from './report/recorder.ts'
import { settled } from './report/settled.ts'
import { search } from './search.ts'
import type { SearchOptions } from './search.ts'
import type { Layout, Subject, TunedWorkload } from './types.ts'

/** What is tuned: a machine with its data. */
export interface Tuned {
  readonly subject: Subject
  readonly machine: TunedMachine
  readonly fingerprint: Fingerprint
  /** What is used now. */
  readonly current: Layout
  /** What is read and written, for people. */
  readonly data: string
  /** The user's file or folder; null: data of our own. */
  readonly path: string | null
  /** Takes about `seconds`. @throws the signal's reason; others where it cannot be done */
  measureLimits(seconds: number, onProgress: LimitsProgress, signal: AbortSignal): Promise<MeasuredLimits>
  /** Likewise. */
  readonly measureMap: MeasureMap
}

export interface TuneOutcome {
  readonly report: TuneReport
  /** What --apply writes; null where nothing was decided. */
  readonly profile: Profile | null
}

type LimitsProgress = (share: number, what: string) => void

export interface TuneOptions {
  readonly workload: TunedWorkload
  readonly cache: TuneReport['cache']
  /** All of it, what was done before `startedSeconds` until now among it. */
  readonly budgetSeconds: number
  readonly startedSeconds: number
  readonly p99: SearchOptions['p99']
  /** Null: all that matter to the workload. */
  readonly knobs: readonly KnobName[] | null
  readonly seed: number
  readonly signal: AbortSignal
  readonly onPrepare: (phase: string, what: string, share: number) => void
  readonly onProgress: (progress: Progress) => void
  readonly onLeg: (leg: LiveLeg) => void
  /** Seconds from any origin. */
  readonly now: () => number
}

const limitsShare = 0.1
const limitsSecondsMax = 60
/** Below, it is all needed for the search. */
const limitsSecondsMin = 2
/** From here on there is time for three runs, and so for an interval. */
const severalFromSeconds = 30
const limitsRuns = 3
/** Where processes take long to start they may take much more than planned: the search has to have its time. */
const limitsShareMax = 0.3

/** How the time is divided; for --dry-run, too. */
export function planLimits(budgetSeconds: number): { readonly runs: number; readonly secondsEach: number } {
  const seconds = Math.min(limitsSecondsMax, budgetSeconds * limitsShare)
  if (seconds < limitsSecondsMin) return { runs: 0, secondsEach: 0 }
  const runs = seconds < severalFromSeconds ? 1 : limitsRuns
  return { runs, secondsEach: seconds / runs }
}

/**
 * Resolves with what is known when the signal is aborted, too.
 * @throws LayoutImpossibleError where what is used now cannot be measured
 */
export async function tune(tuned: Tuned, options: TuneOptions): Promise<TuneOutcome> {
  const { signal, now, startedSeconds, budgetSeconds, workload, seed, p99, knobs } = options
  const { runs, missing } = await limitsOf(tuned, options)
  const mapped = await mapOf({
    ...{ measure: tuned.measureMap, budgetSeconds, runs, signal },
    onProgress: (share) => {
      options.onPrepare('limits', 'reads beside writes', share)
    },
  })
  const { machine, current } = tuned
  const recorder = new Recorder(tuned.subject, ({ layout, sample }) => {
    const workPerSecond = workOf({ workload, p99NsMax: null }, sample)
    const workUnit = workload === 'sequential-read' ? 'bytes' : 'operations'
    options.onLeg({ layout, workPerSecond, workUnit, p99Ns: sample.p99Ns })
  })
  const onProgress = (progress: Progress): void => {
    recorder.onProgress(progress)
    options.onProgress(progress)
  }
  const left = Math.max(1, budgetSeconds - (now() - startedSeconds))
  const searched = signal.aborted
    ? null
    : await search({
        subject: recorder,
        ...{ machine, workload, current, seed, signal, onProgress, now },
        budgetSeconds: left,
        ...(p99 === undefined ? {} : { p99 }),
        ...(knobs === null ? {} : { knobs }),
      })
  const found = searched === null ? null : settled(searched, recorder)
  const { effectiveCpus, storage, denied = {} } = machine
  const report: TuneReport = {
    format: 'ringmaster-tune',
    version: 1,
    machine: { ...tuned.fingerprint, effectiveCpus, storage, denied },
    workload,
    data: tuned.data,
    cache: options.cache,
    seed,
    budgetSeconds,
    seconds: now() - startedSeconds,
    stopped: signal.aborted ? 'aborted' : (found?.stopped ?? null),
    limits: reportLimits(runs, mapped),
    limitsMissing: runs.length > 0 ? null : missing,
    search: found === null || found.legs === 0 ? null : reportSearch(found, recorder),
  }
  const { fingerprint, path } = tuned
  const limits = profileLimits(report.limits)
  return { report, profile: found === null ? null : profileOf(found, { fingerprint, workload, path, limits }) }
}

function profileLimits(limits: ReportedLimits | null): MachineLimit[] {
  const known = (limits?.figures ?? []).filter(({ value }) => Number.isFinite(value))
  return known.map(({ name, value, unit, from }) => ({ name, value, unit, note: from }))
}

interface Limits {
  readonly runs: readonly MeasuredLimits[]
  /** Why there are none, or fewer. */
  readonly missing: string
}

/** What cannot be measured is said: the search does not need it. */
async function limitsOf(tuned: Tuned, options: TuneOptions): Promise<Limits> {
  const plan = planLimits(options.budgetSeconds)
  if (plan.runs === 0)
    return {
      runs: [],
      missing: `Not measured: from --budget-seconds ${limitsSecondsMin / limitsShare} on there is time for them.`,
    }
  const late = new AbortController()
  const timer = setTimeout(
    () => {
      late.abort()
    },
    options.budgetSeconds * limitsShareMax * 1000,
  )
  try {
    return await limitRuns(tuned, options, plan, late.signal)
  } finally {
    clearTimeout(timer)
  }
}

async function limitRuns(
  tuned: Tuned,
  { signal, onPrepare }: TuneOptions,
  plan: ReturnType<typeof planLimits>,
  late: AbortSignal,
): Promise<Limits> {
  const runs: MeasuredLimits[] = []
  const tooSlow = `Not measured: on this machine, now, it takes more than ${limitsShareMax * 100} % of the time. Give it more (--budget-seconds), or a quieter hour.`
  for (let run = 0; run < plan.runs; run++) {
    const onProgress = (share: number, what: string): void => {
      onPrepare('limits', what, (run + share) / plan.runs)
    }
    const stop = AbortSignal.any([signal, late])
    try {
      runs.push(await tuned.measureLimits(plan.secondsEach, onProgress, stop))
    } catch (error) {
      if (signal.aborted) return { runs, missing: 'Not measured: it was stopped before.' }
      if (late.aborted) return { runs, missing: tooSlow }
      return { runs, missing: `Not measured: ${error instanceof Error ? error.message : String(error)}.` }
    }
  }
  return { runs, missing: '' }
}
