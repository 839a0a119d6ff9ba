// Whole programs, for cases about how a process with rings ends: a script that has Ringmaster, op and the kind of ring at hand,
// run by Node in a process of its own. Used by cancel, futex and life tests.
import { spawn } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { RingKind } from './every-ring.ts'

const module = (name: string): string => JSON.stringify(new URL(`../../dist/${name}`, import.meta.url).href)

export interface ProgramEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A program that runs. */
export interface Program {
  readonly child: ChildProcessByStdio<null, Readable, Readable>
  /** What it has printed so far. */
  readonly printed: () => string
  readonly ended: Promise<ProgramEnd>
}

/**
 * Starts a script of ES module code. It has `Ringmaster`, `op`, `binding`, `options` for Ringmaster.start() with two rings of
 * the kind, and `arg`, whatever is given.
 */
export function startProgram(kind: RingKind, script: string, arg: unknown = null): Program {
  const head = `
    import { Ringmaster } from ${module('services/index.js')}
    import { op } from ${module('services/raw/index.js')}
    import { binding } from ${module('native/binding.js')}
    const options = ${JSON.stringify({ rings: 2, sqEntries: 64, ...kind })}
    const arg = ${JSON.stringify(arg)}
  `
  const child = spawn(process.execPath, ['--input-type=module', '-e', head + script], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 55_000,
    killSignal: 'SIGKILL',
  })
  let stdout = ''
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  const stderr = text(child.stderr)
  const ended = new Promise<ProgramEnd>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      stderr.then((errors) => {
        resolve({ code, signal, stdout, stderr: errors })
      }, reject)
    })
  })
  return { child, printed: () => stdout, ended }
}

/** Runs a script to its end. */
export function runProgram(kind: RingKind, script: string, arg: unknown = null): Promise<ProgramEnd> {
  return startProgram(kind, script, arg).ended
}

/** A program that ended by itself, with nothing to complain of. */
export const endedWell = (stdout = ''): ProgramEnd => ({ code: 0, signal: null, stdout, stderr: '' })

/** The kernel's threads for rings (iou-sqp-*, iou-wrk-*) in a process; none where the process is gone. */
export function ringThreads(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) => {
      const name = readFileSync(`/proc/${pid}/task/${task}/comm`, 'latin1').trim()
      return name.startsWith('iou-') ? [name] : []
    })
  } catch {
    return []
  }
}

/** Whether a process is there, not even as a zombie. */
export function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return false
  } catch {
    return true
  }
}
