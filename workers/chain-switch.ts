// When it is safe to let another ring share an SQ thread: no chain is left that it could cut. Used by RingHandle, once, when the first
// client attaches; requests that are not chains go on meanwhile.
import { setTimeout as sleep } from 'node:timers/promises'
import type { RingClient } from './ring-client.ts'

/** Chains are made no more: waits until those that wait for a place have got one, and the kernel has taken what was published. */
export async function withoutChains(client: RingClient, limitMs: number): Promise<boolean> {
  const deadlineMs = performance.now() + limitMs
  const within = async (done: () => boolean): Promise<boolean> => {
    while (!done()) {
      if (performance.now() > deadlineMs) return false
      await sleep(1)
    }
    return true
  }
  await sleep(0) // what was claimed in this turn is published behind it
  if (!(await within(() => !client.backlog.hasChain()))) return false
  const taken = client.ring.takenSoFar()
  return within(taken)
}
