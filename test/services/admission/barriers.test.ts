// Barriers (`drain`) where there are views: for the whole ring, whichever view or class they are of. Nothing passes one but
// cancellations; what is cancelled holds up nothing.
import { readFileSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { op } from '../../../services/raw/index.ts'
import type { Operation } from '../../../services/raw/operation.ts'
import type { Ringmaster } from '../../../services/index.ts'
import { allPollers, eventually, seededRandom, settledWithin, testSeed } from '../harness.ts'
import { path, pipe, places, ringStats, small } from './stand.ts'

type Source = Pick<Ringmaster, 'raw'>

const sources = ['program', 'view', 'background'] as const

/** A program's own requests, a view's, and background's, which barriers are to treat alike. */
function sourcesOf(rings: Ringmaster): Record<(typeof sources)[number], Source> {
  return { program: rings, view: rings.view(), background: rings.view({ priority: 'background' }) }
}

const read = (fd: number): Operation => op.read({ fd, buffer: Buffer.alloc(1) })

describe.each(allPollers)('a barrier on poller %s', (poller) => {
  it.each(sources)('of a %s begins after what all have claimed, and holds back all that comes later', async (whose) => {
    await using rings = await small(poller)
    const from = sourcesOf(rings)
    const settled: string[] = []
    const note = (what: string, request: Promise<unknown>): Promise<unknown> => request.then(() => settled.push(what))
    const { fd, feed } = pipe()
    const before = sources.map((source) => note('before', from[source].raw().submit(read(fd))))
    const barrier = note('barrier', from[whose].raw().submit(op.nop(), { drain: true }))
    const behind = sources.map((source) => note('behind', from[source].raw().submit(op.nop())))
    behind.push(note('behind', rings.view({ inFlightMax: 1 }).raw().submit(op.nop())))
    await nextTurn()
    feed(2)
    expect(await eventually(() => settled.length === 2)).toBe(true)
    expect(await settledWithin(barrier, 20)).toBe('pending')
    feed(1)
    await Promise.all([...before, barrier, ...behind])
    expect(settled).toEqual([...before.map(() => 'before'), 'barrier', ...behind.map(() => 'behind')])
  })

  it('waits for what a view has no place for yet, and does not keep it from its turn', async () => {
    await using rings = await small(poller)
    const narrow = rings.view({ inFlightMax: 1 })
    const { fd, feed } = pipe()
    const reads = [1, 2, 3].map(() => narrow.raw().submit(read(fd)))
    const barrier = rings.raw().submit(op.nop(), { drain: true })
    const behind = rings.view({ priority: 'background' }).nop()
    feed(2)
    expect(await settledWithin(Promise.all(reads.slice(0, 2)))).toBe('resolved')
    expect(await settledWithin(Promise.race([barrier, behind]), 20)).toBe('pending')
    feed(1)
    await Promise.all([...reads, barrier, behind])
  })

  it.each(sources)(
    'of a %s does not stop cancellations, of what it waits for and of what waits for it',
    async (whose) => {
      await using rings = await small(poller)
      const from = sourcesOf(rings)
      const { fd, feed } = pipe()
      const first = read(fd)
      const controller = new AbortController()
      const running = [
        settledWithin(from.view.raw().submit(first)),
        settledWithin(from.background.raw().submit(read(fd), { signal: controller.signal })),
        settledWithin(from.view.raw().submit(read(fd), { timeoutMs: 10 })),
      ]
      await nextTurn()
      const barrier = settledWithin(from[whose].raw().submit(op.nop(), { drain: true }))
      const gone = settledWithin(from.background.raw().submit(op.nop(), { signal: controller.signal }))
      const behind = settledWithin(from.view.raw().submit(op.nop()))
      await nextTurn()
      controller.abort()
      expect(await gone).toBe('ABORT_ERR')
      await from.view.raw().submit(op.asyncCancel({ operation: first }))
      const outcomes = await Promise.all([...running, barrier, behind])
      expect(['ECANCELED', 'EINTR']).toContain(outcomes[0])
      expect(outcomes.slice(1)).toEqual(['ABORT_ERR', 'ERR_RING_TIMEOUT', 'resolved', 'resolved'])
      feed(1)
    },
  )

  it.each(sources)('of a %s that is cancelled while it waits holds up nothing any more', async (whose) => {
    await using rings = await small(poller)
    const from = sourcesOf(rings)
    const { fd, feed } = pipe()
    const before = from.view.raw().submit(read(fd))
    await nextTurn()
    const controller = new AbortController()
    const { signal } = controller
    const barrier = settledWithin(from[whose].raw().submit(op.nop(), { drain: true, signal }))
    const behind = sources.map((source) => from[source].raw().submit(op.nop()))
    await nextTurn()
    controller.abort()
    expect(await barrier).toBe('ABORT_ERR')
    await Promise.all(behind)
    expect(await settledWithin(before, 1)).toBe('pending')
    await from[whose].raw().submit(op.nop()) // and nothing that is claimed from now on
    feed(1)
    await before
  })

  it('that needs the whole ring, and a chain behind it that does, too, wait for background and are not waited for', async () => {
    await using rings = await small(poller)
    const { background, view } = sourcesOf(rings)
    const { fd, feed } = pipe()
    const parked = Array.from({ length: places + 20 }, () => background.raw().submit(read(fd)))
    await nextTurn()
    const long = (source: Source, drain: boolean): Promise<unknown> => {
      const chain = source.raw().chain()
      for (let step = 0; step < places; step++) chain.link(op.nop())
      return chain.submit({ drain })
    }
    const chains = [long(view, true), long(rings, false)]
    const after = background.raw().submit(op.nop())
    feed(places)
    expect(await settledWithin(Promise.race(chains), 20)).toBe('pending')
    feed(20)
    await Promise.all([...parked, ...chains, after])
  })

  it('is settled when the rings are closed, and what waits for it', async () => {
    const rings = await small(poller)
    const from = sourcesOf(rings)
    const { fd } = pipe()
    const before = settledWithin(from.view.raw().submit(read(fd)), 20_000)
    const behind = sources.flatMap((source) => [
      settledWithin(from[source].raw().submit(op.nop(), { drain: true }), 20_000),
      settledWithin(from[source].raw().submit(op.nop()), 20_000),
    ])
    await nextTurn()
    await rings.close()
    expect(['ECANCELED', 'EINTR']).toContain(await before)
    expect(new Set(await Promise.all(behind))).toEqual(new Set(['ERR_RING_CLOSED']))
  })

  it('stands between what was claimed before and after it: random views, chains, limits', async () => {
    const random = seededRandom(testSeed(`barriers on ${poller}`))
    const chance = (share: number): boolean => random() < share
    await using rings = await small(poller, { closeGraceMs: 5000 })
    const all: Source[] = [
      rings,
      ...Array.from({ length: 5 }, () =>
        rings.view({
          priority: chance(0.5) ? 'background' : 'foreground',
          inFlightMax: 3 + Math.floor(random() * 20),
        }),
      ),
    ]
    // In the order of the calls: as the how manieth each was settled. The promise of a chain takes some turns more to say so.
    const settledAt: number[] = []
    const barriers: number[] = []
    let settlements = 0
    const noted = <R>(index: number, operation: Operation<R>): Operation<R> => ({
      ...operation,
      result: (value, cqeFlags, notification) => {
        settledAt[index] = settlements++
        return operation.result(value, cqeFlags, notification)
      },
    })
    const requests: Promise<unknown>[] = []
    for (let index = 0; index < 1200; index++) {
      const raw = all[Math.floor(random() * all.length)]!.raw()
      const drain = chance(0.05)
      if (drain) barriers.push(index)
      const submitted: Promise<unknown> = chance(0.2)
        ? raw.chain().link(op.nop()).hardlink(noted(index, op.nop())).submit({ drain })
        : chance(0.2)
          ? raw.submit(noted(index, op.timeout({ timeMs: 1 + Math.floor(random() * 3) })), { drain })
          : raw.submit(noted(index, op.nop()), { drain })
      requests.push(submitted)
      if (chance(0.05)) await nextTurn()
      if (index % 200 === 199) await Promise.all(requests)
    }
    await Promise.all(requests)
    expect(settlements).toBe(1200)
    for (const barrier of barriers) {
      const moment = settledAt[barrier]!
      expect(settledAt.slice(0, barrier).every((at) => at < moment)).toBe(true)
      expect(settledAt.slice(barrier + 1).every((at) => at > moment)).toBe(true)
    }
    expect(barriers.length).toBeGreaterThan(20)
    expect(ringStats(rings)).toMatchObject({ inFlight: 0, foregroundWaiting: 0, backgroundWaiting: 0, cqOverflows: 0 })
  })

  it('holds for files of a view, too', async () => {
    await using rings = await small(poller)
    const view = rings.view({ priority: 'background' })
    const name = path(`barrier-${poller}`)
    await view.writeFile(name, 'before')
    const file = await view.open(name, 'r+')
    const { fd, feed } = pipe()
    const first = rings.raw().submit(read(fd))
    const barrier = rings.raw().submit(op.nop(), { drain: true })
    const written = file.write(Buffer.from('behind'), { position: 0 })
    expect(await settledWithin(Promise.race([barrier, written]), 20)).toBe('pending')
    expect(readFileSync(name, 'latin1')).toBe('before')
    feed(1)
    await Promise.all([first, barrier, written])
    expect(readFileSync(name, 'latin1')).toBe('behind')
    await file.close()
  })
})
