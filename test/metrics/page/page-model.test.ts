// The page's memory, its numbers and its slow motion, without a browser.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bucketIndex } from '../../../metrics/exponential-histogram.ts'
import { Op } from '../../../native/abi.ts'
import { operationName } from '../../../native/operations/index.ts'
import { allOf, busiest, stacked } from '../../../metrics/page/busiest.ts'
import { callsOf } from '../../../metrics/page/calls.ts'
import { bytes, duration, percent, short } from '../../../metrics/page/format.ts'
import { growth, History, isGap, lookBackMs } from '../../../metrics/page/history.ts'
import { lookOf, opOf } from '../../../metrics/page/operations.ts'
import { parseTrace, Replay, type TraceEvent } from '../../../metrics/page/replay.ts'
import { liveScene } from '../../../metrics/page/scene.ts'
import type { TraceInFlight } from '../../../metrics/trace-event.ts'
import { traceFixture } from './browser.ts'
import { frameOf, ringOf } from './rings.ts'

describe('history', () => {
  const kernel = 1

  it('has rates of a second and quantiles of ten', () => {
    const history = new History()
    const bucket = bucketIndex(1e6)
    for (let frame = 0; frame <= 60; frame++) {
      const histograms = frame === 0 ? [] : [[Op.READ, kernel, 1e6, bucket, 10]]
      history.add(frameOf(frame + 1, frame * 200, [ringOf({ publishedEntries: frame * 20 }, { histograms })]))
    }
    const span = history.span()!
    expect(span.seconds).toBe(1)
    expect(growth(span, '0.0', 'publishedEntries')).toBe(100)
    const total = history.histogram(null, Op.READ, kernel).reduce((sum, count) => sum + count, 0)
    expect(total).toBe(510) // frames from 2 s to 12 s
    const p50 = history.quantile('0.0', null, kernel, 0.5)
    expect(bucketIndex(p50)).toBe(bucket)
    expect(history.quantile('1.0', null, kernel, 0.5)).toBeNaN()
  })

  it('keeps what it knows over a pause, and has no rates across it', () => {
    const history = new History()
    for (const [frame, atMs] of [0, 200, 400, 50_000, 50_200].entries())
      history.add(frameOf(frame + 1, atMs, [ringOf({ publishedEntries: frame * 10 })]))
    expect(history.series).toHaveLength(5)
    expect(history.span()).toMatchObject({ seconds: 0.2 })
    expect(history.span(lookBackMs)).toMatchObject({ seconds: 0.2 })
    expect(isGap(history.series[2]!, history.series[3]!)).toBe(true)
    expect(isGap(history.series[3]!, history.series[4]!)).toBe(false)
  })

  it('begins anew when the process does', () => {
    const history = new History()
    history.add(frameOf(5, 0, [ringOf({ requests: 100 })]))
    history.add(frameOf(6, 200, [ringOf({ requests: 3 })]))
    expect(history.span()).toBeNull()
    expect(history.series).toHaveLength(1)
  })
})

describe('system calls', () => {
  const operations = [
    [Op.READ, 'read', 0, 1_000, 0, 0, 0],
    [Op.RECV, 'recv', 0, 1, 0, 0, 99],
    [Op.NOP, 'nop', 0, 500, 0, 0, 0],
    [Op.TIMEOUT, 'timeout', 0, 50, 0, 0, 0],
  ] as const
  const counters = { publishedEntries: 1_551, enterCalls: 40, workerEnterCalls: 10, sqWakeups: 20 }

  // The work is 1,100 completions; a nop or a timeout would be nobody's call.
  it.each([
    ['kernel', { made: 50, avoided: 1_050 }],
    ['caller', { made: 50, avoided: 1_050 }],
    ['worker', { made: 70, avoided: 1_030 }],
    ['threadpool', { made: 1_170, avoided: 0 }],
  ])('of poller %s are %j', (poller, calls) => {
    const rings = [ringOf(counters, { poller, operations })]
    const first = frameOf(1, 0, [ringOf({}, { poller, operations: [[Op.READ, 'read', 0, 0, 0, 0, 0]] })])
    expect(callsOf({ first, last: frameOf(2, 1000, rings) })).toEqual(calls)
  })

  it('of bookkeeping are in no latency of all operations', () => {
    const history = new History()
    history.add(frameOf(1, 0, [ringOf({}, { histograms: [[Op.NOP, 1, 1e6, bucketIndex(1e6), 10]] })]))
    expect(history.quantile(null, null, 1, 0.5)).toBeNaN()
    expect(history.quantile(null, Op.NOP, 1, 0.5)).toBeGreaterThan(0)
  })
})

