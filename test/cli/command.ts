// Runs the compiled command line for tests, as a user's shell or a service manager would.
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../../dist/services/cli/main.js', import.meta.url))

export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export type Child = ChildProcessByStdio<null, Readable, Readable>

/** The command as it is run, with `args`. */
export const commandLine = (...args: string[]): [string, ...string[]] => [process.execPath, main, ...args]

/** `wrapper`: a command that is given the rest as its arguments, and becomes it. */
export function spawnCommand(
  args: readonly string[],
  env: Record<string, string> = {},
  wrapper: readonly string[] = [],
  cwd?: string,
): Child {
  const [file, ...rest] = [...wrapper, ...commandLine(...args)] as [string, ...string[]]
  return spawn(file, rest, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    cwd,
  })
}

/** Runs a command to its end. */
export async function runCommand(...args: string[]): Promise<Outcome> {
  return runCommandIn(undefined, ...args)
}

/** Runs a command to its end, with another current folder. */
export async function runCommandIn(cwd: string | undefined, ...args: string[]): Promise<Outcome> {
  const child = spawnCommand(args, {}, [], cwd)
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), exitCode(child)])
  return { code, stdout, stderr }
}

/** null when a signal ended it. */
export async function exitCode(child: Child): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return child.exitCode
}

/** Where the daemon says it serves files, once it does: `http://127.0.0.1:1234/b/`. */
export function filesUrlOf(stdout: Readable | null): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      const url = /^serving .* at (http:\S+\/b\/)\n/.exec(text)?.[1]
      if (url !== undefined) resolve(url)
    })
    stdout?.once('close', () => {
      reject(new Error(`ended before it served anything: ${text}`))
    })
  })
}

export interface Daemon extends AsyncDisposable {
  readonly child: Child
  /** With the slash at its end: `http://127.0.0.1:1234/b/`. */
  readonly filesUrl: string
  readonly adminUrl: string
  readonly stdout: () => string
  readonly stderr: () => string
  /** What /readyz or /livez says. */
  probe(name: 'readyz' | 'livez'): Promise<{ status: number; body: string }>
}

/** `ringmaster serve ROOT …` on free ports, once it has said where it is. */
export async function startDaemon(
  root: string,
  args: readonly string[] = [],
  env: Record<string, string> = {},
  wrapper: readonly string[] = [],
): Promise<Daemon> {
  const child = spawnCommand(
    ['serve', root, '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', ...args],
    env,
    wrapper,
  )
  let stdout = ''
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk))
  const started = new Promise<void>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk
      if (/^ring 0: .*\n/m.test(stdout)) resolve()
    })
    child.once('exit', (code) => {
      reject(new Error(`exit code ${code} before it was ready\n${stdout}${stderr}`))
    })
  })
  await started
  const filesUrl = /at (http:\S+\/b\/)$/m.exec(stdout)?.[1] ?? ''
  const adminUrl = /^metrics at (http:\S+)\/metrics$/m.exec(stdout)?.[1] ?? ''
  return {
    child,
    filesUrl,
    adminUrl,
    stdout: () => stdout,
    stderr: () => stderr,
    probe: async (name) => {
      const response = await fetch(`${adminUrl}/${name}`)
      return { status: response.status, body: await response.text() }
    },
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      await exitCode(child)
    },
  }
}
