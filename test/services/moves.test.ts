// A ring is moved to another poller while it works: new requests go to the new ring, the old one finishes what it has, nothing is lost
// and nothing is left. Against the real kernel; here it is said when to move, adaptation.test.ts lets it be found out.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Registry } from 'prom-client'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { OwnRings } from '../../services/open-rings.ts'
import { Ringmaster } from '../../services/ringmaster.ts'
import type { Poller } from '../../workers/poller-kind.ts'
import { parseExposition } from '../metrics/exposition.ts'
import { Random } from '../simulation/random.ts'
import { eventually, fieldOf, seededBytes, settledWithin, temporaryFolder, testSeed } from './harness.ts'
import { held, startLoad, watchPools } from './supervision-harness.ts'

const folder = temporaryFolder()
let pipes = 0
const makePipe = (): string => {
  const path = join(folder.path, `pipe${pipes++}`)
  execFileSync('mkfifo', [path])
  return path
}
let pools: ReturnType<typeof watchPools>
beforeEach(() => {
  pools = watchPools()
})
afterEach(() => {
  pools.stop()
})
afterAll(() => {
  folder.remove()
})

const openOf = (rings: Ringmaster): OwnRings => fieldOf(rings, 'rings') as OwnRings
const nothing = (): null => null

/** Moves a ring; resolves with null, or with why it stays. */
const move = (rings: Ringmaster, ring: number, value: Poller): Promise<string | null> =>
  openOf(rings).move(ring, { value, reason: `moved to ${value} by a test` }, nothing)

/** Rings that are open: those in their places, and those that finish what they have. */
const openNow = (rings: Ringmaster): number => [...openOf(rings).users].length

async function expectNothingLeft(before: ReturnType<typeof held>): Promise<void> {
  expect(await eventually(() => held().threads.length === before.threads.length)).toBe(true)
  expect(held()).toEqual(before)
}

/** What this process holds once it had rings. */
async function heldBefore(): Promise<ReturnType<typeof held>> {
  await (await Ringmaster.start({ poller: 'kernel', rings: 2 })).close()
  return held()
}

const ways: [Poller, Poller][] = [
  ['kernel', 'caller'],
  ['caller', 'kernel'],
  ['kernel', 'worker'],
  ['worker', 'caller'],
]

