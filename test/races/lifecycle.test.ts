// Closing a ring and ending its worker thread while everything is under way: reads that wait, chains, streams, timeouts,
// whole files, requests that have no place yet. Every promise settles, nothing is left, and what the ring held has come back
// (asserted by every close(): test/tooling/conservation.ts).
import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, writeFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import { op, timeoutStream } from '../../services/raw/index.ts'
import { Ringmaster } from '../../services/ringmaster.ts'
import { descriptors, eventually, everyRing, settledWithin, temporaryFolder } from '../services/harness.ts'
import type { Random } from '../simulation/random.ts'
import { watchPools } from '../workers/open-ring.ts'
import { moment, raceRandom, rounds } from './races.ts'

const folder = temporaryFolder()
const small = `${folder.path}/small`
writeFileSync(small, 'hello')
execFileSync('mkfifo', [`${folder.path}/pipe`])
const pipeFd = openSync(`${folder.path}/pipe`, constants.O_RDWR)
afterAll(() => {
  closeSync(pipeFd)
  folder.remove()
})

/** Starts some of everything; how each ended. */
function everything(rings: Ringmaster, random: Random): Promise<string>[] {
  const raw = rings.raw()
  const ended: Promise<string>[] = []
  const start = (begin: () => Promise<unknown>): void => {
    ended.push(settledWithin(begin(), 10_000))
  }
  const kinds: (() => Promise<unknown>)[] = [
    () => raw.submit(op.read({ fd: pipeFd, buffer: Buffer.alloc(8) })),
    () => raw.submit(op.timeout({ timeMs: random.below(20) })),
    () => rings.readFile(small, 'utf8'),
    () => rings.nopBatch(1 + random.below(200)),
    () =>
      raw
        .chain()
        .hardlink(op.nop())
        .link(op.timeout({ timeMs: 5 }))
        .link(op.nop())
        .submit(),
    () =>
      raw
        .chain()
        .link(op.read({ fd: pipeFd, buffer: Buffer.alloc(8) }))
        .timeout(random.below(10))
        .submit(),
    async () => {
      for await (const tick of raw.stream(timeoutStream({ intervalMs: 1, count: 5 }))) if (tick > 5) break
    },
    () => raw.submit(op.nop(), { signal: AbortSignal.timeout(1 + random.below(5)) }),
    () =>
      raw.submit(op.read({ fd: pipeFd, buffer: Buffer.alloc(8) }), {
        signal: AbortSignal.timeout(1 + random.below(5)),
      }),
  ]
  for (let left = 10 + random.below(60); left > 0; left--) start(random.pick(kinds))
  return ended
}

const held = (): string[] => descriptors().filter((target) => /io_uring|eventfd/.test(target))

describe.each(everyRing)('races: $poller poller, $memory memory', (kind) => {
  const options = { ...kind, rings: 1, sqEntries: 64, directDescriptors: 4, backlogMax: 200, closeDeadlineMs: 5000 }

  it('close against everything', async () => {
    const random = raceRandom('close against everything')
    const before = held()
    for (let round = 0; round < rounds(2); round++) {
      const rings = await Ringmaster.start({ ...options, closeGraceMs: random.pick([0, 5, 50]) })
      const ended = everything(rings, random)
      await moment(random)
      const closed = settledWithin(rings.close(), 10_000)
      ended.push(...everything(rings, random)) // too late, for most
      expect(await closed).toBe('resolved')
      expect(await Promise.all(ended)).not.toContain('pending')
    }
    expect(await eventually(() => held().length <= before.length)).toBe(true)
  })

  it('the end of the worker thread against everything', async () => {
    const random = raceRandom('worker termination against everything')
    const before = held()
    for (let round = 0; round < rounds(2); round++) {
      const killThreads = watchPools()
      const rings = await Ringmaster.start({ ...options, closeGraceMs: 100 })
      const ended = everything(rings, random)
      await moment(random)
      const killed = killThreads()
      ended.push(...everything(rings, random))
      await killed
      await moment(random)
      ended.push(...everything(rings, random))
      expect(await settledWithin(rings.close(), 10_000)).toBe('resolved')
      expect(await Promise.all(ended)).not.toContain('pending')
    }
    expect(await eventually(() => held().length <= before.length)).toBe(true)
  })
})
