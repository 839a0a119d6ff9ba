// What the HTTP service counts. Written by file-service.ts and by the servers with plain additions; read by http-plane.ts when somebody scrapes.
// All of it is numbers in one memory, which may be shared: then another thread reads it (services/blob). Only traces are this thread's.
import { DurationHistogram, durationNumbers } from '../../metrics/duration-histogram.ts'
import type { Exemplar } from '../../metrics/exemplar.ts'

export const countedMethods = ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS'] as const
/** Every other method is one label value: clients must not be able to make series. */
const methodLabels: readonly MethodLabel[] = [...countedMethods, 'other']
type MethodLabel = (typeof countedMethods)[number] | 'other'

/** What is answered; any other status is one label value, too. */
// prettier-ignore
const codes = [
  '200', '201', '202', '204', '206', '304', '400', '401', '403', '404', '405', '408', '409', '411', '412', '413', '414', '416', '417', '422', '431',
  '500', '501', '503', '505', '507', 'other',
] as const

const scalars = ['bodyBytesSent', 'clientsGone', 'cutShort', 'badRequests', 'connectionsRefused'] as const
const responsesAt = scalars.length
const durationsAt = responsesAt + methodLabels.length * codes.length
/** Numbers that the counters take. */
export const counterNumbers: number = durationsAt + methodLabels.length * durationNumbers

const methodIndex = new Map<string, number>(methodLabels.map((label, index) => [label, index]))
const codeIndex = new Map<number, number>(codes.map((code, index) => [Number(code), index]))
const usual: ReadonlySet<MethodLabel> = new Set(['GET', 'HEAD', 'other'])
const otherMethod = methodLabels.length - 1
const otherCode = codes.length - 1

export interface Responses {
  readonly method: MethodLabel
  readonly code: string
  readonly count: number
  /** The latest of a trace. */
  readonly exemplar: Exemplar | null
}

/** One request, from its header to the end of its answer. */
export interface AnsweredRequest {
  readonly method: string | undefined
  readonly status: number
  readonly durationNs: number
  /** Labels of its trace; null where it has none. */
  readonly trace: Exemplar['labels'] | null
}

/** The latest trace of each count and of each bucket: what the numbers do not have, and another thread is sent. */
export interface CountedTraces {
  readonly responses: readonly (Exemplar | null)[]
  /** By method. */
  readonly durations: readonly (readonly (Exemplar | null)[])[]
}

export class HttpCounters {
  /** How many had a trace. */
  traced = 0
  private readonly numbers: Float64Array
  private readonly histograms: readonly DurationHistogram[]
  private readonly exemplars: (Exemplar | null)[] = Array.from({ length: durationsAt - responsesAt }, () => null)

  /** `numbers`: counterNumbers of them. */
  constructor(numbers: Float64Array = new Float64Array(counterNumbers)) {
    this.numbers = numbers
    this.histograms = methodLabels.map((_, index) => {
      const from = durationsAt + index * durationNumbers
      return new DurationHistogram(numbers.subarray(from, from + durationNumbers))
    })
  }

  countResponse({ method = '', status, durationNs, trace }: AnsweredRequest): void {
    const methodAt = methodIndex.get(method) ?? otherMethod
    const at = methodAt * codes.length + (codeIndex.get(status) ?? otherCode)
    this.numbers[responsesAt + at]! += 1
    if (trace !== null) {
      this.exemplars[at] = { labels: trace, value: 1, timestampMs: Date.now() }
      this.traced++
    }
    this.histograms[methodAt]!.record(durationNs, trace)
  }

  *responses(): IterableIterator<Responses> {
    for (let at = 0; at < this.exemplars.length; at++) {
      const count = this.numbers[responsesAt + at]!
      if (count === 0) continue
      const method = methodLabels[Math.floor(at / codes.length)]!
      yield { method, code: codes[at % codes.length]!, count, exemplar: this.exemplars[at]! }
    }
  }

  /** Of methods that are always asked for, and of others that were. */
  durations(): readonly (readonly [MethodLabel, DurationHistogram])[] {
    return methodLabels
      .map((label, index) => [label, this.histograms[index]!] as const)
      .filter(([label, { sumNs }]) => usual.has(label) || sumNs > 0)
  }

  /** Adds what others have counted. */
  add(others: HttpCounters): void {
    for (let at = 0; at < counterNumbers; at++) this.numbers[at]! += others.numbers[at]!
  }

  get traces(): CountedTraces {
    return { responses: this.exemplars, durations: this.histograms.map(({ exemplars }) => exemplars) }
  }

  /** Takes over what is later than its own. */
  takeTraces({ responses, durations }: CountedTraces): void {
    takeLater(this.exemplars, responses)
    durations.forEach((exemplars, method) => {
      takeLater(this.histograms[method]!.exemplars, exemplars)
    })
  }

  get bodyBytesSent(): number {
    return this.numbers[0]!
  }

  set bodyBytesSent(value: number) {
    this.numbers[0] = value
  }

  get clientsGone(): number {
    return this.numbers[1]!
  }

  set clientsGone(value: number) {
    this.numbers[1] = value
  }

  get cutShort(): number {
    return this.numbers[2]!
  }

  set cutShort(value: number) {
    this.numbers[2] = value
  }

  get badRequests(): number {
    return this.numbers[3]!
  }

  set badRequests(value: number) {
    this.numbers[3] = value
  }

  get connectionsRefused(): number {
    return this.numbers[4]!
  }

  set connectionsRefused(value: number) {
    this.numbers[4] = value
  }
}

function takeLater(own: (Exemplar | null)[], others: readonly (Exemplar | null)[]): void {
  others.forEach((other, at) => {
    if (other !== null && other.timestampMs > (own[at]?.timestampMs ?? 0)) own[at] = other
  })
}
