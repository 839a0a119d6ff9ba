// The search on simulated machines, whose best layout is known: it finds it, in little time, and it does not choose where it cannot know.
// The whole table, all workloads: npm run proof:tune.
import { describe, expect, it } from 'vitest'
import { layoutKey } from '../../services/tune/layouts.ts'
import type { Progress } from '../../services/tune/legs.ts'
import { search } from '../../services/tune/search.ts'
import type { SearchOptions, SearchResult } from '../../services/tune/search.ts'
import { LayoutImpossibleError } from '../../services/tune/types.ts'
import type { Layout, Sample, Subject } from '../../services/tune/types.ts'
import { machines, presentLayout, trial } from './machines.ts'
import type { Trial } from './machines.ts'
import { SimulatedMachine, facts, ordinary, overheadSeconds, quiet, truth } from './simulated-machine.ts'
import type { Disturbance, MachineModel } from './simulated-machine.ts'

const named = (name: string): MachineModel => machines.find((machine) => machine.name === name)!
const seeds = Array.from({ length: 10 }, (_, index) => index + 1)
const workload = 'random-read'

const trials = (machine: MachineModel, disturbance: Disturbance, of: readonly number[] = seeds): Promise<Trial[]> =>
  Promise.all(of.map((seed) => trial({ machine, workload, disturbance, seed })))

/** A search on one of the machines, with what a test changes. */
function searchOn(
  machine: MachineModel,
  changes: Partial<SearchOptions> = {},
  disturbance: Disturbance = ordinary,
): Promise<SearchResult> {
  const simulated = new SimulatedMachine(machine, workload, disturbance, changes.seed ?? 1)
  const base = { subject: simulated, machine: facts(machine), workload, current: presentLayout(machine) } as const
  return search({ ...base, budgetSeconds: 300, seed: 1, now: simulated.now, ...changes })
}

describe('on a machine as they are', () => {
  it.each(machines.map((machine) => [machine.name, machine] as const))(
    '%s: the choice is within a twentieth of the best in nine of ten runs, in under a tenth of the time of a sweep',
    async (_, machine) => {
      const all = await trials(machine, ordinary)
      const figures = all.map(({ ratio, p99Share }) => `${ratio.toFixed(3)} (p99 ${p99Share.toFixed(2)})`).join(' ')
      const near = all.filter(({ ratio, p99Share }) => ratio >= 0.95 && p99Share <= 1.05)
      expect(near.length, `work against the best, for each seed: ${figures}`).toBeGreaterThanOrEqual(9)
      for (const { timeShare } of all) expect(timeShare).toBeLessThan(0.1)
    },
  )

  it('takes under a tenth of a sweep of just four knobs, too', async () => {
    const only = ['poller', 'depth', 'clients', 'rings'] as const
    const all = await Promise.all(
      seeds.map((seed) => trial({ machine: named('16 CPUs, fast disk'), workload, disturbance: ordinary, seed, only })),
    )
    expect(all.filter(({ ratio }) => ratio >= 0.95).length).toBeGreaterThanOrEqual(9)
    for (const { timeShare, result } of all) {
      expect(timeShare).toBeLessThan(0.1)
      for (const { layout } of result.tried) expect(layout.batch).toBe(1)
    }
  })
})

