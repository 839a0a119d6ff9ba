// What openAdmin() (admin.ts) starts: the daemon's admin server without the daemon. Its routes are those of cli/file-daemon.ts, but for /traffic:
// only the daemon has HTTP clients.
import { Registry, collectDefaultMetrics } from 'prom-client'
import { startAdminServer } from '../metrics/admin-server.ts'
import { LiveFeed } from '../metrics/live-feed.ts'
import { livePage } from '../metrics/live-page.ts'
import type { Admin, AdminOptions } from './admin-options.ts'
import { formatAddress, isLoopback } from './cli/listen-address.ts'
import { Probes } from './cli/probes.ts'
import { traceRoute } from './cli/trace-route.ts'
import { readVersion } from './cli/version.ts'
import type { Ringmaster } from './ringmaster.ts'

const usualPort = 9464
/** As `serve --silence-seconds` has it. */
const silentMsMax = 30_000

export async function startRingAdmin(rings: Ringmaster, options: AdminOptions): Promise<Admin> {
  const { host = '127.0.0.1', port = usualPort, public: isPublic = false } = options
  if (!isPublic && !isLoopback({ host, port }))
    throw Object.assign(
      new TypeError(
        `options.host ${formatAddress({ host, port })}: other machines can reach that address, and nobody is asked for a password. ` +
          'Use 127.0.0.1, or set options.public.',
      ),
      { code: 'ERR_INVALID_ARG_VALUE' },
    )
  const probes = new Probes({ rings: () => rings.health(), silentMsMax })
  const own = options.registry === undefined ? ownRegistry(rings) : null
  const ringLines = (): string[] =>
    rings.stats().rings.map(({ ring, poller, reason }) => `ring ${ring}: poller ${poller} — ${reason}`)
  const about = `ringmaster ${readVersion()}, process ${process.pid}`
  const end = (): void => {
    own?.unregister()
    probes[Symbol.dispose]()
  }
  const server = await startAdminServer({
    ...{ host, port, ready: probes.ready, live: probes.live, page: livePage(), anyHost: isPublic },
    registry: options.registry ?? own!.registry,
    describe: () => [about, ...ringLines()].join('\n'),
    routes: new Map([
      ['/live', new LiveFeed({ source: rings.live(readVersion()), ready: probes.ready }).route],
      ['/trace', traceRoute(rings, () => ({ ringmaster: readVersion(), rings: ringLines() }))],
    ]),
  }).catch((error: unknown) => {
    end()
    throw error
  })
  let closing: Promise<void> | null = null
  const close = (): Promise<void> => (closing ??= server.close().finally(end))
  return { url: server.url, close, [Symbol.asyncDispose]: close }
}

function ownRegistry(rings: Ringmaster): { registry: Registry; unregister: () => void } {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  return { registry, unregister: rings.register(registry) }
}