it('operations keep their line in the chart until others are much busier', () => {
  const at = (counts: readonly number[]) =>
    frameOf(1, 0, [
      ringOf({}, { operations: counts.map((count, index) => [index + 1, '', 0, count, 0, 0, 0] as const) }),
    ])
  const first = at([0, 0, 0, 0, 0, 0])
  const begin = busiest(first, at([50, 40, 30, 20, 10, 0]), [])
  expect(begin).toEqual([1, 2, 3, 4])
  expect(busiest(first, at([50, 40, 30, 20, 30, 0]), begin)).toEqual(begin)
  expect(busiest(first, at([50, 40, 30, 20, 50, 0]), begin)).toEqual([1, 2, 3, 5])
})

describe('the layers of the chart of operations', () => {
  const rows = (completions: number) =>
    [Op.NOP, Op.READ, Op.CLOSE].map((op) => [op, '', 0, completions, 0, 0, 0] as const)

  it('leave bookkeeping to the others, however much of it there is', () => {
    const frames = [0, 100].map((count) => frameOf(1, 0, [ringOf({}, { operations: rows(count) })]))
    expect(busiest(frames[0]!, frames[1]!, [])).toEqual([Op.CLOSE, Op.READ])
  })

  it('lie one upon the other, and the first is the sum', () => {
    expect(
      stacked([
        [1, null, 5],
        [2, null, 5],
        [3, null, 5],
      ]),
    ).toEqual([
      [6, null, 15],
      [5, null, 10],
      [3, null, 5],
    ])
  })

  it('count rings that tell no operations one by one', () => {
    expect(allOf(frameOf(1, 0, [ringOf({}, { operations: rows(5) }), ringOf({ completions: 7 })]))).toBe(22)
  })
})

describe('numbers', () => {
  it.each([
    [short(0), '0'],
    [short(0.25), '0.3'],
    [short(999), '999'],
    [short(999_960), '1.00M'],
    [short(12_345), '12.3k'],
    [duration(940), '940 ns'],
    [duration(999_700), '1.00 ms'],
    [duration(1234), '1.23 µs'],
    [duration(NaN), '–'],
    [bytes(1023), '1023 B'],
    [bytes(1024), '1.00 KiB'],
    [percent(0.003), '0.3 %'],
    [percent(0), '0 %'],
  ])('%s is %s', (written, expected) => expect(written).toBe(expected))

  it('never take more than four figures', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 9.9e11, noNaN: true }), (value) => {
        expect(short(value).replace(/[^\d]/g, '').length).toBeLessThanOrEqual(4)
        expect(duration(value).replace(/[^\d]/g, '').length).toBeLessThanOrEqual(4)
      }),
    )
  })
})

it('every operation has a letter, under the name that the metrics have for it', () => {
  for (const op of Object.values(Op)) {
    expect(lookOf(op).name).toBe(operationName(op))
    expect(opOf(operationName(op))).toBe(op)
    expect([...lookOf(op).letter]).toHaveLength(1)
  }
  expect(lookOf(63).letter).toBe('?')
})

