// What the HTTP service counts, and its export to Prometheus. Written by file-service.ts and http-server.ts with plain
// additions; prom-client is met only when somebody scrapes.
import { Counter, Gauge, type Registry } from 'prom-client'

/** Every other method is one label value: clients must not be able to make series. */
const methodLabel = (method: string | undefined): string => (method === 'GET' || method === 'HEAD' ? method : 'other')

export class HttpCounters {
  readonly #responses = new Map<string, number>()
  bodyBytesSent = 0
  clientsGone = 0
  cutShort = 0
  badRequests = 0
  connectionsRefused = 0

  countResponse(method: string | undefined, status: number): void {
    const key = `${methodLabel(method)} ${status}`
    this.#responses.set(key, (this.#responses.get(key) ?? 0) + 1)
  }

  responses(): { method: string; code: string; count: number }[] {
    return [...this.#responses].map(([key, count]) => {
      const [method = '', code = ''] = key.split(' ')
      return { method, code, count }
    })
  }
}

/** Levels, read at scrape time. */
export interface HttpGauges {
  requestsInFlight(): number
  connectionsOpen(): number
  bodyBuffersInUse(): number
  bodyBufferWaiters(): number
}

/** Adds the service to a registry; the returned function takes it out again. */
export function registerHttpMetrics(registry: Registry, counters: HttpCounters, gauges: HttpGauges): () => void {
  const names: string[] = []
  const counter = (name: string, help: string, read: () => number): void => {
    names.push(name)
    new Counter({
      name,
      help,
      registers: [registry],
      collect() {
        this.reset()
        this.inc(read())
      },
    })
  }
  const gauge = (name: string, help: string, read: () => number): void => {
    names.push(name)
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read())
      },
    })
  }

  names.push('ringmaster_http_requests_total')
  new Counter({
    name: 'ringmaster_http_requests_total',
    help: 'HTTP requests answered, by method and status code.',
    labelNames: ['method', 'code'],
    registers: [registry],
    collect() {
      this.reset()
      for (const { method, code, count } of counters.responses()) this.inc({ method, code }, count)
    },
  })
  counter('ringmaster_http_body_bytes_total', 'Bytes of files sent in HTTP answers.', () => counters.bodyBytesSent)
  counter(
    'ringmaster_http_clients_gone_total',
    'Requests whose client closed the connection before it had the whole answer.',
    () => counters.clientsGone,
  )
  counter(
    'ringmaster_http_cut_short_total',
    'Answers cut off because the file shrank or could not be read to its end.',
    () => counters.cutShort,
  )
  counter(
    'ringmaster_http_bad_requests_total',
    'Connections closed because what they sent was no HTTP request, or came too slowly.',
    () => counters.badRequests,
  )
  counter(
    'ringmaster_http_connections_refused_total',
    'Connections refused because the limit of open ones was reached.',
    () => counters.connectionsRefused,
  )
  gauge('ringmaster_http_requests_in_flight', 'HTTP requests not yet answered in full.', () =>
    gauges.requestsInFlight(),
  )
  gauge('ringmaster_http_connections', 'Open HTTP connections.', () => gauges.connectionsOpen())
  gauge('ringmaster_http_body_buffers_in_use', 'Body buffers leased to answers.', () => gauges.bodyBuffersInUse())
  gauge('ringmaster_http_body_buffer_waiters', 'Requests waiting for a body buffer.', () => gauges.bodyBufferWaiters())
  return () => {
    for (const name of names) registry.removeSingleMetric(name)
  }
}
