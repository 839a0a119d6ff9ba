// What is asked of the project, and how the benchmark judges it: the table, `auto` everywhere, the exit code, sweeps.
import { describe, expect, it } from 'vitest'
import { legsIn, selectLegs } from '../bench/legs/index.ts'
import { matches, nameAt } from '../bench/legs/names.ts'
import type { Measurement, Scenario } from '../bench/model.ts'
import { formatReport } from '../bench/report.ts'
import type { LegRounds } from '../bench/runner.ts'
import { scenarioByName, selectScenarios } from '../bench/scenarios/index.ts'
import { summarize } from '../bench/summary.ts'
import { formatTargets, judgements, targetsExitCode, type Judgement } from '../bench/targets-report.ts'
import { legsOf, targetsOf } from '../bench/targets.ts'

function measured(perSecond: number, cpuUs: number, entersPerOperation: number | null = null): Measurement {
  return {
    operations: perSecond,
    seconds: 1,
    cpuSeconds: (perSecond * cpuUs) / 1e6,
    p50Us: 1e6 / perSecond,
    p99Us: null,
    p999Us: null,
    loopUtilization: null,
    entersPerOperation,
    deviceBytes: null,
  }
}

const leg = (name: string, perSecond: readonly number[], cpuUs = 1, enters: number | null = null): LegRounds => ({
  name,
  title: name,
  rounds: perSecond.map((rate) => measured(rate, cpuUs, enters)),
  failures: [],
})

describe('the targets', () => {
  it('compare only legs that the scenario has', () => {
    for (const scenario of selectScenarios([])) {
      const values = scenario.sweep?.values ?? [null]
      const present = legsIn(scenario).flatMap(({ name }) => values.map((value) => nameAt(name, value)))
      for (const { of, to } of targetsOf(scenario, true)) {
        for (const pattern of [...of, ...to]) {
          const found = present.some((name) => matches(name, pattern))
          expect(found, `${pattern} in ${scenario.name}`).toBe(true)
        }
      }
      expect(() => selectLegs(legsOf(scenario, targetsOf(scenario, true)))).not.toThrow()
    }
  })

  it('ask auto to be within a tenth of the best that was chosen by hand, in every scenario where it can choose', () => {
    for (const scenario of selectScenarios([])) {
      const autos = legsIn(scenario).filter(({ name }) => name.startsWith('auto'))
      const asked = targetsOf(scenario, false).filter(({ of }) => of[0]?.startsWith('auto'))
      expect(asked.length, scenario.name).toBe(autos.length * (scenario.sweep?.values.length ?? 1))
      for (const { atLeast } of asked) expect(atLeast).toBe(0.9)
    }
    const rivals = targetsOf(scenarioByName('nop'), false).find(({ of }) => of[0] === 'auto-batch')?.to
    expect(rivals).toEqual(['kernel-batch', 'worker-batch', 'caller-batch', 'threadpool-batch'])
  })

  it('leave the prototype alone where there is none', () => {
    const names = (prototype: boolean): readonly string[] =>
      targetsOf(scenarioByName('nop'), prototype).flatMap(({ to }) => to)
    expect(names(true)).toContain('prototype-kernel')
    expect(names(false).filter((name) => name.startsWith('prototype'))).toEqual([])
  })
})

describe('judging', () => {
  const scenario = scenarioByName('append')
  const ofTable = targetsOf(scenario, false).filter(({ atLeast }) => atLeast === 8)
  const judge = (perSecond: readonly number[]): readonly Judgement[] => {
    const outcomes = [leg('caller-group', perSecond), leg('fs-sync', [100, 100, 100])]
    return judgements([{ scenario, summary: summarize(scenario, outcomes, ofTable) }])
  }

  it('finds a target met, missed, or open while its spread is on both sides', () => {
    expect(judge([900, 950, 1000])).toMatchObject([
      { ratio: 'caller-group/fs-sync', target: '≥ 8', measured: '9.50', spread: '9.00–10.00', verdict: 'met' },
    ])
    expect(judge([500, 600, 700])).toMatchObject([{ verdict: 'missed' }])
    expect(judge([700, 850, 900])).toMatchObject([{ verdict: 'inconclusive' }])
    expect(judge([900, 950])).toMatchObject([{ verdict: 'inconclusive' }])
  })

  it('says what could not be measured here', () => {
    const summary = summarize(scenario, [leg('caller-group', [1, 1, 1])], ofTable)
    const judged = judgements([{ scenario, summary }])
    expect(judged).toMatchObject([{ verdict: 'not measured' }])
    expect(formatTargets(judged)).toContain('1 not measured')
  })

  it('counts system calls against their limit', () => {
    const nop = scenarioByName('nop')
    const verdicts = (enters: number): readonly Judgement[] =>
      judgements([{ scenario: nop, summary: summarize(nop, [leg('kernel', [1000, 1000, 1000], 1, enters)], []) }])
    expect(verdicts(0.0001)).toMatchObject([{ target: '≤ 0.001', verdict: 'met' }])
    expect(verdicts(0.01)).toMatchObject([{ verdict: 'missed' }])
  })

  it('ends with 1 for a missed target, with 2 where only certainty is missing, and with 0 where nothing is', () => {
    const verdicts = (...all: readonly Judgement['verdict'][]): readonly Judgement[] =>
      all.map((verdict) => ({ scenario: '', ratio: '', target: '', measured: '', spread: '', verdict }))
    expect(targetsExitCode(verdicts('met', 'missed', 'inconclusive'))).toBe(1)
    expect(targetsExitCode(verdicts('met', 'inconclusive'))).toBe(2)
    expect(targetsExitCode(verdicts('met', 'not measured'))).toBe(0)
  })
})

describe('a sweep', () => {
  const scenario: Scenario = {
    ...scenarioByName('in-flight'),
    sweep: { parameter: 'depth', values: [1, 64, 4096] },
  }
  const outcomes = [
    leg('caller@1', [100, 100, 100], 4),
    leg('caller@64', [100, 100, 100], 1),
    leg('caller@4096', [100, 100, 100], 2),
    leg('kernel@1', [100, 100, 100], 1),
  ]
  const summary = summarize(scenario, outcomes, [])

  it('says for each leg where an operation costs most and least, and how many times as much', () => {
    expect(summary.sweep).toMatchObject([{ leg: 'caller', dearestAt: 1, cheapestAt: 64 }])
    expect(summary.sweep[0]?.maxOverMin.ratio).toBeCloseTo(4)
    expect(summary.sweep[0]?.points.map(({ value }) => value)).toEqual([1, 64, 4096])
  })

  it('prints that as a table by the parameter', () => {
    const text = formatReport({ scenario, summary, outcomes, skipped: [] })
    expect(text).toMatch(/CPU µs\/op, depth =\s+1\s+64\s+4096\s+max\/min/)
    expect(text).toMatch(/caller\s+4\.0\s+1\.0\s+2\.0\s+4\.00/)
  })
})
