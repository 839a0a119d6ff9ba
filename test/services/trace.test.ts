// rings.trace(): what was done is told, all of it and nothing else, with times that fit, on every kind of ring; and rings go on as if
// nobody looked. Counts are compared with stats(), which counts in places of its own.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { TraceEvent } from '../../metrics/trace-event.ts'
import type { OwnRings } from '../../services/open-rings.ts'
import { op, pollStream, recvStream } from '../../services/raw/index.ts'
import { Ringmaster } from '../../services/ringmaster.ts'
import type { Trace } from '../../services/trace.ts'
import { somePollers } from '../stands.ts'
import { startClient } from './clients/client-thread.ts'
import { eventually, failure, fieldOf, seededRandom, temporaryFolder, testSeed } from './harness.ts'
import { watchPools } from './supervision-harness.ts'

const folder = temporaryFolder()
const data = join(folder.path, 'data')
fs.writeFileSync(data, Buffer.alloc(10_000, 'x'))
afterAll(() => {
  folder.remove()
})

let pipes = 0
function openPipe(): number {
  const path = join(folder.path, `pipe${pipes++}`)
  execFileSync('mkfifo', [path])
  return fs.openSync(path, fs.constants.O_RDWR)
}

const completionsOf = (rings: Ringmaster): number =>
  rings.stats().rings.reduce((sum, { completions }) => sum + completions, 0)
const over = (events: readonly TraceEvent[]): TraceEvent[] => events.filter(({ more }) => !more)
const namesOf = (events: readonly TraceEvent[]): string[] => events.map(({ operation }) => operation)
const nowMs = (): number => performance.timeOrigin + performance.now()
/** Of a number of ms since 1970 in a double. */
const resolutionMs = 0.001

function expectTimesToFit(events: readonly TraceEvent[], sinceMs: number): void {
  for (const event of events) {
    const { openedMs, publishedMs, seenMs, settledMs } = event
    const times = [sinceMs - resolutionMs, openedMs, publishedMs, seenMs, settledMs, nowMs() + resolutionMs]
    expect({ event, times }).toEqual({ event, times: [...times].sort((one, other) => one - other) })
  }
}

