// Scenarios: sends of 1 to 64 KiB over loopback TCP, copied or not. Loopback copies what send_zc sends all the same, so this is what
// zero copy costs where it gains nothing. Copy this file to add one; list it in index.ts.
import type { Scenario } from '../model.ts'

export const send: readonly Scenario[] = [1, 4, 16, 64].map((sizeKib) => ({
  name: `send-${sizeKib}k`,
  title: `sends of ${sizeKib} KiB over loopback TCP, 4 in flight`,
  workload: 'send',
  apis: ['promise', 'zero-copy', 'sender'],
  depth: 4,
  messageBytes: sizeKib * 1024,
  unit: 'sends/s',
  baseline: 'caller',
  comparisons: ['kernel', 'worker', 'caller'].flatMap((poller) => [
    { of: [`${poller}-zero-copy`], to: [poller], metric: 'throughput' as const },
    { of: [`${poller}-sender`], to: [poller], metric: 'throughput' as const },
  ]),
  limits: [],
}))
