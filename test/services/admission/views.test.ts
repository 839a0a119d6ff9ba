// Views: limits of their own, turns among them, background. On every poller, on rings of 64 places that are soon full.
import { readFileSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { ClientCounter } from '../../../metrics/ring-metrics.ts'
import { op } from '../../../services/raw/index.ts'
import type { RingView } from '../../../services/index.ts'
import {
  allPollers,
  callLoosely,
  eventually,
  failure,
  seededBytes,
  seededRandom,
  settledWithin,
  testSeed,
} from '../harness.ts'
import { floor, path, pipe, places, ringStats, small } from './stand.ts'

/** One-byte reads of a pipe that wait until it is fed. */
const parked = (view: Pick<RingView, 'raw'>, fd: number, count: number): Promise<unknown>[] =>
  Array.from({ length: count }, () => view.raw().submit(op.read({ fd, buffer: Buffer.alloc(1) })))

const nops = (view: Pick<RingView, 'nop'>, count: number, onSettled: () => void = () => undefined): Promise<void>[] =>
  Array.from({ length: count }, () => view.nop().then(onSettled))

describe.each(allPollers)('a view on poller %s', (poller) => {
  it.each([{}, { inFlightMax: 1 }, { priority: 'background' }] as const)(
    'does all that files do, with %o',
    async (options) => {
      await using rings = await small(poller)
      const view = rings.view(options)
      const data = seededBytes(300_000, 7)
      const name = path(`file-${poller}`)
      await view.writeFile(name, data, { flush: true })
      expect(readFileSync(name).equals(data)).toBe(true)
      expect((await view.readFile(name)).equals(data)).toBe(true)
      expect((await view.stat(name)).mtimeMs).toBe((await stat(name)).mtimeMs)
      const file = await view.open(name, 'r+')
      const parts = Array.from({ length: 100 }, async (_, index) => {
        const { buffer } = await file.read({ buffer: Buffer.alloc(1000), position: index * 3000 })
        return buffer.equals(data.subarray(index * 3000, index * 3000 + 1000))
      })
      expect((await Promise.all(parts)).every((right) => right)).toBe(true)
      const results = await file.readBatch([Buffer.alloc(10), Buffer.alloc(20)], [0, data.length - 5])
      expect([...results]).toEqual([10, 5])
      await file.write(Buffer.from('changed'), { position: 11 })
      await file.datasync()
      await file.close()
      expect(readFileSync(name).toString('latin1', 11, 18)).toBe('changed')
      await view.nopBatch(200)
      expect(view.stats()).toEqual({ inFlight: 0, waiting: 0 })
    },
  )

  it('has no more in flight than its limit, and lets others go on', async () => {
    await using rings = await small(poller)
    const view = rings.view({ inFlightMax: 4 })
    const { fd, feed } = pipe()
    const reads = parked(view, fd, 40)
    await nextTurn()
    expect(view.stats()).toEqual({ inFlight: 4, waiting: 36 })
    await Promise.all(nops(rings, 100))
    expect(view.stats()).toEqual({ inFlight: 4, waiting: 36 })
    expect(ringStats(rings).foregroundWaiting).toBe(36)
    feed(40)
    await Promise.all(reads)
    expect(view.stats()).toEqual({ inFlight: 0, waiting: 0 })
  })

  it('refuses what is beyond its backlog, and says whose limit it was', async () => {
    await using rings = await small(poller)
    const view = rings.view({ inFlightMax: 2, backlogMax: 5 })
    const { fd, feed } = pipe()
    const reads = parked(view, fd, 5)
    await nextTurn()
    reads.push(...parked(view, fd, 2))
    const refused = view.raw().submit(op.read({ fd, buffer: Buffer.alloc(1) }))
    await expect(refused).rejects.toMatchObject({ code: 'ERR_RING_BACKLOG_FULL' })
    await expect(refused).rejects.toThrow(/more than 5 requests of this view .* backlogMax or inFlightMax of its view/)
    await rings.nop() // nobody else is concerned
    expect(ringStats(rings)).toMatchObject({ viewRejections: 1, backlogRejections: 0 })
    feed(7)
    await Promise.all(reads)
    await view.nop()
  })

  it('lets what came in this turn into a ring that has room, rather than refuse more', async () => {
    await using rings = await small(poller)
    const view = rings.view({ backlogMax: 2 })
    await Promise.all(nops(view, places - floor))
    expect(view.stats()).toEqual({ inFlight: 0, waiting: 0 })
    const { fd, feed } = pipe()
    const reads = parked(view, fd, places + 2)
    const more = view.nop()
    await expect(more).rejects.toMatchObject({ code: 'ERR_RING_BACKLOG_FULL' })
    expect(view.stats()).toEqual({ inFlight: places, waiting: 2 })
    feed(places + 2)
    await Promise.all(reads)
    expect(view.stats()).toEqual({ inFlight: 0, waiting: 0 })
  })

  it('reads a large file however little may wait', async () => {
    await using rings = await small(poller)
    const view = rings.view({ inFlightMax: 1, backlogMax: 1 })
    const data = seededBytes(5_000_000, 11)
    const name = path(`large-${poller}`)
    await view.writeFile(name, data)
    expect((await view.readFile(name)).equals(data)).toBe(true)
  })

  it('says whose limit it was where a batch or a chain does not fit', async () => {
    await using rings = await small(poller)
    const view = rings.view({ inFlightMax: 4, backlogMax: 3 })
    await expect(view.nopBatch(50)).rejects.toThrow(/more than 3 requests of this view/)
    const chain = view.raw().chain()
    for (let step = 0; step < 4; step++) chain.link(op.nop())
    expect(await failure(Promise.resolve().then(() => chain.submit()))).toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
    expect(view.stats()).toEqual({ inFlight: 0, waiting: 0 })
  })

  it('has the limit over all rings together', async () => {
    await using rings = await small(poller, { rings: 2 })
    const view = rings.view({ inFlightMax: 3 })
    const { fd, feed } = pipe()
    const reads = [0, 1].flatMap((ring) =>
      Array.from({ length: 10 }, () => view.raw(ring).submit(op.read({ fd, buffer: Buffer.alloc(1) }))),
    )
    await nextTurn()
    expect(view.stats()).toEqual({ inFlight: 3, waiting: 17 })
    feed(20)
    expect((await Promise.all(reads)).length).toBe(20) // also those of a ring of which nothing was in flight
  })

  it('is not kept waiting by another that floods the ring, nor by requests of no view', async () => {
    await using rings = await small(poller)
    for (const flood of [rings.view(), rings] as const) {
      let flooded = 0
      const many = nops(flood, 900, () => flooded++)
      const few = nops(rings.view(), 10)
      await Promise.all(few)
      expect(flooded).toBeLessThan(600)
      await Promise.all(many)
    }
  })

  it('does not keep requests of no view waiting by flooding the ring', async () => {
    await using rings = await small(poller)
    let flooded = 0
    const many = nops(rings.view(), 900, () => flooded++)
    await Promise.all(nops(rings, 10))
    expect(flooded).toBeLessThan(600)
    await Promise.all(many)
  })

  it('carries out chains whole, among others that flood the ring', async () => {
    await using rings = await small(poller)
    const flood = nops(rings.view(), 900)
    const view = rings.view({ inFlightMax: 8 })
    const chains = Array.from({ length: 30 }, () => {
      const chain = view.raw().chain().link(op.nop()).hardlink(op.nop()).link(op.nop())
      return chain.submit()
    })
    for (const outcomes of await Promise.all(chains))
      expect(outcomes.map(({ status }) => status)).toEqual(['done', 'done', 'done'])
    await Promise.all(flood)
  })

  it('can be cancelled while it waits, by signal and by operation', async () => {
    await using rings = await small(poller)
    const view = rings.view({ inFlightMax: 1 })
    const { fd, feed } = pipe()
    const [first] = parked(view, fd, 1)
    await nextTurn()
    const controller = new AbortController()
    const byName = op.read({ fd, buffer: Buffer.alloc(1) })
    const waiting = [
      view.raw().submit(op.read({ fd, buffer: Buffer.alloc(1) }), { signal: controller.signal }),
      view.raw().submit(byName),
      view.raw().submit(op.nop()),
    ] as const
    controller.abort()
    expect(await settledWithin(waiting[0])).toBe('ABORT_ERR')
    const cancelled = settledWithin(waiting[1])
    await rings.raw().submit(op.asyncCancel({ operation: byName }))
    expect(await cancelled).toBe('ECANCELED')
    expect(view.stats()).toEqual({ inFlight: 1, waiting: 1 })
    feed(1)
    await Promise.all([first, waiting[2]])
  })

  it('is settled when the rings are closed, waiting or not', async () => {
    const rings = await small(poller)
    const view = rings.view({ inFlightMax: 2 })
    const { fd } = pipe()
    const reads = parked(view, fd, 10).map((read) => settledWithin(read, 20_000))
    await nextTurn()
    await rings.close()
    const outcomes = await Promise.all(reads)
    expect(outcomes.filter((outcome) => outcome === 'ERR_RING_CLOSED').length).toBe(8)
    expect(outcomes.filter((outcome) => ['ECANCELED', 'EINTR'].includes(outcome)).length).toBe(2)
    expect(view.stats()).toEqual({ inFlight: 0, waiting: 0 })
    expect(await failure(view.nop())).toMatchObject({ code: 'ERR_RING_CLOSED' })
  })

  it.each([
    ['without cancellations', 0, places],
    ['with cancellations, which have places of their own', 0.2, 2 * places],
  ])(
    'never has more in the ring than its completion queue holds: random views and chains, %s',
    async (_, aborts, most) => {
      const random = seededRandom(testSeed(`admission on ${poller}`))
      const chance = (share: number): boolean => random() < share
      await using rings = await small(poller, { closeGraceMs: 5000 })
      const views = Array.from({ length: 6 }, () =>
        rings.view({
          priority: chance(0.4) ? 'background' : 'foreground',
          inFlightMax: 3 + Math.floor(random() * 80),
          backlogMax: 30 + Math.floor(random() * 100),
        }),
      )
      const tally: Record<string, number> = {}
      const requests: Promise<void>[] = []
      for (let step = 0; step < 3000; step++) {
        const view = chance(0.3) ? rings : views[Math.floor(random() * views.length)]!
        const controller = new AbortController()
        const options = { signal: controller.signal }
        const request = chance(0.2)
          ? view.raw().chain().link(op.nop()).hardlink(op.nop()).link(op.nop()).submit(options)
          : chance(0.1)
            ? view.raw().submit(op.timeout({ timeMs: 1 + Math.floor(random() * 5) }), options)
            : view.raw().submit(op.nop(), options)
        if (chance(aborts))
          setImmediate(() => {
            controller.abort()
          })
        requests.push(
          settledWithin(request, 30_000).then((outcome) => {
            tally[outcome] = (tally[outcome] ?? 0) + 1
          }),
        )
        if (chance(0.02)) await nextTurn()
      }
      await Promise.all(requests)
      const { pending = 0, resolved = 0 } = tally
      expect({ pending, resolved: resolved > 0 }).toEqual({ pending: 0, resolved: true })
      const known = ['resolved', 'ABORT_ERR', 'ERR_RING_BACKLOG_FULL']
      expect(Object.keys(tally).filter((outcome) => !known.includes(outcome))).toEqual([])
      const { metrics } = rings['rings'].handles[0]!
      expect(metrics.client[ClientCounter.inFlightMax]).toBeLessThanOrEqual(most)
      expect(metrics.client[ClientCounter.inFlightMax]).toBeGreaterThan(places - 8)
      expect(ringStats(rings)).toMatchObject({ cqOverflows: 0, foregroundWaiting: 0, backgroundWaiting: 0 })
      for (const view of views) expect(view.stats()).toEqual({ inFlight: 0, waiting: 0 })
    },
  )
})

describe.each(allPollers)('background on poller %s', (poller) => {
  it('has all of the ring while there is nobody else', async () => {
    await using rings = await small(poller)
    const background = rings.view({ priority: 'background' })
    const { fd, feed } = pipe()
    const reads = parked(background, fd, places + 10)
    expect(await eventually(() => background.stats().inFlight === places)).toBe(true)
    expect(ringStats(rings)).toMatchObject({
      backgroundInFlight: places,
      backgroundWaiting: 10,
      backgroundShare: places,
    })
    feed(places + 10)
    await Promise.all(reads)
  })

  it('has its floor and no more while the foreground waits for room, and never starves', async () => {
    await using rings = await small(poller)
    const { fd, feed } = pipe()
    // The foreground takes the whole ring and more waits; then background comes.
    const foreground = parked(rings, fd, places + 200)
    const background = rings.view({ priority: 'background' })
    await nextTurn()
    const other = pipe()
    const reads = parked(background, other.fd, 50)
    feed(100) // the foreground has still more than the ring holds
    expect(await eventually(() => background.stats().inFlight === floor)).toBe(true)
    expect(ringStats(rings)).toMatchObject({
      inFlight: places,
      backgroundInFlight: floor,
      backgroundWaiting: 50 - floor,
    })
    other.feed(50)
    await Promise.all(reads)
    feed(places + 100)
    await Promise.all(foreground)
  })

  it('gives way when the foreground becomes slower than it is alone, and comes back', async () => {
    await using rings = await small(poller)
    const background = rings.view({ priority: 'background' })
    const { fd, feed } = pipe()
    let stop = false
    const busy = Promise.all(
      Array.from({ length: 40 }, async () => {
        while (!stop) {
          await background.raw().submit(op.timeout({ timeMs: 2 }))
        }
      }),
    )
    let waitMs = 0
    const foreground = (async () => {
      while (!stop) {
        const [read] = parked(rings, fd, 1)
        if (waitMs > 0) await sleep(waitMs)
        feed(1)
        await read
        await nextTurn()
      }
    })()
    // Fast, or else background is held to its floor until that is known to be what the foreground takes.
    expect(await eventually(() => ringStats(rings).backgroundShare > 2 * floor, 20_000)).toBe(true)
    waitMs = 40
    expect(await eventually(() => ringStats(rings).backgroundShare === floor, 20_000)).toBe(true)
    expect(await eventually(() => ringStats(rings).backgroundInFlight <= floor, 20_000)).toBe(true)
    waitMs = 0
    stop = true
    await foreground
    await busy
    const again = pipe()
    const reads = parked(background, again.fd, places)
    expect(await eventually(() => background.stats().inFlight === places, 20_000)).toBe(true)
    again.feed(places)
    await Promise.all(reads)
  })
})

describe('options of a view', () => {
  it.each([
    [null, 'ERR_INVALID_ARG_TYPE'],
    ['background', 'ERR_INVALID_ARG_TYPE'],
    [[], 'ERR_INVALID_ARG_TYPE'],
    [{ inflightMax: 4 }, 'ERR_INVALID_ARG_VALUE'],
    [{ priority: 'low' }, 'ERR_INVALID_ARG_VALUE'],
    [{ priority: 'toString' }, 'ERR_INVALID_ARG_VALUE'],
    [{ inFlightMax: 0 }, 'ERR_OUT_OF_RANGE'],
    [{ inFlightMax: 1.5 }, 'ERR_OUT_OF_RANGE'],
    [{ inFlightMax: '4' }, 'ERR_INVALID_ARG_TYPE'],
    [{ backlogMax: 0 }, 'ERR_OUT_OF_RANGE'],
    [{ backlogMax: 1_000_001 }, 'ERR_OUT_OF_RANGE'],
  ])('%o are refused with %s', async (options, code) => {
    await using rings = await small('caller')
    expect(await failure(Promise.resolve().then(() => callLoosely(rings, 'view', options)))).toMatchObject({ code })
  })
})