describe.each(somePollers)('poller $poller in $memory memory', ({ poller, memory }) => {
  let rings: Ringmaster
  let startedMs: number
  const fds: number[] = []
  const own = (fd: number): number => {
    fds.push(fd)
    return fd
  }
  /** One completion of a multishot request that goes on, each time it is called. */
  const shooter = (): { shoot: () => Promise<void>; end: () => Promise<unknown> } => {
    const fd = own(openPipe())
    const stream = rings.raw().stream(pollStream({ fd, events: ['POLLIN'] }))
    const shoot = async (): Promise<void> => {
      const next = stream.next()
      await rings.raw().submit(op.nop())
      fs.writeSync(fd, 'x')
      await next
      fs.readSync(fd, Buffer.alloc(10))
    }
    return { shoot, end: () => stream.return() }
  }
  beforeEach(async () => {
    startedMs = nowMs()
    rings = await Ringmaster.start({ rings: 1, poller, memory, sqEntries: 64, cqEntries: 256, backlogMax: 2000 })
  })
  afterEach(async () => {
    await rings.close()
    for (const fd of fds.splice(0)) fs.closeSync(fd)
  })

  it('tells every completion once, as it was, with times in their order', async () => {
    const before = completionsOf(rings)
    using trace = rings.trace()
    await rings.stat(data)
    const file = await rings.open(data)
    expect((await file.read(Buffer.alloc(100), 0, 100, 9_950)).bytesRead).toBe(50)
    await file.close()
    expect(await failure(rings.open(join(folder.path, 'none')))).toMatchObject({ code: 'ENOENT' })
    const events = trace.read()
    expect(namesOf(events)).toEqual(expect.arrayContaining(['statx', 'openat', 'read', 'close', 'openat']))
    expect(events.filter(({ operation }) => operation === 'read').map(({ result }) => result)).toEqual([50])
    expect(events.filter(({ operation }) => operation === 'openat').at(-1)?.result).toBe(-2)
    expect(events).toHaveLength(completionsOf(rings) - before)
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length)
    expect(
      events.every(
        ({ chain, link, more, client, ring }) =>
          chain === null && link === null && !more && client === null && ring === 0,
      ),
    ).toBe(true)
    expectTimesToFit(events, startedMs)
    expect(trace.read()).toEqual([])
    expect(trace.dropped).toBe(0)
  })

  it('thousands at once through a small ring, read in between: as many as stats() counts', async () => {
    const random = seededRandom(testSeed('trace'))
    const before = completionsOf(rings)
    using trace = rings.trace({ eventsMax: 65_536 })
    const events: TraceEvent[] = []
    for (let round = 0; round < 5; round++) {
      const requests = Array.from({ length: Math.ceil(random() * 1000) }, () => rings.stat(data))
      if (random() < 0.5) events.push(...trace.read())
      await Promise.all(requests)
      events.push(...trace.read())
    }
    expect(events).toHaveLength(completionsOf(rings) - before)
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length)
    expectTimesToFit(events, startedMs)
    expect(trace.dropped).toBe(0)
  })

  it('a chain is told with the number of its first operation, and how its steps are tied', async () => {
    using trace = rings.trace()
    await rings.raw().chain().link(op.nop()).hardlink(op.nop()).link(op.nop()).submit()
    const [first, second, third] = trace.read()
    const { id } = first!
    expect([first, second, third]).toMatchObject([
      { id, chain: id, link: 'soft', result: 0 },
      { id: id + 1, chain: id, link: 'hard' },
      { id: id + 2, chain: id, link: null },
    ])
    await rings
      .raw()
      .chain()
      .link(op.openat({ path: join(folder.path, 'none') }))
      .link(op.nop())
      .submit()
    const failed = trace.read()
    expect(new Set(failed.map(({ chain }) => chain))).toEqual(new Set([id + 3]))
    expect(failed.map(({ result }) => result)).toEqual([-2, -125])
  })

  it('one of so many, and a chain as a whole or not at all', async () => {
    using every = rings.trace()
    using tenth = rings.trace({ sampleEvery: 10 })
    for (let round = 0; round < 20; round++) await Promise.all([1, 2, 3, 4, 5].map(() => rings.stat(data)))
    for (let round = 0; round < 100; round++) await rings.raw().chain().link(op.nop()).link(op.nop()).submit()
    const all = every.read()
    const sampled = tenth.read()
    expect(namesOf(all).filter((name) => name === 'statx')).toHaveLength(100)
    expect(namesOf(sampled).filter((name) => name === 'statx')).toHaveLength(10)
    const steps = sampled.filter(({ operation }) => operation === 'nop')
    expect(new Set(steps.map(({ chain }) => chain)).size).toBe(10)
    for (const { chain } of steps) expect(steps.filter((step) => step.chain === chain)).toHaveLength(2)
    const known = new Map(all.map((event) => [event.id, event]))
    for (const event of sampled) expect(known.get(event.id)).toEqual(event)
  })

  it('one of so many, and every operation its share of a pattern that repeats itself', async () => {
    const raw = rings.raw()
    const fd = own(fs.openSync(data, 'r'))
    const read = op.read({ fd, buffer: Buffer.alloc(1), position: 0 })
    using fifth = rings.trace({ sampleEvery: 5, eventsMax: 2048 })
    for (let round = 0; round < 600; round++) {
      await raw.submit(read)
      for (let rest = 0; rest < 4; rest++) await raw.submit(op.nop())
    }
    const names = namesOf(fifth.read())
    expect(names).toHaveLength(600)
    // 120 of 600, give or take six standard deviations.
    const reads = names.filter((name) => name === 'read').length
    expect(reads).toBeGreaterThan(60)
    expect(reads).toBeLessThan(180)
  })

  it('a request that was cancelled says so, in the ring and before it got there', async () => {
    const fd = own(openPipe())
    const abort = new AbortController()
    using trace = rings.trace()
    const raw = rings.raw()
    const inRing = raw.submit(op.read({ fd, buffer: Buffer.alloc(8), position: null }), { signal: abort.signal })
    await raw.submit(op.nop())
    // More than the ring takes: the last ones wait for a place in it.
    const waiting = Array.from({ length: 300 }, () =>
      raw.submit(op.read({ fd, buffer: Buffer.alloc(8), position: null }), { signal: abort.signal }),
    )
    await eventually(() => rings.stats().rings[0]!.backlog > 0)
    abort.abort()
    expect((await Promise.allSettled([inRing, ...waiting])).every(({ status }) => status === 'rejected')).toBe(true)
    await raw.submit(op.nop())
    const reads = trace.read().filter(({ operation }) => operation === 'read')
    expect(reads).toHaveLength(301)
    expect(reads.every(({ result }) => result === -125 || result === -4)).toBe(true)
    const neverThere = reads.filter(({ publishedMs, seenMs }) => publishedMs === seenMs)
    expect(neverThere.length).toBeGreaterThan(0)
    expect(neverThere.every(({ result }) => result === -125)).toBe(true)
    expectTimesToFit(reads, startedMs)
  })

  it('a multishot request is one operation with many completions', async () => {
    const fd = own(openPipe())
    using trace = rings.trace()
    const stream = rings.raw().stream(pollStream({ fd, events: ['POLLIN'] }))
    for (let shot = 0; shot < 3; shot++) {
      const next = stream.next()
      if (shot > 0) await rings.raw().submit(op.nop())
      fs.writeSync(fd, 'x')
      await next
    }
    await stream.return()
    const polls = trace.read().filter(({ operation }) => operation === 'poll_add')
    const last = polls.at(-1)!
    expect(polls.filter(({ id }) => id === last.id).length).toBeGreaterThan(1)
    expect(over(polls).map(({ id }) => id)).toContain(last.id)
    expect(last.more).toBe(false)
    for (const poll of polls) expect(poll.openedMs).toBe(polls.find(({ id }) => id === poll.id)!.openedMs)
    expectTimesToFit(polls, startedMs)
  })

  it('a multishot request is taken by who samples as by chance, not because another took it', async () => {
    const { shoot, end } = shooter()
    using _other = rings.trace({ sampleEvery: 1_000_000 })
    let taken = 0
    for (let time = 0; time < 20; time++) {
      const all = rings.trace()
      await shoot()
      expect(namesOf(all.read())).toContain('poll_add')
      all.stop()
      using sampled = rings.trace({ sampleEvery: 100_000 })
      await shoot()
      if (namesOf(sampled.read()).includes('poll_add')) taken++
    }
    expect(taken).toBeLessThan(3)
    await end()
  })

  it('may begin and end while requests are under way', async () => {
    const fd = own(openPipe())
    const raw = rings.raw()
    const read = (): Promise<number> => raw.submit(op.read({ fd, buffer: Buffer.alloc(1), position: null }))
    const readBefore = read()
    await raw.submit(op.nop())
    const trace = rings.trace()
    const readDuring = read()
    await raw.submit(op.nop())
    fs.writeSync(fd, 'ab')
    await Promise.all([readBefore, readDuring])
    const told = trace.read()
    expect(namesOf(told).filter((name) => name === 'read')).toHaveLength(1)
    const readLong = read()
    await raw.submit(op.nop())
    trace.stop()
    trace.stop()
    expect(namesOf(trace.read())).toEqual(['nop'])
    using another = rings.trace()
    fs.writeSync(fd, 'c')
    await readLong
    await raw.submit(op.nop())
    expect(namesOf(another.read())).toEqual(['nop'])
    expect(trace.read()).toEqual([])
  })

  it('keeps the last ones where nobody reads, and says how many are missing', async () => {
    using trace = rings.trace({ eventsMax: 100 })
    for (let round = 0; round < 10; round++) await Promise.all(Array.from({ length: 100 }, () => rings.stat(data)))
    const events = trace.read().length + trace.readWakeups().length
    expect(events).toBe(128)
    expect(events + trace.dropped).toBe(trace.written)
    expect(trace.written).toBeGreaterThanOrEqual(1000)
    expect(rings.stats().traces).toEqual({ active: 1, written: trace.written, dropped: trace.dropped })
    trace.stop()
    await rings.stat(data)
    expect(rings.stats().traces).toEqual({ active: 0, written: trace.written, dropped: trace.dropped })
  })

  it('counts what is missing before anybody reads, also of a trace that is over', async () => {
    const trace = rings.trace({ eventsMax: 64 })
    for (let round = 0; round < 10; round++) await Promise.all(Array.from({ length: 100 }, () => rings.stat(data)))
    const { dropped } = trace
    expect(dropped).toBe(trace.written - 64)
    trace.stop()
    expect(rings.stats().traces.dropped).toBe(dropped)
    expect(trace.read().length + trace.readWakeups().length).toBe(64)
    expect([trace.dropped, rings.stats().traces.dropped]).toEqual([dropped, dropped])
  })

  it('says what is not over, begun before it or since, waiting or in the ring', async () => {
    const fd = own(openPipe())
    const raw = rings.raw()
    const read = (): Promise<number> => raw.submit(op.read({ fd, buffer: Buffer.alloc(1), position: null }))
    const before = Array.from({ length: 3 }, read)
    await raw.submit(op.nop())
    const trace = rings.trace({ sampleEvery: 1000 })
    const traceMs = nowMs()
    const since = Array.from({ length: 300 }, read) // more than the ring takes
    await new Promise(setImmediate)
    const now = trace.inFlight().filter(({ operation }) => operation === 'read')
    expect(now).toHaveLength(303)
    const submitted = now.filter(({ isSubmitted }) => isSubmitted)
    expect(submitted.length).toBeLessThan(303)
    const earlier = submitted.filter(({ publishedMs }) => publishedMs! < traceMs - resolutionMs)
    expect(earlier).toHaveLength(3)
    for (const { publishedMs } of submitted) expect(publishedMs! >= startedMs && publishedMs! <= nowMs()).toBe(true)
    for (const { isSubmitted, publishedMs } of now) expect(publishedMs === null).toBe(!isSubmitted)
    trace.stop()
    fs.writeSync(fd, Buffer.alloc(303))
    await Promise.all([...before, ...since])
    expect(trace.inFlight().filter(({ operation }) => operation === 'read')).toHaveLength(303)
    using later = rings.trace()
    expect(later.inFlight()).toEqual([])
  })

  it('tells what a multishot request brings that began before it, to each from when it is there', async () => {
    const { shoot, end } = shooter()
    const pollsOf = (trace: Trace): TraceEvent[] => trace.read().filter(({ operation }) => operation === 'poll_add')
    await shoot()
    using first = rings.trace()
    const firstMs = nowMs()
    await shoot()
    using second = rings.trace()
    await shoot()
    const polls = [pollsOf(first), pollsOf(second)]
    expect(polls.map(({ length }) => length)).toEqual([2, 1])
    expect(new Set(polls.flat().map(({ id }) => id)).size).toBe(1)
    expectTimesToFit(polls.flat(), firstMs)
    expect(first.inFlight()).toEqual([expect.objectContaining({ operation: 'poll_add', id: polls[0]![0]!.id })])
    await end()
    expect(pollsOf(first).map(({ more }) => more)).toEqual([false])
    expect(pollsOf(second).map(({ more }) => more)).toEqual([false])
  })

  it('costs nothing afterwards: the ring client has no tracer any more', async () => {
    const client = (): unknown => fieldOf((fieldOf(rings, 'rings') as OwnRings).handles[0]!.client, 'tracer')
    expect(client()).toBeNull()
    const traces = [rings.trace(), rings.trace()]
    expect(client()).not.toBeNull()
    traces[0]!.stop()
    expect(client()).not.toBeNull()
    traces[1]!.stop()
    expect(client()).toBeNull()
    await rings.stat(data)
  })
})

