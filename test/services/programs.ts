// Whole programs that have rings, run by Node in a process of its own: for tests of how processes end, of what they hand down, and of
// who they are.
import { spawn } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { allPollers, withoutAddon } from './harness.ts'

/** Every poller with the addon, and the one that does without it. */
export type Way = (typeof allPollers)[number] | 'plain'
export const everyWay: readonly Way[] = withoutAddon ? ['plain'] : [...allPollers, 'plain']

const module = (name: string): string => new URL(`../../dist/services/${name}`, import.meta.url).href

/** Where programs find the library. */
export const library: string = module('index.js')
export const rawLibrary: string = module('raw/index.js')

export interface ProgramEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A program that runs. */
export interface Program {
  readonly child: ChildProcessByStdio<null, Readable, Readable>
  /** Resolves when it has printed something. */
  readonly printed: Promise<unknown>
  readonly ended: Promise<ProgramEnd>
}

/** What every program begins with: `Ringmaster`, `op`, node:fs as `fs`, `arg`, and start(options), which starts two small rings. */
function head(way: Way, arg: unknown): string {
  const options = { poller: way === 'plain' ? 'threadpool' : way, rings: 2, sqEntries: 64 }
  return `
    import fs from 'node:fs'
    import { Ringmaster } from ${JSON.stringify(library)}
    import { acceptStream, op } from ${JSON.stringify(rawLibrary)}
    const arg = ${JSON.stringify(arg)}
    const options = ${JSON.stringify(options)}
    const start = (more) => Ringmaster.start({ ...options, ...more })
  `
}

export function startProgram(way: Way, script: string, arg: unknown, cwd: string): Program {
  const child = spawn(process.execPath, ['--input-type=module', '-e', head(way, arg) + script], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: way === 'plain' ? { ...process.env, RINGMASTER_ADDON: 'none' } : process.env,
    timeout: 50_000,
    killSignal: 'SIGKILL',
  })
  const printed = new Promise((resolve) => {
    child.stdout.once('data', resolve)
    child.stdout.once('close', resolve)
  })
  const [stdout, stderr] = [text(child.stdout), text(child.stderr)]
  const ended = new Promise<ProgramEnd>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      Promise.all([stdout, stderr]).then(([printedAll, errors]) => {
        resolve({ code, signal, stdout: printedAll, stderr: errors })
      }, reject)
    })
  })
  return { child, printed, ended }
}

/** Runs a program to its end. */
export function runProgram(way: Way, script: string, arg: unknown, cwd: string): Promise<ProgramEnd> {
  return startProgram(way, script, arg, cwd).ended
}
