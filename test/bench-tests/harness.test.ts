// The benchmark run as a user runs it: real legs in processes of their own, for moments, so that what they print can be checked and
// no figure means anything.
import { execFile } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder } from '../services/harness.ts'

const folder = temporaryFolder()
const main = join(import.meta.dirname, '../../dist/test/bench/main.js')
const moment = ['--rounds', '1', '--seconds', '0.1', '--warmup', '0']
const blocks = 64
const limitMs = 240_000

interface Run {
  readonly code: number
  readonly lines: readonly string[]
  readonly stderr: string
}

function bench(...args: readonly string[]): Promise<Run> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [main, ...args, '--data', folder.path],
      { encoding: 'utf8' },
      (error, stdout, stderr) => {
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, lines: stdout.trimEnd().split('\n'), stderr })
      },
    )
  })
}

type Json = Record<string, Record<string, Record<string, unknown>>>
const legsOf = (line: string | undefined): Json[string] => (JSON.parse(line ?? '') as Json)['legs'] ?? {}

beforeAll(() => {
  writeFileSync(join(folder.path, 'blocks'), Buffer.alloc(blocks * 4096))
})

afterAll(() => {
  folder.remove()
})

describe('a run of the benchmark', () => {
  it(
    'prints one line for each scenario, in the fixed shape',
    async () => {
      const { code, lines, stderr } = await bench(
        'nop',
        '--json',
        '--legs',
        'caller,caller-batch,threadpool',
        ...moment,
      )
      expect(code, stderr).toBe(0)
      expect(lines).toHaveLength(1)
      const result = JSON.parse(lines[0] ?? '') as Json
      expect(result).toMatchObject({ scenario: 'nop', unit: 'operations/s' })
      expect(Object.keys(legsOf(lines[0]))).toEqual(['caller', 'caller-batch', 'threadpool'])
      for (const leg of Object.values(legsOf(lines[0]))) {
        expect(leg['rounds']).toEqual([leg['median']])
        for (const figure of ['median', 'cpuUsPerOp', 'p50Us', 'p99Us', 'p999Us']) {
          expect(leg[figure]).toBeGreaterThan(0)
        }
      }
      expect(result['ratios']).toEqual({
        'caller-batch/caller': 'inconclusive',
        'threadpool/caller': 'inconclusive',
      })
    },
    limitMs,
  )

  it(
    'appends durably in every way, checks its log, and leaves nothing in the scratch folder',
    async () => {
      const legs = [
        'caller',
        'caller-chain',
        'caller-group',
        'threadpool-group',
        'fs-promises-4',
        'fs-promises-4-group',
      ]
      const more = ['fs-callback-4', 'fs-sync', 'fs-sync-group', 'c-plain', 'c-plain-chain', 'c-plain-group']
      const all = [...legs, ...more]
      const { code, lines, stderr } = await bench('append', '--json', '--legs', all.join(','), ...moment)
      expect(code, stderr).toBe(0)
      expect(new Set(Object.keys(legsOf(lines[0])))).toEqual(new Set(all))
      const root = readdirSync(folder.path).find((name) => name.startsWith('ringmaster-bench-')) ?? ''
      expect(readdirSync(join(folder.path, root, 'data', 'scratch'))).toEqual([])
    },
    limitMs,
  )

  it(
    'runs a leg at every value of a sweep: 1, 2 and 4 clients in threads of one process',
    async () => {
      const file = ['--file', join(folder.path, 'blocks')]
      const { code, lines, stderr } = await bench('clients', '--json', '--legs', 'caller,fs-sync', ...file, ...moment)
      expect(code, stderr).toBe(0)
      const names = ['caller@1', 'caller@2', 'caller@4', 'fs-sync@1', 'fs-sync@2', 'fs-sync@4']
      expect(Object.keys(legsOf(lines[0]))).toEqual(names)
      expect((JSON.parse(lines[0] ?? '') as Json)['sweep']).toMatchObject([{ leg: 'caller' }, { leg: 'fs-sync' }])
    },
    limitMs,
  )

  it(
    'judges targets at its end, and concludes nothing from one round',
    async () => {
      const legs = ['--legs', 'caller,auto']
      const { code, lines, stderr } = await bench('nop', '--targets', '--json', ...legs, ...moment)
      expect(code, stderr).toBe(2)
      const { targets } = JSON.parse(lines.at(-1) ?? '') as { targets: { ratio: string; verdict: string }[] }
      expect(targets).toContainEqual(expect.objectContaining({ ratio: 'auto/caller', verdict: 'inconclusive' }))
      expect(targets.map(({ verdict }) => verdict)).toContain('not measured')
    },
    limitMs,
  )

  it('says what there is, one line for each scenario', async () => {
    const { code, lines } = await bench('--list')
    expect(code).toBe(0)
    expect(lines.map((line) => line.split(' ')[0])).toEqual(expect.arrayContaining(['nop', 'statx', 'in-flight']))
    expect((await bench('no-such')).code).toBe(1)
  })
})
