// The plane of the HTTP service: requests, durations, connections, buffers. Registered by http-server.ts; to add a metric, copy a row.
import { atMost, oneOf, type MetricRow, type Plane, type SampleSink } from '../../metrics/plane.ts'
import { countedMethods, type HttpCounters } from './http-counters.ts'

export interface HttpReading extends HttpLevels {
  readonly counters: HttpCounters
}

/** What is open and held: read at scrape time. */
export interface HttpLevels {
  readonly requestsInFlight: number
  readonly connectionsOpen: number
  readonly bodyBuffersInUse: number
  readonly bodyBufferWaiters: number
}

const counted =
  (counter: 'bodyBytesSent' | 'clientsGone' | 'cutShort' | 'badRequests' | 'connectionsRefused') =>
  ({ counters }: HttpReading, sample: SampleSink): void =>
    sample(counters[counter])

// prettier-ignore
const rows: readonly MetricRow<HttpReading>[] = [
  { name: 'ringmaster_http_requests_total', type: 'counter', unit: 'count', labels: ['method', 'code'],
    help: 'HTTP requests answered, by method and status code.',
    readWithExemplars: ({ counters }, sample) => {
      for (const { method, code, count, exemplar } of counters.responses()) sample(count, exemplar, method, code)
    } },
  { name: 'ringmaster_http_request_duration_seconds', type: 'histogram', unit: 'seconds', labels: ['method'],
    help: 'Time from the header of an HTTP request until its answer was sent, by method.',
    readHistograms: ({ counters }, sample) => {
      for (const [method, { counts, sumNs, exemplars }] of counters.durations()) sample(counts, sumNs, exemplars, method)
    } },
  { name: 'ringmaster_http_body_bytes_total', type: 'counter', unit: 'bytes', labels: [],
    help: 'Bytes of files sent in HTTP answers.', read: counted('bodyBytesSent') },
  { name: 'ringmaster_http_clients_gone_total', type: 'counter', unit: 'count', labels: [],
    help: 'Requests whose client closed the connection before it had the whole answer.', read: counted('clientsGone') },
  { name: 'ringmaster_http_cut_short_total', type: 'counter', unit: 'count', labels: [],
    help: 'Answers cut off because the file shrank or could not be read to its end.', read: counted('cutShort') },
  { name: 'ringmaster_http_bad_requests_total', type: 'counter', unit: 'count', labels: [],
    help: 'Connections closed because what they sent was no HTTP request, or came too slowly.', read: counted('badRequests') },
  { name: 'ringmaster_http_connections_refused_total', type: 'counter', unit: 'count', labels: [],
    help: 'Connections refused because the limit of open ones was reached.', read: counted('connectionsRefused') },
  { name: 'ringmaster_http_requests_in_flight', type: 'gauge', unit: 'count', labels: [],
    help: 'HTTP requests not yet answered in full.', read: ({ requestsInFlight }, sample) => sample(requestsInFlight) },
  { name: 'ringmaster_http_connections', type: 'gauge', unit: 'count', labels: [],
    help: 'Open HTTP connections.', read: ({ connectionsOpen }, sample) => sample(connectionsOpen) },
  { name: 'ringmaster_http_body_buffers_in_use', type: 'gauge', unit: 'count', labels: [],
    help: 'Body buffers leased to answers.', read: ({ bodyBuffersInUse }, sample) => sample(bodyBuffersInUse) },
  { name: 'ringmaster_http_body_buffer_waiters', type: 'gauge', unit: 'count', labels: [],
    help: 'Requests waiting for a body buffer.', read: ({ bodyBufferWaiters }, sample) => sample(bodyBufferWaiters) },
]

export const httpPlane: Plane<HttpReading> = {
  name: 'http',
  subjectLabels: [],
  labelRules: { method: oneOf(...countedMethods), code: atMost(64) },
  rows,
}
