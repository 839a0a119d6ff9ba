// Which files are asked for and by whom: asks the daemon once a refresh and remembers the answer before. Used by run.ts. Who does not tell is asked
// no more until the connection is another.
import { get } from 'node:http'
import type { TrafficReport } from '../../metrics/traffic-report.ts'
import { trafficVersion } from '../../metrics/traffic-report.ts'
import { trafficSchema } from './frame-schema.ts'

/** Two answers: what happened between them is told. */
export interface TrafficSpan {
  readonly first: TrafficReport
  readonly last: TrafficReport
}

/** Timers are a little early or late. */
const enoughShare = 0.9
const reportsMax = 10
const answerMsMax = 3_000
const answerBytesMax = 1024 * 1024

export class TrafficClient {
  private readonly url: URL
  private readonly intervalMs: number
  /** As many as it takes to be an interval apart. */
  private reports: TrafficReport[] = []
  private isRefused = false
  private readonly end = new AbortController()
  private asking: Promise<void> | null = null

  constructor(admin: URL, intervalMs: number) {
    this.intervalMs = intervalMs
    this.url = new URL('/traffic', admin)
  }

  /** Another daemon may be there. */
  forget(): void {
    this.reports = []
    this.isRefused = false
  }

  /** What is being asked is given up. */
  close(): void {
    this.end.abort()
  }

  /** Null: nothing is known, yet or at all. */
  get span(): TrafficSpan | null {
    const [first, last] = [this.reports[0], this.reports.at(-1)]
    return first === undefined || last === undefined ? null : { first, last }
  }

  /** Resolves when there is an answer, or none. One at a time. */
  ask(): Promise<void> {
    if (this.isRefused) return Promise.resolve()
    this.asking ??= this.fetch()
      .then((report) => this.add(report))
      .catch((error: unknown) => {
        this.reports = []
        this.isRefused = error === refused
      })
      .finally(() => {
        this.asking = null
      })
    return this.asking
  }

  private add(report: TrafficReport): void {
    // It was not watched for a while: what was counted is forgotten.
    if (report.sinceMs !== this.reports.at(-1)?.sinceMs) this.reports = []
    this.reports.push(report)
    const isEnough = (from: TrafficReport): boolean => report.atMs - from.atMs >= this.intervalMs * enoughShare
    while (this.reports.length > 2 && isEnough(this.reports[1]!)) this.reports.shift()
    if (this.reports.length > reportsMax) this.reports.splice(1, 1)
  }

  private async fetch(): Promise<TrafficReport> {
    const text = await textOf(this.url, this.end.signal)
    const report = trafficSchema.parse(JSON.parse(text))
    if (report.trafficVersion !== trafficVersion) throw refused
    return report
  }
}

/** Asking again would be answered likewise. */
const refused = new Error('this process does not tell')

function textOf(url: URL, end: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.any([end, AbortSignal.timeout(answerMsMax)])
    get(url, { agent: false, signal }, (response) => {
      if (response.statusCode !== 200) {
        response.destroy()
        reject(refused)
        return
      }
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
        if (text.length > answerBytesMax) response.destroy(refused)
      })
      response.once('end', () => resolve(text))
      response.once('error', reject)
      response.once('close', () => reject(refused)) // without effect after 'end'
    }).once('error', reject)
  })
}
