// Before each test file: whenever a test closes a ring, what the ring held must have come back. A ring that drained has no
// slot taken, nothing in flight, every lease on its list and no completion that belongs to nobody; else its close() rejects,
// and the test that closed it fails. Tests that bring in completions of others say so with expectStale().
import { ClientCounter } from '../../metrics/ring-metrics.ts'
import { ClientState } from '../../workers/submission.ts'
import { RingHandle } from '../../workers/ring-handle.ts'
import { conservationFaults, staleExpected } from '../services/conservation.ts'

// eslint-disable-next-line @typescript-eslint/unbound-method -- called with the handle it is called on
const close = RingHandle.prototype.close

RingHandle.prototype.close = async function (this: RingHandle, graceMs: number, deadlineMs: number): Promise<boolean> {
  const drained = await close.call(this, graceMs, deadlineMs)
  if (!drained || this.client.state === ClientState.lost) return drained
  const faults = conservationFaults(this)
  const stale = this.metrics.client[ClientCounter.staleCompletions]!
  if (stale > 0 && !staleExpected(this)) faults.push(`${stale} stale completions`)
  if (faults.length > 0) throw new Error(`ring ${this.ring} closed, and not everything came back: ${faults.join(', ')}`)
  return drained
}