describe('where nothing can be known', () => {
  const stormy: Disturbance = { ...ordinary, deviation: 0.4, drift: { share: 0.5, seconds: 20 } }

  it('refuses where legs of one layout scatter more than layouts differ, and says by how much', async () => {
    const all = await trials(named('8 CPUs, turning disk'), stormy)
    const kinds = all.map(({ result }) => result.outcome.kind)
    expect(kinds).not.toContain('chosen')
    const refused = all.flatMap(({ result }) => (result.outcome.kind === 'refused' ? [result.outcome] : []))
    expect(refused.length).toBeGreaterThanOrEqual(9)
    for (const { figures, why } of refused) {
      expect(figures.deviation).toBeGreaterThan(0.15)
      expect(why).toContain('%')
    }
  })

  it('refuses where others take a third of the machine, and names them, however little legs scatter', async () => {
    const machine = named('1 CPU, cached')
    const knobs = ['clients', 'buffers', 'files', 'spinNs'] as const
    for (const seed of seeds) {
      const result = await searchOn(machine, { knobs, seed }, { ...quiet, deviation: 0.01, otherShare: 0.33 })
      expect(result.outcome).toMatchObject({ kind: 'refused', noise: 'other load' })
      expect(result.noise.says).toContain('other processes took 33 % of the CPU time')
    }
  })

  it('refuses where legs scatter by a third and others take half: p99, which scatters most, decides nothing', async () => {
    const noisy = { ...ordinary, deviation: 0.35, otherShare: 0.45 }
    const machine = named('2 CPUs, cloud disk')
    for (const seed of seeds) {
      const { outcome, current } = await searchOn(machine, { seed }, noisy)
      if (outcome.kind !== 'chosen') {
        expect([seed, outcome]).toMatchObject([seed, { kind: 'refused', noise: 'other load' }])
        continue
      }
      // What is chosen all the same is better by more than all that.
      expect([seed, outcome.decidedBy]).toEqual([seed, 'work'])
      const gain = (layout: Layout): number => truth(machine, workload, layout).operationsPerSecond
      expect(gain(outcome.layout) / gain(current), `seed ${seed}`).toBeGreaterThan(1.05)
    }
  })

  it('still chooses what is better by more than that: three times the work is no neighbour', async () => {
    const all = await trials(named('128 CPUs, cached'), { ...quiet, deviation: 0.01, otherShare: 0.33 }, [1, 2])
    for (const { result } of all) expect(result.outcome.kind).toBe('chosen')
  })
})

describe('what moves without anybody doing anything', () => {
  it('a machine that speeds up and slows down by a third does not change the choice', async () => {
    const machine = named('4 CPUs, cached')
    const drifting: Disturbance = { ...quiet, deviation: 0.01, drift: { share: 0.33, seconds: 66 } }
    const all = await trials(machine, drifting)
    expect(all.filter(({ ratio }) => ratio >= 0.95).length).toBeGreaterThanOrEqual(9)
  })

  it('every layout of a round is measured in it once, in an order that changes', async () => {
    const rounds: string[][] = []
    let last = ''
    const simulated = new SimulatedMachine(named('2 CPUs, cached'), workload, quiet, 1)
    await searchOn(named('2 CPUs, cached'), {
      subject: simulated,
      now: simulated.now,
      onProgress: ({ phase, step, layout }) => {
        if (phase !== 'confirmation') return
        const open = rounds.at(-1)
        if (open === undefined || open.includes(layoutKey(layout)) || step !== last) rounds.push([layoutKey(layout)])
        else open.push(layoutKey(layout))
        last = step
      },
    })
    expect(rounds.length).toBeGreaterThanOrEqual(5)
    expect(new Set(rounds.map((round) => [...round].sort().join('|'))).size).toBeLessThanOrEqual(2)
    expect(new Set(rounds.map((round) => round.join('|'))).size).toBeGreaterThan(1)
    const mirrored = rounds.slice(1).filter((round, before) => round.join() === [...rounds[before]!].reverse().join())
    expect(mirrored.length).toBeGreaterThanOrEqual(Math.floor(rounds.length / 2) - 1)
  })

  it('a leg during which somebody took much of the machine is run again', async () => {
    const machine = named('1 CPU, cached')
    const simulated = new SimulatedMachine(machine, workload, quiet, 1)
    let legs = 0
    const visited: Subject = {
      async measure(layout, seconds, signal): Promise<Sample> {
        const sample = await simulated.measure(layout, seconds, signal)
        const isHit = ++legs % 7 === 0
        if (!isHit) return sample
        const { noise, operationsPerSecond } = sample
        return { ...sample, operationsPerSecond: operationsPerSecond / 10, noise: { ...noise, otherShare: 0.9 } }
      },
    }
    const { outcome, tried, noise } = await searchOn(machine, { subject: visited, now: simulated.now })
    expect(outcome.kind).toBe('chosen')
    expect(noise.otherShare).toBeLessThan(0.02)
    expect(tried.reduce((sum, { legs: counted }) => sum + counted, 0)).toBeLessThan(legs)
  })
})

