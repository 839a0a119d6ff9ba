// Runs one round of one leg in a fresh process, with a time limit. Called by runner.ts.
import { spawn } from 'node:child_process'
import type { LegPlan, Measurement } from './model.ts'

/** Start (of 64 rings, too), data listing, latency sorting and closing, on a busy machine. */
const OVERHEAD_LIMIT_SECONDS = 60
const OUTPUT_LIMIT_CHARS = 64 << 10

export interface RunLimits {
  /** Warm-up and timed window together. */
  readonly expectedSeconds: number
  readonly signal: AbortSignal
}

interface Ending {
  readonly code: number | null
  readonly signalName: string | null
  readonly stdout: string
  readonly stderr: string
}

export async function runLeg(plan: LegPlan, limits: RunLimits): Promise<Measurement> {
  const limitSeconds = limits.expectedSeconds * 1.5 + OVERHEAD_LIMIT_SECONDS
  const { code, signalName, stdout, stderr } = await ended(plan, limits, limitSeconds)
  limits.signal.throwIfAborted()
  if (code === 0) return plan.parse(stdout)
  const words = lastWords(stderr)
  if (signalName !== 'SIGKILL') throw new Error(`it ended with ${signalName ?? `exit code ${code}`}\n${words}`.trim())
  const what = stdout === '' ? 'it gave no result' : 'it gave its result but did not exit'
  throw new Error(`${what} within ${limitSeconds} s and was killed\n${words}`.trim())
}

/** From the error's message on, where there is one: a stack alone does not say what is wrong. */
function lastWords(stderr: string): string {
  const lines = stderr.trim().split('\n')
  const message = lines.findLastIndex((line) => /^\w*Error\b/.test(line))
  return (message < 0 ? lines.slice(-12) : lines.slice(message, message + 4)).join('\n')
}

function ended(plan: LegPlan, limits: RunLimits, limitSeconds: number): Promise<Ending> {
  return new Promise((resolve, reject) => {
    const child = spawn(plan.command, plan.args, {
      env: { ...ownEnvironment(), ...plan.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      signal: limits.signal,
      killSignal: 'SIGKILL',
      ...(plan.cwd === undefined ? {} : { cwd: plan.cwd }),
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), limitSeconds * 1000)
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout = (stdout + text).slice(-OUTPUT_LIMIT_CHARS)))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-OUTPUT_LIMIT_CHARS)))
    child.once('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    child.once('close', (code, signalName) => {
      clearTimeout(timer)
      resolve({ code, signalName, stdout, stderr })
    })
  })
}

/** The user's environment without what would change one kind of leg and not another. */
function ownEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('UV_') && name !== 'NODE_OPTIONS')
  return Object.fromEntries(kept)
}
