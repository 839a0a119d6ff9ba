// The doctor on a terminal, a real one: that its line is written anew only where a line can be, and that a report fits.
/* eslint-disable no-control-regex -- what moves the cursor is what is looked for */
import { spawnSync } from 'node:child_process'
import { afterAll, describe, expect, it } from 'vitest'
import { commandLine } from '../cli/command.ts'
import { temporaryFolder } from '../services/harness.ts'

const folder = temporaryFolder()
afterAll(() => {
  folder.remove()
})

const hasScript = spawnSync('script', ['--version']).status === 0

/** All that a terminal of so many columns is sent; it makes \r\n of \n. */
function onTerminal(term: string, columns: number, env: Record<string, string> = {}): string {
  const doctor = commandLine('doctor', folder.path, '--listen', ':0', '--admin', ':0')
  const command = `stty cols ${columns}; ${doctor.map((word) => `'${word}'`).join(' ')}`
  const { stdout } = spawnSync('script', ['-qec', command, '/dev/null'], {
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '', ...env, TERM: term },
  })
  return stdout.replaceAll('\r\n', '\n')
}

describe.runIf(hasScript)('a terminal', () => {
  it('that cannot move its cursor (TERM=dumb) gets whole lines, without colours', () => {
    const text = onTerminal('dumb', 80)
    expect(text).toMatch(/^examining …\nCHECK +NEED/)
    expect(text).not.toMatch(/[\r\u001b]/)
  })

  it('of 60 columns has no longer lines, but for words that are copied; what was written anew is gone', () => {
    const text = onTerminal('xterm', 60, { NO_COLOR: '1' })
    expect(text).toMatch(/^examining …\r\u001b\[KNode\.js and the addon\n/)
    const rest = text.replace(/^.*\r\u001b\[K/, '')
    expect(rest).not.toContain('\u001b')
    for (const line of rest.split('\n').filter((line) => line.length > 60)) {
      // A word that is longer stands alone.
      expect(line.trim().replace(/^(need|have|why|fix): /, '')).not.toContain(' ')
    }
  })

  it('of 390 columns has lines that can be read', () => {
    const text = onTerminal('xterm', 390)
    const plain = text.replaceAll(/\u001b\[[\d;]*[mK]/g, '')
    for (const line of plain.split('\n')) expect(line.length).toBeLessThanOrEqual(200)
  })
})
