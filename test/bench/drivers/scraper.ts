// A scraper beside the load, as Prometheus would be: another process that asks for /metrics once a second. Used by ringmaster.ts.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Registry } from 'prom-client'
import { startAdminServer } from '../../../metrics/admin-server.ts'
import type { Ringmaster } from '../../../services/index.ts'

const intervalMs = 1000
/** What Prometheus sends, gzip included. */
const accept = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1'
const program = `
  const [url, accept, intervalMs] = process.argv.slice(1)
  const scrape = async () => (await fetch(url, { headers: { accept, 'accept-encoding': 'gzip' } })).text()
  setInterval(() => scrape().catch((error) => { console.error(error); process.exit(1) }), Number(intervalMs))`

/** Starts `count` of them. Returns what ends them; it throws where one failed meanwhile. */
export async function startScrapers(rings: Ringmaster, count: number): Promise<() => Promise<void>> {
  if (count === 0) return () => Promise.resolve()
  const registry = new Registry()
  rings.register(registry)
  const probes = { ready: () => ({ ok: true }), live: () => ({ ok: true }), describe: () => 'a benchmark' }
  const admin = await startAdminServer({ host: '127.0.0.1', port: 0, registry, ...probes })
  const scrapers = Array.from({ length: count }, () =>
    spawn(process.execPath, ['-e', program, `${admin.url}/metrics`, accept, String(intervalMs)], {
      stdio: ['ignore', 'ignore', 'inherit'],
    }),
  )
  return async () => {
    for (const scraper of scrapers) {
      if (scraper.exitCode !== null) throw new Error('a scraper failed')
      scraper.kill()
      await once(scraper, 'exit')
    }
    await admin.close()
  }
}