describe('what is kept', () => {
  it('the present layout, where nothing gains', async () => {
    const machine = named('1 CPU, cached')
    const present = presentLayout(machine)
    const knobs = ['poller', 'rings', 'clients'] as const
    const { outcome, leader } = await searchOn(machine, { knobs })
    expect(outcome).toMatchObject({ kind: 'kept' })
    expect('why' in outcome && outcome.why).toBe('nothing that was tried gains: all of it fell far behind at once')
    expect(layoutKey(leader)).toBe(layoutKey(present))
  })

  it('the present layout, where the gain of the search does not hold in fresh legs', async () => {
    const machine = named('8 CPUs, turning disk')
    const simulated = new SimulatedMachine(machine, workload, { ...quiet, deviation: 0.005 }, 1)
    let isConfirming = false
    let freshLegs = 0
    const flattering: Subject = {
      async measure(layout, seconds, signal): Promise<Sample> {
        const sample = await simulated.measure(layout, seconds, signal)
        const factor = layout.poller === 'worker' && !isConfirming ? 1.3 : 1
        if (layout.poller === 'worker' && isConfirming) freshLegs++
        const burns = layout.poller === 'worker' ? 1 : 0.9
        return {
          ...sample,
          operationsPerSecond: sample.operationsPerSecond * factor,
          cpuNsPerOperation: 1e6 * burns ** 0,
        }
      },
    }
    const onProgress = ({ phase }: Progress): void => {
      isConfirming = phase === 'confirmation'
    }
    const { outcome, searched, confirmed } = await searchOn(machine, {
      subject: flattering,
      now: simulated.now,
      onProgress,
      knobs: ['poller'],
    })
    expect(searched!.score.value).toBeGreaterThan(1.1)
    expect(confirmed!.score.value).toBeLessThan(1.05)
    expect(confirmed!.rounds).toBe(freshLegs)
    expect(outcome.kind).toBe('kept')
    expect('why' in outcome && outcome.why).toMatch(/did not hold: .* in fresh legs \(.* in the search\)/)
  })
})

describe('ties', () => {
  it('are broken by CPU: what does as much with less of it is chosen, and said to be', async () => {
    const machine = named('2 CPUs, cloud disk')
    const present = truth(machine, workload, presentLayout(machine))
    const { outcome } = await searchOn(machine, {}, { ...quiet, deviation: 0.01 })
    expect(outcome).toMatchObject({ kind: 'chosen', decidedBy: 'cpu' })
    const chosen = truth(machine, workload, outcome.kind === 'chosen' ? outcome.layout : presentLayout(machine))
    expect(chosen.cpuNsPerOperation).toBeLessThan(present.cpuNsPerOperation * 0.95)
    expect(chosen.operationsPerSecond).toBeGreaterThan(present.operationsPerSecond * 0.97)
  })

  it('are broken by CPU at every knob, too', async () => {
    const machine = named('1 CPU, cached')
    const simulated = new SimulatedMachine(machine, workload, { ...quiet, deviation: 0.005 }, 1)
    const thrifty: Subject = {
      async measure(layout, seconds, signal): Promise<Sample> {
        const sample = await simulated.measure({ ...layout, files: 'plain' }, seconds, signal)
        return layout.files === 'plain' ? sample : { ...sample, cpuNsPerOperation: sample.cpuNsPerOperation * 0.8 }
      },
    }
    const knobs = ['files'] as const
    const { outcome } = await searchOn(machine, { subject: thrifty, now: simulated.now, knobs })
    expect(outcome).toMatchObject({ kind: 'chosen', decidedBy: 'cpu', layout: { files: 'direct' } })
  })

  it('of work and CPU are broken by simplicity: a knob that does nothing ends as it was', async () => {
    const machine = named('8 CPUs, no SQPOLL, cached')
    const { rings } = presentLayout(machine)
    for (const seed of [1, 2, 3]) {
      const simulated = new SimulatedMachine(machine, workload, { ...quiet, deviation: 0.001 }, seed)
      const flat: Subject = {
        measure: (layout, seconds, signal) => simulated.measure({ ...layout, rings: 2 }, seconds, signal),
      }
      const { outcome, tried } = await searchOn(machine, { subject: flat, now: simulated.now, seed })
      expect(outcome).toMatchObject({ kind: 'chosen', layout: { rings } })
      expect(tried.some(({ layout }) => layout.rings !== rings)).toBe(true)
    }
  })
})

