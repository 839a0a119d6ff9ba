// A ring of a live frame for tests of the page's pure parts: open, well, and idle but for what is said.
import { liveCounters, type LiveCounter, type LiveFrame, type LiveRing } from '../../../metrics/live-protocol.ts'

export function ringOf(counters: Partial<Record<LiveCounter, number>> = {}, parts: Partial<LiveRing> = {}): LiveRing {
  return {
    ...{ ring: 0, client: 0, poller: 'kernel', reason: 'set by option', state: 'open', workerState: 'well' },
    ...{ memory: 'user', sqEntries: 64, cqEntries: 128, inFlightMax: 64, backlogMax: 1024 },
    ...{
      factsAtMs: 0,
      sq: null,
      cq: null,
      asleep: true,
      overflowed: false,
      slots: null,
      sqThread: null,
      files: null,
      buffers: null,
    },
    counters: liveCounters.map((name) => counters[name] ?? 0),
    gauges: [0, 0, 0, 0, 0, 0],
    times: { clientRunNs: null, clientWaitNs: null, pollerRunNs: null, pollerWaitNs: null },
    ...{ groups: [], operations: [], errors: [], histograms: [] },
    advice: { poller: 'kernel', cause: 'none', reason: '' },
    ...parts,
  }
}

export function frameOf(sequence: number, atMs: number, rings: readonly LiveRing[]): LiveFrame {
  return { sequence, atMs, spanMs: 200, rings, ringsLeftOut: 0, histogramsLeftOut: 0, arenas: [], jobs: [] }
}