describe('a scene', () => {
  // Entries 2^32 - 2 to 1: the tail has just wrapped.
  const queue = { entries: 64, head: 0, tail: 2, from: 2 ** 32 - 2, cells: '16001600' + '17041700' }

  it('knows what waits, also where the indexes have wrapped', () => {
    const scene = liveScene(ringOf({}, { sq: queue }), null)
    expect(scene.sq!.cells.map(({ look, state }) => [look.name, state])).toEqual([
      ['read', 'taken'],
      ['read', 'taken'],
      ['write', 'waiting'],
      ['write', 'waiting'],
    ])
    expect(scene.sq!.cells.map(({ linked }) => linked)).toEqual([false, false, true, false])
  })

  it.each([
    [{ asleep: true }, 'asleep'],
    [{ asleep: false }, 'idle'],
  ] as const)('shows a poller that %j as %s', (parts, state) => {
    expect(liveScene(ringOf({}, parts), ringOf()).pollerState).toBe(state)
  })

  it('shows a poller that took something as busy, and its wake-ups as sparks', () => {
    const now = ringOf({ publishedEntries: 5, sqWakeups: 2 }, { asleep: false })
    expect(liveScene(now, ringOf())).toMatchObject({ pollerState: 'busy', published: 5, sparks: 2 })
  })
})

