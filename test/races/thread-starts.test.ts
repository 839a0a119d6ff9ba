// Threads that end while they load: whatever they are in the midst of, the process goes on. Ended too early to have a ring, they leave nothing.
import { once } from 'node:events'
import type { Worker } from 'node:worker_threads'
import { expect, it } from 'vitest'
import { RingWorkerPool } from '../../workers/pool.ts'
import { raceRandom, rounds } from './races.ts'

/** What loading takes on a slow machine. */
const loadingMsMax = 40

it('threads that are terminated at a random moment of their start take nobody with them', async () => {
  const random = raceRandom('threads that end while they load')
  const wanted = rounds(40)
  let ended = 0
  for (let round = 0; round < wanted; round++) {
    const pool = new RingWorkerPool(1, () => ended++)
    const thread: Worker = pool.thread(0)!
    await once(thread, 'online')
    for (const endMs = performance.now() + random.below(loadingMsMax * 1000) / 1000; performance.now() < endMs;);
    await thread.terminate()
    await pool.close()
  }
  expect(ended).toBe(wanted)
})
