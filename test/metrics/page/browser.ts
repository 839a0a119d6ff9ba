// Chromium and the demo program for the tests of the live page: both started once per file, on free ports, and ended by their own handle.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { chromium, type Browser } from 'playwright-core'

const executablePath = '/usr/bin/chromium'

/** Debian's package `chromium`. Where it is missing, tests say so and are skipped. */
export const hasChromium: boolean = existsSync(executablePath)
if (!hasChromium)
  console.warn(
    `the tests of the live page are skipped: there is no ${executablePath} (Debian: apt-get install chromium)`,
  )

export const startBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath,
    args: [
      ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
      ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
    ],
  })

export interface Demo {
  readonly url: string
  /** What /metrics says of a series. */
  metric(series: string): Promise<number>
  /** SIGSTOP, SIGCONT; SIGUSR2: see demo.mjs. */
  signal(name: NodeJS.Signals): void
  stop(): Promise<void>
}

export async function startDemo(...args: string[]): Promise<Demo> {
  const program = fileURLToPath(new URL('./demo.mjs', import.meta.url))
  const child = spawn(process.execPath, [program, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  const [address] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string]
  const url = address.trim()
  return {
    url,
    metric: async (series) => {
      const text = await (await fetch(`${url}/metrics`)).text()
      const line = text.split('\n').find((one) => one.startsWith(`${series} `))
      if (line === undefined) throw new Error(`/metrics has no ${series}`)
      return Number(line.slice(series.length + 1))
    },
    signal: (name) => void child.kill(name),
    stop: async () => {
      child.stdin.end()
      await ended
    },
  }
}

/** A trace as GET /trace answers it: reads of 40 to 400 µs, chains of two, and one multishot receive. */
export function traceFixture(): string {
  const startedMs = 1_700_000_000_000
  const events = Array.from({ length: 200 }, (_, index) => {
    const openedMs = startedMs + index * 0.05
    const isChain = index % 10 < 2
    const isStream = index % 25 === 24
    return {
      ...{
        ring: 0,
        client: null,
        operation: isStream ? 'recv' : isChain ? (index % 10 === 0 ? 'write' : 'fsync') : 'read',
      },
      ...{
        id: isStream ? 1_000_000 : index,
        chain: isChain ? index - (index % 10) : null,
        slot: isStream ? 9 : index % 8,
      },
      ...{
        link: index % 10 === 0 ? 'soft' : null,
        more: isStream && index < 199,
        buffer: null,
        flags: 0,
        result: 4096,
      },
      ...{ openedMs, publishedMs: openedMs + 0.01, seenMs: openedMs + 0.05 + (index % 9) * 0.04 },
      settledMs: openedMs + 0.06 + (index % 9) * 0.04,
    }
  })
  return JSON.stringify({ startedMs, endedMs: startedMs + 1000, dropped: 3, sampleEvery: 4, events })
}
