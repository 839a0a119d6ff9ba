// What tests of `ringmaster/fs` share: the same call made of node:fs/promises and of ours, each in a folder of its own with the same files, and how it
// ended.
import { execFileSync } from 'node:child_process'
import { constants, linkSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import * as own from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect, isDeepStrictEqual } from 'node:util'
import { fieldOf } from '../services/harness.ts'

/** The API without its types: most of what is tried they forbid. */
export type LooseFs = Readonly<Record<string, (...args: readonly unknown[]) => Promise<never>>>
export type LooseHandle = Readonly<Record<string, (...args: readonly unknown[]) => Promise<unknown>>>

const lanes = 8

export const nodes: LooseFs = own as object as LooseFs

export type Call = (fs: LooseFs, at: (name: string) => string) => unknown

// A process for each FIFO would take longer than all the rest.
let fifo: string | null = null
function aFifo(): string {
  if (fifo !== null) return fifo
  const folder = mkdtempSync(join(tmpdir(), 'ringmaster-test-fs-'))
  fifo = join(folder, 'fifo')
  execFileSync('mkfifo', [fifo])
  process.on('exit', () => {
    rmSync(folder, { recursive: true, force: true })
  })
  return fifo
}

/** The files that calls find. */
function fill(path: string): void {
  const at = (name: string): string => join(path, name)
  writeFileSync(at('text'), 'zażółć gęślą jaźń 🦆\n'.repeat(40))
  writeFileSync(at('empty'), '')
  mkdirSync(at('folder'))
  mkdirSync(at('folder/inner'))
  writeFileSync(at('folder/inner/file'), 'inner')
  symlinkSync('text', at('link'))
  symlinkSync('missing', at('dangling'))
  symlinkSync('loop', at('loop'))
  symlinkSync('folder', at('to-folder'))
  writeFileSync(at('read-only'), 'x', { mode: 0o444 })
  linkSync(aFifo(), at('fifo'))
}

export type NamedCall = readonly [name: string, call: Call]

/** The calls that end otherwise with `ours` than with Node, and how. Many at once: they wait for the kernel more than they work. */
export async function differences(ours: LooseFs, calls: readonly NamedCall[]): Promise<unknown[]> {
  const found: unknown[] = []
  const left = [...calls]
  const lane = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const [name, call] = next
      const [theirs, mine] = [await outcomeOf(nodes, call), await outcomeOf(ours, call)]
      if (!isDeepStrictEqual(mine, theirs)) found.push({ name, theirs, ours: mine })
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return found
}

/** How a call ended, with nothing in it that differs by where and when. */
export async function outcomeOf(fs: LooseFs, call: Call): Promise<unknown> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'ringmaster-test-fs-')))
  try {
    fill(folder)
    const at = (name: string): string => join(folder, name)
    return plain(await ended(async () => call(fs, at)), folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function ended(run: () => Promise<unknown>): Promise<unknown> {
  try {
    return { value: await run() }
  } catch (error) {
    return { error: shownError(error) }
  }
}

export function shownError(error: unknown): Record<string, unknown> {
  const shown: Record<string, unknown> = {
    is: Object.getPrototypeOf(error) === null ? null : (error as Error).constructor.name,
  }
  for (const field of ['name', 'code', 'errno', 'syscall', 'path', 'dest', 'message', 'info'])
    if (fieldOf(error, field) !== undefined) shown[field] = fieldOf(error, field)
  const cause = fieldOf(error, 'cause')
  if (cause !== undefined) shown['cause'] = cause instanceof Error ? cause.name : cause
  return shown
}

const ofTheirOwn = new Set([
  'ino',
  'dev',
  'atimeMs',
  'mtimeMs',
  'ctimeMs',
  'birthtimeMs',
  'blocks',
  'atimeNs',
  'mtimeNs',
])
for (const name of ['ctimeNs', 'birthtimeNs', 'atime', 'mtime', 'ctime', 'birthtime']) ofTheirOwn.add(name)

/** A value as text can show it, and comparison finds every difference: prototypes, kinds of bytes, bigints. */
function plain(value: unknown, folder: string): unknown {
  if (typeof value === 'string') return value.replaceAll(folder, '{folder}').replace(/tmp-\w{6}('?)$/, 'tmp-######$1')
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value !== 'object' || value === null) return value
  if (ArrayBuffer.isView(value)) {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    return { kind: value.constructor.name, bytes: bytes.toString('latin1').replaceAll(folder, '{folder}') }
  }
  if (Array.isArray(value)) return value.map((each) => plain(each, folder))
  const prototype: unknown = Object.getPrototypeOf(value)
  const kind = prototype === null ? 'null' : String(fieldOf(fieldOf(value, 'constructor'), 'name'))
  // The FIFO of all folders is one.
  const isFifo = (Number(fieldOf(value, 'mode')) & constants.S_IFMT) === constants.S_IFIFO
  const fields = Object.entries(value).map(([name, each]) => [
    name,
    ofTheirOwn.has(name) || (isFifo && name === 'nlink') ? typeof each : plain(each, folder),
  ])
  return { kind, ...(Object.fromEntries(fields) as object) }
}

/** Opens, carries out, closes. */
export async function withHandle(
  fs: LooseFs,
  path: string,
  flags: string,
  use: (handle: LooseHandle) => unknown,
): Promise<unknown> {
  const handle: LooseHandle = await fs['open']!(path, flags)
  try {
    return await use(handle)
  } finally {
    await handle['close']!()
  }
}

/** An argument in the name of a case. */
export function show(value: unknown): string {
  if (typeof value === 'object') return JSON.stringify(value)
  return typeof value === 'string' ? value : inspect(value)
}
