// `ringmaster doctor` as a command: exit codes, formats, wrong usage; and what needs no cause but the one that is named: ports, the addon, Node.js.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { doctorCommand } from '../../services/cli/doctor.ts'
import { parseListenAddress } from '../../services/cli/listen-address.ts'
import { checkPorts } from '../../services/doctor/checks/ports.ts'
import { isNodeSupported } from '../../services/doctor/checks/runtime.ts'
import type { DoctorPlan } from '../../services/doctor/plan.ts'
import { readSurroundings } from '../../services/doctor/surroundings.ts'
import { runCommand } from '../cli/command.ts'
import { temporaryFolder } from '../services/harness.ts'
import { examine, finding } from './examination.ts'
import type { Examination } from './examination.ts'

const folder = temporaryFolder()
const server = createServer()
let port: number
let here: Examination
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  port = (server.address() as AddressInfo).port
  here = await examine([folder.path])
})
afterAll(() => {
  server.close()
  folder.remove()
})

describe('findings', () => {
  it('are plain data, each with a name of its own', () => {
    const ids = here.findings.map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    for (const each of here.findings) {
      expect(Object.keys(each).sort()).toEqual(['fix', 'have', 'id', 'need', 'title', 'verdict', 'why'])
      for (const text of [each.title, each.need, each.have, each.why])
        expect(text).not.toMatch(/^$|undefined|NaN|\[object/)
    }
  })

  it('are of everything that decides: each group is there', () => {
    const groups = new Set(here.findings.map(({ id }) => id.split('.')[0]))
    expect([...groups]).toEqual([
      'runtime',
      'rings',
      'policy',
      'kernel',
      'layout',
      'memory',
      'cpu',
      'storage',
      'surroundings',
      'ports',
    ])
  })
})

const planned = (...addresses: (readonly ['--listen' | '--admin', string, number])[]): DoctorPlan => {
  const rest = { path: '/', rings: 'auto', poller: 'auto', buffersBytes: 0, profile: null } as const
  const asked = addresses.map(([option, host, port]) => ({ option, address: { host, port }, asked: true }))
  return { ...rest, addresses: asked }
}

/** Of which nobody takes hold at once. */
async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port: free } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return free
}

describe('ports', () => {
  it('in use, of which nobody said so: a library needs none', async () => {
    const address = { option: '--admin', address: { host: '127.0.0.1', port }, asked: false } as const
    const plan = {
      path: '/',
      rings: 'auto',
      poller: 'auto',
      buffersBytes: 0,
      profile: null,
      addresses: [address],
    } as const
    const [found] = await checkPorts({ plan })
    expect(found).toMatchObject(finding('degraded', /in use/, /already in use$/, /^--admin 127\.0\.0\.1:[1-9]\d+$/))
    // It is carried out.
    const fixed = parseListenAddress(found!.fix!.replace('--admin ', ''))
    const again = { ...plan, addresses: [{ ...address, address: fixed }] }
    expect(await checkPorts({ plan: again })).toMatchObject([finding('ok', /^free$/, /./, null)])
  })

  it('in use on all addresses: what is offered instead is on loopback', async () => {
    const [found] = await checkPorts({ plan: planned(['--listen', '0.0.0.0', port]) })
    expect(found).toMatchObject(finding('broken', /in use by/, /on 0\.0\.0\.0/, /^--listen 127\.0\.0\.1:[1-9]\d+$/))
    expect(found?.why).not.toContain('0.0.0.0:0')
  })

  it('that other machines can reach are told to be', async () => {
    expect(await checkPorts({ plan: planned(['--listen', '0.0.0.0', 0]) })).toMatchObject([
      finding('info', /^free$/, /--public/, null),
    ])
  })

  it('that are one and the same get in each other’s way, and neither is offered what the other has', async () => {
    const free = await freePort()
    const [listen, admin] = await checkPorts({
      plan: planned(['--listen', '127.0.0.1', free], ['--admin', '127.0.0.1', free]),
    })
    expect(listen).toMatchObject(finding('ok', /^free$/, /./, null))
    expect(admin).toMatchObject(finding('broken', /^in use by --listen$/, /./, /^--admin 127\.0\.0\.1:[1-9]\d+$/))
    const [first, second] = await checkPorts({
      plan: planned(['--listen', '127.0.0.1', port], ['--admin', '127.0.0.1', port]),
    })
    expect(first?.fix?.split(' ')[1]).not.toBe(second?.fix?.split(' ')[1])
  })
})

