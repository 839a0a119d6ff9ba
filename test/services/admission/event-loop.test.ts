// Nobody is starved by a flooded ring: not the event loop, not another ring, not the idle one of two.
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Ringmaster } from '../../../services/index.ts'
import { op } from '../../../services/raw/index.ts'
import { allPollers, eventually } from '../harness.ts'

/** Keeps `depth` no-ops in flight until stopped, each claimed as soon as one is over. */
function flood(nop: () => Promise<unknown>, depth: number): { count(): number; stop(): Promise<unknown> } {
  let count = 0
  let stopped = false
  const lane = async (): Promise<void> => {
    while (!stopped) {
      await nop()
      count++
    }
  }
  const lanes = Promise.all(Array.from({ length: depth }, lane))
  return {
    count: () => count,
    stop: () => {
      stopped = true
      return lanes
    },
  }
}

describe.each(allPollers)('a flooded ring on poller %s', (poller) => {
  it('lets timers fire, immediates run and sockets talk', async () => {
    await using rings = await Ringmaster.start({ poller, rings: 1, closeGraceMs: 10_000 })
    const flooded = flood(() => rings.nop(), 1500)
    const server = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
    await once(client, 'connect')
    for (let round = 0; round < 20; round++) {
      await sleep(1)
      client.write(String(round))
      const [echo] = (await once(client, 'data')) as [Buffer]
      expect(echo.toString()).toBe(String(round))
    }
    let turns = 0
    for (const before = flooded.count(); flooded.count() < before + 20_000; turns++) await nextTurn()
    expect(turns).toBeGreaterThan(5) // with at most some thousand completions between two
    await flooded.stop()
    client.destroy()
    server.close()
  })

  it('lets requests of another ring settle, and of a view on the same', async () => {
    await using rings = await Ringmaster.start({ poller, rings: 2, closeGraceMs: 10_000 })
    const flooded = flood(() => rings.raw(0).submit(op.nop()), 1500)
    const view = rings.view({ priority: 'background' })
    for (let round = 0; round < 20; round++) {
      await rings.raw(1).submit(op.nop())
      await view.raw(0).submit(op.nop())
    }
    const before = flooded.count()
    expect(await eventually(() => flooded.count() > before)).toBe(true)
    await flooded.stop()
  })
})

describe('of several rings', () => {
  it('the one with the least load gets the next request: a flooded one gets none while the other is free', async () => {
    await using rings = await Ringmaster.start({ poller: 'caller', rings: 2 })
    const timers = Array.from({ length: 50 }, () => rings.raw(0).submit(op.timeout({ timeMs: 300 })))
    const before = rings.stats().rings.map(({ requests }) => requests)
    await Promise.all(Array.from({ length: 40 }, () => rings.nop()))
    const after = rings.stats().rings.map(({ requests }, ring) => requests - before[ring]!)
    expect(after).toEqual([0, 40])
    await Promise.all(timers)
  })

  it.each(['program', 'view'] as const)('both are used alike by many requests of a %s', async (whose) => {
    await using rings = await Ringmaster.start({ poller: 'caller', rings: 2 })
    const requester = whose === 'view' ? rings.view() : rings
    const before = rings.stats().rings.map(({ requests }) => requests)
    await Promise.all(Array.from({ length: 1000 }, () => requester.nop()))
    const after = rings.stats().rings.map(({ requests }, ring) => requests - before[ring]!)
    expect(after).toEqual([500, 500])
  })
})