describe('a trace', () => {
  it('tells which provided buffer the kernel has taken', async () => {
    await using rings = await Ringmaster.start({ rings: 1, poller: 'caller' })
    const raw = rings.raw()
    const fd = await raw.submit(op.socket({ family: 'AF_INET', type: 'SOCK_DGRAM' }))
    await raw.submit(op.bind({ fd, address: { address: '127.0.0.1', port: 0 } }))
    const { port } = portOf(fd)
    const buffers = raw.provideBuffers({ count: 4, sizeBytes: 64 })
    using trace = rings.trace()
    const stream = raw.stream(recvStream({ fd, buffers }))
    const next = stream.next()
    await raw.submit(op.send({ fd, buffer: Buffer.from('hello'), to: { address: '127.0.0.1', port } }))
    ;(await next).value!.release()
    await stream.return()
    const shots = trace.read().filter(({ operation, result }) => operation === 'recv' && result === 5)
    expect(shots).toMatchObject([{ more: true, buffer: expect.any(Number) as number }])
    buffers.close()
    fs.closeSync(fd)
  })

  it('up to eight at a time, each for itself', async () => {
    await using rings = await Ringmaster.start({ rings: 2, poller: 'caller' })
    const traces = Array.from({ length: 8 }, (_, index) => rings.trace({ sampleEvery: index + 1 }))
    expect(() => rings.trace()).toThrow(expect.objectContaining({ code: 'ERR_RING_TRACES_FULL' }))
    for (let time = 0; time < 840; time++) await rings.raw(0).submit(op.nop())
    await rings.raw(1).submit(op.nop())
    for (const [index, trace] of traces.entries()) {
      const events = trace.read()
      expect(events.filter(({ ring }) => ring === 0)).toHaveLength(840 / (index + 1))
      expect(events.filter(({ ring }) => ring === 1).length).toBeLessThanOrEqual(1)
    }
    traces[3]!.stop()
    using instead = rings.trace()
    await rings.raw(0).submit(op.nop())
    expect(instead.read()).toHaveLength(1)
    for (const trace of traces) trace.stop()
  })

  it('refuses what is no option, and rings that are closed; what it has can be read behind them', async () => {
    const rings = await Ringmaster.start({ rings: 1, poller: 'caller' })
    const refused = (options: object): unknown => {
      try {
        rings.trace(options)
      } catch (error) {
        return fieldOf(error, 'code')
      }
      return 'accepted'
    }
    expect(refused({ eventsMax: 0 })).toBe('ERR_OUT_OF_RANGE')
    expect(refused({ eventsMax: 65_537 })).toBe('ERR_OUT_OF_RANGE')
    expect(refused({ sampleEvery: '1' })).toBe('ERR_INVALID_ARG_TYPE')
    expect(refused({ sampling: 1 })).toBe('ERR_INVALID_ARG_VALUE')
    const trace = rings.trace()
    await rings.stat(data)
    await rings.close()
    expect(namesOf(trace.read())).toContain('statx')
    expect(refused({})).toBe('ERR_RING_CLOSED')
  })

  it.each(['kernel', 'worker', 'threadpool'] as const)('tells when the sleeping %s is woken', async (poller) => {
    await using rings = await Ringmaster.start({ rings: 1, poller, sqThreadIdleMs: 1, spinNs: 0 })
    const startedMs = nowMs()
    const trace = rings.trace()
    const before = rings.stats().rings[0]!.sqWakeups
    const deadlineMs = performance.now() + 20_000
    // More than a worker's client would enter the ring for itself.
    while (rings.stats().rings[0]!.sqWakeups < before + 5 && performance.now() < deadlineMs) {
      await new Promise((resolve) => setTimeout(resolve, 5))
      await Promise.all(Array.from({ length: 12 }, () => rings.stat(data)))
    }
    trace.read()
    const woken = trace.readWakeups()
    expect(woken.reduce((sum, { count }) => sum + count, 0)).toBeGreaterThanOrEqual(4)
    for (const { atMs, ring } of woken)
      expect(atMs >= startedMs - resolutionMs && atMs <= nowMs() && ring === 0).toBe(true)
    expect(trace.readWakeups()).toEqual([])
    trace.stop()
  })

  it('keeps what is sampled, though each operation wakes somebody', async () => {
    await using rings = await Ringmaster.start({ rings: 1, poller: 'threadpool' })
    using trace = rings.trace({ sampleEvery: 100, eventsMax: 256 })
    const before = rings.stats().rings[0]!.sqWakeups
    for (let round = 0; round < 8000; round++) await rings.raw().submit(op.nop())
    const wakeups = rings.stats().rings[0]!.sqWakeups - before
    expect(trace.read()).toHaveLength(80)
    const told = trace.readWakeups().reduce((sum, { count }) => sum + count, 0)
    expect(told).toBeGreaterThan(wakeups - 200)
    expect(told).toBeLessThanOrEqual(wakeups)
  })
})

