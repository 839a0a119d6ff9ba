// What the page answers to "is SQPOLL worth it here?", for rings made up to have one cause each.
import { describe, expect, it } from 'vitest'
import { judge } from '../../../metrics/page/verdict.ts'
import { ringOf } from './rings.ts'

const quietTimes = { clientRunNs: 0, clientWaitNs: 0, pollerRunNs: 0, pollerWaitNs: 0 }
const begin = ringOf({}, { times: quietTimes })

describe('the verdict', () => {
  it.each([
    ['yes', { publishedEntries: 100_000, sqWakeups: 10, enterCalls: 10 }, {}],
    ['partly', { publishedEntries: 100_000, sqWakeups: 20_000, enterCalls: 20_000 }, {}],
    ['no', { publishedEntries: 1_000, sqWakeups: 900, enterCalls: 900 }, {}],
    ['quiet', { publishedEntries: 50 }, {}],
    ['none', { publishedEntries: 1_000, enterCalls: 300 }, { poller: 'caller' }],
    ['none', { publishedEntries: 1_000 }, { poller: 'threadpool' }],
    [
      'partly',
      { publishedEntries: 100_000, sqWakeups: 10 },
      { times: { clientRunNs: 5e9, clientWaitNs: 5e9, pollerRunNs: 0, pollerWaitNs: 0 } },
    ],
    [
      'no',
      { publishedEntries: 100_000 },
      { advice: { poller: 'caller', cause: 'burning', reason: 'the SQ thread ran for nothing' } },
    ],
  ] as const)('is %s after %j, %j', (answer, counters, parts) => {
    const verdict = judge(begin, ringOf(counters, { factsAtMs: 10_000, times: quietTimes, ...parts }), 10)
    expect(verdict.answer).toBe(answer)
    expect(verdict.sentence).toMatch(/\.$/)
    expect(verdict.source).toContain('ringmaster_ring_published_entries_total')
    for (const { source } of verdict.figures) expect(source).not.toBe('')
  })

  it('says who calls the kernel, for each poller', () => {
    const counters = { publishedEntries: 1_000, enterCalls: 300, workerEnterCalls: 200, sqWakeups: 100 }
    const said = (poller: string): string => judge(begin, ringOf(counters, { poller, factsAtMs: 10_000 }), 10).sentence
    expect(said('worker')).toMatch(/your own thread .*\(30 calls a second\), the ring worker .*\(20 calls a second\)/)
    expect(said('worker')).toContain('600 system calls for 1,000 entries')
    expect(said('caller')).toContain('your own thread tells the kernel of new entries (30 calls a second)')
    expect(said('threadpool')).toContain('none is avoided')
    // Which poller, and why, is said of the ring.
    for (const poller of ['worker', 'caller', 'threadpool']) expect(said(poller)).not.toContain('set by option')
    expect(said('kernel')).not.toContain('your own thread')
  })

  it('is not given at once', () => {
    expect(judge(begin, ringOf({ publishedEntries: 100_000 }), 1).title).toBe('Watching …')
  })

  it('rests on figures that are what the kernel counted', () => {
    const then = ringOf({}, { sqThread: { tid: 7, cpu: 0, busyNs: 0, totalNs: 0 } })
    const now = ringOf(
      { publishedEntries: 10_000, sqWakeups: 20, enterCalls: 30 },
      { factsAtMs: 10_000, sqThread: { tid: 7, cpu: 0, busyNs: 1e9, totalNs: 4e9 } },
    )
    const figures = Object.fromEntries(judge(then, now, 10).figures.map(({ label, value }) => [label, value]))
    expect(figures).toMatchObject({
      'calls per 1,000': '3',
      'wake-ups per 1,000': '2',
      'SQ thread, of one CPU': '40 %',
      'of that useful': '25 %',
    })
  })
})
