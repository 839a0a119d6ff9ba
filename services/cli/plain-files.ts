// The files of `ringmaster serve` by node:http, in the main thread, where rings cannot be had: they are only read. Made by start-files.ts.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { MetricsRegistry } from '../../metrics/exporter.ts'
import type { TrafficReport } from '../../metrics/traffic-report.ts'
import { Access, type KnownToken } from '../blob/access.ts'
import { sayStatus } from '../blob/object-service.ts'
import { toHttpError } from '../http/http-error.ts'
import { HttpServer } from '../http/http-server.ts'
import type { Recording } from '../recording/format.ts'
import { FileRecorder } from '../recording/recorder.ts'
import type { FilePlane, FilePlaneOptions } from './file-plane.ts'
import { ServedRoot } from './served-root.ts'

interface Parts {
  readonly server: HttpServer
  readonly root: ServedRoot
  readonly recorder: FileRecorder
  readonly reason: string
  readonly access: { rules: Access }
  readonly anonymousReads: boolean
}

export class PlainFiles implements FilePlane {
  private readonly parts: Parts

  static async start(
    { rings, root: path, connectionsMax, access: rules, ...options }: FilePlaneOptions,
    reason: string,
  ): Promise<PlainFiles> {
    const root = await ServedRoot.open(rings, path)
    const recorder = new FileRecorder(root)
    try {
      const { anonymousReads } = rules
      const access = { rules: new Access(rules.tokens, anonymousReads) }
      const server = await HttpServer.start({
        ...options,
        folder: recorder,
        limits: { connectionsMax },
        refuse: (request, response) => refusal(access.rules, request, response),
      })
      return new PlainFiles({ server, root, recorder, reason, access, anonymousReads })
    } catch (error) {
      await root.close()
      throw error
    }
  }

  private constructor(parts: Parts) {
    this.parts = parts
  }

  get shortcoming(): string {
    return `files are only read, at /b/ alone, by node:http: ${this.parts.reason}`
  }

  get bound(): AddressInfo | null {
    return this.parts.server.bound
  }

  get requestsInFlight(): number {
    return this.parts.server.requestsInFlight
  }

  register(registry: MetricsRegistry): () => void {
    return this.parts.server.register(registry)
  }

  report(): Promise<TrafficReport> {
    return Promise.resolve(this.parts.server.traffic.report())
  }

  record(seconds: number, sampleEvery: number, signal: AbortSignal): Promise<Recording> {
    return this.parts.recorder.record(seconds, sampleEvery, signal)
  }

  reopen(): Promise<void> {
    return this.parts.root.reopen()
  }

  changeTokens(tokens: readonly KnownToken[] | null): Promise<void> {
    this.parts.access.rules = new Access(tokens, this.parts.anonymousReads)
    return Promise.resolve()
  }

  problem(): undefined {
    return undefined
  }

  sendAway(): void {
    this.parts.server.sendAway()
  }

  drain(msMax: number): Promise<number> {
    return this.parts.server.drain(msMax)
  }

  async close(): Promise<void> {
    await this.parts.server.drain(0)
    await this.parts.root.close()
  }
}

/** Nothing is written here, whoever asks. */
function refusal(access: Access, { method, headers }: IncomingMessage, response: ServerResponse): Promise<void> | null {
  try {
    access.check(headers.authorization, false)
    return null
  } catch (error) {
    return sayStatus(response, toHttpError(error).status, method === 'HEAD', '').catch(() => undefined)
  }
}