describe('rings that do not stay as they are', () => {
  it('are traced behind the death of their worker', async () => {
    const pools = watchPools()
    try {
      await using rings = await Ringmaster.start({ rings: 1, poller: 'worker' })
      using trace = rings.trace()
      await rings.stat(data)
      await pools.thread(0)!.terminate()
      expect(await eventually(() => rings.stats().rings[0]!.workerRestarts === 1)).toBe(true)
      await rings.stat(data)
      const { completions } = rings.stats().rings[0]!
      expect(namesOf(trace.read()).filter((name) => name === 'statx')).toHaveLength(2)
      expect(completions).toBeGreaterThanOrEqual(2)
    } finally {
      pools.stop()
    }
  })

  it('are traced after a move, both of them until the old one has finished', async () => {
    const fd = openPipe()
    try {
      await using rings = await Ringmaster.start({ rings: 1, poller: 'worker' })
      const own = fieldOf(rings, 'rings') as OwnRings
      const before = completionsOf(rings)
      using trace = rings.trace()
      const [file] = await Promise.all([rings.open(data), rings.stat(data)])
      const handle = own.handles[0]!
      const slow = rings.raw().submit(op.read({ fd, buffer: Buffer.alloc(1), position: null }))
      await rings.stat(data)
      expect(await own.move(0, { value: 'caller', reason: 'a test' }, () => null)).toBeNull()
      expect(own.handles[0]).not.toBe(handle)
      await file.read(Buffer.alloc(1), 0, 1, 0)
      fs.writeSync(fd, 'x')
      expect(await slow).toBe(1)
      await file.close()
      const events = trace.read()
      expect(namesOf(events).filter((name) => name === 'read')).toHaveLength(2)
      expect(new Set(events.map(({ id }) => id)).size).toBe(events.length)
      expect(await eventually(() => [...own.users].length === 1)).toBe(true)
      expect(events.length).toBe(completionsOf(rings) - before)
    } finally {
      fs.closeSync(fd)
    }
  })
})

