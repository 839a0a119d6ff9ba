// Supervision: a thread that is to replace a ring worker and ends before it has adopted the ring, at any moment of its start.
import type { Worker } from 'node:worker_threads'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Ringmaster } from '../../services/ringmaster.ts'
import { allPollers, eventually, settledWithin } from './harness.ts'
import { watchPools } from './supervision-harness.ts'

let pools: ReturnType<typeof watchPools>
beforeEach(() => {
  pools = watchPools()
})
afterEach(() => {
  pools.stop()
})

/** Ends the next thread that is started, `ms` after its start. */
function endNextThread(ms: number): Promise<void> {
  return new Promise((resolve) => {
    process.once('worker', (worker: Worker) => {
      void sleep(ms)
        .then(() => worker.terminate())
        .then(() => {
          resolve()
        })
    })
  })
}

describe.each(allPollers)('a worker whose replacement ends while it starts, poller %s', (poller) => {
  it.each([0, 10, 30, 60])('is replaced by yet another one, ended after %i ms', { timeout: 60_000 }, async (ms) => {
    const rings = await Ringmaster.start({ poller, rings: 1 })
    const ended = endNextThread(ms)
    await pools.thread(0)!.terminate()
    await ended
    const wellAgain = (): boolean => {
      const { workerState, workerRestarts } = rings.stats().rings[0]!
      return workerState === 'well' && workerRestarts > 0
    }
    expect(await eventually(wellAgain, 20_000)).toBe(true)
    await rings.nop()
    await rings.close()
  })

  it('does not keep close() waiting', { timeout: 60_000 }, async () => {
    const rings = await Ringmaster.start({ poller, rings: 1 })
    const ended = endNextThread(10)
    await pools.thread(0)!.terminate()
    await ended
    expect(await settledWithin(rings.close(), 20_000)).toBe('resolved')
  })
})
