// What the HTTP service counts. Written by file-service.ts and http-server.ts with plain additions; read by http-plane.ts when somebody scrapes.
import { DurationHistogram } from '../../metrics/duration-histogram.ts'
import type { Exemplar } from '../../metrics/exemplar.ts'

/** Every other method is one label value: clients must not be able to make series. */
export type MethodLabel = 'GET' | 'HEAD' | 'other'
const methodLabel = (method: string | undefined): MethodLabel =>
  method === 'GET' || method === 'HEAD' ? method : 'other'

export interface Responses {
  readonly method: MethodLabel
  readonly code: string
  count: number
  /** The latest of a trace. */
  exemplar: Exemplar | null
}

/** One request, from its header to the end of its answer. */
export interface AnsweredRequest {
  readonly method: string | undefined
  readonly status: number
  readonly durationNs: number
  /** Labels of its trace; null where it has none. */
  readonly trace: Exemplar['labels'] | null
}

export class HttpCounters {
  private readonly byMethodAndCode = new Map<string, Responses>()
  private readonly byMethod: Record<MethodLabel, DurationHistogram> = {
    GET: new DurationHistogram(),
    HEAD: new DurationHistogram(),
    other: new DurationHistogram(),
  }
  bodyBytesSent = 0
  clientsGone = 0
  cutShort = 0
  badRequests = 0
  connectionsRefused = 0

  countResponse({ method, status, durationNs, trace }: AnsweredRequest): void {
    const label = methodLabel(method)
    const key = `${label} ${status}`
    let responses = this.byMethodAndCode.get(key)
    if (responses === undefined) {
      responses = { method: label, code: String(status), count: 0, exemplar: null }
      this.byMethodAndCode.set(key, responses)
    }
    responses.count++
    if (trace !== null) responses.exemplar = { labels: trace, value: 1, timestampMs: Date.now() }
    this.byMethod[label].record(durationNs, trace)
  }

  responses(): IterableIterator<Responses> {
    return this.byMethodAndCode.values()
  }

  durations(): readonly (readonly [MethodLabel, DurationHistogram])[] {
    return Object.entries(this.byMethod) as [MethodLabel, DurationHistogram][]
  }
}
