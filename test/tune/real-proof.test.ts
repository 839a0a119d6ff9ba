// The proof on real rings, on machines whose best layout is known: what it sweeps, that it goes on where it was interrupted, and that its verdict can be no.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { tmpdir } from 'node:os'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { takeFingerprint } from '../../services/profile/fingerprint.ts'
import { knobsFor, layoutKey, normaliseLayout } from '../../services/tune/layouts.ts'
import type { Layout, Subject } from '../../services/tune/types.ts'
import { sweep } from './exhaustive.ts'
import { machines, presentLayout } from './machines.ts'
import { gridOf, onlyDepths, withDepths } from './real/grid.ts'
import type { ProofOptions } from './real/options.ts'
import { planProof, prove } from './real/proof.ts'
import type { Proof, ProofMachine, ProofRun } from './real/proof.ts'
import { verdictLines, verdictOf } from './real/words.ts'
import { SimulatedMachine, facts, ordinary, quiet, truth } from './simulated-machine.ts'

const model = machines.find(({ name }) => name === '4 CPUs, cached')!
const current = presentLayout(model)
const on: ProofMachine = { machine: facts(model), fingerprint: takeFingerprint(null), current }
const knobs = knobsFor('random-read', ['poller', 'depth', 'batch', 'rings'])

const options: ProofOptions = {
  workload: 'random-read',
  knobs: ['poller', 'depth', 'batch', 'rings'],
  p99: 'any',
  legs: 5,
  legSeconds: 0.25,
  finalists: 6,
  runs: 3,
  verify: 7,
  verifySeconds: 0.5,
  seed: 1,
  dataDir: '.',
  dataMib: 64,
}

interface Stage {
  readonly subject: Subject & { readonly measured: readonly Layout[] }
  readonly run: ProofRun
}

function stage(disturbance = ordinary, signal = new AbortController().signal): Stage {
  const subject = new SimulatedMachine(model, 'random-read', disturbance, 7)
  const silent = (): void => undefined
  return { subject, run: { signal, now: subject.now, onStep: silent, say: silent } }
}

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'proof-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

describe('the grid of the proof', () => {
  it('has each layout once, in one form, and the present one', () => {
    const grid = gridOf(knobs, facts(model), current)
    const keys = grid.map(layoutKey)
    expect(new Set(keys).size).toBe(keys.length)
    expect(keys).toContain(layoutKey(current))
    expect(grid.map(normaliseLayout).map(layoutKey)).toEqual(keys)
    // 27 pairs of depth and batch that differ, three numbers of rings, four pollers.
    expect(grid).toHaveLength(27 * 3 * 4)
  })

  it('of some depths leaves the search none of the others', async () => {
    const grid = gridOf(withDepths(knobs, [1, 64]), facts(model), current)
    expect([...new Set(grid.map(({ depth }) => depth))].sort((a, b) => a - b)).toEqual([1, 32, 64])
    const { subject } = stage()
    const only = onlyDepths(subject, knobs, facts(model), grid)
    await expect(only.measure({ ...current, depth: 128 }, 1)).rejects.toMatchObject({ name: 'LayoutImpossibleError' })
    await expect(only.measure({ ...current, depth: 64 }, 1)).resolves.toBeDefined()
  })
})

