// The files of `ringmaster serve` by the blob service, in the ring workers. Made by start-files.ts.
import type { AddressInfo } from 'node:net'
import type { MetricsRegistry } from '../../metrics/exporter.ts'
import type { TrafficReport } from '../../metrics/traffic-report.ts'
import type { KnownToken } from '../blob/access.ts'
import { BlobService } from '../blob/service.ts'
import { codeOf } from '../http/http-error.ts'
import type { Recording } from '../recording/format.ts'
import type { FilePlane, FilePlaneOptions } from './file-plane.ts'
import { requireFolder } from './served-root.ts'

/** Its thread has ended: another one follows, and another instance in it. */
const replaced = 'ERR_RING_WORKER_LOST'

export class RingFiles implements FilePlane {
  readonly shortcoming = null
  private readonly service: BlobService
  private readonly root: string

  static async start({ connectionsMax, access, room, onFailure, ...options }: FilePlaneOptions): Promise<RingFiles> {
    const service = await BlobService.start({
      ...options,
      ...room,
      limits: { connectionsMax },
      tokens: access.tokens,
      anonymousReads: access.anonymousReads,
      logsDebug: options.log.isLevelEnabled('debug'),
      onFailure: (error) => {
        if (codeOf(error) !== replaced) onFailure(error)
      },
    })
    return new RingFiles(service, options.root)
  }

  private constructor(service: BlobService, root: string) {
    this.service = service
    this.root = root
  }

  get bound(): AddressInfo | null {
    return this.service.bound
  }

  get requestsInFlight(): number {
    return this.service.requestsInFlight
  }

  register(registry: MetricsRegistry): () => void {
    return this.service.register(registry)
  }

  report(): Promise<TrafficReport> {
    return this.service.report()
  }

  record(seconds: number, sampleEvery: number, signal: AbortSignal): Promise<Recording> {
    return this.service.record(seconds, sampleEvery, signal)
  }

  async reopen(): Promise<void> {
    await requireFolder(this.root) // before any instance has another folder than the rest
    await this.service.reopen()
  }

  changeTokens(tokens: readonly KnownToken[] | null): Promise<void> {
    return this.service.changeTokens(tokens)
  }

  problem(): string | undefined {
    return this.service.isFenced ? 'a sync of ROOT has failed: nothing is written any more' : undefined
  }

  sendAway(): void {
    this.service.sendAway()
  }

  drain(msMax: number): Promise<number> {
    return this.service.drain(msMax)
  }

  async close(): Promise<void> {
    await this.service.drain(0)
  }
}
