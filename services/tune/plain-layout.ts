// The layout with nothing turned: every knob at rest, and as little between a request and the kernel as there can be. Others are made of it: what is used by
// default (layouts.ts), what asks for a machine's limits (services/measure), and the rows of `ringmaster bench`.
import type { Layout } from './types.ts'

export const plainLayout: Layout = {
  poller: 'caller',
  rings: 1,
  sqThreads: 'own',
  sqThreadCpu: null,
  sqThreadIdleMs: 50,
  depth: 1,
  batch: 1,
  spinNs: null,
  blockBytes: null,
  buffers: 'plain',
  files: 'plain',
  ioWorkersMax: null,
  clients: 1,
}