describe.each(ways)('a ring that is moved from %s to %s', (from, to) => {
  it.each(['user', 'mapped'] as const)(
    'under load, in %s memory: every request settles once, with the right data, and nothing is left',
    { timeout: 120_000 },
    async (memory) => {
      const seed = testSeed(`moves, ${from} to ${to}, ${memory}`)
      const before = await heldBefore()
      const rings = await Ringmaster.start({ poller: from, memory, rings: 2, sqEntries: 64 })
      const load = startLoad(rings, folder.path, seed, 12)
      for (const ring of [0, 1]) {
        await sleep(30)
        expect(await move(rings, ring, to)).toBeNull()
      }
      const settled = load.outcome.settled
      expect(await eventually(() => load.outcome.settled > settled + 100, 20_000)).toBe(true)
      expect(await eventually(() => openNow(rings) === 2, 20_000)).toBe(true)
      await load.stop()
      expect({ ...load.outcome, settled: load.outcome.settled > 100 }).toEqual({
        settled: true,
        failures: new Map(),
        wrong: 0,
      })
      const stats = rings.stats().rings
      expect(
        stats.map(({ poller, reason, moves, state, workerState }) => ({ poller, reason, moves, state, workerState })),
      ).toEqual(
        Array(2).fill({ poller: to, reason: `moved to ${to} by a test`, moves: 1, state: 'open', workerState: 'well' }),
      )
      // Nobody waits for the closing of what readFile() opened.
      const over = (): boolean => rings.stats().rings.every(({ requests, completions }) => completions === requests)
      expect(await eventually(over)).toBe(true)
      await rings.close()
      await expectNothingLeft(before)
    },
  )

  it('finishes what waits in it, for however long, while others go to the new one', async () => {
    const before = await heldBefore()
    const rings = await Ringmaster.start({ poller: from, rings: 1 })
    const pipe = await rings.open(makePipe(), 'r+')
    const early = pipe.read(Buffer.alloc(5))
    await rings.nop()
    expect(await move(rings, 0, to)).toBeNull()
    const { bytesRead } = await (await rings.open(process.execPath)).read(Buffer.alloc(64), { position: 0 })
    expect(bytesRead).toBe(64)
    expect(await settledWithin(early, 50)).toBe('pending')
    expect(openNow(rings)).toBe(2)
    expect(await move(rings, 0, from)).toMatch(/requests that are not over/)
    writeSync(pipe.fd, 'later')
    expect((await early).buffer.toString()).toBe('later')
    expect(await eventually(() => openNow(rings) === 1)).toBe(true)
    await pipe.close()
    await rings.close()
    expect(await eventually(() => held().threads.length === before.threads.length)).toBe(true)
  })

  it('goes on counting: no counter falls', async () => {
    await using rings = await Ringmaster.start({ poller: from, rings: 1 })
    const registry = new Registry()
    rings.register(registry)
    const path = join(folder.path, 'counted')
    writeFileSync(path, seededBytes(5000, 3))
    for (let turn = 0; turn < 50; turn++) await rings.readFile(path)
    const counters = async (): Promise<Map<string, number>> => {
      const values = new Map<string, number>()
      for (const family of parseExposition(await registry.metrics()).values()) {
        if (family.type === 'gauge') continue
        for (const { name, labels, value } of family.samples) values.set(`${name} ${JSON.stringify(labels)}`, value)
      }
      return values
    }
    const earlier = await counters()
    expect(await move(rings, 0, to)).toBeNull()
    for (const at of ['at once', 'when the old ring is closed']) {
      const now = await counters()
      // The times of an SQ thread are there as long as it is.
      const fallen = [...earlier].filter(
        ([name, value]) => !/sq_thread|run_queue/.test(name) && !((now.get(name) ?? -1) >= value),
      )
      expect({ at, fallen }).toEqual({ at, fallen: [] })
      expect(await eventually(() => openNow(rings) === 1)).toBe(true)
    }
    expect((await counters()).get('ringmaster_ring_moves_total {"ring":"0"}')).toBe(1)
  })

  it('is closed while it finishes: what never ends is cancelled, as without a move', async () => {
    const before = await heldBefore()
    const rings = await Ringmaster.start({ poller: from, rings: 1, closeGraceMs: 20 })
    const pipe = await rings.open(makePipe(), 'r+')
    const read = settledWithin(pipe.read(Buffer.alloc(5)), 20_000)
    await rings.nop()
    expect(await move(rings, 0, to)).toBeNull()
    await rings.close()
    expect(await read).toBe('ECANCELED')
    await pipe.close()
    await expectNothingLeft(before)
  })

  it('is closed while the new one is made', async () => {
    const before = await heldBefore()
    const rings = await Ringmaster.start({ poller: from, rings: 2 })
    const moving = [move(rings, 0, to), move(rings, 1, to)]
    await rings.close()
    for (const stays of await Promise.all(moving)) expect(stays).toMatch(/closing/)
    await expectNothingLeft(before)
  })

  it('loses its worker while it is moved, and just after', { timeout: 60_000 }, async () => {
    const seed = testSeed(`moves without a worker, ${from} to ${to}`)
    const before = await heldBefore()
    const rings = await Ringmaster.start({ poller: from, rings: 1 })
    const load = startLoad(rings, folder.path, seed, 8)
    const pipe = await rings.open(makePipe(), 'r+')
    const early = pipe.read(Buffer.alloc(5))
    await rings.nop()
    const moving = move(rings, 0, to)
    await pools.thread(0)?.terminate()
    const refused = await moving
    if (refused !== null) {
      expect(refused).toMatch(/worker was replaced|could not be opened/)
      expect(await eventually(() => rings.stats().rings[0]!.workerState === 'well', 20_000)).toBe(true)
      expect(await move(rings, 0, to)).toBeNull()
    }
    expect(await eventually(() => rings.stats().rings[0]!.workerState === 'well', 20_000)).toBe(true)
    const { workerRestarts } = rings.stats().rings[0]!
    await pools.thread(0)!.terminate()
    expect(await eventually(() => rings.stats().rings[0]!.workerRestarts > workerRestarts, 20_000)).toBe(true)
    await load.stop()
    expect({ ...load.outcome, settled: load.outcome.settled > 0 }).toEqual({
      settled: true,
      failures: new Map(),
      wrong: 0,
    })
    expect(rings.stats().rings[0]).toMatchObject({ poller: to, state: 'open', workerState: 'well', moves: 1 })
    writeSync(pipe.fd, 'later')
    expect((await early).buffer.toString()).toBe('later')
    await pipe.close()
    expect(await eventually(() => openNow(rings) === 1)).toBe(true)
    await rings.close()
    await expectNothingLeft(before)
  })
})

