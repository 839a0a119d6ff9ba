// A real Prometheus server on loopback, for as long as a test needs it. Called by prometheus.test.ts.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { vi } from 'vitest'
import { z } from 'zod'

/** Why there is none here, or null when there is. */
export const prometheusMissing: string | null =
  spawnSync('prometheus', ['--version']).error === undefined
    ? null
    : 'prometheus is not on the PATH (Debian: apt-get install prometheus)'

const answerShape = z.object({ status: z.literal('success'), data: z.unknown() })
const vectorShape = z.object({
  result: z.array(z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) })),
})
const exemplarsShape = z.array(
  z.object({
    seriesLabels: z.record(z.string(), z.string()),
    exemplars: z.array(z.object({ labels: z.record(z.string(), z.string()), value: z.string() })),
  }),
)
const targetsShape = z.object({
  activeTargets: z.array(
    z.object({ labels: z.record(z.string(), z.string()), health: z.string(), lastError: z.string() }),
  ),
})

interface ExemplarsOfSeries {
  readonly seriesLabels: Readonly<Record<string, string>>
  readonly exemplars: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: string }[]
}

export interface Prometheus {
  stop(): Promise<void>
  /** The value of a query that has one answer; undefined where it has none. */
  value(query: string): Promise<number | undefined>
  exemplars(query: string): Promise<readonly ExemplarsOfSeries[]>
  /** By job: what is wrong with it, or `up`. */
  health(): Promise<Readonly<Record<string, string>>>
}

/** Tries until it does not throw; with the last error when that takes longer than a busy machine needs. */
export const patiently = (attempt: () => Promise<void>): Promise<void> =>
  vi.waitFor(attempt, { timeout: 30_000, interval: 100 })

/** Scrapes `targets` (base URL by job) once a second. */
export async function startPrometheus(
  targets: Readonly<Record<string, string>>,
  features: readonly string[],
): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'ringmaster-prometheus-'))
  const jobs = Object.entries(targets).map(
    ([job, url]) => `  - job_name: ${job}\n    static_configs: [{ targets: ['${new URL(url).host}'] }]\n`,
  )
  // A timeout may not be longer than the interval, and the machine may be busy.
  const global = 'global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\n'
  writeFileSync(join(folder, 'prometheus.yml'), `${global}scrape_configs:\n${jobs.join('')}`)
  const port = await freePort()
  const child = spawn(
    'prometheus',
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      `--enable-feature=${features.join()}`,
      '--log.level=error',
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  )
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    }
    rmSync(folder, { recursive: true, force: true })
  }
  const ask = async (path: string, parameters: Record<string, string> = {}): Promise<unknown> => {
    const response = await fetch(
      `http://127.0.0.1:${port}/api/v1/${path}?${new URLSearchParams(parameters).toString()}`,
    )
    return answerShape.parse(await response.json()).data
  }
  try {
    await patiently(async () => {
      const { ok, status } = await fetch(`http://127.0.0.1:${port}/-/ready`)
      if (!ok) throw new Error(`not ready: ${status}`)
    })
  } catch (error) {
    await stop()
    throw error
  }
  return {
    async value(query) {
      const { result } = vectorShape.parse(await ask('query', { query }))
      if (result.length > 1) throw new Error(`${result.length} answers to ${query}`)
      return result[0] === undefined ? undefined : Number(result[0].value[1].replace('Inf', 'Infinity'))
    },
    async exemplars(query) {
      const now = Date.now() / 1000
      return exemplarsShape.parse(
        await ask('query_exemplars', { query, start: String(now - 600), end: String(now + 60) }),
      )
    },
    async health() {
      const { activeTargets } = targetsShape.parse(await ask('targets'))
      return Object.fromEntries(
        activeTargets.map(({ labels, health, lastError }) => [
          labels['job'] ?? '',
          lastError === '' ? health : lastError,
        ]),
      )
    },
    stop,
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
