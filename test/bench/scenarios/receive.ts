// Scenarios: messages of 64 B, 1 KiB and 16 KiB over a pair of Unix sockets: a multishot receive against one receive each. Copy this
// file to add one; list it in index.ts.
import type { Scenario } from '../model.ts'

const sizes = [
  { name: '64b', messageBytes: 64 },
  { name: '1k', messageBytes: 1024 },
  { name: '16k', messageBytes: 16384 },
] as const

export const receive: readonly Scenario[] = sizes.map(({ name, messageBytes }) => ({
  name: `receive-${name}`,
  title: `messages of ${messageBytes} bytes, sent 32 at a time by the same ring and received one after the other`,
  workload: 'receive',
  apis: ['promise', 'multishot'],
  depth: 32,
  messageBytes,
  unit: 'messages/s',
  baseline: 'caller',
  comparisons: ['kernel', 'worker', 'caller'].map((poller) => ({
    of: [`${poller}-multishot`],
    to: [poller],
    metric: 'throughput',
  })),
  limits: [],
}))
