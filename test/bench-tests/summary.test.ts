// From rounds to what is printed: best-of comparisons, targets, failed rounds, the JSON shape, the legs that names select.
import { describe, expect, it } from 'vitest'
import { parseStraceSummary } from '../bench/evidence/syscalls.ts'
import { matches, selectLegs } from '../bench/legs/index.ts'
import type { Measurement, Scenario } from '../bench/model.ts'
import { formatReport, toJson } from '../bench/report.ts'
import type { LegRounds } from '../bench/runner.ts'
import { selectScenarios } from '../bench/scenarios/index.ts'
import { summarize } from '../bench/summary.ts'

const scenario: Scenario = {
  name: 'sample',
  title: 'a sample',
  workload: 'read',
  depth: 64,
  unit: 'reads/s',
  baseline: 'fs-promises-4',
  comparisons: [
    { of: ['kernel', 'caller'], to: ['fs-*'], metric: 'throughput', atLeast: 4 },
    { of: ['caller'], to: ['fs-promises-4'], metric: 'p50', atLeast: 30 },
    { of: ['caller'], to: ['c-plain'], metric: 'throughput' },
  ],
  limits: [{ leg: 'kernel', metric: 'entersPerOperation', atMost: 0.001 }],
}

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
  const summary = summarize(scenario, outcomes)

  it('compares the best of each side over the rounds in which both ran', () => {
    expect(summary.comparisons.map(({ key, rounds, target }) => ({ key, rounds, target }))).toEqual([
      { key: 'caller/fs-promises-4', rounds: 2, target: 'inconclusive' },
      { key: 'caller/fs-promises-4 p50', rounds: 2, target: 'inconclusive' },
    ])
  })

  it('turns latencies round, so that more is better', () => {
    expect(summary.comparisons[1]?.ratio).toBeCloseTo(20)
  })

  it('gives every leg that ran a ratio to the baseline', () => {
    expect(summary.baselineRatios.map(({ key, conclusive }) => [key, conclusive])).toEqual([
      ['kernel/fs-promises-4', true],
      ['caller/fs-promises-4', false],
    ])
  })

  it('takes CPU per operation and limits from the legs', () => {
    expect(summary.legs[0]?.cpuUsPerOperation).toBeCloseTo(2)
    expect(summary.limits).toEqual([{ leg: 'kernel', value: 0, atMost: 0.001 }])
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
  it('knows families of scenarios and wildcards of legs', () => {
    expect(selectScenarios(['read4k']).map(({ name }) => name)).toEqual(['read4k-depth1', 'read4k-depth64'])
    expect(selectLegs(['kernel*', 'c-plain']).map(({ name }) => name)).toEqual([
      'kernel',
      'kernel-batch',
      'kernel-chain',
      'kernel-multishot',
      'kernel-zero-copy',
      'kernel-sender',
      'kernel-plain',
      'kernel-arena',
      'c-plain',
    ])
    expect(matches('fs-promises-4', 'fs-*')).toBe(true)
    expect(matches('prototype-kernel', 'kernel')).toBe(false)
  })

  it('refuses what does not exist and says what does', () => {
    expect(() => selectScenarios(['read5k'])).toThrow(/read4k-depth64/)
    expect(() => selectLegs(['nothing'])).toThrow(/fs-promises-4/)
  })

  it('finds a leg for every name that a scenario mentions', () => {
    for (const { baseline, comparisons, limits } of selectScenarios([])) {
      const named = [
        baseline,
        ...comparisons.flatMap(({ of, to }) => [...of, ...to]),
        ...limits.map((limit) => limit.leg),
      ]
      expect(() => selectLegs(named)).not.toThrow()
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
