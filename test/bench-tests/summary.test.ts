// From rounds to what is printed: best-of comparisons, targets, failed rounds, the JSON shape, the legs that names select.
import { describe, expect, it } from 'vitest'
import { parseStraceSummary } from '../bench/evidence/syscalls.ts'
import { legsIn, selectLegs } from '../bench/legs/index.ts'
import { matches, nameAt } from '../bench/legs/names.ts'
import type { Measurement, Scenario, Target } from '../bench/model.ts'
import { formatReport, toJson } from '../bench/report.ts'
import type { LegRounds } from '../bench/runner.ts'
import { selectScenarios } from '../bench/scenarios/index.ts'
import { summarize } from '../bench/summary.ts'

const scenario: Scenario = {
  name: 'sample',
  title: 'a sample',
  workload: 'read',
  apis: ['promise', 'batch'],
  depth: 64,
  unit: 'reads/s',
  baseline: 'fs-promises-4',
  comparisons: [{ of: ['caller'], to: ['c-plain'], metric: 'throughput' }],
  limits: [{ leg: 'kernel', metric: 'entersPerOperation', atMost: 0.001 }],
}

const targets: readonly Target[] = [
  { scenario: 'sample', of: ['kernel', 'caller'], to: ['fs-*'], metric: 'throughput', atLeast: 4 },
  { scenario: 'sample', of: ['caller'], to: ['fs-promises-4'], metric: 'p50', atLeast: 30 },
  { scenario: 'sample', of: ['caller'], to: ['c-plain'], metric: 'throughput', atLeast: 0.5 },
]

function measured(perSecond: number, p50Us: number, entersPerOperation: number | null = null): Measurement {
  return {
    operations: perSecond,
    seconds: 1,
    cpuSeconds: perSecond * 2e-6,
    p50Us,
    p99Us: p50Us * 2,
    p999Us: null,
    loopUtilization: 0.5,
    entersPerOperation,
    deviceBytes: 0,
  }
}

function leg(name: string, rounds: (Measurement | null)[], failures: string[] = []): LegRounds {
  return { name, title: name, rounds, failures }
}

const outcomes = [
  leg('kernel', [measured(500, 50, 0), measured(510, 50, 0), measured(490, 50, 0)]),
  leg('caller', [measured(600, 10), measured(610, 10), null], ['it ended with exit code 1']),
  leg('fs-promises-4', [measured(100, 200), measured(101, 200), measured(99, 200)]),
  leg('fs-sync', [null, null, null], ['broken', 'broken']),
]

describe('summarize', () => {
  const summary = summarize(scenario, outcomes, targets)

  it('compares the best of each side over the rounds in which both ran', () => {
    expect(summary.targets.map(({ key, rounds, target }) => ({ key, rounds, target }))).toEqual([
      { key: 'caller/fs-promises-4', rounds: 2, target: 'inconclusive' },
      { key: 'caller/fs-promises-4 p50', rounds: 2, target: 'inconclusive' },
    ])
  })

  it('says of which targets the legs did not run', () => {
    expect(summary.comparisons).toEqual([])
    expect(summary.unjudged).toEqual([{ of: ['caller'], to: ['c-plain'], atLeast: 0.5 }])
  })

  it('turns latencies round, so that more is better', () => {
    expect(summary.targets[1]?.ratio).toBeCloseTo(20)
  })

  it('gives every leg that ran a ratio to the baseline', () => {
    expect(summary.baselineRatios.map(({ key, conclusive }) => [key, conclusive])).toEqual([
      ['kernel/fs-promises-4', true],
      ['caller/fs-promises-4', false],
    ])
  })

  it('takes CPU per operation and limits from the legs', () => {
    expect(summary.legs[0]?.cpuUsPerOperation).toBeCloseTo(2)
    expect(summary.limits).toEqual([{ leg: 'kernel', value: 0, atMost: 0.001, verdict: 'met' }])
  })

  it('prints failures in the table and the fixed shape in JSON', () => {
    const report = { scenario, summary, outcomes, skipped: [] }
    expect(formatReport(report)).toContain('FAILED caller: it ended with exit code 1')
    const json = JSON.parse(toJson(report)) as Record<string, Record<string, unknown>>
    expect(json).toMatchObject({ scenario: 'sample', unit: 'reads/s' })
    expect(json['legs']?.['kernel']).toMatchObject({ median: 500, rounds: [500, 510, 490], p50Us: 50, p999Us: null })
    expect(json['ratios']).toMatchObject({ 'kernel/fs-promises-4': 5, 'caller/fs-promises-4': 'inconclusive' })
  })
})

describe('what names select', () => {
  it('knows families of scenarios', () => {
    const names = selectScenarios(['read4k']).map(({ name }) => name)
    expect(names).toEqual(['read4k-depth1', 'read4k-depth8', 'read4k-depth64', 'read4k-depth512'])
  })

  it('calls every leg of Ringmaster by its poller first, so that one wildcard means all of a poller', () => {
    const names = selectLegs(['kernel*']).map(({ name }) => name)
    expect(names).toEqual([
      'kernel',
      'kernel-batch',
      'kernel-chain',
      'kernel-group',
      'kernel-raw',
      'kernel-direct',
      'kernel-plain',
      'kernel-arena',
      'kernel-multishot',
      'kernel-zero-copy',
      'kernel-sender',
    ])
    for (const scenario of selectScenarios([])) {
      const pollers = legsIn(scenario).filter(({ name }) => /^(kernel|worker|caller)(-|$)/.test(name))
      expect(pollers.length, scenario.name).toBeGreaterThanOrEqual(3)
    }
  })

  it('takes a pattern without a value for all values of a sweep, and one with it for that alone', () => {
    expect(matches('fs-promises-4', 'fs-*')).toBe(true)
    expect(matches('prototype-kernel', 'kernel')).toBe(false)
    expect(matches('kernel@64', 'kernel')).toBe(true)
    expect(matches('kernel-batch@64', 'kernel')).toBe(false)
    expect(matches('kernel@64', 'kernel@64')).toBe(true)
    expect(matches('kernel@64', 'kernel@6')).toBe(false)
  })

  it('refuses what does not exist and says what does', () => {
    expect(() => selectScenarios(['read5k'])).toThrow(/read4k-depth64/)
    expect(() => selectLegs(['nothing'])).toThrow(/fs-promises-4/)
  })

  it('gives every scenario a leg for every name that it mentions', () => {
    for (const scenario of selectScenarios([])) {
      const { baseline, comparisons, limits, sweep } = scenario
      const values = sweep?.values ?? [null]
      const present = legsIn(scenario).flatMap(({ name }) => values.map((value) => nameAt(name, value)))
      const mentioned = [
        ...comparisons.flatMap(({ of, to }) => [...of, ...to]),
        ...limits.map(({ leg }) => leg),
        baseline,
      ]
      for (const pattern of mentioned) {
        const found = present.some((name) => matches(name, pattern))
        expect(found, `${pattern} in ${scenario.name}`).toBe(true)
      }
    }
  })
})

describe('the summary of strace', () => {
  it('is read with and without errors', () => {
    const text = `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 61.20    0.001520           7       201        12 futex
 38.80    0.000964           0      5000           epoll_pwait
------ ----------- ----------- --------- --------- ----------------
100.00    0.002484           0      5201        12 total
`
    expect([...parseStraceSummary(text)]).toEqual([
      ['futex', 201],
      ['epoll_pwait', 5000],
    ])
  })
})
