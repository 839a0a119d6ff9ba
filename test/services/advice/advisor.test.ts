// When the advisor looks, what it remembers and whom it tells, with a clock of the test's own; then on the real kernel, where an SQ
// thread burns and where it fights with its client.
import { readFileSync, readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Registry } from 'prom-client'
import { describe, expect, it, vi } from 'vitest'
import { binding } from '../../../native/binding.ts'
import { parseThreadTimes, readThreadTimes } from '../../../native/schedstat.ts'
import { Advisor, intervalsJudged } from '../../../services/advisor.ts'
import type { WatchedRing } from '../../../services/advisor.ts'
import type { RingAdvice } from '../../../services/advice.ts'
import { Ringmaster } from '../../../services/ringmaster.ts'
import type { Poller } from '../../../workers/poller-kind.ts'
import { parseExposition, sampleValue } from '../../metrics/exposition.ts'
import { eventually } from '../harness.ts'

const intervalMs = 10_000
const intervalNs = intervalMs * 1e6

/** A ring whose threads do what the test says. */
class FakeRing implements WatchedRing {
  readonly ring: number
  present: Poller
  batches = 0
  reads = 0
  private ranNs = 0
  private workedNs = 0

  constructor(ring: number, present: Poller = 'kernel') {
    this.ring = ring
    this.present = present
  }

  poller(): Poller {
    return this.present
  }

  published(): number {
    return this.batches
  }

  read(): ReturnType<WatchedRing['read']> {
    this.reads++
    const poller = { runNs: this.ranNs, waitNs: 0 }
    return { sqThread: { totalNs: this.ranNs, busyNs: this.workedNs }, client: { runNs: 0, waitNs: 0 }, poller }
  }

  /** One interval in which the SQ thread ran all the time and worked for a share of it. */
  spend(useful: number): void {
    this.batches++
    this.ranNs += intervalNs
    this.workedNs += intervalNs * useful
  }
}

/** An advisor whose time passes only when `pass` is called. */
function advisorOf(rings: readonly FakeRing[]): { advisor: Advisor; pass: () => void; told: RingAdvice[] } {
  let nowMs = 5000
  const told: RingAdvice[] = []
  // The timer of the advisor is an hour long: it never fires here.
  const options = { intervalMs: 3_600_000, now: () => nowMs, onAdvice: (advice: RingAdvice) => told.push(advice) }
  const advisor = new Advisor(rings, options)
  const pass = (): void => {
    nowMs += intervalMs
    advisor.look()
  }
  return { advisor, pass, told }
}