describe('rings that are moved again and again, in any order, while workers die', () => {
  it('lose no request, and leave nothing', { timeout: 120_000 }, async () => {
    const seed = testSeed('moves in any order')
    const random = new Random(seed)
    const before = await heldBefore()
    const rings = await Ringmaster.start({ poller: 'kernel', rings: 2, sqEntries: 64 })
    const load = startLoad(rings, folder.path, seed, 12)
    let moved = 0
    const refusals = new Map<string, number>()
    for (const deadlineMs = performance.now() + 60_000; moved < 12 && performance.now() < deadlineMs;) {
      const ring = random.below(2)
      const moving = move(rings, ring, random.pick(['kernel', 'worker', 'caller'] as const))
      if (random.below(3) === 0) void pools.thread(ring)?.terminate()
      const stayed = await moving
      if (stayed === null) moved++
      else refusals.set(stayed, (refusals.get(stayed) ?? 0) + 1)
      await sleep(random.below(20))
    }
    expect({ moved, refusals: moved === 12 ? null : refusals }).toEqual({ moved: 12, refusals: null })
    const well = (): boolean => rings.stats().rings.every(({ workerState }) => workerState === 'well')
    expect(await eventually(() => openNow(rings) === 2 && well(), 20_000)).toBe(true)
    await load.stop()
    expect({ ...load.outcome, settled: load.outcome.settled > 0 }).toEqual({
      settled: true,
      failures: new Map(),
      wrong: 0,
    })
    expect(rings.stats().rings.reduce((sum, { moves }) => sum + moves, 0)).toBe(12)
    await rings.close()
    await expectNothingLeft(before)
  })
})

describe('a ring that is moved', () => {
  it('keeps the writes of a file in their order', async () => {
    await using rings = await Ringmaster.start({ poller: 'kernel', rings: 1 })
    const path = join(folder.path, 'ordered')
    const file = await rings.open(path, 'w', 0o600, { ordered: true })
    const lines = Array.from({ length: 400 }, (_, line) => `line ${line}\n`)
    const writes = lines.slice(0, 200).map((line) => file.write(line))
    const moving = move(rings, 0, 'caller')
    writes.push(...lines.slice(200, 300).map((line) => file.write(line)))
    expect(await moving).toBeNull()
    writes.push(...lines.slice(300).map((line) => file.write(line)))
    await Promise.all(writes)
    await file.close()
    expect(readFileSync(path, 'utf8')).toBe(lines.join(''))
  })

  it('has the arenas’ memory, and a slab that the old ring uses is leased to nobody', async () => {
    await using rings = await Ringmaster.start({ poller: 'kernel', rings: 1 })
    const arena = rings.arena({ slabBytes: 4096, slabs: 1, fixedFor: 'all' })
    const pipe = await rings.open(makePipe(), 'r+')
    const lease = arena.lease()
    const read = pipe.read(lease.buffer)
    await rings.nop()
    expect(await move(rings, 0, 'caller')).toBeNull()
    expect(arena.registered).toBe(true)
    lease.release()
    expect(arena.tryLease()).toBeNull()
    writeSync(pipe.fd, 'late')
    expect((await read).bytesRead).toBe(4)
    {
      using again = arena.lease()
      const file = await rings.open(process.execPath)
      expect((await file.read(again.buffer, { position: 0 })).bytesRead).toBe(4096)
      expect(again.buffer.toString('latin1', 1, 4)).toBe('ELF')
      await file.close()
    }
    await pipe.close()
    await arena.close()
  })

  it('finishes what the queues of its views hold', async () => {
    await using rings = await Ringmaster.start({ poller: 'kernel', rings: 1 })
    const view = rings.view({ priority: 'background', inFlightMax: 1 })
    const path = join(folder.path, 'viewed')
    writeFileSync(path, 'seen')
    const stats = Array.from({ length: 300 }, () => view.stat(path))
    const moving = move(rings, 0, 'caller')
    expect(await moving).toBeNull()
    stats.push(...Array.from({ length: 300 }, () => view.stat(path)))
    for (const { size } of await Promise.all(stats)) expect(size).toBe(4)
    expect(view['account']).toMatchObject({ inFlight: 0, waiting: 0 })
  })

  it('is made anew with the poller it was moved to, should it be lost', async () => {
    const rings = await Ringmaster.start({ poller: 'kernel', rings: 1 })
    expect(await move(rings, 0, 'caller')).toBeNull()
    rings['rings'].handles[0]!.client['lose'](new Error('a test'))
    expect(await eventually(() => rings.stats().rings[0]!.renewals === 1)).toBe(true)
    expect(rings.stats().rings[0]).toMatchObject({ poller: 'caller', state: 'open', moves: 1 })
    await rings.close()
  })

  it('stays where something speaks against it, asked before and after the new one is made', async () => {
    const before = await heldBefore()
    const rings = await Ringmaster.start({ poller: 'kernel', rings: 1 })
    const to = { value: 'caller', reason: 'a test' } as const
    expect(await openOf(rings).move(0, to, () => 'not now')).toBe('not now')
    let asked = 0
    expect(await openOf(rings).move(0, to, () => (asked++ === 0 ? null : 'not any more'))).toBe('not any more')
    expect(rings.stats().rings[0]).toMatchObject({ poller: 'kernel', moves: 0, workerState: 'well' })
    await pools.thread(0)!.terminate() // it is looked after as before
    expect(await eventually(() => rings.stats().rings[0]!.workerRestarts === 1, 20_000)).toBe(true)
    expect(await rings.readFile('/proc/self/comm', 'utf8')).not.toBe('')
    await rings.close()
    await expectNothingLeft(before)
  })
})
