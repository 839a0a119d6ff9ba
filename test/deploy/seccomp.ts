// The daemon under a seccomp profile that libseccomp loads, with files served under load: used by the tests of deploy/systemd and
// deploy/container. Debian: apt-get install python3-seccomp.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { patternBytes, sha256 } from '../http/clients.ts'
import { startDaemon, type Daemon } from '../cli/command.ts'

/** Debian's own: only for it is there a package. */
const python = '/usr/bin/python3'
const launcher = fileURLToPath(new URL('under-seccomp.py', import.meta.url))

export const canLoadSeccomp: boolean = spawnSync(python, ['-c', 'import seccomp']).status === 0
if (!canLoadSeccomp) console.warn('python3-seccomp is missing: what loads seccomp profiles is skipped')

/** The part of a profile's form that is needed here. */
export interface SeccompProfile {
  readonly defaultAction: string
  readonly defaultErrnoRet?: number
  readonly syscalls: readonly SeccompEntry[]
}

export interface SeccompEntry {
  readonly names: readonly string[]
  readonly action: string
}

export const readProfile = (path: string): SeccompProfile => JSON.parse(readFileSync(path, 'utf8')) as SeccompProfile

export async function startUnder(root: string, profile: SeccompProfile, args: readonly string[] = []): Promise<Daemon> {
  const path = join(root, 'profile.json')
  writeFileSync(path, JSON.stringify(profile))
  const daemon = await startDaemon(root, args, {}, [python, launcher, path])
  // 2: a filter is in force (proc(5)). Without this a launcher that loads nothing would pass.
  const mode = /^Seccomp:\s+(\d)$/m.exec(readFileSync(`/proc/${daemon.child.pid}/status`, 'latin1'))?.[1]
  if (mode !== '2') throw new Error(`the daemon runs without a filter: Seccomp is ${mode}`)
  return daemon
}

const sizes = [0, 1, 4096, 100_000, 3_000_000]

/** Fills the folder with files; gives what is to be true of a daemon that serves it: each file many times, all at once, byte for byte. */
export function filesToServe(root: string): (daemon: Daemon) => Promise<boolean> {
  const files = sizes.map((sizeBytes) => {
    const bytes = patternBytes(sizeBytes)
    writeFileSync(join(root, `${sizeBytes}.bin`), bytes)
    return { name: `${sizeBytes}.bin`, sha: sha256(bytes) }
  })
  return async (daemon) => {
    const requests = Array.from({ length: 16 }, () => files).flat()
    const equal = await Promise.all(
      requests.map(async ({ name, sha }) => {
        const response = await fetch(`${daemon.filesUrl}${name}`)
        return sha256(Buffer.from(await response.arrayBuffer())) === sha
      }),
    )
    return equal.every(Boolean)
  }
}
