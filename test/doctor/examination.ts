// Runs `ringmaster doctor --json` as a user would, under a command that produces a cause for real, and hands out what it found.
import { text } from 'node:stream/consumers'
import { expect } from 'vitest'
import { doctorExitCodes } from '../../services/doctor/finding.ts'
import type { Finding, Verdict } from '../../services/doctor/finding.ts'
import { exitCode, spawnCommand } from '../cli/command.ts'

export interface Examination {
  readonly verdict: keyof typeof doctorExitCodes
  readonly findings: readonly Finding[]
  /** The finding, which there must be. */
  find(id: string): Finding
  readonly stderr: string
}

export interface Situation {
  /** A command that runs the rest of its arguments: `prlimit …`, `taskset …`. */
  readonly under?: readonly string[]
  readonly env?: Record<string, string>
}

/** Free ports, unless `args` name others: what listens on the machine is nobody's business here. */
export async function examine(args: readonly string[], { under = [], env = {} }: Situation = {}): Promise<Examination> {
  const ports = ['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0']
  const child = spawnCommand(['doctor', '--json', ...ports, ...args], env, under)
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), exitCode(child)])
  if (!stdout.startsWith('{')) throw new Error(`no findings, exit code ${code}: ${stdout}${stderr}`)
  const { verdict, findings } = JSON.parse(stdout) as Pick<Examination, 'verdict' | 'findings'>
  expect(code).toBe(doctorExitCodes[verdict])
  return {
    verdict,
    findings,
    stderr,
    find: (id) => {
      const found = findings.find((finding) => finding.id === id)
      if (found === undefined)
        throw new Error(`no finding ${id} in ${findings.map((finding) => finding.id).join(', ')}`)
      return found
    },
  }
}

/** For toMatchObject(). `fix`: null for none. */
export const finding = (verdict: Verdict, have: RegExp, why: RegExp, fix: RegExp | null): object => ({
  verdict,
  have: expect.stringMatching(have) as string,
  why: expect.stringMatching(why) as string,
  fix: fix === null ? null : (expect.stringMatching(fix) as string),
})
