// The proof as a whole, for any machine that can be measured: sweep, runs of the tuner, what they chose beside the best. Called by main.ts with the real
// machine, by the tests with simulated ones.
import type { Fingerprint } from '../../../services/profile/schema.ts'
import { legCostSeconds } from '../../../services/measure/subject.ts'
import { describeDifference, knobsFor } from '../../../services/tune/layouts.ts'
import type { TunedMachine } from '../../../services/tune/knobs.ts'
import { median } from '../../../services/tune/statistics.ts'
import type { Layout, Subject } from '../../../services/tune/types.ts'
import { gridOf, onlyDepths, withDepths } from './grid.ts'
import { layoutsOf, ledgerOf, readSweep, writeSweep } from './kept-sweep.ts'
import type { KeptSweep } from './kept-sweep.ts'
import type { ProofOptions } from './options.ts'
import { bestOf, legsLeft, sweepGrid } from './sweep.ts'
import type { SweepOptions } from './sweep.ts'
import { realTrial } from './trial.ts'
import type { RealTrial } from './trial.ts'
import type { Plan } from './words.ts'

export interface ProofMachine {
  readonly machine: TunedMachine
  readonly fingerprint: Fingerprint
  readonly current: Layout
}

export interface Proof {
  readonly best: Layout
  readonly sweepSeconds: number
  readonly p99NsMax: number | null
  readonly trials: readonly RealTrial[]
}

export interface ProofRun {
  readonly signal: AbortSignal
  readonly now: () => number
  /** A leg begins: of the sweep (`share` of it is over), or of a run. */
  readonly onStep: (what: string, share: number | null) => void
  /** For people: a part is over. */
  readonly say: (line: string) => void
}

/** Of the sweep, where nothing else is said: asked for is less than a tenth. */
const tunerShare = 1 / 12
/** What a search needs at least for a race and a confirmation. */
const tunerSecondsMin = 5
/** How often the sweep is written to its file: it must not be what is measured. */
const saveEverySeconds = 10

interface Opened extends Plan {
  readonly grid: readonly Layout[]
  readonly kept: Pick<KeptSweep, 'fingerprint' | 'settings' | 'seconds' | 'layouts'>
}

/** What there is to do, with what is kept of it. @throws Error where what is kept is of something else */
export async function planProof(
  { machine, fingerprint, current }: ProofMachine,
  options: ProofOptions,
): Promise<Opened> {
  const { workload, legSeconds, legs, finalists, direct, dataMib, runs, verify, verifySeconds } = options
  const knobs = withDepths(knobsFor(workload, options.knobs), options.depths ?? null)
  const grid = gridOf(knobs, machine, current)
  const cache = direct === true ? 'direct' : 'cached'
  const settings = { workload, knobs: knobs.map(({ name }) => name), legSeconds, cache, dataMib } as const
  const found = options.sweep === undefined ? null : await readSweep(options.sweep, { fingerprint, settings }, grid)
  const kept = found ?? { fingerprint, settings, seconds: 0, layouts: [] }
  const ledger = ledgerOf(kept, workload)
  const planned = legCostSeconds(legSeconds)
  const measured = ledger.legs === 0 ? planned : kept.seconds / ledger.legs
  return {
    grid,
    kept,
    layouts: grid.length,
    legs,
    legsLeft: legsLeft({ grid, ledger, legs, finalists }),
    legCostSeconds: measured,
    tunerSeconds: options.tunerSeconds ?? defaultTunerSeconds(grid.length * legs * measured),
    runs,
    verifySeconds: verify * 2 * Math.max(verifySeconds, legCostSeconds(verifySeconds) + measured - planned),
  }
}

const defaultTunerSeconds = (sweepSeconds: number): number => Math.max(tunerSecondsMin, sweepSeconds * tunerShare)

