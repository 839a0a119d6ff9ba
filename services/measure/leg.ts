// Runs one leg: a fresh process with an order, a time limit, and an end with the parent's. Used by subject.ts, limits.ts and services/bench/.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { LayoutImpossibleError } from '../tune/types.ts'
import type { NoiseReading } from '../tune/types.ts'
import { legAnswer, windowWarmupSeconds } from './order.ts'
import type { LegAnswer, LegOrder, LegTimes, WindowResult } from './order.ts'

export interface LegOutcome {
  /** What was really used: "1 ring, poller kernel", "fs-promises". */
  readonly used: string
  readonly windows: readonly WindowResult[]
  /** From the begin of the first window to the end of the last: of less, /proc/stat with its ticks of 10 ms says little. */
  readonly noise: NoiseReading
}

export interface LegOptions {
  readonly signal?: AbortSignal | undefined
  /** When it is taken to hang. Default twice what it should take, and a minute. */
  readonly limitSeconds?: number
  /** For progress displays and tests. */
  readonly onStart?: (pid: number) => void
  readonly onStep?: (step: 'warmup' | 'window') => void
}

/** A leg that gave no result: it crashed, was killed, or hung. The other legs are none the worse for it. */
export class LegFailedError extends Error {
  override readonly name = 'LegFailedError'
}

// Beside the compiled code, also when this file runs from source.
const here = import.meta.url
const program = new URL(here.endsWith('.ts') ? '../../dist/services/measure/leg/main.js' : './leg/main.js', here)

/** Start (of 64 rings, too), warming the page cache, closing; on a busy machine. */
const overheadSecondsMax = 60
const stderrCharsMax = 8192

/** The user's environment without what would change one kind of leg and not another. */
function legEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('UV_') && name !== 'NODE_OPTIONS')
  return Object.fromEntries(kept)
}

/** From the error's message on, where there is one: a stack alone does not say what is wrong. */
function lastWords(stderr: string): string {
  const lines = stderr.trim().split('\n')
  const message = lines.findLastIndex((line) => /^\w*Error\b/.test(line))
  return lines.slice(message < 0 ? -3 : message, message < 0 ? undefined : message + 2).join(' ')
}

/** What a leg is expected to take, in seconds, without the start of its process. */
export function legSeconds(times: LegTimes): number {
  const { warmupSeconds, windows } = times
  return windows.reduce((sum, { seconds }, index) => sum + windowWarmupSeconds(times, index) + seconds, warmupSeconds)
}

/**
 * @throws LayoutImpossibleError where the machine cannot have the layout, LegFailedError where it gave no result, the signal's reason
 */
export async function runLeg(order: LegOrder, options: LegOptions = {}): Promise<LegOutcome> {
  options.signal?.throwIfAborted()
  const { limitSeconds = legSeconds(order) * 2 + overheadSecondsMax } = options
  const { answer, ending, stderr } = await answerOf(order, options, limitSeconds)
  options.signal?.throwIfAborted()
  if (answer?.kind === 'result' && answer.windows.length > 0) return answer
  if (answer?.kind === 'impossible') throw new LayoutImpossibleError(answer.reason)
  if (answer?.kind === 'failed') throw new LegFailedError(answer.reason)
  throw new LegFailedError(`the leg ended without a result (${ending}) ${lastWords(stderr)}`.trim())
}

interface Ended {
  readonly answer: LegAnswer | null
  readonly ending: string
  readonly stderr: string
}

function answerOf(order: LegOrder, { signal, onStart, onStep }: LegOptions, limitSeconds: number): Promise<Ended> {
  return new Promise((resolve, reject) => {
    // Its stdin stays open: it ends when this process does, however that comes.
    const child = spawn(process.execPath, [fileURLToPath(program)], {
      env: legEnvironment(),
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    let answer: LegAnswer | null = null
    let stderr = ''
    let timedOut = false
    const kill = (): void => void child.kill('SIGKILL')
    const timer = setTimeout(() => {
      timedOut = true
      kill()
    }, limitSeconds * 1000)
    signal?.addEventListener('abort', kill, { once: true })
    const over = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', kill)
    }
    child.stdin.on('error', () => undefined).write(`${JSON.stringify(order)}\n`)
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-stderrCharsMax)))
    createInterface({ input: child.stdout }).on('line', (line) => {
      const parsed = parseAnswer(line)
      if (parsed?.kind === 'warmup' || parsed?.kind === 'window') onStep?.(parsed.kind)
      else if (parsed !== null) answer = parsed
    })
    child.once('spawn', () => {
      if (child.pid !== undefined) onStart?.(child.pid)
    })
    child.once('error', (error) => {
      over()
      reject(error)
    })
    child.once('close', (code, signalName) => {
      over()
      const ending = timedOut ? `killed after ${limitSeconds} s` : (signalName ?? `exit code ${code}`)
      resolve({ answer, ending, stderr })
    })
  })
}

function parseAnswer(line: string): LegAnswer | null {
  try {
    return legAnswer.safeParse(JSON.parse(line)).data ?? null
  } catch {
    return null // somebody else's words: a warning of Node
  }
}
