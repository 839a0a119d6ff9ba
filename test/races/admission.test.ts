// Everything that admission decides, at once and at random: views of both classes with limits of their own, time limits, signals,
// barriers, cancellations by operation, and closing in the midst of it. Every request is settled once, with an outcome that it may
// have, and what rings and views have counted adds up.
import { writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { op } from '../../services/raw/index.ts'
import type { Operation } from '../../services/raw/operation.ts'
import type { Ringmaster } from '../../services/index.ts'
import type { RingView } from '../../services/view.ts'
import { limitsPending } from '../../services/time-limit.ts'
import { path, pipe, small } from '../services/admission/stand.ts'
import { allPollers, settledWithin } from '../services/harness.ts'
import type { Random } from '../simulation/random.ts'
import { moment, raceRandom, rounds } from './races.ts'

const outcomes = new Set([
  ...['resolved', 'ABORT_ERR', 'ECANCELED', 'EINTR', 'ERR_RING_TIMEOUT', 'ERR_RING_BACKLOG_FULL', 'ERR_RING_CLOSED'],
  'EBADF', // of a file that was closed meanwhile
])

interface Requests {
  /** How each ended. */
  readonly ended: Promise<string>[]
  /** How often each operation's result was asked for. */
  readonly results: number[]
}

function requestsOf(rings: Ringmaster, views: readonly RingView[], random: Random, name: string): Requests {
  const { fd, feed } = pipe()
  const requests: Requests = { ended: [], results: [] }
  const counted = <R>(operation: Operation<R>): Operation<R> => {
    const index = requests.results.push(0) - 1
    return {
      ...operation,
      result: (value, cqeFlags, notification) => {
        requests.results[index]! += 1
        return operation.result(value, cqeFlags, notification)
      },
    }
  }
  const read = (): Operation => op.read({ fd, buffer: Buffer.alloc(1) })
  const ends = (): { signal?: AbortSignal; timeoutMs?: number; drain?: boolean } => {
    const controller = new AbortController()
    if (random.chance(0.2)) void moment(random).then(() => controller.abort())
    return {
      ...(random.chance(0.3) ? { signal: controller.signal } : {}),
      ...(random.chance(0.4) ? { timeoutMs: 1 + random.below(30) } : {}),
    }
  }
  const kinds: ((from: RingView | Ringmaster) => Promise<unknown>)[] = [
    (from) => from.raw(random.below(2)).submit(counted(op.nop()), { ...ends(), drain: random.chance(0.05) }),
    (from) => from.raw(random.below(2)).submit(counted(op.timeout({ timeMs: random.below(20) })), ends()),
    // Whoever waits for others has a limit: nothing else may end it here.
    (from) => from.raw(random.below(2)).submit(counted(read()), { ...ends(), timeoutMs: 1 + random.below(30) }),
    (from) =>
      from
        .raw(random.below(2))
        .chain()
        .hardlink(counted(op.nop()))
        .link(counted(op.timeout({ timeMs: random.below(10) })))
        .link(counted(op.nop()), { quiet: random.chance(0.3) })
        .submit({ ...ends(), drain: random.chance(0.05) }),
    (from) => from.raw(random.below(2)).chain().link(counted(read())).timeout(random.below(10)).submit(ends()),
    (from) => from.readFile(name, ends()),
    (from) => from.writeFile(`${name}-${random.below(4)}`, 'text', ends()),
    (from) => from.stat(name, ends()),
    (from) => from.nopBatch(1 + random.below(40)),
    async (from) => {
      await using file = await from.open(name, 'r', 0o666, ends())
      await file.read({ ...ends(), buffer: Buffer.alloc(16), position: 0 })
    },
    async (from) => {
      const target = read()
      const over = settledWithin(from.raw(0).submit(target, { timeoutMs: 50 }), 20_000)
      await moment(random)
      await from
        .raw(0)
        .submit(op.asyncCancel({ operation: target }))
        .catch(() => undefined)
      expect(outcomes).toContain(await over)
    },
  ]
  for (let left = 150 + random.below(250); left > 0; left--) {
    const from = random.chance(0.25) ? rings : random.pick(views)
    requests.ended.push(settledWithin(random.pick(kinds)(from), 20_000))
    if (random.chance(0.05)) feed(1)
  }
  return requests
}

describe.each(allPollers)('races: admission on poller %s', (poller) => {
  it.each([
    ['that end by themselves', false],
    ['against close', true],
  ])('views, classes, limits, signals and barriers %s: everything is settled once', async (_, closing) => {
    const random = raceRandom(`admission on ${poller}`)
    const name = path(`raced-${poller}-${String(closing)}`)
    writeFileSync(name, 'some text')
    for (let round = 0; round < rounds(3); round++) {
      const rings = await small(poller, { rings: 2, backlogMax: 100 + random.below(400), directDescriptors: 4 })
      const views = Array.from({ length: 5 }, () =>
        rings.view({
          priority: random.pick(['foreground', 'background']),
          inFlightMax: 3 + random.below(60),
          backlogMax: 5 + random.below(120),
        }),
      )
      const { ended, results } = requestsOf(rings, views, random, name)
      if (closing) await moment(random)
      const closed = closing ? rings.close() : Promise.all(ended)
      const all = await Promise.all(ended)
      await closed
      await rings.close()
      const tally: Record<string, number> = {}
      for (const outcome of all) tally[outcome] = (tally[outcome] ?? 0) + 1
      expect(Object.keys(tally).filter((outcome) => !outcomes.has(outcome))).toEqual([])
      expect(Math.max(...results)).toBeLessThanOrEqual(1)
      for (const view of views) expect(view.stats()).toEqual({ inFlight: 0, waiting: 0 })
      for (const ring of rings.stats().rings) {
        expect(ring).toMatchObject({ inFlight: 0, backlog: 0, foregroundWaiting: 0, backgroundWaiting: 0 })
        expect(ring).toMatchObject({ backgroundInFlight: 0, cqOverflows: 0, completions: ring.requests })
      }
      expect(limitsPending()).toBe(0)
    }
  })
})