describe('the advisor', () => {
  it('judges after six intervals, not before, and says so once', () => {
    const ring = new FakeRing(3)
    const { advisor, pass, told } = advisorOf([ring])
    for (let interval = 1; interval < intervalsJudged; interval++) {
      ring.spend(0.01)
      pass()
      expect(advisor.adviceOf(0)).toMatchObject({ cause: 'none', reason: 'not watched for long enough' })
    }
    for (let interval = 0; interval < 5; interval++) {
      ring.spend(0.01)
      pass()
      expect(advisor.adviceOf(0)).toMatchObject({ poller: 'caller', cause: 'burning', reason: /60\.0 s/ })
    }
    expect(told).toEqual([
      {
        ring: 3,
        present: 'kernel',
        poller: 'caller',
        cause: 'burning',
        reason: expect.stringContaining('1 %') as string,
        moved: false,
        stays: 'the option adapt is off',
      },
    ])
    advisor.close()
  })

  it('says when it is over', () => {
    const ring = new FakeRing(0)
    const { advisor, pass, told } = advisorOf([ring])
    for (const useful of [...Array<number>(6).fill(0), ...Array<number>(6).fill(0.9)]) {
      ring.spend(useful)
      pass()
    }
    expect(told.map(({ cause, poller }) => [cause, poller])).toEqual([
      ['burning', 'caller'],
      ['none', 'kernel'],
    ])
    advisor.close()
  })

  it('keeps the rings apart', () => {
    const rings = [new FakeRing(0), new FakeRing(1)]
    const { advisor, pass, told } = advisorOf(rings)
    for (let interval = 0; interval < 8; interval++) {
      rings[0]!.spend(0.9)
      rings[1]!.spend(0)
      pass()
    }
    expect([advisor.adviceOf(0).cause, advisor.adviceOf(1).cause]).toEqual(['none', 'burning'])
    expect(told.map(({ ring }) => ring)).toEqual([1])
    advisor.close()
  })

  it('does not read about a ring that does nothing, until it does something again', () => {
    const ring = new FakeRing(0)
    const { advisor, pass } = advisorOf([ring])
    ring.spend(0.5)
    pass()
    pass()
    const before = ring.reads
    for (let interval = 0; interval < 20; interval++) pass()
    expect(ring.reads).toBe(before)
    ring.spend(0.5)
    pass()
    expect(ring.reads).toBe(before + 1)
    advisor.close()
  })

  it('takes the idle time of a ring into account: a short burst is no burning', () => {
    const ring = new FakeRing(0)
    const { advisor, pass, told } = advisorOf([ring])
    ring.spend(0)
    for (let interval = 0; interval < 5; interval++) pass()
    expect(told).toEqual([])
    pass()
    // 10 of 60 seconds for nothing, then 0 of 60.
    expect(told.map(({ cause }) => cause)).toEqual(['burning'])
    pass()
    expect(told.map(({ cause }) => cause)).toEqual(['burning', 'none'])
    advisor.close()
  })

  it('goes on looking at an SQ thread that burns long after the last request', () => {
    const ring = new FakeRing(0)
    const { advisor, pass, told } = advisorOf([ring])
    for (let interval = 0; interval < 8; interval++) {
      ring.spend(0)
      ring.batches = 1
      pass()
    }
    expect(told.map(({ cause }) => cause)).toEqual(['burning'])
    advisor.close()
  })

  it.each(['caller', 'worker'] as const)(
    'begins anew when %s polls from now on: what was sampled was another',
    (next) => {
      const ring = new FakeRing(0)
      const { advisor, pass, told } = advisorOf([ring])
      const spend = (intervals: number): void => {
        for (let interval = 0; interval < intervals; interval++) {
          ring.spend(0)
          pass()
        }
      }
      spend(intervalsJudged - 1)
      ring.present = next
      spend(1)
      expect(advisor.adviceOf(0)).toMatchObject({ poller: next, cause: 'none' })
      spend(intervalsJudged - 1)
      expect(told).toEqual([])
      spend(1)
      // A caller burns nothing; the fake's SQ thread burns on under any other name.
      expect(told).toHaveLength(next === 'caller' ? 0 : 1)
      advisor.close()
    },
  )

  it.each([
    ['nothing polls', [new FakeRing(0, 'caller')], 1000],
    ['the interval is 0', [new FakeRing(0)], 0],
  ] as const)('has no timer where %s', (_, rings, interval) => {
    const timers = vi.spyOn(globalThis, 'setInterval')
    const advisor = new Advisor(rings, { intervalMs: interval })
    expect(timers).not.toHaveBeenCalled()
    expect(rings[0].reads).toBe(0)
    expect(advisor.adviceOf(0).cause).toBe('none')
    advisor.close()
    timers.mockRestore()
  })
})

describe('schedstat', () => {
  it.each([
    ['123 456 7\n', { runNs: 123, waitNs: 456 }],
    ['0 0 0', { runNs: 0, waitNs: 0 }],
    ['', null],
    ['1 2\n', null],
    ['a b c\n', null],
  ])('%j is %j', (text, times) => {
    expect(parseThreadTimes(text)).toEqual(times)
  })

  it('knows the threads of this process and no others', () => {
    const times = readThreadTimes(binding().threadId())!
    const spentNs = process.cpuUsage().user * 1000
    expect(times.runNs).toBeGreaterThan(0)
    expect(times.runNs).toBeLessThan(spentNs + process.cpuUsage().system * 1000 + 60e9)
    expect(readThreadTimes(1)).toBeNull()
  })
})

