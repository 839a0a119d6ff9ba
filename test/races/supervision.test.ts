// Ring workers are terminated again and again under load: every request settles once and with the right data, nothing is left. In the
// long suite 100 terminations a minute for a minute, with each poller.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { Ringmaster } from '../../services/ringmaster.ts'
import { allPollers, eventually, temporaryFolder, testSeed } from '../services/harness.ts'
import { held, startLoad, watchPools } from '../services/supervision-harness.ts'
import { rounds } from './races.ts'

const folder = temporaryFolder()
afterAll(() => {
  folder.remove()
})

const everyMs = 600

describe.each(allPollers)('workers that are terminated every 600 ms, poller %s', (poller) => {
  it('are replaced, and nothing is lost', async () => {
    const terminations = rounds(5)
    await (await Ringmaster.start({ poller, rings: 2 })).close()
    const before = held()
    const pools = watchPools()
    const rings = await Ringmaster.start({ poller, rings: 2 })
    const load = startLoad(rings, folder.path, testSeed(`terminations, ${poller}`), 16)
    for (let termination = 0; termination < terminations; termination++) {
      const next = sleep(everyMs)
      await pools.thread(termination % 2)?.terminate() // none: it is being replaced
      await next
    }
    pools.stop()
    await load.stop()
    expect(load.outcome).toMatchObject({ failures: new Map(), wrong: 0 })
    expect(await eventually(() => rings.stats().rings.every(({ workerState }) => workerState === 'well'), 20_000)).toBe(
      true,
    )
    await rings.close()
    expect(await eventually(() => held().threads.length === before.threads.length)).toBe(true)
    expect(held()).toEqual(before)
  })
})
