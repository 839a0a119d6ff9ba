// A real Prometheus on a free port that scrapes one target every second with the rules of deploy/prometheus. Used by live.test.ts.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ruleFiles } from './prometheus/promtool.ts'

/** Whether there is no Prometheus here: Debian's package has server and promtool. */
export const withoutPrometheus: boolean = spawnSync('prometheus', ['--version']).error !== undefined

export interface Sample {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [number, string]
}

export interface PrometheusServer extends AsyncDisposable {
  /** An instant query; throws with what Prometheus says about an expression that it cannot parse or evaluate. */
  query(expr: string): Promise<readonly Sample[]>
  get(path: string): Promise<unknown>
}

/** Of a tenth of a second. */
const readyTriesMax = 300

export async function startPrometheus(target: string): Promise<PrometheusServer> {
  const folder = mkdtempSync(join(tmpdir(), 'ringmaster-prometheus-'))
  const configFile = join(folder, 'prometheus.json')
  const config = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: ruleFiles,
    scrape_configs: [{ job_name: 'ringmaster', static_configs: [{ targets: [target] }] }],
  }
  writeFileSync(configFile, JSON.stringify(config))
  const child = spawn(
    'prometheus',
    [
      `--config.file=${configFile}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      '--web.listen-address=127.0.0.1:0',
      '--log.format=json',
      // Asks for protobuf, so that histograms are native if the daemon has them; classic buckets are what unit tests are about.
      '--enable-feature=native-histograms',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    rmSync(folder, { recursive: true })
  }
  try {
    const url = await new Promise<string>((resolve, reject) => {
      let log = ''
      child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
        log += chunk
        const port = /"address":"127\.0\.0\.1:([1-9]\d*)"/.exec(log)?.[1]
        if (port !== undefined) resolve(`http://127.0.0.1:${port}`)
      })
      child.once('exit', () => {
        reject(new Error(`Prometheus ended before it listened: ${log}`))
      })
    })
    // It listens before it has replayed its log, and answers 503 until then.
    const isReady = async (): Promise<boolean> => (await fetch(`${url}/-/ready`)).ok
    for (let left = readyTriesMax; left > 0 && !(await isReady()); left--) await sleep(100)
    const get = async (path: string): Promise<unknown> => {
      const response = await fetch(`${url}${path}`)
      const answer = (await response.json()) as { status: string; error?: string; data: unknown }
      if (answer.status !== 'success') throw new Error(`${path}: ${answer.error}`)
      return answer.data
    }
    return {
      get,
      query: async (expr) =>
        ((await get(`/api/v1/query?query=${encodeURIComponent(expr)}`)) as { result: Sample[] }).result,
      [Symbol.asyncDispose]: stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}
