// Runs `ringmaster doctor --json` as a user would, under a command that produces a cause for real, and hands out what it found.
import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { checkDevices } from '../../services/doctor/checks/devices.ts'
import { checkFileSystem } from '../../services/doctor/checks/filesystem.ts'
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

export type StorageExamination = Omit<Examination, 'verdict'>

const finder =
  (findings: readonly Finding[]) =>
  (id: string): Finding => {
    const found = findings.find((finding) => finding.id === id)
    if (found === undefined) throw new Error(`no finding ${id} in ${findings.map((finding) => finding.id).join(', ')}`)
    return found
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
    find: finder(findings),
  }
}

const child = fileURLToPath(new URL('../../dist/services/doctor/trials/child.js', import.meta.url))

/** What is found of a path alone, of which the rest of the doctor is not asked: its own trial, run under a cause, and the checks of what it tells. */
export async function examineStorage(
  path: string,
  { under = [], env = {} }: Situation = {},
): Promise<StorageExamination> {
  const [file = '', ...args] = [...under, process.execPath, child, 'storage', path]
  const trial = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  const [stdout, stderr] = await Promise.all([text(trial.stdout), text(trial.stderr)])
  const facts = Object.assign(
    {},
    ...stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object),
  ) as object
  const storage = { facts, end: 'done', detail: '' } as const
  const plan = { path, rings: 'auto', poller: 'auto', buffersBytes: 0, profile: null, addresses: [] } as const
  const findings = [...(await checkFileSystem({ plan, storage })), ...(await checkDevices({ storage }))]
  return { findings, stderr, find: finder(findings) }
}

/** A user of whom nothing else runs, where it may read what is to be run: in a home of root's it may not. */
export const somebodyElse: readonly string[] = ['setpriv', '--reuid=64123', '--regid=64123', '--clear-groups']
export const canBeSomebodyElse: boolean =
  spawnSync('setpriv', [...somebodyElse.slice(1), 'test', '-r', child]).status === 0

const ofSelf = (file: string): string => readFileSync(`/proc/self/${file}`, 'latin1')
const capIpcLock = 1n << 14n

/** Whether no memlock limit holds for what is run: root's capability, and not that of a user namespace. */
export const mayLockMemory: boolean =
  (BigInt(`0x${/^CapEff:\s*(\S+)$/m.exec(ofSelf('status'))?.[1] ?? '0'}`) & capIpcLock) !== 0n &&
  /^\s*0\s+0\s+4294967295\s*$/.test(ofSelf('uid_map'))

/** For toMatchObject(). `fix`: null for none. */
export const finding = (verdict: Verdict, have: RegExp, why: RegExp, fix: RegExp | null): object => ({
  verdict,
  have: expect.stringMatching(have) as string,
  why: expect.stringMatching(why) as string,
  fix: fix === null ? null : (expect.stringMatching(fix) as string),
})