describe.each(['kernel', 'worker', 'caller'] as const)('threads that joined, on poller %s', (poller) => {
  it('are traced from their first request on, under their number, and have traces of their own', async () => {
    await using rings = await Ringmaster.start({ rings: 1, poller })
    using trace = rings.trace()
    const body = `const own = rings.trace()
      for (let time = 0; time < 20; time++) await rings.nop()
      say('done')
      await sleep(60_000, own.read().length)`
    const thread = startClient(rings, body)
    expect(await thread.heard()).toBe('done')
    await rings.nop()
    const events = trace.read()
    const { client } = rings.stats().clients[0]!
    const nops = (number: number | null): TraceEvent[] =>
      events.filter((event) => event.client === number && event.operation === 'nop')
    expect(nops(client)).toHaveLength(20)
    expect(nops(null)).toHaveLength(1)
    // Its clock began at another time, and is shown on the same.
    expect(nops(client).every(({ settledMs }) => settledMs <= nops(null)[0]!.settledMs + 1)).toBe(true)
    await thread.worker.terminate()
    expect(await eventually(() => rings.stats().clients.length === 0)).toBe(true)
    expect(trace.read()).toEqual([])
    expect(trace.written).toBeGreaterThanOrEqual(21)
  })

  it('that were there before are traced as well, until the trace is stopped', async () => {
    await using rings = await Ringmaster.start({ rings: 1, poller })
    const thread = startClient(rings, `say('here'); for (;;) { await rings.nop(); await sleep(1) }`)
    expect(await thread.heard()).toBe('here')
    const { client } = rings.stats().clients[0]!
    const trace = rings.trace()
    const another = rings.trace({ sampleEvery: 3 })
    const seen = (of: Trace): boolean => of.read().some((event) => event.client === client)
    expect(await eventually(() => seen(trace))).toBe(true)
    trace.stop()
    expect(await eventually(() => seen(another))).toBe(true)
    another.stop()
    let before = -1
    const rests = (): boolean => {
      const rested = another.written === before
      before = another.written
      return rested
    }
    expect(await eventually(rests)).toBe(true)
    await thread.worker.terminate()
  })
})

/** The port that a UDP socket has got: no call of node:fs says. */
function portOf(fd: number): { port: number } {
  const inode = /\[(\d+)\]/.exec(fs.readlinkSync(`/proc/self/fd/${fd}`))![1]!
  const line = fs
    .readFileSync('/proc/self/net/udp', 'utf8')
    .split('\n')
    .find((row) => row.trim().split(/\s+/)[9] === inode)!
  return { port: Number.parseInt(line.trim().split(/\s+/)[1]!.split(':')[1]!, 16) }
}
