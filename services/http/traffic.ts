// Who asks for which files. Written by file-service.ts, a few additions for each HTTP request and none for an operation of the rings; told by
// services/cli/traffic-route.ts. Nothing is counted while nobody asks: then a request looks at one field.
import { trafficRowsMax, trafficVersion, type TrafficReport } from '../../metrics/traffic-report.ts'
import { Busiest, top, type BusyName, type WeighedRow } from './busiest.ts'

/** Names that are counted at a time, of files and of clients each. */
const namesMax = 256
/** Of a path: file names are up to 255 bytes, paths up to 4 KiB, and an answer shall stay small. */
const nameLengthMax = 512
/** Nobody has asked for so long: nobody looks any more. */
const unaskedMsMax = 15_000
/** After which what happened counts half. */
const halfLifeMs = 10_000

/** One HTTP request that is counted. */
export class Visit {
  private readonly files: Busiest
  private readonly client: BusyName
  private file: BusyName | null = null

  constructor(files: Busiest, client: BusyName) {
    this.files = files
    this.client = client
  }

  opened(path: Buffer): void {
    this.file = this.files.begin(path.toString('utf8', 0, nameLengthMax))
  }

  sent(sizeBytes: number): void {
    this.client.bytes += sizeBytes
    if (this.file !== null) this.file.bytes += sizeBytes
  }

  end(): void {
    this.client.open--
    if (this.file !== null) this.file.open--
  }
}

/** What was counted, all of it: the part of one of several threads. */
export interface TrafficPart {
  readonly atMs: number
  readonly sinceMs: number
  readonly files: readonly WeighedRow[]
  readonly clients: readonly WeighedRow[]
}

export class HttpTraffic {
  private readonly files = new Busiest(namesMax)
  private readonly clients = new Busiest(namesMax)
  private timer: NodeJS.Timeout | undefined
  private sinceMs = 0
  private halvedMs = 0

  /** null while nobody looks. Who gets a visit ends it. */
  begin(address: string | undefined): Visit | null {
    return this.timer === undefined ? null : new Visit(this.files, this.clients.begin(address ?? 'unix'))
  }

  /** Says what was counted, and goes on counting until nobody has asked for fifteen seconds. The first answer is empty. */
  report(): TrafficReport {
    const { files, clients, ...times } = this.part()
    return { trafficVersion, ...times, files: top(files, trafficRowsMax), clients: top(clients, trafficRowsMax) }
  }

  /** As report(), every row of it. */
  part(): TrafficPart {
    const atMs = Date.now()
    if (this.timer === undefined) this.sinceMs = this.halvedMs = atMs
    clearTimeout(this.timer)
    this.timer = setTimeout(() => this.rest(), unaskedMsMax)
    this.timer.unref()
    const part = { atMs, sinceMs: this.sinceMs, files: this.files.rows(), clients: this.clients.rows() }
    if (atMs - this.halvedMs >= halfLifeMs) {
      this.halvedMs = atMs
      this.files.halve()
      this.clients.halve()
    }
    return part
  }

  /** Nobody looks any more: what was counted is forgotten. */
  rest(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    this.files.clear()
    this.clients.clear()
  }
}
