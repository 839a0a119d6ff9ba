// Conformance, row LINK: chains that wait for everything before them, and the whole ring for them. What liburing's link_drain,
// defer and multicqes_drain check. A drain is a barrier for a whole ring: nothing else may use it meanwhile.
import { writeSync } from 'node:fs'
import { expect, it } from 'vitest'
import { op, pollStream } from '../../services/raw/index.ts'
import type { Operation } from '../../services/raw/index.ts'
import { seededRandom, settledWithin, testSeed } from '../services/harness.ts'
import { Ringmaster } from '../../services/ringmaster.ts'
import { describeOnEveryRing } from './every-ring.ts'
import { emptyPipe, failing } from './link-cases.ts'

// What is noted is noted where a completion is seen: promises of chains settle later than those of single operations.
const seed = testSeed('link-drain')

/** Ends after `timeMs`. */
const lasting = (timeMs: number): Operation<unknown> => op.timeout({ timeMs })

describeOnEveryRing(
  'LINK, drained',
  (stand) => {
    it('link_drain: a drained chain begins when all before it is over, and what follows begins after it', async () => {
      const { raw } = stand
      const order: string[] = []
      const noted = (name: string): Operation<unknown> => ({ ...op.nop(), result: () => order.push(name) })
      await Promise.all([
        raw.chain().link(lasting(15)).link(noted('before')).submit(),
        raw.chain().link(lasting(5)).link(noted('sooner')).submit(),
        raw.chain().link(lasting(10)).link(noted('drained')).submit({ drain: true }),
        raw.submit(noted('after')),
        raw.chain().link(op.nop()).link(noted('last')).submit(),
      ])
      expect(order).toEqual(['sooner', 'before', 'drained', 'after', 'last'])
    })

    it('link_drain: several drained chains keep their order, a failed one too', async () => {
      const { raw } = stand
      const order: number[] = []
      const chains = Array.from({ length: 12 }, async (_, index) => {
        const first = index % 3 === 2 ? failing() : lasting(index % 2)
        const outcomes = await raw
          .chain()
          .link(first)
          .link(op.nop())
          .submit({ drain: index % 2 === 0 })
        order.push(index)
        return outcomes.map(({ status }) => status)
      })
      const statuses = await Promise.all(chains)
      const wanted = statuses.map((_, index) => (index % 3 === 2 ? ['failed', 'cancelled'] : ['done', 'done']))
      expect(statuses).toEqual(wanted)
      // Drained ones have everything before them behind them, and everything after them before them.
      for (let index = 0; index < 12; index += 2) {
        const place = order.indexOf(index)
        expect(order.slice(0, place).every((other) => other < index)).toBe(true)
        expect(order.slice(place + 1).every((other) => other > index)).toBe(true)
      }
    })

    it('link_drain: operations and chains of all kinds in a random order: drained ones are where they were put', async () => {
      const { raw } = stand
      const random = seededRandom(seed)
      const over: number[] = []
      const drained: number[] = []
      const noted = (index: number): Operation<unknown> => ({ ...op.nop(), result: () => over.push(index) })
      const all = Array.from({ length: 40 }, (_, index) => {
        const drain = random() < 0.3
        if (drain) drained.push(index)
        if (random() < 0.5) return raw.submit(noted(index), { drain })
        const head = random() < 0.5 ? op.nop() : lasting(random() * 2)
        return raw.chain().link(head).link(noted(index)).submit({ drain })
      })
      await Promise.all(all)
      expect(over).toHaveLength(40)
      for (const index of drained) {
        const place = over.indexOf(index)
        expect(over.slice(0, place).every((other) => other < index)).toBe(true)
        expect(over.slice(place + 1).every((other) => other > index)).toBe(true)
      }
    })

    it('defer: what waits behind a barrier, and the barrier, can be cancelled while what is before them goes on', async () => {
      const { raw } = stand
      const { read, write } = await emptyPipe(stand)
      const before = raw.submit(op.read({ fd: read, buffer: Buffer.alloc(1) }))
      const abort = new AbortController()
      const { signal } = abort
      const barrier = settledWithin(raw.submit(op.nop(), { drain: true, signal }))
      const chain = raw.chain().link(lasting(60_000)).link(op.nop()).submit({ drain: true, signal })
      const behind = raw.submit(op.nop())
      expect(await settledWithin(behind, 30)).toBe('pending')
      abort.abort()
      expect(await barrier).toBe('ABORT_ERR')
      expect(await chain).toMatchObject([
        { status: 'cancelled', error: { name: 'AbortError' } },
        { status: 'cancelled', error: { name: 'AbortError' } },
      ])
      expect(await behind).toBe(0) // nothing holds it back any more
      writeSync(write, 'x')
      expect(await before).toBe(1)
    })

    it('defer: what runs in a kernel worker thread is cancelled while a barrier waits for it', async () => {
      const { raw } = stand
      const { read } = await emptyPipe(stand)
      const { write } = await emptyPipe(stand)
      const abort = new AbortController()
      const { signal } = abort
      const splice = settledWithin(raw.submit(op.splice({ fdIn: read, fdOut: write, length: 1 }), { signal }))
      const barrier = raw.submit(op.nop(), { drain: true })
      expect(await settledWithin(barrier, 30)).toBe('pending')
      abort.abort()
      expect(await splice).toBe('ABORT_ERR')
      expect(await barrier).toBe(0)
    })

    it('defer: asyncCancel goes past a barrier, to what it waits for and to the barrier itself', async () => {
      const { raw } = stand
      const { read, write } = await emptyPipe(stand)
      const reading = op.read({ fd: read, buffer: Buffer.alloc(1) })
      const first = settledWithin(raw.submit(reading))
      const barrier = raw.submit(op.nop(), { drain: true })
      expect(await settledWithin(barrier, 10)).toBe('pending')
      expect(await raw.submit(op.asyncCancel({ operation: reading }))).toBe(0)
      expect([await first, await barrier]).toEqual(['ECANCELED', 0])
      const second = raw.submit(reading)
      const held = op.nop()
      const cancelled = settledWithin(raw.submit(held, { drain: true }))
      expect(await raw.submit(op.asyncCancel({ operation: held }))).toBe(0)
      expect(await cancelled).toBe('ECANCELED')
      writeSync(write, 'x')
      expect(await second).toBe(1)
    })

    it('defer: a barrier with nothing before it begins at once, and holds back only what follows', async () => {
      const { raw } = stand
      const { read, write } = await emptyPipe(stand)
      const barrier = raw.submit(op.read({ fd: read, buffer: Buffer.alloc(1) }), { drain: true })
      const behind = raw.submit(op.nop())
      expect(await settledWithin(behind, 30)).toBe('pending')
      writeSync(write, 'x')
      expect([await barrier, await behind, await raw.submit(op.nop())]).toEqual([1, 0, 0])
    })

    it('defer: a time limit before a barrier runs out, and a quiet chain does not end draining', async () => {
      const { raw } = stand
      const { read } = await emptyPipe(stand)
      const limited = raw
        .chain()
        .link(op.read({ fd: read, buffer: Buffer.alloc(1) }))
        .timeout(10)
        .link(op.nop())
        .submit()
      const barrier = raw.submit(op.nop(), { drain: true })
      expect(await limited).toMatchObject([{ status: 'timed-out' }, { status: 'cancelled' }])
      expect(await barrier).toBe(0)
      const quiet = await raw.chain().link(op.nop(), { quiet: true }).link(op.nop()).submit({ drain: true })
      expect(quiet).toMatchObject([{ status: 'done' }, { status: 'done' }])
      expect(await raw.submit(op.nop(), { drain: true })).toBe(0)
    })

    it('defer: what a barrier waits for can be cancelled, though a cancellation would wait behind the barrier', async () => {
      const { raw } = stand
      const { read } = await emptyPipe(stand)
      const abort = new AbortController()
      const before = settledWithin(raw.submit(op.read({ fd: read, buffer: Buffer.alloc(1) }), { signal: abort.signal }))
      const barrier = raw.submit(op.nop(), { drain: true })
      const behind = raw.submit(op.nop())
      await settledWithin(barrier, 10)
      abort.abort()
      expect(await before).toBe('ABORT_ERR')
      expect([await barrier, await behind]).toEqual([0, 0])
    })

    it('defer: closing does not wait for what a barrier waits for', async () => {
      const rings = await Ringmaster.start({ ...stand.kind, rings: 1, closeGraceMs: 10, closeDeadlineMs: 20_000 })
      const raw = rings.raw()
      const { read, write } = await raw.submit(op.pipe())
      const before = settledWithin(raw.submit(op.read({ fd: read, buffer: Buffer.alloc(1) })), 10_000)
      const barrier = settledWithin(raw.chain().link(lasting(60_000)).link(op.nop()).submit({ drain: true }), 10_000)
      await rings.close()
      expect([await before, await barrier]).toEqual(['ECANCELED', 'resolved'])
      stand.own(read)
      stand.own(write)
    })

    it('defer: drained chains with time limits do not hold each other up', async () => {
      const { raw } = stand
      const chains = Array.from({ length: 8 }, () =>
        raw.chain().link(lasting(1)).timeout(60_000).submit({ drain: true }),
      )
      for (const [outcome] of await Promise.all(chains)) expect(outcome).toMatchObject({ status: 'done' })
      const limited = await raw.chain().link(lasting(60_000)).timeout(2).submit({ drain: true })
      expect(limited).toMatchObject([{ status: 'timed-out' }])
    })

    it('multicqes_drain: a barrier waits for a multishot request until its last completion', async () => {
      const { raw } = stand
      const { read, write } = await emptyPipe(stand)
      const polls = raw.stream(pollStream({ fd: read, events: 1 }))
      const first = polls.next()
      const barrier = raw.submit(op.nop(), { drain: true })
      writeSync(write, 'x')
      expect(await first).toMatchObject({ value: 1 })
      expect(await settledWithin(barrier, 30)).toBe('pending')
      await polls.return()
      expect(await barrier).toBe(0)
    })
  },
  {},
  () => true,
)
