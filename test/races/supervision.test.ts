// Ring workers are terminated again and again under load: every request settles once and with the right data, nothing is left. In the
// long suite 100 terminations in a minute, with each poller; it prints what that came to, and what it cost the requests.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import { afterAll, describe, expect, it } from 'vitest'
import { Ringmaster } from '../../services/ringmaster.ts'
import { allPollers, eventually, temporaryFolder, testSeed } from '../services/harness.ts'
import { held, startLoad, watchPools } from '../services/supervision-harness.ts'
import { latencyLine, rounds } from './races.ts'

const folder = temporaryFolder()
afterAll(() => {
  folder.remove()
})

const everyMs = 600
const lanes = 16

describe.each(allPollers)('workers that are terminated every 600 ms, poller %s', (poller) => {
  it('are replaced, and nothing is lost', async () => {
    const wanted = rounds(5)
    await (await Ringmaster.start({ poller, rings: 2 })).close()
    const before = held()
    const pools = watchPools()
    const rings = await Ringmaster.start({ poller, rings: 2 })
    const sum = (field: 'requests' | 'completions' | 'staleCompletions' | 'inFlight' | 'workerRestarts'): number =>
      rings.stats().rings.reduce((total, ring) => total + ring[field], 0)
    const load = startLoad(rings, folder.path, testSeed(`terminations, ${poller}`), lanes)
    await sleep(rounds(500)) // undisturbed, to compare with
    const quiet = latencyLine(load.takeLatenciesMs())
    const [startedMs, startedAt] = [performance.now(), load.outcome.settled]
    const victims = new Set<Worker>()
    const ends: Promise<number>[] = []
    for (let turn = 1; victims.size < wanted; turn++) {
      // None where both are being replaced.
      const victim = [turn % 2, (turn + 1) % 2]
        .map((ring) => pools.thread(ring))
        .find((thread) => thread !== undefined && !victims.has(thread))
      if (victim !== undefined) {
        victims.add(victim)
        ends.push(victim.terminate())
      }
      await sleep(Math.max(0, startedMs + turn * everyMs - performance.now()))
    }
    await Promise.all(ends)
    const seconds = (performance.now() - startedMs) / 1000
    const disturbed = latencyLine(load.takeLatenciesMs())
    const calls = load.outcome.settled - startedAt
    pools.stop()
    await load.stop()
    const well = (): boolean => rings.stats().rings.every(({ workerState }) => workerState === 'well')
    expect(await eventually(well, 20_000)).toBe(true)
    expect(await eventually(() => sum('inFlight') === 0)).toBe(true)
    const { failures, wrong } = load.outcome
    console.info(
      `terminations, ${poller}: ${victims.size} in ${seconds.toFixed(1)} s, ${sum('workerRestarts')} adoptions; ` +
        `${calls} calls meanwhile, ${sum('requests')} requests in all, ${failures.size} kinds of failures, ${wrong} wrong\n` +
        `  calls before: ${quiet}\n  calls meanwhile: ${disturbed}`,
    )
    expect({ failures, wrong, stale: sum('staleCompletions') }).toEqual({ failures: new Map(), wrong: 0, stale: 0 })
    expect(sum('completions')).toBe(sum('requests')) // once each
    expect(sum('workerRestarts')).toBeGreaterThan(0)
    await rings.close()
    expect(await eventually(() => held().threads.length === before.threads.length)).toBe(true)
    expect(held()).toEqual(before)
  })
})
