// Two to eight threads on two rings, each with a file of its own and files that all share, while threads are terminated at random
// and others come. Every byte is compared, and nothing is left. Some seconds here; a minute with two and one with eight in the long suite,
// which prints what they came to.
import { writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { Ringmaster } from '../../services/ringmaster.ts'
import { startClient } from '../services/clients/client-thread.ts'
import { sha256Of, workload } from '../services/clients/workload.ts'
import {
  allPollers,
  descriptors,
  eventually,
  fieldOf,
  seededBytes,
  temporaryFolder,
  threads,
} from '../services/harness.ts'
import { raceRandom, rounds } from './races.ts'

const folder = temporaryFolder()
let names = 0
const fresh = (): string => `${folder.path}/file${names++}`
const shared = [64, 5000, 30_000, 300_000].map((bytes, index) => {
  const path = fresh()
  writeFileSync(path, seededBytes(bytes, index))
  return { path, sha256: sha256Of(path) }
})
afterAll(() => {
  folder.remove()
})

const held = (): unknown => ({
  descriptors: descriptors().filter((name) => /io_uring|eventfd|eventpoll/.test(name)),
  threads: threads().filter((name) => !name.startsWith('iou-wrk')),
})
/** 3 s of work in all here, 60 s in the long suite. */
const workMs = rounds(3000)
/** Threads that stay; null: some. */
const counts = rounds(1) > 1 ? [2, 8] : [null]
const cases = allPollers.flatMap((poller) => counts.map((count) => ({ poller, count })))

describe.each(cases)('races: clients of two rings, poller $poller, threads that stay: $count', ({ poller, count }) => {
  it('terminations against everything', { timeout: 60_000 + 3 * workMs }, async () => {
    const random = raceRandom(`clients, ${poller}`)
    const rings = await Ringmaster.start({ poller, rings: 2, closeGraceMs: 2000, clientsMax: 16 })
    const client = (ms: number): { path: string; thread: ReturnType<typeof startClient> } => {
      const path = fresh()
      const data = { path, seed: random.below(1_000_000), rounds: 1, ms, shared }
      return { path, thread: startClient(rings, workload, data) }
    }
    const before = held()
    const workers = Array.from({ length: count ?? 2 + random.below(7) }, () => client(workMs))
    const startedMs = performance.now()
    const endsMs = startedMs + workMs
    let terminations = 0
    while (performance.now() < endsMs) {
      const victim = client(60_000)
      await victim.thread.heard()
      await sleep(random.below(30))
      await victim.thread.worker.terminate()
      terminations++
      expect(await eventually(() => rings.stats().clients.length <= workers.length, 20_000)).toBe(true)
    }
    let compared = 0
    for (const { path, thread } of workers) {
      const result = await thread.result()
      expect(result).toEqual({ rounds: expect.any(Number) as number, sha256: sha256Of(path) })
      compared += Number(fieldOf(result, 'rounds'))
    }
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
    console.info(
      `clients, ${poller}: ${workers.length} for ${seconds} s, ${compared} rounds of a write, a read and a whole file, ` +
        `all compared; ${terminations} more terminated meanwhile`,
    )
    expect(await eventually(() => rings.stats().clients.length === 0)).toBe(true)
    for (const { thread } of workers) await thread.gone()
    expect(held()).toEqual(before)
    await rings.close()
  })
})
