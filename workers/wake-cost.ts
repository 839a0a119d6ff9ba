// Measures what a wake-up costs on this machine, at start, because it decides how long to spin: 3 µs on one CPU, 35 µs on
// metal, 45–650 µs between the CPUs of some virtual machines. Used by the services when they start a pool.
import type { RingClient } from './ring-client.ts'
import type { IdleStrategy } from './idle-strategy.ts'
import { Op } from '../native/abi.ts'
import { prepNop } from '../native/operations/control.ts'
import { settleEmpty } from './completions.ts'

const samples = 7
/** Never spin longer than this, whatever a wake-up costs: it is the event loop's own thread that spins. */
export const spinNsMax = 200_000
/** Nor shorter: below this the spin does not outlast one turn of the event loop. */
export const spinNsMin = 5_000

/** Time from publishing a no-op to its settling, by way of the eventfd: the median of a few, whole. Takes a few milliseconds. */
export async function measureWakeCostNs(client: RingClient, idle: IdleStrategy): Promise<number> {
  const spinNs = idle.spinNs
  const timesNs: number[] = []
  idle.spinNs = 0
  try {
    for (let sample = 0; sample < samples; sample++) {
      // Let the poller fall idle for a moment, as it would be when a wake-up is needed.
      await new Promise((resolve) => setTimeout(resolve, 1))
      const startMs = performance.now()
      const slot = client.claim(Op.NOP, settleEmpty, null, null)
      prepNop(client.words, client.at, 0)
      await client.slots.promise<undefined>(slot)
      timesNs.push((performance.now() - startMs) * 1e6)
    }
  } finally {
    idle.spinNs = spinNs
  }
  timesNs.sort((a, b) => a - b)
  return Math.round(timesNs[samples >> 1]!)
}

/** The spin budget that a wake-up cost justifies, whole. */
export function spinBudgetNs(wakeCostNs: number): number {
  return Math.min(spinNsMax, Math.max(spinNsMin, Math.round(wakeCostNs)))
}
