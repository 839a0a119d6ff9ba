// The closing line says what happened, also when a file does not load, a hook throws, or the process of a file dies.
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { formatSummary } from './summary-line.ts'

const root = path.resolve(import.meta.dirname, '../..')
let directory: string | undefined

afterEach(() => {
  if (directory !== undefined) fs.rmSync(directory, { recursive: true, force: true })
})

/** Runs vitest with the reporter over one test file of this text and returns the last line it prints. */
function closingLineOf(body: string): string | undefined {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'ringmaster-reporter-'))
  fs.symlinkSync(path.join(root, 'node_modules'), path.join(directory, 'node_modules'))
  fs.writeFileSync(path.join(directory, 'sample.test.js'), `import { beforeAll, test } from 'vitest'\n${body}\n`)
  const vitest = path.join(root, 'node_modules/vitest/vitest.mjs')
  const reporter = path.join(root, 'test/reporter/summary-line.ts')
  const { stdout } = spawnSync(process.execPath, [vitest, 'run', '--reporter=default', `--reporter=${reporter}`], {
    cwd: directory,
    encoding: 'utf8',
    env: { ...process.env, VITEST: undefined, NO_COLOR: '1' },
  })
  return stdout.trimEnd().split('\n').at(-1)
}

const passing = `test('passes', () => {})`
const failing = `test('fails', () => { throw new Error('on purpose') })`

const cases: [name: string, body: string, line: string][] = [
  ['all pass', passing, '1 passed, 0 failed'],
  ['one of each', `${passing}\n${failing}\ntest.skipIf(true)('is skipped', () => {})`, '1 passed, 1 failed, 1 skipped'],
  ['the file does not load', `${passing}\nthrow new Error('on purpose')`, '0 passed, 1 failed'],
  [
    'an error nobody caught',
    `${passing}\nsetTimeout(() => { throw new Error('on purpose') })\ntest('waits', () => new Promise((done) => setTimeout(done, 50)))`,
    '2 passed, 1 failed',
  ],
  [
    'the process of the file dies, and with it a test',
    `test('dies', () => process.kill(process.pid, 'SIGKILL'))`,
    '0 passed, 2 failed',
  ],
  ['a hook throws', `beforeAll(() => { throw new Error('on purpose') })\n${passing}`, '0 passed, 1 failed, 1 skipped'],
]

for (const [name, body, line] of cases) {
  test(`${name}: ${line}`, () => {
    expect(closingLineOf(body)).toBe(line)
  })
}

test('skipped tests are mentioned only if there are any', () => {
  expect(formatSummary({ passed: 3, failed: 0, skipped: 0 })).toBe('3 passed, 0 failed')
  expect(formatSummary({ passed: 3, failed: 1, skipped: 2 })).toBe('3 passed, 1 failed, 2 skipped')
})
