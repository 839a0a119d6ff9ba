// Time limits: what waits is taken out of its queue and never submitted, what is in flight is cancelled in the kernel and settles when the
// kernel is done, and no limit outlives its request.
import { readFileSync, writeFileSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import { RingTimeoutError } from '../../../services/index.ts'
import { op } from '../../../services/raw/index.ts'
import { limitsPending } from '../../../services/time-limit.ts'
import { allPollers, callLoosely, failure, seededRandom, settledWithin, testSeed } from '../harness.ts'
import { path, pipe, places, ringStats, small } from './stand.ts'

const byte = (): Buffer => Buffer.alloc(1)

async function timeoutOf(request: Promise<unknown>): Promise<RingTimeoutError> {
  const reason: unknown = await request.then(
    () => 'no error',
    (error: unknown) => error,
  )
  if (!(reason instanceof RingTimeoutError)) throw new Error(`expected a timeout, not ${String(reason)}`)
  return reason
}

describe.each(allPollers)('a time limit on poller %s', (poller) => {
  it('cancels a read that waits in the kernel, which then takes nothing', async () => {
    await using rings = await small(poller)
    const { fd, feed } = pipe()
    const error = await timeoutOf(rings.raw().submit(op.read({ fd, buffer: byte() }), { timeoutMs: 20 }))
    expect(error).toMatchObject({ code: 'ERR_RING_TIMEOUT', name: 'TimeoutError', submitted: true, timeoutMs: 20 })
    feed(1)
    expect(await rings.raw().submit(op.read({ fd, buffer: byte() }))).toBe(1)
    expect(ringStats(rings).timeouts).toBe(1)
    expect(limitsPending()).toBe(0)
  })

  it.each(['program', 'view'] as const)(
    'takes a write of a %s out of the queue, and nothing is written',
    async (whose) => {
      await using rings = await small(poller)
      const name = path(`waiting-${poller}-${whose}`)
      writeFileSync(name, 'before')
      const file = await rings.view(whose === 'view' ? { inFlightMax: 1 } : {}).open(name, 'r+')
      const own = await rings.open(name, 'r+')
      const { fd, feed } = pipe()
      const reads = Array.from({ length: places }, () => rings.raw().submit(op.read({ fd, buffer: byte() })))
      await nextTurn()
      const write = (whose === 'view' ? file : own).write(Buffer.from('after!'), { position: 0, timeoutMs: 20 })
      const error = await timeoutOf(write)
      expect(error.submitted).toBe(false)
      expect(error.message).toMatch(/not over within 20 ms: it was still waiting .* nothing was done/)
      feed(places)
      await Promise.all(reads)
      await rings.nop()
      expect(readFileSync(name, 'latin1')).toBe('before')
      await Promise.all([file.close(), own.close()])
    },
  )

  it('ends a chain, whose steps say so', async () => {
    await using rings = await small(poller)
    const { fd } = pipe()
    const chain = rings
      .raw()
      .chain()
      .link(op.nop())
      .link(op.read({ fd, buffer: byte() }))
      .link(op.nop())
    const outcomes = await chain.submit({ timeoutMs: 30 })
    expect(outcomes.map(({ status }) => status)).toEqual(['done', 'cancelled', 'cancelled'])
    const [, read] = outcomes
    expect(read.status === 'cancelled' && read.error).toBeInstanceOf(RingTimeoutError)
    expect(ringStats(rings).timeouts).toBe(1)
  })

  it('ends readFile of a pipe that nobody writes to', async () => {
    await using rings = await small(poller)
    pipe()
    const name = path('pipe0')
    await timeoutOf(rings.readFile(name, { timeoutMs: 30 }))
    await timeoutOf(rings.view().readFile(name, { timeoutMs: 30 }))
    expect(limitsPending()).toBe(0)
  })

  it('does nothing to what is over in time, whatever it is', async () => {
    await using rings = await small(poller)
    const name = path(`in-time-${poller}`)
    const timeoutMs = 600_000
    await rings.writeFile(name, 'text', { timeoutMs })
    expect(await rings.readFile(name, { timeoutMs, encoding: 'utf8' })).toBe('text')
    expect((await rings.stat(name, { timeoutMs })).size).toBe(4)
    expect((await rings.lstat(name, { timeoutMs, bigint: true })).size).toBe(4n)
    const file = await rings.open(name, 'r+', 0o666, { timeoutMs })
    expect((await file.read({ timeoutMs, position: 0 })).bytesRead).toBe(4)
    expect((await file.read(byte(), { timeoutMs, position: 3 })).buffer.toString()).toBe('t')
    expect((await file.write(Buffer.from('next'), { timeoutMs, position: 0 })).bytesWritten).toBe(4)
    expect((await file.stat({ timeoutMs })).size).toBe(4)
    await file.sync({ timeoutMs })
    await file.datasync({ timeoutMs })
    await file.close()
    await rings.raw().submit(op.nop(), { timeoutMs })
    await rings.raw().chain().link(op.nop()).submit({ timeoutMs })
    expect(limitsPending()).toBe(0)
    expect(readFileSync(name, 'latin1')).toBe('next')
    expect(ringStats(rings).timeouts).toBe(0)
  })

  it('of hundreds, in any order, waiting and in flight, ends each with one timer', async () => {
    const random = seededRandom(testSeed(`time limits on ${poller}`))
    await using rings = await small(poller)
    const { fd, feed } = pipe()
    const timers = vi.spyOn(globalThis, 'setTimeout')
    const requests = Array.from({ length: 300 }, () => {
      const timeoutMs = random() < 0.2 ? 600_000 : 1 + Math.floor(random() * 60)
      return { timeoutMs, outcome: rings.raw().submit(op.read({ fd, buffer: byte() }), { timeoutMs }) }
    })
    const armed = timers.mock.calls.length
    timers.mockRestore()
    expect(armed).toBeLessThan(60) // as often as one was earlier than all before it
    const short = requests.filter(({ timeoutMs }) => timeoutMs < 1000)
    for (const error of await Promise.all(short.map(({ outcome }) => timeoutOf(outcome))))
      expect(error.code).toBe('ERR_RING_TIMEOUT')
    const long = requests.filter(({ timeoutMs }) => timeoutMs > 1000)
    expect(limitsPending()).toBe(long.length)
    feed(long.length)
    await Promise.all(long.map(({ outcome }) => outcome))
    expect(limitsPending()).toBe(0)
    expect(ringStats(rings).timeouts).toBe(short.length)
  })
})

describe('a time limit', () => {
  it('leaves the last word to a signal that comes first', async () => {
    await using rings = await small('caller')
    const { fd } = pipe()
    const controller = new AbortController()
    const options = { signal: controller.signal, timeoutMs: 600_000 }
    const read = rings.raw().submit(op.read({ fd, buffer: byte() }), options)
    const outcome = failure(read)
    await nextTurn()
    controller.abort(new Error('enough'))
    expect(await outcome).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' })
    await expect(read).rejects.toMatchObject({ cause: new Error('enough') })
    expect(await settledWithin(rings.stat('/', options))).toBe('ABORT_ERR')
    expect({ pending: limitsPending(), timeouts: ringStats(rings).timeouts }).toEqual({ pending: 0, timeouts: 0 })
  })

  it.each([
    [0, 'ERR_OUT_OF_RANGE'],
    [-1, 'ERR_OUT_OF_RANGE'],
    [1.5, 'ERR_OUT_OF_RANGE'],
    [2 ** 31, 'ERR_OUT_OF_RANGE'],
    ['1', 'ERR_INVALID_ARG_TYPE'],
    [null, 'ERR_INVALID_ARG_TYPE'],
  ])('of %o ms is refused with %s', async (timeoutMs, code) => {
    await using rings = await small('caller')
    expect(await failure(callLoosely(rings, 'stat', '/', { timeoutMs }))).toMatchObject({ code })
    expect(await failure(callLoosely(rings, 'readFile', '/etc/hostname', { timeoutMs }))).toMatchObject({ code })
    expect(await failure(callLoosely(rings.raw(), 'submit', op.nop(), { timeoutMs }))).toMatchObject({ code })
    expect(limitsPending()).toBe(0)
  })
})