describe('what cannot be had', () => {
  it('is out with its reason, and is not tried again', async () => {
    const machine = named('8 CPUs, no SQPOLL, cached')
    let asked = 0
    const simulated = new SimulatedMachine(machine, workload, ordinary, 1)
    const counting: Subject = {
      measure: (layout, seconds, signal) => {
        if (layout.poller === 'kernel') asked++
        return simulated.measure(layout, seconds, signal)
      },
    }
    const { impossible, notChosen } = await searchOn(machine, { subject: counting, now: simulated.now })
    expect(impossible).toEqual([{ knob: 'poller', value: 'kernel', reason: 'SQPOLL is not allowed (EPERM)' }])
    expect(notChosen.find(({ value }) => value === 'kernel')!.why).toBe(
      'impossible here: SQPOLL is not allowed (EPERM)',
    )
    expect(asked).toBeLessThanOrEqual(4)
  })

  it('the present layout: then there is nothing to compare with', async () => {
    const machine = named('8 CPUs, no SQPOLL, cached')
    const current: Layout = { ...presentLayout(machine), poller: 'kernel' }
    await expect(searchOn(machine, { current })).rejects.toThrow(LayoutImpossibleError)
    await expect(searchOn(machine, { current })).rejects.toThrow(
      'the current layout cannot be measured: SQPOLL is not allowed',
    )
  })

  it('one leg that crashes is run again, and a layout whose legs all crash is out: nothing is lost', async () => {
    const machine = named('1 CPU, cached')
    const simulated = new SimulatedMachine(machine, workload, quiet, 1)
    let legs = 0
    const crashing: Subject = {
      measure: (layout, seconds, signal) => {
        if (layout.poller === 'threadpool') return Promise.reject(new Error('the leg ended with SIGSEGV'))
        return ++legs % 10 === 0 ? Promise.reject(new Error('once')) : simulated.measure(layout, seconds, signal)
      },
    }
    const { outcome, tried, impossible } = await searchOn(machine, { subject: crashing, now: simulated.now })
    expect(outcome.kind).toBe('chosen')
    expect(impossible).toEqual([])
    const out = tried.filter(({ layout }) => layout.poller === 'threadpool')
    expect(out.length).toBeGreaterThan(0)
    for (const { why, legs: counted } of out) expect([why, counted]).toEqual(['the leg ended with SIGSEGV', 0])
  })
})

