// What rarely happens to rings, on diagnostics_channel: brought about for real, and heard.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterEach, describe, expect, it } from 'vitest'
import { Ringmaster, type RingmasterChannels } from '../../services/index.ts'
import { eventually } from './harness.ts'
import { watchPools } from './supervision-harness.ts'

const undo: (() => void)[] = []
afterEach(() => {
  for (const end of undo.splice(0)) end()
})

/** What is published from now on, until the test is over. */
function heard<Name extends keyof RingmasterChannels>(name: Name): RingmasterChannels[Name][] {
  const events: RingmasterChannels[Name][] = []
  const listener = (message: unknown): void => {
    events.push(message as RingmasterChannels[Name])
  }
  subscribe(name, listener)
  undo.push(() => unsubscribe(name, listener))
  return events
}

describe('diagnostics_channel', () => {
  it('has the states of rings', async () => {
    const events = heard('ringmaster:ring:state')
    const rings = await Ringmaster.start({ rings: 2, name: 'demo' })
    await rings.close()
    await rings.close()
    expect(events.map(({ pool, ring, state }) => [pool, ring, state])).toEqual([
      ['demo', 0, 'open'],
      ['demo', 1, 'open'],
      ['demo', 0, 'closed'],
      ['demo', 1, 'closed'],
    ])
    expect(events[0]).toMatchObject({ poller: rings.stats().rings[0]!.poller, reason: rings.stats().rings[0]!.reason })
  })

  it('has workers that end and are replaced, as onWorker has', async () => {
    const events = heard('ringmaster:worker:state')
    const told: unknown[] = []
    const pools = watchPools()
    undo.push(pools.stop)
    await using rings = await Ringmaster.start({ rings: 1, poller: 'caller', onWorker: (event) => told.push(event) })
    await pools.thread(0)!.terminate()
    expect(await eventually(() => events.some(({ state }) => state === 'well'))).toBe(true)
    expect(events.map(({ state }) => state)).toEqual(['replacing', 'well'])
    expect(events).toEqual(told.map((event) => ({ pool: '', ...(event as object) })))
    await rings.nop()
  })

  const refuse = async (rings: Ringmaster, count: number): Promise<number> => {
    const most = rings.stats().rings[0]!.inFlightLimit
    const outcomes = await Promise.allSettled(Array.from({ length: most + 64 + count }, () => rings.nop()))
    const refused = outcomes.filter(({ status }) => status === 'rejected').length
    expect(refused).toBeGreaterThan(0)
    return refused
  }
  const small = { rings: 1, poller: 'caller', sqEntries: 8, cqEntries: 128, backlogMax: 0 } as const
  const total = (events: readonly { rejections: number }[]): number =>
    events.reduce((sum, { rejections }) => sum + rejections, 0)

  it.each([0, 10_000])(
    'has all refused requests, counted together: heartbeatTimeoutMs %i',
    async (heartbeatTimeoutMs) => {
      const events = heard('ringmaster:backlog:full')
      const rings = await Ringmaster.start({ ...small, heartbeatTimeoutMs })
      let refused = await refuse(rings, 50)
      expect(await eventually(() => events.length > 0)).toBe(true)
      expect(events[0]).toMatchObject({ pool: '', ring: 0 })
      refused += await refuse(rings, 10)
      await rings.close()
      expect(total(events)).toBe(refused)
    },
  )

  it('has requests that were refused just before close() or closeSync()', async () => {
    const events = heard('ringmaster:backlog:full')
    const first = await Ringmaster.start({ ...small, name: 'first' })
    const second = await Ringmaster.start({ ...small, name: 'second' })
    const refused = [await refuse(first, 20), await refuse(second, 20)]
    await first.close()
    second.closeSync()
    const of = (pool: string): number => total(events.filter((event) => event.pool === pool))
    expect([of('first'), of('second')]).toEqual(refused)
  })
})
