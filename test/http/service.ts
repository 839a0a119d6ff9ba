// A file service for tests: an empty folder, a real Ringmaster, a real server on a free port. With RINGMASTER_HTTP=blob it is that of
// services/blob, of which everything here has to be true as well.
import { constants, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { BlobServer } from '../../services/blob/blob-server.ts'
import { HttpServer } from '../../services/http/http-server.ts'
import type { HttpLimits } from '../../services/http/limits.ts'
import type { Folder } from '../../services/http/storage.ts'
import { Ringmaster } from '../../services/ringmaster.ts'
import { descriptors } from '../services/harness.ts'

export interface Service extends AsyncDisposable {
  readonly root: string
  readonly port: number
  readonly server: HttpServer | BlobServer
  /** Log lines so far, parsed. */
  readonly log: readonly Record<string, unknown>[]
  url(path: string): string
  metric(name: string): Promise<number>
  /** Files below the root which this process has open; the root itself not counted. */
  openFiles(): string[]
}

export interface ServiceOptions {
  readonly limits?: Partial<HttpLimits>
  /** Where faults come in. */
  readonly wrap?: (folder: Folder) => Folder
  /** Where the root is made; another file system, for one. */
  readonly parent?: string
}

/** Whether the service is that of services/blob. */
export const isBlob: boolean = process.env['RINGMASTER_HTTP'] === 'blob'

export async function startService({ limits, wrap, parent }: ServiceOptions = {}): Promise<Service> {
  const root = realpathSync(mkdtempSync(join(parent ?? tmpdir(), 'ringmaster-http-')))
  const rings = await Ringmaster.start({ rings: 1 })
  const directory = await rings.open(root, constants.O_RDONLY | constants.O_DIRECTORY)
  const folder: Folder = { open: (path, flags) => rings.openBeneath(directory, path, flags) }
  const log: Record<string, unknown>[] = []
  const options = {
    folder: wrap?.(folder) ?? folder,
    host: '127.0.0.1',
    port: 0,
    // Files made by a test are too young for strong validators; tests of just that set it themselves.
    limits: { validatorSettleMs: 0, ...limits },
    log: pino({ level: 'debug' }, { write: (line) => log.push(JSON.parse(line) as Record<string, unknown>) }),
  }
  const server = isBlob
    ? await BlobServer.start({ ...options, handles: rings.rings.handles })
    : await HttpServer.start(options)
  const registry = new Registry()
  server.register(registry)
  const { port } = server.address
  return {
    root,
    port,
    server,
    log,
    url: (path) => `http://127.0.0.1:${port}${path}`,
    metric: async (name) => {
      const found = (await registry.getMetricsAsJSON()).find((metric) => metric.name === name)
      return found?.values.reduce((sum, { value }) => sum + value, 0) ?? Number.NaN
    },
    openFiles: () => descriptors().filter((target) => target.startsWith(`${root}/`)),
    [Symbol.asyncDispose]: async () => {
      await server.drain(0)
      await directory.close()
      await rings.close()
      rmSync(root, { recursive: true, force: true })
    },
  }
}
