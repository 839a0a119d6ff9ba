// Two to eight threads on two rings, each with a file of its own and files that all share, while threads are terminated at random
// and others come. Every byte is compared, and nothing is left. Some seconds here, a minute in the long suite.
import { writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { Ringmaster } from '../../services/ringmaster.ts'
import { startClient } from '../services/clients/client-thread.ts'
import { sha256Of, workload } from '../services/clients/workload.ts'
import { allPollers, descriptors, eventually, seededBytes, temporaryFolder, threads } from '../services/harness.ts'
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

describe.each(allPollers)('races: clients of two rings, poller %s', (poller) => {
  it('terminations against everything', { timeout: 60_000 + 3 * workMs }, async () => {
    const random = raceRandom(`clients, ${poller}`)
    const rings = await Ringmaster.start({ poller, rings: 2, closeGraceMs: 2000 })
    const client = (ms: number): { path: string; thread: ReturnType<typeof startClient> } => {
      const path = fresh()
      const data = { path, seed: random.below(1_000_000), rounds: 1, ms, shared }
      return { path, thread: startClient(rings, workload, data) }
    }
    const before = held()
    const workers = Array.from({ length: 2 + random.below(4) }, () => client(workMs))
    const endsMs = performance.now() + workMs
    while (performance.now() < endsMs) {
      const victim = client(60_000)
      await victim.thread.heard()
      await sleep(random.below(30))
      await victim.thread.worker.terminate()
      expect(await eventually(() => rings.stats().clients.length <= workers.length)).toBe(true)
    }
    for (const { path, thread } of workers)
      expect(await thread.result()).toEqual({ rounds: expect.any(Number) as number, sha256: sha256Of(path) })
    expect(await eventually(() => rings.stats().clients.length === 0)).toBe(true)
    for (const { thread } of workers) await thread.gone()
    expect(held()).toEqual(before)
    await rings.close()
  })
})
