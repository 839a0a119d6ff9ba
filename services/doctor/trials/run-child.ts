// Runs a trial (child.ts) in a process of its own, and waits for its end no longer than it may take. Used by ../context.ts.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { hasNoMainThread } from '../../../native/capabilities.ts'

/** How a trial ended: by itself, killed by a signal (a sandbox's SIGSYS, or the memory's SIGKILL), not in time, or with an error. */
export type TrialEnd = 'done' | 'killed' | 'late' | 'failed'

export interface TrialOutcome<Facts> {
  /** What it told: all of it, if it ended by itself. */
  readonly facts: Partial<Facts>
  readonly end: TrialEnd
  /** What it said on stderr, or the signal. */
  readonly detail: string
}

export type TrialName = 'calls' | 'start' | 'storage'

const here = import.meta.url
// Sources are read by the tests' runner, which no child is.
const childFile = fileURLToPath(
  new URL(here.endsWith('.ts') ? '../../../dist/services/doctor/trials/child.js' : './child.js', here),
)

const watchMs = 100
/** For removing what it has made, once it is to end. */
const graceMs = 1_000
const outputCharsMax = 1_000_000

/** Facts of all lines together; a line that is cut off is none. */
function mergeFacts<Facts>(output: string): Partial<Facts> {
  const facts: Partial<Facts> = {}
  for (const line of output.split('\n')) {
    try {
      Object.assign(facts, JSON.parse(line) as Partial<Facts>)
    } catch {
      // the last one, of a process that was killed
    }
  }
  return facts
}

export function runTrial<Facts>(name: TrialName, argument: string, limitMs: number): Promise<TrialOutcome<Facts>> {
  return new Promise((resolve) => {
    // What the program has preloaded with NODE_OPTIONS is not for this one.
    const env = { ...process.env, NODE_OPTIONS: '' }
    const child = spawn(process.execPath, [childFile, name, argument], { stdio: ['pipe', 'pipe', 'pipe'], env })
    let [output, errors, late, killedThread] = ['', '', false, false]
    child.stdin.on('error', () => undefined)
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (output.length < outputCharsMax) output += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (errors.length < outputCharsMax) errors += text
    })
    const stop = (): void => {
      late = true
      child.stdin.end()
      setTimeout(() => child.kill('SIGKILL'), graceMs).unref()
    }
    const timer = setTimeout(stop, limitMs)
    const watch = setInterval(() => {
      if (child.pid === undefined || !hasNoMainThread(child.pid)) return
      killedThread = true
      child.kill('SIGKILL')
    }, watchMs)
    const settle = (end: TrialEnd, detail: string): void => {
      clearTimeout(timer)
      clearInterval(watch)
      resolve({ facts: mergeFacts<Facts>(output), end, detail })
    }
    child.once('error', (error) => {
      settle('failed', error.message)
    })
    child.once('close', (code, signal) => {
      if (code === 0) settle('done', '')
      else if (late) settle('late', `no answer within ${limitMs / 1000} s`)
      else if (signal !== null) settle('killed', killedThread ? 'SIGSYS' : signal)
      else
        settle(
          'failed',
          errors
            .trim()
            .split('\n')
            .find((line) => /Error/.test(line)) ?? `exit code ${code}`,
        )
    })
    // A process in uninterruptible sleep is not even killed: it is left, and no longer listened to.
    setTimeout(
      () => {
        settle('late', `no answer within ${limitMs / 1000} s, and it cannot be killed`)
        child.stdout.destroy()
        child.stderr.destroy()
        child.unref()
      },
      limitMs + 2 * graceMs,
    ).unref()
  })
}