describe('slow motion', () => {
  const { events } = parseTrace(JSON.parse(traceFixture()))
  const replay = new Replay({ events }, 'kernel', { sq: 64, cq: 128 })

  it('conserves: whatever was published is in the kernel or seen, at any moment', () => {
    const spanMs = replay.toMs - replay.fromMs
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (part) => {
        const atMs = replay.fromMs + part * spanMs
        const scene = replay.at(atMs, replay.fromMs)
        const single = events.filter(({ id }) => id !== 1_000_000)
        const inFlight = single.filter(({ publishedMs, seenMs }) => publishedMs <= atMs && seenMs > atMs).length
        const streams = scene.slots!.filter(({ multishot }) => multishot).length
        expect(scene.inFlight).toBe(inFlight + streams)
        expect(scene.cq!.tail).toBe(events.filter(({ seenMs }) => seenMs <= atMs).length)
        expect(scene.cq!.cells).toHaveLength(64)
      }),
    )
  })

  it('shows a wake-up as a spark in the picture that it falls into', () => {
    const atMs = replay.fromMs + 1
    const woken = new Replay({ events, wakeups: [{ ring: 0, client: null, atMs, count: 2 }] }, 'kernel', {
      sq: 64,
      cq: 128,
    })
    expect(woken.at(atMs, atMs - 0.1).sparks).toBe(2)
    expect(woken.at(atMs + 0.1, atMs).sparks).toBe(0)
  })

  it('says of the poller what the trace tells, and nothing else', () => {
    const [first, second] = [replay.fromMs, replay.step(replay.fromMs, 1)]
    const wakeups = [{ ring: 0, client: null, atMs: second, count: 1 }]
    const woken = new Replay({ events, wakeups }, 'kernel', { sq: 64, cq: 128 })
    expect(woken.at(first, first).pollerState).toBe('asleep')
    expect(woken.at(second, first).pollerState).toBe('busy')
    const seen = Math.min(...events.map(({ seenMs }) => seenMs))
    expect(replay.at(seen, seen).pollerState).toBe('none')
  })

  const base = { ring: 0, client: null, chain: null, link: null, more: false, result: 0, flags: 0 } as const
  const read = (id: number, atMs: number, endMs: number, parts: Partial<TraceEvent> = {}): TraceEvent => ({
    ...base,
    ...{ operation: 'read', id, slot: id, openedMs: atMs, publishedMs: atMs, seenMs: endMs, settledMs: endMs },
    ...parts,
  })
  const sizes = { sq: 64, cq: 128 }

  it('keeps the entries of a batch in the order of the queue, in whatever order they completed', () => {
    const linked = (id: number, chain: number, endMs: number): TraceEvent =>
      read(id, 10, endMs, { chain, link: 'soft' })
    const batch = [linked(1, 1, 11), linked(3, 3, 11.1), linked(2, 1, 11.2), linked(4, 3, 11.3)]
    const cells = new Replay({ events: batch }, 'kernel', sizes).at(10.5, 10).sq!.cells.slice(-4)
    expect(cells.map(({ linked }) => linked)).toEqual([true, false, true, false])
  })

  it('shows what is not over at the end: from before without a completion of its own, else from its publication on', () => {
    const open = { ring: 0, client: null, operation: 'recv', id: null, isSubmitted: true }
    const inFlight: TraceInFlight[] = [
      { ...open, slot: 20, publishedMs: null },
      { ...open, slot: 21, publishedMs: 3 },
      { ...open, slot: 22, publishedMs: 15 },
      { ...open, slot: 23, publishedMs: null, isSubmitted: false },
    ]
    const parts = { events: [read(1, 10, 12), read(2, 18, 20)], inFlight, startedMs: 5 }
    const late = new Replay(parts, 'kernel', sizes)
    const slotsAt = (atMs: number): number[] => late.at(atMs, atMs - 1).slots!.map(({ slot }) => slot)
    expect(late.earlier.map(({ slot }) => slot)).toEqual([20, 21])
    expect([late.fromMs, late.toMs]).toEqual([10, 20])
    expect([11, 14, 16, 20].map(slotsAt)).toEqual([
      [20, 21, 1],
      [20, 21],
      [20, 21, 22],
      [20, 21, 22],
    ])
    expect(late.at(20, 10).sq!.tail).toBe(3)
    const given = Array.from({ length: 10 }, (_, at) => late.at(10 + at, 9 + at).slots!.map((slot) => slot.given))
    expect(new Set(given.flat())).toEqual(new Set([0]))
    expect(late.at(16, 15.5).slots!.map(({ ageMs, multishot }) => [ageMs, multishot])).toEqual([
      [-1, true],
      [13, false],
      [1, false],
    ])
  })

  it('throws the completions of a stream from before where the recording has them, and never puts it into the queue', () => {
    const given = (seenMs: number): TraceEvent =>
      read(7, 11, seenMs, { openedMs: 11, operation: 'recv', more: seenMs < 13 })
    const events = [read(1, 10, 14), given(11), given(12), given(13)]
    const late = new Replay({ events }, 'kernel', sizes)
    const streamAt = (atMs: number): readonly number[] =>
      late
        .at(atMs, atMs - 1)
        .slots!.filter(({ multishot }) => multishot)
        .map((slot) => slot.given)
    expect([10, 11, 12, 13].map(streamAt)).toEqual([[0], [1], [1], []])
    expect(late.at(14, 10).sq!.tail).toBe(1)
    expect(late.at(14, 9)).toMatchObject({ published: 1, completed: 4 })
  })

  it('begins where events begin that were not left out', () => {
    const stream = (seenMs: number): TraceEvent => read(7, 1, seenMs, { operation: 'recv', more: true })
    const events = [stream(90), read(8, 89, 92), read(9, 91, 95)]
    const wakeups = [{ ring: 0, client: null, atMs: 2, count: 1 }]
    const late = new Replay({ events, wakeups, dropped: 5, startedMs: 0 }, 'kernel', sizes)
    expect([late.fromMs, late.toMs]).toEqual([90, 95])
    expect(late.at(90, 90).slots!.map(({ slot }) => slot)).toEqual([7, 8])
    expect(new Replay({ events, wakeups, startedMs: 0 }, 'kernel', sizes).fromMs).toBe(1)
  })

  it('steps to the next change and back', () => {
    const next = replay.step(replay.fromMs, 1)
    expect(next).toBeGreaterThan(replay.fromMs)
    expect(replay.step(next, -1)).toBe(replay.fromMs)
    expect(replay.step(replay.toMs, 1)).toBe(replay.toMs)
  })

  it('joins the entries of a chain', () => {
    const atMs = events.find(({ operation }) => operation === 'fsync')!.publishedMs
    const linked = replay.at(atMs, atMs).sq!.cells.filter(({ linked }) => linked)
    expect(linked.map(({ look }) => look.name)).toContain('write')
  })

  it('refuses what is no trace, and leaves out what is no event', () => {
    expect(() => parseTrace('not found')).toThrow('not a trace')
    expect(parseTrace({ events: [null, 1, { operation: 'read' }], dropped: 0 }).events).toEqual([])
  })
})