describe('without the addon', () => {
  const env = { RINGMASTER_ADDON: 'none' }

  it('nothing can be asked of the kernel, and rings cannot be had; ports can be tried all the same', async () => {
    const found = await examine([folder.path, '--listen', `127.0.0.1:${port}`, '--admin', '192.0.2.1:0'], { env })
    expect(found.verdict).toBe('broken')
    const who = new RegExp(`^in use by .+ \\(process ${process.pid}\\)$`)
    expect(found.find('ports.listen')).toMatchObject(
      finding('broken', who, /already in use/, /^--listen 127\.0\.0\.1:[1-9]\d+$/),
    )
    expect(found.find('ports.admin')).toMatchObject(
      finding('broken', /^EADDRNOTAVAIL$/, /no such address/, /^--admin 127\.0\.0\.1:0$/),
    )
    expect(here.find('ports.admin')).toMatchObject(finding('ok', /^free$/, /./, null))
    expect(found.find('runtime.addon')).toMatchObject(
      finding('broken', /^none$/, /RINGMASTER_ADDON=none/, /^unset RINGMASTER_ADDON$/),
    )
    expect(found.find('rings.make')).toMatchObject(finding('unknown', /^not asked$/, /see there/, null))
    expect(found.find('storage.nowait').verdict).toBe('unknown')
  })

  it('a plan without rings is carried out by node:fs', async () => {
    const found = await examine([folder.path, '--poller', 'threadpool'], { env })
    expect(found.find('runtime.addon').verdict).toBe('degraded')
    expect(found.find('layout.start')).toMatchObject({ have: '1 with poller threadpool' })
  })
})

describe('for people', () => {
  const ports = ['--listen', ':0', '--admin', ':0']

  it('it is a table without colours where stdout is no terminal', async () => {
    const { code, stdout, stderr } = await runCommand('doctor', '/no/such/path', ...ports)
    expect({ code, stderr }).toEqual({ code: 2, stderr: '' })
    expect(stdout).toMatch(/^PATH .* broken$/m)
    expect(stdout).toMatch(/^CHECK +NEED +HAVE +VERDICT\n/)
    expect(stdout).toMatch(/^operations +those of files +\d+ supported/m)
    expect(stdout).toMatch(/\n\d+ checks: \w+.*\. Exit code [012]\.\n$/)
    expect(stdout).not.toContain('\u001b')
  })

  it('--help says what the verdicts and the exit codes mean', () => {
    let help = ''
    doctorCommand()
      .configureOutput({ writeOut: (text) => (help += text) })
      .outputHelp()
    expect(help).toMatch(/Verdicts:[^]*degraded[^]*Examples:[^]*Exit codes:\n {2}0 {4}fine/)
  })
})

it.each<[string[], RegExp]>([
  [['--buffers', 'many'], /Expected a number of bytes/],
  [['--buffers', '1025G'], /Expected at most 1024G/],
  [['--quiet', '--json'], /cannot be used with/],
  [['--profile', ''], /Expected the path of a profile/],
])('is refused: %j', async (args, message) => {
  let told = ''
  const command = doctorCommand()
    .exitOverride()
    .configureOutput({ writeErr: (text) => (told += text) })
  await expect(command.parseAsync(args, { from: 'user' })).rejects.toMatchObject({ exitCode: 1 })
  expect(told).toMatch(message)
})

it.each<[string[], RegExp]>([[[''], /PATH is empty/]])(
  'wrong usage is exit code 2, and stdout is empty: %j',
  async (args, message) => {
    const { code, stdout, stderr } = await runCommand('doctor', ...args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(message)
  },
)

describe('Node.js', () => {
  it('must be what package.json says', () => {
    const { engines } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      engines: { node: string }
    }
    const [major = 0, minor = 0] = engines.node.replace('>=', '').split('.').map(Number)
    expect(isNodeSupported(`${major}.${minor}.0`)).toBe(true)
    expect(isNodeSupported(`${major}.${minor - 1}.9`)).toBe(false)
    expect(isNodeSupported(`${major - 1}.99.0`)).toBe(false)
    expect(isNodeSupported(`${major + 1}.0.0`)).toBe(true)
  })
})

describe('containers', () => {
  const none = temporaryFolder()
  afterAll(() => {
    none.remove()
  })

  it.each<[string, NodeJS.ProcessEnv, object]>([
    ['none', {}, { container: null, isKubernetes: false, evidence: [] }],
    ['one that says so', { container: 'lxc' }, { container: 'lxc', isKubernetes: false }],
    ['a pod', { KUBERNETES_SERVICE_HOST: '10.0.0.1' }, { container: 'container', isKubernetes: true }],
  ])('%s', (_, env, expected) => {
    expect(readSurroundings(none.path, env)).toMatchObject(expected)
  })

  it.each([
    ['0::/system.slice/files.service', 'files.service'],
    ['0::/user.slice/user-1000.slice/session-3.scope', null],
    // A terminal of a desktop, and what systemd --user runs.
    ['0::/user.slice/user-1000.slice/user@1000.service/app.slice/vte-spawn-1.scope', null],
    ['0::/user.slice/user-1000.slice/user@1000.service/app.slice/files.service', 'files.service'],
  ])('in the group %s the unit is %s', (groups, unit) => {
    mkdirSync(join(none.path, 'proc/self'), { recursive: true })
    writeFileSync(join(none.path, 'proc/self/cgroup'), `${groups}\n`)
    expect(readSurroundings(none.path, {}).unit).toBe(unit)
  })
})
