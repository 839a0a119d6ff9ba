// A scraper beside the load, as Prometheus would be: another process that asks for /metrics once a second. Used by ringmaster.ts.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Registry } from 'prom-client'
import { startAdminServer } from '../../../metrics/admin-server.ts'
import type { Ringmaster } from '../../../services/index.ts'

const intervalMs = 1000
/** What Prometheus sends, gzip included. */
const accept = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1'
/** Before the load begins: a server's first scrapes are a hundred times as slow as those of the weeks that follow. */
const warmupScrapes = 50
const program = `
  const [url, accept, intervalMs, warmupScrapes] = process.argv.slice(1)
  const scrape = async () => (await fetch(url, { headers: { accept, 'accept-encoding': 'gzip' } })).text()
  for (let warm = 0; warm < Number(warmupScrapes); warm++) await scrape()
  process.stdout.write('warm')
  setInterval(() => scrape().catch((error) => { console.error(error); process.exit(1) }), Number(intervalMs))`

/** Starts `count` of them, and waits until they and the server are warm. Returns what ends them; it throws where one failed meanwhile. */
export async function startScrapers(rings: Ringmaster, count: number): Promise<() => Promise<void>> {
  if (count === 0) return () => Promise.resolve()
  const registry = new Registry()
  rings.register(registry)
  const probes = { ready: () => ({ ok: true }), live: () => ({ ok: true }), describe: () => 'a benchmark' }
  const admin = await startAdminServer({ host: '127.0.0.1', port: 0, registry, ...probes })
  const values = [`${admin.url}/metrics`, accept, String(intervalMs), String(warmupScrapes)]
  const scrapers = Array.from({ length: count }, () =>
    spawn(process.execPath, ['--input-type=module', '-e', program, ...values], {
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  )
  const failed = async (scraper: ChildProcess): Promise<never> => {
    await once(scraper, 'exit')
    throw new Error('a scraper failed')
  }
  await Promise.all(scrapers.map((scraper) => Promise.race([once(scraper.stdout, 'data'), failed(scraper)])))
  return async () => {
    for (const scraper of scrapers) {
      if (scraper.exitCode !== null) throw new Error('a scraper failed')
      scraper.kill()
      await once(scraper, 'exit')
    }
    await admin.close()
  }
}
