// The units of deploy/systemd: what systemd-analyze says of them, and the daemon under exactly the system calls that they allow.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommand } from '../cli/command.ts'
import { temporaryFolder } from '../services/harness.ts'
import { canLoadSeccomp, filesToServe, startUnder, type SeccompProfile } from './seccomp.ts'

const analyze = '/usr/bin/systemd-analyze'
const read = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`../../deploy/systemd/${name}`, import.meta.url)), 'utf8')

const service = read('ringmaster.service')
/** All values of a directive, in their order. */
const valuesOf = (name: string): string[] =>
  [...service.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map((match) => match[1] ?? '')

let folder: ReturnType<typeof temporaryFolder>
let unit: string
beforeAll(() => {
  folder = temporaryFolder()
  mkdirSync(join(folder.path, 'units'))
  unit = join(folder.path, 'units', 'ringmaster.service')
  // What is installed on the machine it is for is not here.
  writeFileSync(unit, service.replace(/^ExecStart=ringmaster /m, 'ExecStart=/bin/true '))
  writeFileSync(join(folder.path, 'units', 'ringmaster.socket'), read('ringmaster.socket'))
})
afterAll(() => {
  folder.remove()
})

describe.skipIf(!existsSync(analyze))('systemd-analyze', () => {
  it('finds nothing wrong', () => {
    const socket = join(folder.path, 'units', 'ringmaster.socket')
    expect(execFileSync(analyze, ['verify', unit, socket], { stdio: 'pipe' }).toString()).toBe('')
  })

  it('rates its exposure 1.5 or better', () => {
    const report = execFileSync(analyze, ['security', '--offline=true', unit]).toString()
    const exposure = Number(/Overall exposure level for \S+: (\d+\.\d)/.exec(report)?.[1])
    expect(exposure).toBeGreaterThan(0)
    expect(exposure).toBeLessThanOrEqual(1.5)
  })
})

describe('the service', () => {
  it('is started with options that there are', async () => {
    const options = /RINGMASTER_OPTIONS=(--.*)$/m.exec(service)?.[1] ?? ''
    const { stdout } = await runCommand('serve', '--help')
    const named = options.match(/--[a-z-]+/g) ?? []
    expect(named.length).toBeGreaterThan(0)
    for (const option of named) expect(stdout).toContain(`${option} <`)
  })

  it('does not start in /, which it would serve if its ROOT were relative or lost', () => {
    expect(valuesOf('WorkingDirectory')).toEqual(['/var/lib/ringmaster'])
    expect(valuesOf('Environment')).toContain('RINGMASTER_ROOT=/var/lib/ringmaster')
    expect(valuesOf('ExecStart')[0]).toContain(' serve ${RINGMASTER_ROOT} ') // one argument, an empty one if it is empty
  })

  it('is found where npm puts it, /usr/bin or /usr/local/bin: by its name', () => {
    const { bin } = JSON.parse(readFileSync('package.json', 'utf8')) as { bin: object }
    expect(Object.keys(bin)).toContain(valuesOf('ExecStart')[0]?.split(' ')[0])
  })

  it('is given more time to stop than it takes by default', async () => {
    const { stdout } = await runCommand('serve', '--help')
    const help = stdout.replace(/\s+/g, ' ')
    const drainSeconds = Number(/--drain-seconds .*?\(default: (\d+)\)/.exec(help)?.[1])
    const delaySeconds = Number(/--drain-delay-seconds .*?\(default: (\d+)\)/.exec(help)?.[1])
    expect(Number(valuesOf('TimeoutStopSec')[0])).toBeGreaterThan(drainSeconds + delaySeconds + 5)
  })

  it.each(['MemoryDenyWriteExecute', 'PrivateNetwork', 'IPAddressDeny', 'ProcSubset', 'RootDirectory'])(
    'says why %s is not set',
    (name) => {
      expect(valuesOf(name)).toEqual([])
      expect(service).toMatch(new RegExp(`^# ${name}=.{20}`, 'm'))
    },
  )
})

describe.skipIf(!existsSync(analyze) || !canLoadSeccomp)('the system calls that it allows', () => {
  const groups = new Map<string, string[]>()
  const resolve = (word: string): string[] => {
    if (!word.startsWith('@')) return [word]
    const known = groups.get(word)
    if (known !== undefined) return known
    const lines = execFileSync(analyze, ['syscall-filter', word]).toString().split('\n').slice(1)
    const members = lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'))
    const calls = members.flatMap(resolve)
    groups.set(word, calls)
    return calls
  }
  /** As systemd.exec(5) reads the lines: the first allows, one with ~ takes away, another one adds. */
  const profile = (except: (name: string) => boolean = () => false): SeccompProfile => {
    const allowed = new Set(resolve('@default')) // systemd's own list always has it
    for (const line of valuesOf('SystemCallFilter')) {
      const words = line.replace('~', '').split(' ').flatMap(resolve)
      for (const word of words)
        if (line.startsWith('~')) allowed.delete(word)
        else allowed.add(word)
    }
    const names = [...allowed].filter((name) => !except(name))
    return { defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 1, syscalls: [{ names, action: 'SCMP_ACT_ALLOW' }] }
  }

  it('are those of io_uring, and none to become somebody else', () => {
    const names = profile().syscalls.flatMap((entry) => entry.names)
    for (const name of ['io_uring_setup', 'io_uring_enter', 'io_uring_register', 'sched_setaffinity']) {
      expect(names).toContain(name)
    }
    for (const name of ['mount', 'ptrace', 'setuid', 'bpf', 'kexec_load', 'init_module', 'chroot', 'setrlimit']) {
      expect(names).not.toContain(name)
    }
  })

  it.each(['kernel', 'worker'])('are enough for the poller %s, under load', async (poller) => {
    const root = temporaryFolder()
    const served = filesToServe(root.path)
    await using daemon = await startUnder(root.path, profile(), ['--poller', poller])
    expect(daemon.stdout()).toContain(`ring 0: poller ${poller} — `)
    expect(await served(daemon)).toBe(true)
    root.remove()
  })

  it('without those of io_uring make it do without, and say why', async () => {
    const root = temporaryFolder()
    const served = filesToServe(root.path)
    await using daemon = await startUnder(
      root.path,
      profile((name) => name.startsWith('io_uring_')),
    )
    expect(daemon.stdout()).toMatch(/ring 0: poller threadpool — .*a seccomp filter denies it \(EPERM\)/)
    expect(await served(daemon)).toBe(true)
    root.remove()
  })
})
