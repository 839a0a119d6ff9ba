// Too few file descriptors for the doctor itself, for real: it is a report all the same, and what it says mends it.
import { spawnSync } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { afterAll, describe, expect, it } from 'vitest'
import { commandLine, exitCode, spawnCommand } from '../cli/command.ts'
import type { Outcome } from '../cli/command.ts'
import { temporaryFolder } from '../services/harness.ts'
import { examine, finding } from './examination.ts'

const folder = temporaryFolder()
afterAll(() => {
  folder.remove()
})

const hasPrlimit = spawnSync('prlimit', ['--version']).status === 0
const limitedTo = (descriptors: number): string[] => ['prlimit', `--nofile=${descriptors}`]

async function run(descriptors: number, ...args: string[]): Promise<Outcome> {
  const child = spawnCommand(['doctor', folder.path, ...args], {}, limitedTo(descriptors))
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), exitCode(child)])
  return { code, stdout, stderr }
}

describe.runIf(hasPrlimit)('RLIMIT_NOFILE', () => {
  it.each([30, 40, 64])('of %d: the descriptors are broken, and nothing else is said to be', async (limit) => {
    const found = await examine([folder.path], { under: limitedTo(limit) })
    expect(found.findings.filter(({ verdict }) => verdict === 'broken')).toMatchObject([
      { id: 'layout.descriptors', ...finding('broken', /^\d+ /, /EMFILE/, /ulimit -n \d+|nofile=|LimitNOFILE=/) },
    ])
  })

  // Which modules there is a descriptor for is another question for each Node.js.
  it.each([100, 114, 118])('of %d: nothing is broken, or the descriptors are', async (limit) => {
    const found = await examine([folder.path], { under: limitedTo(limit) })
    if (found.verdict === 'broken') expect(found.find('layout.descriptors').verdict).toBe('broken')
    else expect(found.findings.length).toBeGreaterThan(20)
  })

  it('of 40: people get a table, and exit code 2', async () => {
    const { code, stdout, stderr } = await run(40)
    expect({ code, stderr }).toEqual({ code: 2, stderr: '' })
    expect(stdout).toMatch(/^file descriptors +1024 for this command +40 \(RLIMIT_NOFILE\) +broken$/m)
    expect(stdout).toMatch(/\n2 checks: broken \(1 broken\)\. Exit code 2\.\n$/)
  })

  it('too low even for that: a line says so, and it is exit code 2', async () => {
    const { code, stdout, stderr } = await run(22)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/^ringmaster: too few file descriptors to start \(EMFILE\): raise ulimit -n .*\n$/)
  })

  it('of 40 below a higher hard one: the fix is a line for the shell, which mends it', () => {
    const doctor = commandLine('doctor', folder.path, '--json')
      .map((word) => `'${word}'`)
      .join(' ')
    // An engine's option is as good as a line for the shell: it says the number.
    const script = `ulimit -Sn 40
fix=$(${doctor} | sed -n 's/.*"fix": "\\(.*\\)".*/\\1/p')
case $fix in ulimit*) eval "$fix" ;; *) ulimit -n $(echo "$fix" | grep -o '[0-9]\\+' | head -1) ;; esac
${doctor}`
    const { stdout } = spawnSync('prlimit', ['--nofile=2048:2048', 'bash', '-c', script], { encoding: 'utf8' })
    const { findings } = JSON.parse(stdout) as { findings: { id: string; verdict: string }[] }
    expect(findings.find(({ id }) => id === 'layout.descriptors')?.verdict).not.toBe('broken')
    expect(findings.length).toBeGreaterThan(20)
  })
})
