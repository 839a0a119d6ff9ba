// The rings of clients in stats() and in the metrics: their numbers are in shared memory, so nobody is asked. Used by Ringmaster.
import { readThreadTimes } from '../../native/schedstat.ts'
import type { RingMetricsSource } from '../../metrics/catalog/ring-reading.ts'
import { ClientCounter, RingMetrics } from '../../metrics/ring-metrics.ts'
import { Poller } from '../../workers/poller-kind.ts'
import { ClientState } from '../../workers/submission.ts'
import { advise } from '../advice.ts'
import { metricsSource, ringStats } from '../ring-stats.ts'
import type { ChosenPoller, ClientStats, StatsSource } from '../ring-stats.ts'
import type { Attachment } from './attachment.ts'
import type { ClientRing } from './protocol.ts'

interface Joined {
  readonly attachment: Attachment
  readonly source: StatsSource
}

const joined = (attachment: Attachment, ring: ClientRing): Joined => ({
  attachment,
  source: sourceOf(attachment, ring),
})

/** A client's ring as its shared memory tells. `known`: a view of its numbers that was made before. */
export function sourceOf(attachment: Attachment, ring: ClientRing, known?: RingMetrics): StatsSource {
  const { handle } = attachment
  const metrics = known ?? new RingMetrics(ring.memory, ring.place.metricsOffsetBytes)
  const inFlight = metrics.client[ClientCounter.inFlight]!
  // As the client decides it when its worker has ended.
  const takenOver = handle.workerState === 'gone' && ring.poller === Poller.worker
  return {
    ring: handle.ring,
    reason: ring.reason,
    workerLoss: handle.workerLoss,
    workerState: handle.workerState,
    workerLostMs: handle.workerLostMs,
    workerThreadId: ring.opened.threadId,
    geometry: ring.opened.geometry,
    metrics,
    client: {
      poller: takenOver ? Poller.caller : ring.poller,
      state: attachment.state === 'joined' ? ClientState.open : ClientState.closed,
      inFlight,
      load: inFlight + metrics.client[ClientCounter.backlog]!,
      inFlightMax: ring.inFlightMax,
      backlogMax: ring.backlogMax,
    },
  }
}

const all = (attachments: readonly Attachment[]): Joined[] =>
  attachments.flatMap((attachment) => (attachment.ring === null ? [] : [joined(attachment, attachment.ring)]))

export function clientStats(attachments: readonly Attachment[], chosen: ChosenPoller): ClientStats[] {
  return all(attachments).map(({ attachment: { client, seat, threadId }, source }) => ({
    ...ringStats(source, advise(source.client.poller, []), chosen),
    client,
    metricsLabel: String(seat),
    threadId,
  }))
}

export function clientSources(
  attachments: readonly Attachment[],
  pool: string,
  chosen: ChosenPoller,
): RingMetricsSource[] {
  return all(attachments).map(({ attachment: { seat, threadId }, source }) => ({
    ...metricsSource(source, {
      pool,
      chosen,
      advice: advise(source.client.poller, []),
      times: () => ({
        sqThread: null,
        client: readThreadTimes(threadId),
        poller: null, // it is the ring's that serves this one, and counted there
      }),
    }),
    client: seat, // bounded: running numbers would be series without end
  }))
}
