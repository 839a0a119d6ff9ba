// Runs the programs of test/native/programs in processes and worker threads of their own. They are TypeScript like everything
// else, which Node 20 cannot run, so they are translated on first use into a directory whose native/ is the compiled one.
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { WorkerOptions } from 'node:worker_threads'
import ts from 'typescript'
import { afterAll } from 'vitest'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const source = path.join(root, 'test/native')
let directory: string | undefined

afterAll(() => {
  if (directory !== undefined) rmSync(directory, { recursive: true })
  directory = undefined
})

function translate(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'ringmaster-programs-'))
  writeFileSync(path.join(made, 'package.json'), '{ "type": "module" }')
  symlinkSync(path.join(root, 'dist/native'), path.join(made, 'native'))
  for (const folder of ['support', 'programs']) {
    mkdirSync(path.join(made, 'test/native', folder), { recursive: true })
    for (const name of readdirSync(path.join(source, folder)).filter((name) => name.endsWith('.ts'))) {
      const { outputText } = ts.transpileModule(readFileSync(path.join(source, folder, name), 'utf8'), {
        compilerOptions: {
          module: ts.ModuleKind.ESNext,
          target: ts.ScriptTarget.ES2022,
          rewriteRelativeImportExtensions: true,
          verbatimModuleSyntax: true,
        },
      })
      writeFileSync(path.join(made, 'test/native', folder, name.replace(/\.ts$/, '.js')), outputText)
    }
  }
  return made
}

/** The translated file of a program: `ring-allocation` for programs/ring-allocation.ts. */
export function programFile(name: string): string {
  directory ??= translate()
  return path.join(directory, 'test/native/programs', `${name}.js`)
}

/** Starts a program in a worker thread. */
export function startThread(name: string, options: WorkerOptions = {}): Worker {
  return new Worker(programFile(name), options)
}

export interface Outcome {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface ProcessOptions {
  /** Arguments of the program; the first one it sees is process.argv[2]. */
  readonly args?: readonly string[]
  readonly nodeArgs?: readonly string[]
  /** A command that runs the rest of its arguments: `strace …`, `setpriv …`. */
  readonly under?: readonly string[]
  readonly env?: Record<string, string>
}

/** Runs a program in a process of its own, to its end. */
export async function runProcess(name: string, options: ProcessOptions = {}): Promise<Outcome> {
  const node = [process.execPath, ...(options.nodeArgs ?? []), programFile(name), ...(options.args ?? [])]
  const [command, ...args] = [...(options.under ?? []), ...node]
  const child = spawn(command!, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '', ...options.env },
  })
  const ended = new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      resolve([code, signal])
    })
  })
  const [stdout, stderr, [code, signal]] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  return { code, signal, stdout, stderr }
}

/** The JSON that a program printed, once it has ended well. */
export async function runForResult<T>(name: string, options: ProcessOptions = {}): Promise<T> {
  const { code, signal, stdout, stderr } = await runProcess(name, options)
  if (code !== 0) throw new Error(`${name} ended with ${code ?? signal}\n${stdout}\n${stderr}`)
  return JSON.parse(stdout) as T
}
