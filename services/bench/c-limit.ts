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

/** There is no such row here: no compiler. */
export class CMissingError extends Error {
  override readonly name = 'CMissingError'
}

export type CMode = 'plain' | 'sqpoll'

const windowSchema = z.object({
  operations: z.number(),
  bytes: z.number(),
  overdue: z.number(),
  seconds: z.number(),
  cpuSeconds: z.number(),
  spectrum: z.array(z.tuple([z.number(), z.number()])),
})

const resultSchema = z.object({ closed: windowSchema, open: windowSchema.nullable(), cpuSecondsInAll: z.number() })

const headers = ['program.h', 'uring.h', 'latency.h', 'bench-work.h']
const chunkBytes = 1 << 20
const stderrCharsMax = 4096
const overheadSecondsMax = 30

export interface CRun {
  readonly scenario: BenchScenario
  readonly data: LegData
  readonly mode: CMode
  readonly seconds: number
  readonly warmupSeconds: number
  /** With --rate. */
  readonly operationsPerSecond: number | null
  /** Private to this run: what is compiled is started from here. */
  readonly buildFolder: string
  readonly signal: AbortSignal
}

/** @throws CMissingError; Error where it was started and failed; the signal's reason */
export async function runC(run: CRun): Promise<RowRound> {
  const program = compileProgram(run.buildFolder)
  await warm(run.data)
  const noise = watchNoise()
  const args = Object.entries(settingsOf(run)).map(([name, value]) => `${name}=${value}`)
  const windows = run.operationsPerSecond === null ? 1 : 2
  const limitMs = (run.seconds * windows * 1.25 + run.warmupSeconds + overheadSecondsMax) * 1000
  const paths = run.data.paths.map((path) => `${path}\0`).join('')
  const answer = await output(program, args, paths, limitMs, run.signal)
  const { closed, open, cpuSecondsInAll } = resultSchema.parse(JSON.parse(answer))
  const quantile = (of: z.infer<typeof windowSchema>, wanted: number): number =>
    of.spectrum.find(([percentile]) => percentile === wanted)?.[1] ?? Number.NaN
  return {
    operationsPerSecond: closed.operations / closed.seconds,
    bytesPerSecond: closed.bytes / closed.seconds,
    cpuNsPerOperation: (closed.cpuSeconds * 1e9) / closed.operations,
    p50Ns: quantile(closed, 50),
    p99Ns: quantile(closed, 99),
    spectrum: closed.spectrum,
    noise: noise(cpuSecondsInAll * 1e9),
    paced: open && {
      offeredPerSecond: run.operationsPerSecond ?? 0,
      achievedPerSecond: open.operations / open.seconds,
      p50Ns: quantile(open, 50),
      p99Ns: quantile(open, 99),
      p999Ns: quantile(open, 99.9),
    },
    used: `C, ${run.mode === 'plain' ? 'one io_uring_enter per batch' : 'SQPOLL'}`,
  }
}

function settingsOf(run: CRun): Record<string, string | number> {
  const { scenario, data, mode, seconds, warmupSeconds, operationsPerSecond } = run
  return {
    workload: scenario.workload,
    mode,
    depth: scenario.depth,
    bytes: scenario.blockBytes,
    seconds,
    warmup: warmupSeconds,
    rate: operationsPerSecond ?? 0,
    path: data.file ?? '',
    span: data.spanBytes,
    scratch: data.scratchFolder,
    direct: Number(data.cache === 'direct'),
  }
}

function compileProgram(buildFolder: string): string {
  const folder = join(packageRoot(), 'services/measure/c')
  try {
    return compile({
      source: join(folder, 'bench-limit.c'),
      companions: headers.map((header) => join(folder, header)),
      flags: ['-O2'],
      outputName: 'bench-limit',
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

function output(
  program: string,
  args: readonly string[],
  input: string,
  limitMs: number,
  signal: AbortSignal,
): Promise<string> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const child = spawn(program, args, { stdio: 'pipe' })
    // A program that ended before it had read them says why itself.
    child.stdin.on('error', () => undefined).end(input)
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
