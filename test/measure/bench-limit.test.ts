// The C programs (services/measure/c), that of `ringmaster bench` above all, under the sanitizers where the compiler has them: they do what they say they did.
import { spawnSync } from 'node:child_process'
import { readdirSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder } from '../services/harness.ts'
import { dataIn, fillFolder } from './harness.ts'

const folder = temporaryFolder()
const program = join(folder.path, 'program')
const ringProgram = join(folder.path, 'ring-program')
const sources = join(import.meta.dirname, '../../services/measure/c')
const strict = ['-g', '-O1', '-Wall', '-Wextra', '-Wpedantic', '-Wshadow', '-Werror', '-fno-sanitize-recover=all']
const hasCompiler = spawnSync('cc', ['--version']).status === 0

interface Window {
  readonly operations: number
  readonly bytes: number
  readonly overdue: number
  readonly seconds: number
  readonly spectrum: readonly (readonly [number, number])[]
}

interface Ended {
  readonly code: number | null
  readonly stderr: string
  readonly closed: Window | undefined
  readonly open: Window | null | undefined
}

function run(settings: Record<string, string | number>, paths: readonly string[] = []): Ended {
  const { file, spanBytes } = dataIn(folder.path)
  const usual = { depth: 4, bytes: 4096, seconds: 0.05, warmup: 0, path: file!, span: spanBytes, scratch: folder.path }
  const args = Object.entries({ mode: 'plain', ...usual, ...settings }).map(([name, value]) => `${name}=${value}`)
  const input = paths.map((path) => `${path}\0`).join('')
  const { status, stdout, stderr } = spawnSync(program, args, { input, encoding: 'utf8' })
  const answer = stdout === '' ? {} : (JSON.parse(stdout) as { closed: Window; open: Window | null })
  return { code: status, stderr, closed: undefined, open: undefined, ...answer }
}

beforeAll(() => {
  fillFolder(folder.path)
  if (!hasCompiler) return
  for (const [name, output] of [
    ['bench-limit.c', program],
    ['ring-limit.c', ringProgram],
  ] as const) {
    const compile = (...sanitizers: string[]): ReturnType<typeof spawnSync> =>
      spawnSync('cc', [...strict, ...sanitizers, join(sources, name), '-o', output], { encoding: 'utf8' })
    // Not every compiler brings the sanitizers' libraries.
    const sanitized = compile('-fsanitize=address,undefined')
    const built = sanitized.status === 0 ? sanitized : compile()
    expect(built.status, String(built.stderr)).toBe(0)
  }
})

afterAll(() => {
  folder.remove()
})

describe.skipIf(!hasCompiler)(`bench-limit.c${hasCompiler ? '' : ' (there is no cc)'}`, () => {
  for (const workload of ['random-read', 'sequential-read', 'durable-append', 'mixed'])
    it(`${workload}: moves a block with each operation, and leaves nothing behind`, () => {
      const before = readdirSync(folder.path)
      for (const mode of ['plain', 'sqpoll']) {
        const { closed, stderr, code } = run({ workload, mode })
        expect(code, stderr).toBe(0)
        expect(stderr).toBe('')
        expect(closed!.operations).toBeGreaterThan(0)
        expect(closed!.bytes).toBe(closed!.operations * 4096)
      }
      expect(readdirSync(folder.path)).toEqual(before)
    })

  it('small-files: reads each file whole, one after the other, and again', () => {
    const { paths } = dataIn(folder.path)
    const { closed, stderr } = run({ workload: 'small-files', depth: 7 }, paths)
    expect(stderr).toBe('')
    const sizes = paths.map((path) => statSync(path).size)
    expect(closed!.operations).toBeGreaterThan(0)
    let expected = 0
    for (let at = 0; at < closed!.operations; at++) expected += sizes[at % sizes.length]!
    expect(closed!.bytes).toBe(expected)
  })

  it('by plan: as many as were due, with latencies from least to most', () => {
    const { open, stderr } = run({ workload: 'random-read', rate: 2000 })
    expect(stderr).toBe('')
    expect(open!.operations + open!.overdue).toBe(100)
    const values = open!.spectrum.map(([, ns]) => ns)
    expect(values[0]).toBeGreaterThan(0)
    expect(values).toEqual([...values].sort((a, b) => a - b))
  })

  it('by plan, more than can be done: what was not begun is overdue, and counts with what it had waited', () => {
    const { open } = run({ workload: 'durable-append', depth: 1, rate: 1e7 })
    expect(open!.operations + open!.overdue).toBe(500_000)
    expect(open!.overdue).toBeGreaterThan(0)
    // The first one that waited has waited for the whole time, the last one for a quarter of it.
    expect(open!.spectrum.at(-1)![1]).toBeGreaterThan(0.05e9)
    expect(open!.spectrum[0]![1]).toBeGreaterThan(0.25 * 0.05e9)
  })

  it('ends with 1 and the reason where a file is not there, or has become shorter', () => {
    const { code, stderr } = run({ workload: 'small-files' }, [join(folder.path, 'absent')])
    expect([code, stderr]).toEqual([1, expect.stringContaining('absent: No such file or directory')])
    const { file, spanBytes } = dataIn(folder.path)
    truncateSync(file!, spanBytes / 2)
    const short = run({ workload: 'sequential-read', span: spanBytes })
    expect([short.code, short.stderr]).toEqual([1, expect.stringContaining('is the file changed by somebody?')])
  })
})

describe.skipIf(!hasCompiler)(`ring-limit.c, on the same ring${hasCompiler ? '' : ' (there is no cc)'}`, () => {
  const ringRun = (...settings: string[]): { code: number | null; stderr: string; operations: number | undefined } => {
    const args = ['seconds=0.02', 'warmup=0', ...settings]
    const { status, stdout, stderr } = spawnSync(ringProgram, args, { encoding: 'utf8' })
    const operations = stdout === '' ? undefined : (JSON.parse(stdout) as { operations: number }).operations
    return { code: status, stderr, operations }
  }

  for (const mode of ['plain', 'sqpoll'])
    it(`${mode}: has more in flight than a queue holds, and each ends once`, () => {
      const { code, stderr, operations } = ringRun('workload=nop', `mode=${mode}`, 'depth=65536', 'group=65536')
      expect([code, stderr]).toEqual([0, ''])
      expect(operations).toBeGreaterThan(0)
      expect(operations! % 65_536).toBe(0)
    })

  it('appends in chains, and ends with 1 and the reason where it may not', () => {
    const { code, stderr, operations } = ringRun(
      'workload=append',
      'link=1',
      'depth=4',
      'group=4',
      `path=${folder.path}`,
    )
    expect([code, stderr]).toEqual([0, ''])
    expect(operations! % 4).toBe(0)
    const absent = ringRun('workload=append', `path=${join(folder.path, 'absent')}`)
    expect([absent.code, absent.stderr]).toEqual([1, expect.stringMatching(/^ring-limit: .*No such file or directory/)])
  })
})
