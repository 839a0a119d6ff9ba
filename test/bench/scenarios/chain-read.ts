// Scenario: open, read and close on direct descriptors, as a chain and as three awaits. Copy this file to add one; list it in index.ts.
import type { Scenario } from '../model.ts'

export const chainRead: Scenario = {
  name: 'chain-read',
  title: 'open → read → close of files of 1 to 4 KiB on direct descriptors, 16 at once: a chain against three awaits',
  workload: 'chain-read',
  apis: ['promise', 'chain'],
  depth: 16,
  unit: 'files/s',
  baseline: 'kernel',
  comparisons: ['kernel', 'worker', 'caller'].map((poller) => ({
    of: [`${poller}-chain`],
    to: [poller],
    metric: 'throughput',
  })),
  limits: [],
}