/** Does something again and again until `enough`, and says whether it came to that. */
async function repeat(request: () => Promise<unknown>, enough: () => boolean): Promise<boolean> {
  const deadlineMs = performance.now() + 25_000
  while (!enough() && performance.now() < deadlineMs) await request()
  return enough()
}

// SqTotalTime, on which the judgement rests, came with 6.9.
const countsSqTime = async (): Promise<boolean> => {
  await using rings = await Ringmaster.start({ poller: 'kernel', rings: 1 })
  return eventually(() => (rings.stats().rings[0]!.sqThread?.totalNs ?? 0) > 0, 2000)
}

describe('on this kernel', () => {
  it('an SQ thread that burns is noticed: by callback, in stats and in metrics', async ({ skip }) => {
    if (!(await countsSqTime())) return skip('this kernel does not say how long SQ threads run (6.9)')
    const told: RingAdvice[] = []
    const onAdvice = (advice: RingAdvice): void => void told.push(advice)
    const options = { poller: 'kernel', rings: 1, sqThreadIdleMs: 60_000, adviceIntervalMs: 50, onAdvice } as const
    await using rings = await Ringmaster.start(options)
    const registry = new Registry()
    rings.register(registry)
    const burns = (): boolean => rings.stats().rings[0]!.advice.cause === 'burning'
    const trickle = async (): Promise<void> => {
      await rings.nop()
      await sleep(5)
    }
    expect(await repeat(trickle, burns)).toBe(true)
    expect(rings.stats().rings[0]!.advice).toMatchObject({ poller: 'caller', reason: /SQ thread ran for/ })
    expect(told).toContainEqual(
      expect.objectContaining({ ring: 0, present: 'kernel', poller: 'caller', cause: 'burning' }),
    )
    const families = parseExposition(await registry.metrics())
    const labels = { ring: '0', poller: 'caller', cause: 'burning' }
    expect(sampleValue(families, 'ringmaster_ring_advice', labels)).toBe(1)
    for (const thread of ['client', 'poller'])
      expect(
        sampleValue(families, 'ringmaster_ring_run_queue_wait_seconds_total', { ring: '0', thread }),
      ).toBeGreaterThanOrEqual(0)
  })

  it('a client and an SQ thread that fight for one CPU are noticed', async () => {
    const addon = binding()
    const before = addon.affinity()
    const cpu = before[0]!
    expect(addon.setAffinity([cpu])).toBe(0)
    try {
      const options = { poller: 'kernel', rings: 1, sqThreadCpu: cpu, adviceIntervalMs: 100 } as const
      await using rings = await Ringmaster.start(options)
      await using file = await rings.open(process.execPath)
      // Work for both: cached bytes for the SQ thread to copy, and for this one to look at. Nops would only burn.
      const bytes = Buffer.alloc(1 << 20)
      const work = async (): Promise<void> => {
        await file.read(bytes, 0, bytes.length, 0)
        bytes.indexOf('\0nowhere\0to be found')
      }
      const fights = (): boolean => rings.stats().rings[0]!.advice.cause === 'contended'
      expect(await repeat(work, fights)).toBe(true)
      expect(rings.stats().rings[0]!.advice.reason).toMatch(/thread waited for a CPU for \d+ %/)
    } finally {
      addon.setAffinity(before)
    }
  })

  it('the SQ thread is where the scheduler says it is', async () => {
    await using rings = await Ringmaster.start({ poller: 'kernel', rings: 1 })
    await rings.nop()
    const { tid } = rings.stats().rings[0]!.sqThread!
    expect(readdirSync('/proc/self/task')).toContain(String(tid))
    const [runNs] = readFileSync(`/proc/self/task/${tid}/schedstat`, 'latin1').split(' ').map(Number)
    expect(readThreadTimes(tid)!.runNs).toBeGreaterThanOrEqual(runNs!)
  })
})