/** @throws the signal's reason, with the sweep kept; Error where the present layout cannot be measured */
export async function prove(on: ProofMachine, subject: Subject, options: ProofOptions, run: ProofRun): Promise<Proof> {
  const { workload, legs, legSeconds, finalists, seed } = options
  const { grid, kept, legsLeft: toRun } = await planProof(on, options)
  const ledger = ledgerOf(kept, workload)
  let sweepSeconds = kept.seconds
  let [savedSeconds, begun] = [run.now(), 0]
  const save = async (): Promise<void> => {
    if (options.sweep === undefined) return
    savedSeconds = run.now()
    const { fingerprint, settings } = kept
    const layouts = layoutsOf(ledger)
    const whole = { format: 'ringmaster-tune-sweep', version: 1, fingerprint, settings } as const
    await writeSweep(options.sweep, { ...whole, seconds: sweepSeconds, layouts })
  }
  const sweep: SweepOptions = {
    ...{ subject, grid, ledger, legs, legSeconds, finalists, seed, signal: run.signal, now: run.now },
    onLeg: (what) => {
      run.onStep(what, Math.min(1, begun++ / Math.max(1, toRun)))
    },
    afterLeg: async (seconds, isFinal) => {
      if (!isFinal) sweepSeconds += seconds
      if (run.now() - savedSeconds >= saveEverySeconds) await save()
    },
  }
  let best: Layout
  let p99NsMax: number | null
  try {
    await sweepGrid(sweep)
    p99NsMax = boundOf(
      ledger.samplesOf(on.current).map(({ p99Ns }) => p99Ns),
      options.p99,
    )
    ledger.p99NsMax = p99NsMax
    best = await bestOf(sweep)
  } finally {
    await save()
  }
  run.say(
    `swept ${grid.length} layouts in ${sweepSeconds.toFixed(0)} s; against the present layout the best has: ${describeDifference(best, on.current)}`,
  )
  const trials = await runTrials({ on, subject, grid, best, p99NsMax, sweepSeconds }, options, run)
  return { best, sweepSeconds, p99NsMax, trials }
}

function boundOf(presentNs: readonly number[], p99: ProofOptions['p99']): number | null {
  if (presentNs.length === 0)
    throw new Error('the present layout could not be measured: there is nothing to begin with')
  return p99 === 'any' ? null : median(presentNs) * p99
}

interface Swept {
  readonly on: ProofMachine
  readonly subject: Subject
  readonly grid: readonly Layout[]
  readonly best: Layout
  readonly p99NsMax: number | null
  readonly sweepSeconds: number
}

async function runTrials(swept: Swept, options: ProofOptions, run: ProofRun): Promise<RealTrial[]> {
  const { on, subject, grid, best, p99NsMax, sweepSeconds } = swept
  const { workload, runs, verify, verifySeconds, seed } = options
  const { machine, current } = on
  const budgetSeconds = options.tunerSeconds ?? defaultTunerSeconds(sweepSeconds)
  const within = onlyDepths(subject, knobsFor(workload, options.knobs), machine, grid)
  const p99 = p99NsMax === null ? null : { nsMax: p99NsMax }
  const trials: RealTrial[] = []
  for (let at = 0; at < runs; at++) {
    const name = `run ${at + 1} of ${runs}`
    const trial = await realTrial({
      search: {
        ...{ subject: within, machine, workload, current, budgetSeconds, p99, knobs: options.knobs, now: run.now },
        onProgress: ({ phase }) => {
          run.onStep(`${name}: ${phase}`, null)
        },
      },
      ...{ seed: seed + at, subject, best, p99NsMax, rounds: verify, legSeconds: verifySeconds, signal: run.signal },
      onRound: (what) => {
        run.onStep(`${name}: ${what}`, null)
      },
    })
    trials.push(trial)
    const share =
      trial.against === null ? 'the best itself' : `${(trial.against.score.value * 100).toFixed(1)} % of the best`
    run.say(`${name}: ${trial.outcome} in ${trial.seconds.toFixed(1)} s, ${share}`)
  }
  return trials
}
