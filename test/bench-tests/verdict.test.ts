// What `ringmaster bench` makes of figures: verdicts and words, from rounds that are made up.
import { describe, expect, it } from 'vitest'
import type { BenchScenario, RowRound, RowRounds, ScenarioReport } from '../../services/bench/model.ts'
import { summarize } from '../../services/bench/summary.ts'
import { overall } from '../../services/bench/verdict.ts'

const scenario: BenchScenario = { workload: 'random-read', blockBytes: 4096, depth: 64 }
const quiet = { stealShare: 0, otherShare: 0, cpuPressureShare: null, ioPressureShare: null, throttledShare: 0 }

function row(name: string, perSecond: readonly (number | null)[], more: Partial<RowRound> = {}): RowRounds {
  const rounds = perSecond.map((operationsPerSecond): RowRound | null =>
    operationsPerSecond === null
      ? null
      : {
          operationsPerSecond,
          bytesPerSecond: operationsPerSecond * 4096,
          cpuNsPerOperation: 1000,
          p50Ns: 1000,
          p99Ns: 9000,
          spectrum: [],
          noise: quiet,
          paced: null,
          used: name,
          ...more,
        },
  )
  return { name, title: name, rounds, missing: [] }
}

const report = (own: RowRounds, fs: RowRounds, ...others: RowRounds[]): ScenarioReport =>
  summarize(scenario, [own, fs, ...others])

describe('the verdict of a workload', () => {
  it('is faster, with how much and at what CPU, when all rounds say so', () => {
    const { verdict, says } = report(
      row('ringmaster', [300, 310, 290], { cpuNsPerOperation: 400 }),
      row('fs.promises', [100, 100, 100]),
    )
    expect(verdict).toBe('faster')
    expect(says).toBe(
      'Random reads of 4 KiB, 64 in flight: Ringmaster does 3.0 times (2.9–3.1) as many as fs.promises, at 0.40 times the CPU each.',
    )
  })

  it('is slower: do not bother', () => {
    const { verdict, says } = report(row('ringmaster', [50, 52, 48]), row('fs.promises', [100, 100, 100]))
    expect(verdict).toBe('slower')
    expect(says).toContain('fs.promises is faster here')
    expect(says).toContain('Do not bother.')
  })

  it('is no difference that matters, where it is below a tenth', () => {
    const { verdict, says } = report(
      row('ringmaster', [102, 99, 101], { cpuNsPerOperation: 500 }),
      row('fs.promises', [100, 100, 100]),
    )
    expect(verdict).toBe('equal')
    expect(says).toContain('Do not bother, unless CPU is what you are short of.')
  })

  it('is inconclusive where rounds differ more than the two, and names what disturbed', () => {
    const noise = { ...quiet, stealShare: 0.3 }
    const wild = report(row('ringmaster', [300, 80, 130], { noise }), row('fs.promises', [100, 100, 100], { noise }))
    expect(wild.verdict).toBe('inconclusive')
    expect(wild.says).toContain('the hypervisor took 30 %')
  })

  it('of too few complete rounds is inconclusive for want of time, not for noise, and says what gives more', () => {
    const noise = { ...quiet, otherShare: 0.9 }
    const says = (own: (number | null)[], isInterrupted = false): string => {
      const rows = [
        row('ringmaster', own, { noise }),
        row('fs.promises', [100, 100, 100, 100, 100].slice(0, own.length)),
      ]
      const { verdict, says, completeRounds } = summarize(scenario, rows, isInterrupted)
      expect(verdict).toBe('inconclusive')
      expect(completeRounds).toBeLessThan(3)
      expect(says).not.toContain('other programs')
      return says
    }
    expect(says([300, 300])).toBe(
      'Random reads of 4 KiB, 64 in flight: inconclusive: too little time. 2 complete rounds, and below 3 nothing can be ' +
        'concluded: give it --rounds 3 or more. In them Ringmaster did 3.0 times (3.0–3.0) as many as fs.promises.',
    )
    expect(says([300], true)).toContain('1 complete round, and below 3 nothing can be concluded: let it run to its end')
    // One pair that is alike is no proof of anything.
    expect(says([100, null, null, null, null])).toContain('4 of 5 rounds gave no figure; give it more --rounds.')
    expect(summarize(scenario, [row('ringmaster', [300]), row('fs.promises', [])], true).says).toBe(
      'Random reads of 4 KiB, 64 in flight: stopped before a round was complete.',
    )
  })

  it('pairs rounds that both have, and is unknown without any', () => {
    const paired = report(row('ringmaster', [null, 300, 300, 300]), row('fs.promises', [900, 100, 100, 100]))
    expect(paired.summaries[0]?.ratio?.ratio).toBe(3)
    expect(report(row('ringmaster', [300, 300, 300]), row('fs.promises', [null, null, null])).verdict).toBe('unknown')
    expect(report(row('ringmaster', [null]), row('fs.promises', [1])).says).toContain('nothing can be said')
  })

  it('tells where blocking calls beat both', () => {
    const { says } = report(
      row('ringmaster', [200, 200, 200]),
      row('fs.promises', [100, 100, 100]),
      row('fs.*Sync', [400, 400, 400]),
    )
    expect(says).toContain(
      'A loop of fs.*Sync calls does 2.0 times as many as Ringmaster, and blocks the thread meanwhile.',
    )
  })

  it('is put together in one sentence, and says nothing from too few rounds', () => {
    const faster = report(row('ringmaster', [300, 310, 290]), row('fs.promises', [100, 100, 100]))
    expect(overall([faster], 3)).toBe('Here, Ringmaster pays for random reads.')
    expect(overall([faster], 2)).toContain('nothing can be concluded. Give it more time: --rounds 3 or more.')
    expect(overall([], 3)).toBe('Nothing was measured.')
  })
})