describe('time', () => {
  it.each([20, 60, 200])('of %i s is kept, to the leg', async (budgetSeconds) => {
    for (const seed of [1, 2, 3]) {
      const { seconds, legs } = await searchOn(named('32 CPUs, cached'), { budgetSeconds, seed })
      expect(seconds).toBeLessThanOrEqual(budgetSeconds + 2 * (overheadSeconds + 0.5))
      expect(legs).toBeGreaterThan(10)
    }
  })

  it('too short for a decision is not spent on calibration, and no difference is said to have been looked for', async () => {
    const { legs, outcome } = await searchOn(named('4 CPUs, fast disk'), { budgetSeconds: 3 }, quiet)
    expect(legs).toBe(1)
    expect(outcome).toMatchObject({ kind: 'kept', why: expect.stringContaining('too little for a decision') as string })
  })

  it('is shown with every leg: phase after phase, with less and less of it', async () => {
    const shown: Progress[] = []
    const { legs } = await searchOn(named('4 CPUs, fast disk'), { onProgress: (progress) => shown.push(progress) })
    expect(shown.length).toBeGreaterThanOrEqual(legs)
    expect([...new Set(shown.map(({ phase }) => phase))]).toEqual([
      'calibration',
      'screening',
      'descent',
      'confirmation',
    ])
    for (const [index, { secondsLeft, samplesSoFar, step }] of shown.entries()) {
      expect(secondsLeft).toBeLessThanOrEqual(shown[index - 1]?.secondsLeft ?? 300)
      expect(samplesSoFar).toBeGreaterThanOrEqual(shown[index - 1]?.samplesSoFar ?? 0)
      expect(step).not.toBe('')
    }
  })

  it('ends with the signal: what is known so far is told, and nothing is chosen', async () => {
    for (const stopAt of [1, 5, 40, 120]) {
      const controller = new AbortController()
      const onProgress = ({ samplesSoFar }: Progress): void => {
        if (samplesSoFar === stopAt) controller.abort()
      }
      const { signal } = controller
      const { outcome, stopped, legs, tried } = await searchOn(named('2 CPUs, cached'), { signal, onProgress })
      expect(stopped).toBe('aborted')
      expect(outcome).toMatchObject({ kind: 'kept' })
      expect('why' in outcome && outcome.why).toMatch(/^stopped before/)
      expect(legs).toBe(stopAt)
      expect(tried.reduce((sum, each) => sum + each.legs, 0)).toBe(stopAt)
    }
  })
})

describe('a result', () => {
  it('is the same for the same seed and the same measurements', async () => {
    const [one, other] = await Promise.all([searchOn(named('4 CPUs, fast disk')), searchOn(named('4 CPUs, fast disk'))])
    expect(other).toEqual(one)
    expect((await searchOn(named('4 CPUs, fast disk'), { seed: 9 })).legs).not.toBe(one.legs)
  })

  it('says why direct descriptors are not tried with batches, where batches were chosen', async () => {
    const { notChosen, tried } = await searchOn(named('2 CPUs, cached'), { knobs: ['batch', 'files'] }, quiet)
    const direct = notChosen.find(({ value }) => value === 'direct')!
    const best = tried.find(({ why }) => why === 'chosen')!
    expect(best.layout.batch).toBeGreaterThan(1)
    for (const { layout } of tried) expect(layout.batch > 1 && layout.files === 'direct').toBe(false)
    expect(direct.best === null ? direct.why : `not with batch, but ${direct.best.layout.batch}`).toMatch(/batch/)
  })

  it('has every layout with its figures, and for each value why it was not chosen', async () => {
    const machine = named('2 CPUs, cached')
    const { outcome, tried, notChosen, confirmed } = await searchOn(machine, { budgetSeconds: 600 })
    expect(outcome).toMatchObject({ kind: 'chosen', decidedBy: 'work' })
    const layout = outcome.kind === 'chosen' ? outcome.layout : null
    expect(confirmed!.rounds).toBeGreaterThanOrEqual(5)
    expect(tried.filter(({ why }) => why === 'chosen').map((each) => each.layout)).toEqual([layout])
    const pollers = notChosen.filter(({ knob }) => knob === 'poller')
    expect(pollers.map(({ value }) => value).sort()).toEqual(['kernel', 'threadpool', 'worker'])
    for (const { best, why } of pollers) {
      const real =
        truth(machine, workload, best!.layout).operationsPerSecond /
        truth(machine, workload, layout!).operationsPerSecond
      expect(best!.against!.value / real).toBeGreaterThan(0.85)
      expect(best!.against!.value / real).toBeLessThan(1.15)
      expect(why).toMatch(/%/)
    }
    for (const { why, title } of notChosen) expect([title, why.length > 5]).toEqual([title, true])
  })

  it('can be kept as JSON', async () => {
    const result = await searchOn(named('1 CPU, cached'), { budgetSeconds: 60 })
    const kept = JSON.parse(JSON.stringify(result)) as SearchResult
    expect(kept.outcome.kind).toBe(result.outcome.kind)
  })
})
