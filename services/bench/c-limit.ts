// The row in C: a small program on the raw ring, compiled with the user's compiler into a private folder. What it does is what this machine can do
// with nothing in between. Called by rows.ts; where it cannot be had it throws CMissingError with the reason, which the table shows.
import { spawn } from 'node:child_process'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { compile } from '../measure/compile.ts'
import { watchNoise } from '../measure/noise.ts'
import type { LegData } from '../measure/order.ts'
import { packageRoot } from '../measure/package-root.ts'
import type { BenchScenario, RowRound } from './model.ts'

/** There is no such row here: no compiler, or the program has no such workload. */
export class CMissingError extends Error {
  override readonly name = 'CMissingError'
}

export type CMode = 'plain' | 'sqpoll'

const result = z.object({
  operations: z.number(),
  seconds: z.number(),
  cpuSeconds: z.number(),
  p50Us: z.number(),
  p99Us: z.number(),
})

const chunkBytes = 1 << 20
const stderrCharsMax = 4096
const overheadSecondsMax = 30

export interface CRun {
  readonly scenario: BenchScenario
  readonly data: LegData
  readonly mode: CMode
  readonly seconds: number
  readonly warmupSeconds: number
  /** Private to this run: what is compiled is started from here. */
  readonly buildFolder: string
  readonly signal: AbortSignal
}

/** @throws CMissingError; Error where it was started and failed; the signal's reason */
export async function runC(run: CRun): Promise<RowRound> {
  const settings = settingsOf(run)
  const program = compileProgram(run.buildFolder)
  await warm(run.data)
  const noise = watchNoise()
  const args = Object.entries(settings).map(([name, value]) => `${name}=${value}`)
  const limitMs = (run.seconds + run.warmupSeconds + overheadSecondsMax) * 1000
  const { operations, seconds, cpuSeconds, p50Us, p99Us } = result.parse(
    JSON.parse(await output(program, args, limitMs, run.signal)),
  )
  return {
    operationsPerSecond: operations / seconds,
    bytesPerSecond: (operations / seconds) * run.scenario.blockBytes,
    cpuNsPerOperation: (cpuSeconds * 1e9) / operations,
    p50Ns: p50Us * 1000,
    p99Ns: p99Us * 1000,
    spectrum: [],
    noise: noise(((cpuSeconds * 1e9) / seconds) * (seconds + run.warmupSeconds)),
    paced: null,
    used: `C, ${run.mode === 'plain' ? 'one io_uring_enter per batch' : 'SQPOLL'}`,
  }
}

function settingsOf({ scenario, data, mode, seconds, warmupSeconds }: CRun): Record<string, string | number> {
  const { workload, blockBytes, depth } = scenario
  const common = {
    mode,
    depth,
    bytes: blockBytes,
    seconds,
    warmup: warmupSeconds,
    direct: Number(data.cache === 'direct'),
  }
  switch (workload) {
    case 'random-read':
    case 'sequential-read':
      if (blockBytes % 4096 !== 0) throw new CMissingError('the C program reads multiples of 4096 bytes')
      return {
        ...common,
        workload: 'read',
        sequential: Number(workload === 'sequential-read'),
        path: data.file ?? '',
        span: data.spanBytes,
      }
    case 'durable-append':
      if (depth > 1) throw new CMissingError('the C program appends one at a time: compare with --depth 1')
      return { ...common, workload: 'append', group: 1, path: data.scratchFolder, direct: 0 }
    case 'small-files':
    case 'mixed':
      throw new CMissingError('the C program has no such workload')
  }
}

function compileProgram(buildFolder: string): string {
  try {
    return compile({
      source: join(packageRoot(), 'services/measure/c/ring-limit.c'),
      companions: [],
      flags: ['-O2'],
      outputName: 'ring-limit',
      cacheDirectory: buildFolder,
    })
  } catch (error) {
    throw new CMissingError(error instanceof Error ? error.message : String(error))
  }
}

/** As the other rows' processes do before they begin. */
async function warm({ file, spanBytes, cache }: LegData): Promise<void> {
  if (file === null || cache !== 'cached') return
  const buffer = new Uint8Array(chunkBytes)
  const handle = await open(file, 'r')
  try {
    for (let at = 0; at < spanBytes; at += chunkBytes) await handle.read(buffer, 0, chunkBytes, at)
  } finally {
    await handle.close()
  }
}

function output(program: string, args: readonly string[], limitMs: number, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    const kill = (): void => void child.kill('SIGKILL')
    const timer = setTimeout(kill, limitMs)
    signal.addEventListener('abort', kill, { once: true })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-stderrCharsMax)))
    const over = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', kill)
    }
    child.once('error', (error) => {
      over()
      reject(error)
    })
    child.once('close', (code, signalName) => {
      over()
      if (signal.aborted) reject(signal.reason as Error)
      else if (code === 0) resolve(stdout)
      else reject(new Error(`the C program ended with ${signalName ?? `exit code ${code}`}: ${stderr.trim()}`))
    })
  })
}
