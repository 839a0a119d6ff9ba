// One ring for tests of the layer below services: a real worker thread and a real kernel, and a way to end that thread.
import { vi } from 'vitest'
import { openRings } from '../../services/open-rings.ts'
import { resolveOptions } from '../../services/options.ts'
import type { RingmasterOptions } from '../../services/options.ts'
import type { Poller } from '../../workers/poller-kind.ts'
import { RingWorkerPool } from '../../workers/pool.ts'
import type { RingHandle } from '../../workers/ring-handle.ts'

interface OneRing extends AsyncDisposable {
  readonly handle: RingHandle
  close(): Promise<void>
}

export async function openRing(poller: Poller, options: RingmasterOptions = {}): Promise<OneRing> {
  const resolved = resolveOptions({ closeGraceMs: 50, closeDeadlineMs: 1000, ...options })
  const rings = await openRings(resolved, { rings: 1, poller, reason: 'a test' })
  const close = (): Promise<void> => rings.close()
  return { handle: rings.handles[0]!, close, [Symbol.asyncDispose]: close }
}

/** Notes the pools that are made from now on; the returned function ends all their threads, as a crash would. */
export function watchPools(): () => Promise<void> {
  const starts = vi.spyOn(RingWorkerPool.prototype, 'start')
  return async () => {
    const threads = new Set(
      starts.mock.contexts.flatMap((pool) =>
        pool instanceof RingWorkerPool ? [...pool['threads'].values()].map(({ worker }) => worker) : [],
      ),
    )
    await Promise.all([...threads].map((thread) => thread.terminate()))
    starts.mockRestore()
  }
}