describe('the proof', () => {
  it('names the best that there is, holds the runs against it, and says what they took', async () => {
    const { subject, run } = stage(quiet)
    const proof = await prove(on, subject, options, run)
    const known = sweep(model, 'random-read', current, { p99NsMax: Infinity, only: options.knobs })
    const work = (layout: Layout): number => truth(model, 'random-read', layout).operationsPerSecond
    expect(work(proof.best)).toBeCloseTo(known.bestWork, 0)
    for (const { used, against, isWithin } of proof.trials) {
      expect(against?.score.value ?? 1).toBeCloseTo(work(used) / known.bestWork, 6)
      expect(isWithin).toBe(work(used) / known.bestWork >= 0.95)
    }
    const verdict = verdictOf(proof.trials, proof.sweepSeconds)
    expect(verdict.timeShare).toBeLessThan(0.1)
    expect(verdictLines(proof.trials, verdict)).toMatch(
      /^3 of 3 within 5 % of the best; 0 refused for noise\nmean time 1\//,
    )
  })

  it('says no where the search does not find it: all but the present layout fail under the search alone', async () => {
    const { subject, run } = stage(quiet)
    const plan = await planProof(on, options)
    let isSwept = false
    const blind: Subject = {
      measure: (layout, seconds, signal) => {
        // As long as the sweep goes on it sees everything; the legs of the search are shorter than those that check.
        const isSearch = isSwept && seconds < options.verifySeconds
        if (isSearch && layoutKey(layout) !== layoutKey(current)) return Promise.reject(new Error('fails'))
        return subject.measure(layout, seconds, signal)
      },
    }
    const say = (): void => void (isSwept = true)
    const proof = await prove(on, blind, options, { ...run, say })
    expect(plan.layouts).toBeGreaterThan(100)
    expect(proof.trials.map(({ isWithin }) => isWithin)).toEqual([false, false, false])
    expect(verdictOf(proof.trials, proof.sweepSeconds).isProven).toBe(false)
  })

  it('goes on with a sweep that was interrupted, and makes one that is kept no more', async () => {
    const path = join(folder, 'sweep.json')
    const kept = { ...options, knobs: ['poller', 'depth', 'rings'] as const, runs: 0, sweep: path }
    const whole = stage(quiet)
    const reference = await prove(on, whole.subject, { ...kept, sweep: join(folder, 'other.json') }, whole.run)
    const interrupt = new AbortController()
    const first = stage(quiet, interrupt.signal)
    const counting: Subject = {
      measure: (...leg) => {
        if (first.subject.measured.length === 200) interrupt.abort()
        return first.subject.measure(...leg)
      },
    }
    await expect(prove(on, counting, kept, first.run)).rejects.toMatchObject({ name: 'AbortError' })
    const left = (await planProof(on, kept)).legsLeft
    const second = stage(quiet)
    const proof = await prove(on, second.subject, kept, second.run)
    expect(second.subject.measured).toHaveLength(left)
    expect(first.subject.measured.length + left).toBe(whole.subject.measured.length)
    expect([...first.subject.measured, ...second.subject.measured].map(layoutKey)).toEqual(
      whole.subject.measured.map(layoutKey),
    )
    expect(proof.best).toEqual(reference.best)
    expect(proof.sweepSeconds).toBeCloseTo(reference.sweepSeconds, 6)
    const third = stage(quiet)
    const again: Proof = await prove(on, third.subject, kept, third.run)
    expect(third.subject.measured).toHaveLength(0)
    expect(again.best).toEqual(reference.best)
  })

  it('refuses a sweep of another grid, another machine, or another file', async () => {
    const path = join(folder, 'sweep.json')
    const kept = { ...options, knobs: ['poller', 'depth'] as const, runs: 0, sweep: path }
    const { subject, run } = stage(quiet)
    await prove(on, subject, kept, run)
    await expect(planProof(on, { ...kept, depths: [1] })).rejects.toThrow(/is another one \(its layouts are others\)/)
    await expect(planProof(on, { ...kept, legSeconds: 1 })).rejects.toThrow(/legSeconds: 1 now, 0.25 there/)
    const elsewhere = { ...on, fingerprint: { ...on.fingerprint, cpus: 96 } }
    await expect(planProof(elsewhere, kept)).rejects.toThrow(/CPUs: 96 now/)
    writeFileSync(path, readFileSync(path, 'utf8').slice(0, -100))
    await expect(planProof(on, kept)).rejects.toThrow(/is no sweep/)
  })
})
