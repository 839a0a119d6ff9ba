// The chart gives manifests that Kubernetes accepts, whatever the values, and whose parts fit each other. helm itself renders them.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Option } from 'commander'
import { afterAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { serveCommand } from '../../../services/cli/serve.ts'
import { runCommand } from '../../cli/command.ts'
import { resolveOptions } from '../../../services/options.ts'
import { rules } from '../prometheus/promtool.ts'
import { chartFolder, findHelm, render, renderNotes, runHelm, type Manifest, type Values } from './helm.ts'
import { complaints } from './kubernetes-schemas.ts'

const folder = mkdtempSync(join(tmpdir(), 'ringmaster-helm-'))
afterAll(() => {
  rmSync(folder, { recursive: true })
})
const found = findHelm(folder)
const helm = 'path' in found ? found.path : ''
if ('missing' in found) console.warn(`the chart is not tested: ${found.missing}`)

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string }
}

interface Container {
  readonly image: string
  readonly args: readonly string[]
  readonly env?: readonly unknown[]
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[]
  readonly resources: { readonly requests: Record<string, string>; readonly limits?: Record<string, string> }
  readonly securityContext: unknown
  readonly lifecycle?: { readonly preStop: { readonly exec: { readonly command: readonly string[] } } }
  readonly startupProbe: Probe
  readonly livenessProbe: Probe
  readonly readinessProbe: Probe
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[]
}

interface PodSpec {
  readonly containers: readonly [Container]
  readonly volumes: readonly { readonly name: string }[]
  readonly securityContext: unknown
  readonly terminationGracePeriodSeconds: number
}

interface WorkloadSpec {
  readonly selector: { readonly matchLabels: Readonly<Record<string, string>> }
  readonly serviceName?: string
  readonly template: {
    readonly metadata: { readonly labels: Readonly<Record<string, string>> }
    readonly spec: PodSpec
  }
  readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[]
}

const isWorkload = ({ kind }: Manifest): boolean => kind === 'StatefulSet' || kind === 'DaemonSet'
const workload = (manifests: readonly Manifest[]): WorkloadSpec => manifests.find(isWorkload)?.spec as WorkloadSpec
const container = (values: Values): Container => workload(render(helm, values)).template.spec.containers[0]
const ofKind = (manifests: readonly Manifest[], kind: string): Manifest[] =>
  manifests.filter((manifest) => manifest.kind === kind)

const everything: Values = {
  replicaCount: 3,
  rings: 2,
  poller: 'kernel',
  adapt: true,
  tokens: { secretName: 'tokens' },
  write: {
    enabled: true,
    durability: 'data',
    sizeMax: '9G',
    whenFull: 'evict',
    quotas: ['turbo/acme=1G,5000objects,evict'],
  },
  dialects: ['raw', 'turbo'],
  precompressed: true,
  image: { repository: 'files', digest: `sha256:${'a'.repeat(64)}` },
  imagePullSecrets: [{ name: 'pull' }],
  extraArgs: ['--log-level=debug'],
  extraEnv: [{ name: 'NODE_OPTIONS', value: '--max-old-space-size=256' }],
  drain: { preStopSeconds: 2.5 },
  securityContext: { ipcLock: true },
  resources: { limits: { cpu: '1500m' } },
  networkPolicy: {
    enabled: true,
    from: [{ podSelector: { matchLabels: { app: 'web' } } }],
    adminFrom: [{ namespaceSelector: { matchLabels: { name: 'monitoring' } } }],
  },
  podMonitor: { enabled: true, labels: { release: 'prometheus' } },
  prometheusRule: { enabled: true, labels: { release: 'prometheus' }, runbookUrl: 'https://wiki.example/runbook' },
  dashboards: { enabled: true },
  data: { readOnly: false, persistence: { storageClassName: 'fast', annotations: { note: 'of a test' } } },
  service: { annotations: { note: 'of a test' } },
  serviceAccount: { annotations: { note: 'of a test' } },
  updateStrategy: { type: 'RollingUpdate' },
  podAnnotations: { note: 'of a test' },
  podLabels: { team: 'storage' },
  priorityClassName: 'high',
  nodeSelector: { disk: 'nvme' },
  affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } },
  tolerations: [{ key: 'dedicated', operator: 'Exists' }],
  topologySpreadConstraints: [
    { maxSkew: 1, topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'ScheduleAnyway' },
  ],
  extraVolumes: [{ name: 'more', emptyDir: {} }],
  extraVolumeMounts: [{ name: 'more', mountPath: '/more' }],
}

const valueSets: readonly (readonly [string, Values])[] = [
  ['its defaults', {}],
  ['a DaemonSet', { kind: 'DaemonSet' }],
  ['everything switched on', everything],
  ['everything switched on, as a DaemonSet', { ...everything, kind: 'DaemonSet' }],
  [
    'no volume, no io_uring, another account',
    {
      data: { persistence: { enabled: false }, readOnly: true },
      seccomp: { type: 'RuntimeDefault' },
      serviceAccount: { create: false, name: 'other' },
      nameOverride: 'blobs',
      ports: { http: 9000, admin: 9001 },
    },
  ],
]

describe.skipIf(helm === '')('helm', () => {
  it('finds no fault with the chart', () => {
    expect(runHelm(helm, ['lint', '--strict', chartFolder])).toContain('0 chart(s) failed')
  })

  it.each([
    ['a value that there is not', { replicas: 3 }, 'Additional property replicas is not allowed'],
    ['another kind', { kind: 'Deployment' }, 'kind must be one of'],
    ['a grace period that ends before the daemon', { drain: { closeSeconds: 2 } }, 'drain.closeSeconds'],
    ['a port that is none', { ports: { http: 70000 } }, 'ports.http'],
    ['a profile outside of the folder', { seccomp: { localhostProfile: '/etc/seccomp.json' } }, 'localhostProfile'],
    [
      'a profile outside of the folder, by another way',
      { seccomp: { localhostProfile: 'a/../../b' } },
      'localhostProfile',
    ],
    ['one port for both', { ports: { http: 9464 } }, 'ports.http and ports.admin are both 9464'],
    ['a folder that hides /tmp', { data: { mountPath: '/tmp/' } }, 'data.mountPath /tmp/ hides'],
    ['a host with a blank', { listenHost: '0.0.0.0 ' }, 'listenHost'],
    ['a tag with a blank', { image: { tag: '0.1 ' } }, 'image.tag'],
    ['a name that is none of DNS', { fullnameOverride: 'Files_1' }, 'fullnameOverride'],
    [
      'a scrape that takes longer than their distance',
      { podMonitor: { enabled: true, interval: '30s', scrapeTimeout: '1m' } },
      'podMonitor.scrapeTimeout 1m is longer',
    ],
    [
      'an update strategy of the other kind',
      { kind: 'DaemonSet', updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1 } } },
      'updateStrategy.rollingUpdate.partition',
    ],
    ['an update strategy that there is not', { updateStrategy: { type: 'Recreate' } }, 'updateStrategy.type Recreate'],
    ['root that is not root', { podSecurityContext: { runAsUser: 0 } }, 'runAsUser is 0'],
    [
      'a CPU limit below the request',
      { resources: { limits: { cpu: '500m' }, requests: { cpu: 1 } } },
      'resources.limits.cpu 500m is below',
    ],
    ['labels that selectors go by', { podLabels: { 'app.kubernetes.io/name': 'x' } }, 'podLabels'],
    [
      'a second seccomp profile',
      { podSecurityContext: { seccompProfile: { type: 'Unconfined' } } },
      'podSecurityContext',
    ],
    ['options that the chart computes from', { extraArgs: ['--drain-seconds=60'] }, 'extraArgs'],
    ['such options without their value', { extraArgs: ['--listen', '0.0.0.0:1'] }, 'extraArgs'],
    ['a runbook with quotes', { prometheusRule: { runbookUrl: "https://a/'b" } }, 'runbookUrl'],
    ['more rings than the daemon takes', { rings: 65 }, 'rings'],
    ['a limit of no CPU', { resources: { limits: { cpu: 0 } } }, 'resources.limits.cpu 0 is no CPU'],
    ['a limit of no CPU, as a string', { resources: { limits: { cpu: '0m' } } }, 'resources.limits.cpu 0m is no CPU'],
    ['claims of resources, which the pod does not make', { resources: { claims: [{ name: 'gpu' }] } }, 'claims'],
    [
      'a tag in the name of the image',
      { image: { repository: 'registry.example/ringmaster:1.0' } },
      'image.repository',
    ],
    ['a digest in the name of the image', { image: { repository: `a@sha256:${'a'.repeat(64)}` } }, 'image.repository'],
    ['a host that probes do not reach', { listenHost: '127.0.0.1' }, 'listenHost'],
    ['IPv6 without brackets', { listenHost: '::' }, 'listenHost'],
    ['to ask for help', { extraArgs: ['-h'] }, 'extraArgs'],
    ['a variable without a name', { extraEnv: [{ nme: 'B' }] }, 'extraEnv'],
    [
      'a second volume at /tmp',
      { extraVolumes: [{ name: 'x' }], extraVolumeMounts: [{ name: 'x', mountPath: '/tmp/' }] },
      "extraVolumeMounts: /tmp is the pod's own /tmp",
    ],
    [
      'two volumes at one place',
      {
        extraVolumes: [{ name: 'x' }, { name: 'y' }],
        extraVolumeMounts: [
          { name: 'x', mountPath: '/x' },
          { name: 'y', mountPath: '/x' },
        ],
      },
      'extraVolumeMounts: /x is there twice',
    ],
    ["a volume of the chart's name", { extraVolumes: [{ name: 'data', emptyDir: {} }] }, 'extraVolumes: the name data'],
    ['half a second of delay', { drain: { delaySeconds: 0.5 } }, 'drain.delaySeconds'],
    [
      'a memory limit below the request',
      { resources: { limits: { memory: '512Mi' }, requests: { memory: '1Gi' } } },
      'resources.limits.memory 512Mi is below resources.requests.memory 1Gi',
    ],
    [
      'a memory limit below the request, in other units',
      { resources: { limits: { memory: '1G' }, requests: { memory: 1073741824 } } },
      'resources.limits.memory 1G is below',
    ],
    [
      'a limit of anything else below the request',
      { resources: { limits: { 'ephemeral-storage': '999Mi' }, requests: { 'ephemeral-storage': '1Gi' } } },
      'resources.limits.ephemeral-storage 999Mi is below',
    ],
    ['a limit of no memory', { resources: { limits: { memory: '0' } } }, 'resources.limits.memory 0 is no memory'],
    [
      'a limit of no memory, with a unit',
      { resources: { limits: { memory: '0Mi' } } },
      'limits.memory 0Mi is no memory',
    ],
    ['half a byte', { resources: { limits: { memory: '512m' } } }, 'resources.limits.memory 512m counts thousandths'],
    ['a request of half a byte', { resources: { requests: { memory: '512m' } } }, '512Mi are mebibytes'],
    ['half a pair of brackets', { listenHost: '[$(POD_IP)' }, 'listenHost'],
    ['the other half', { listenHost: '$(POD_IP)]' }, 'listenHost'],
    ['a host of a variable that nobody sets', { listenHost: '$(HOST_IP)' }, 'listenHost: extraEnv has no HOST_IP'],
    ['a folder with a colon', { data: { mountPath: '/data:ro' } }, 'data.mountPath'],
    [
      'a mount with a colon',
      { extraVolumes: [{ name: 'x' }], extraVolumeMounts: [{ name: 'x', mountPath: '/x:ro' }] },
      'extraVolumeMounts.0.mountPath',
    ],
    [
      'a mount of nowhere',
      { extraVolumes: [{ name: 'x' }], extraVolumeMounts: [{ name: 'x' }] },
      'mountPath is required',
    ],
    ['a mount of nothing', { extraVolumeMounts: [{ mountPath: '/x' }] }, 'name is required'],
    ['a mount of a volume that there is not', { extraVolumeMounts: [{ name: 'x', mountPath: '/x' }] }, 'the volume x'],
    ['a volume without a name', { extraVolumes: [{ emptyDir: {} }] }, 'name is required'],
    [
      'a volume with a name that is none',
      { extraVolumes: [{ name: 'My_Volume', emptyDir: {} }] },
      'extraVolumes.0.name',
    ],
    [
      'two volumes of one name',
      { extraVolumes: [{ name: 'x' }, { name: 'x' }] },
      'extraVolumes: the name x is there twice',
    ],
    [
      'a variable twice',
      {
        extraEnv: [
          { name: 'A', value: '1' },
          { name: 'A', value: '2' },
        ],
      },
      'extraEnv: A is there twice',
    ],
    [
      'a variable with a value from two places',
      { extraEnv: [{ name: 'A', value: '1', valueFrom: { fieldRef: { fieldPath: 'status.hostIP' } } }] },
      'extraEnv: A has a value and a valueFrom',
    ],
    ...['A=B', 'A B', '1A', '..', ''].map((name): [string, Values, string] => [
      `a variable of the name "${name}"`,
      { extraEnv: [{ name, value: '1' }] },
      'extraEnv.0.name',
    ]),
    ['a name that no Service may have', { fullnameOverride: '9files' }, 'fullnameOverride'],
    ['an argument that is no option', { extraArgs: ['x'] }, 'extraArgs: x is not to be given'],
    ['the end of options', { extraArgs: ['--'] }, 'extraArgs: -- is not to be given'],
    ['an option that there is not', { extraArgs: ['--no-public'] }, 'extraArgs: --no-public is not to be given'],
    ['an option of every program', { extraArgs: ['--version'] }, 'extraArgs: --version is not to be given'],
    ['an option cut short', { extraArgs: ['--silence=60'] }, 'extraArgs: --silence=60 is not to be given'],
    ['an option and its value as one word', { extraArgs: ['--silence-seconds 60'] }, 'extraArgs: --silence-seconds 60'],
    ['a value too many', { extraArgs: ['--silence-seconds=60', '60'] }, 'extraArgs: 60 is not to be given'],
    ['an option without its value', { extraArgs: ['--silence-seconds'] }, 'extraArgs: --silence-seconds needs a value'],
    [
      'a value of a variable that nobody sets',
      { extraArgs: ['--silence-seconds=$(SILENCE)'] },
      'extraArgs: --silence-seconds does not take "$(SILENCE)"',
    ],
  ])('refuses %s, and says which', (_title, values, complaint) => {
    expect(() => render(helm, values)).toThrow(complaint)
  })

  it.each([
    '/',
    '/tmp/x',
    '/usr/local',
    '/usr/bin/',
    '/bin',
    '/lib64',
    '/app/dist',
    '/etc',
    '/proc/1',
    '/var',
    '/run',
    '/srv/../opt',
    '/var/lib',
    '/var/lock',
    '/run/lock',
    '/var/run/secrets',
    '/var/run/secrets/kubernetes.io',
  ])('refuses to mount the data at %s, which hides what the container needs', (mountPath) => {
    expect(() => render(helm, { data: { mountPath } })).toThrow(`data.mountPath ${mountPath} hides`)
  })

  it.each(['/data', '/srv/files', '/var/lib/ringmaster', '/library', '/application', '/mnt', '/opt/files'])(
    'mounts the data at %s',
    (mountPath) => {
      expect(container({ data: { mountPath } }).args[1]).toBe(mountPath)
    },
  )

  it.each(['ringmaster', 'localhost:5000/ringmaster', 'registry.example/team/ringmaster'])(
    'takes an image from %s',
    (repository) => {
      expect(container({ image: { repository, tag: '1' } }).image).toBe(`${repository}:1`)
    },
  )

  const mountAt = (mountPath: string): Values => ({
    extraVolumes: [{ name: 'x', emptyDir: {} }],
    extraVolumeMounts: [{ name: 'x', mountPath }],
  })
  it.each([
    '/',
    '/usr',
    'usr/',
    '/usr/local/bin',
    '/app',
    '/app/dist',
    '/app/node_modules/pino',
    '/proc/1',
    '/etc',
    '/var',
  ])('refuses to mount another volume at %s, which hides what the container needs', (mountPath) => {
    expect(() => render(helm, mountAt(mountPath))).toThrow(/extraVolumeMounts: \S+ hides/)
  })
  it.each([
    '/etc/ssl/private',
    '/tmp/x',
    '/data/x',
    '/dev/shm',
    '/usr/local/share/ca-certificates',
    '/var/run/secrets/x',
  ])('mounts another volume at %s', (mountPath) => {
    expect(container(mountAt(mountPath)).volumeMounts).toContainEqual({ name: 'x', mountPath })
  })
  it('mounts another folder of its own volumes', () => {
    const mount = { name: 'data', mountPath: '/elsewhere', subPath: 'x' }
    expect(container({ extraVolumeMounts: [mount] }).volumeMounts).toContainEqual(mount)
  })

  it.each(['[::]', '$(POD_IP)', '[$(POD_IP)]'])('lets the daemon listen on %s', (listenHost) => {
    expect(container({ listenHost }).args).toContain(`--listen=${listenHost}:8080`)
  })
  it('sets POD_IP where the daemon listens there, unless it is set', () => {
    const given = { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIPs' } } }
    const other = { name: 'A', value: '1' }
    const podIp = { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }
    expect(container({}).env).toBeUndefined()
    expect(container({ listenHost: '[$(POD_IP)]', extraEnv: [other] }).env).toEqual([other, podIp])
    expect(container({ listenHost: '$(POD_IP)', extraEnv: [given] }).env).toEqual([given])
    expect(container({ listenHost: '$(A)', extraEnv: [other] }).env).toEqual([other])
  })

  it.each(['9files', 'a.b'])('refuses the release %s, whose Service could not have that name', (release) => {
    expect(() => render(helm, {}, release)).toThrow(`a Service cannot have the name ${release}-ringmaster`)
    const manifests = render(helm, { fullnameOverride: 'files' }, release)
    expect(ofKind(manifests, 'Service')[0]?.metadata.name).toBe('files')
  })

  it('takes as many rings as the daemon does', () => {
    const schema = readFileSync(join(chartFolder, 'values.schema.json'), 'utf8')
    const { maximum } = (JSON.parse(schema) as { properties: { rings: { maximum: number } } }).properties.rings
    expect(resolveOptions({ rings: maximum }).rings).toBe(maximum)
    expect(() => resolveOptions({ rings: maximum + 1 })).toThrow('rings')
  })

  it('renders the version of the package', () => {
    const version = (JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version
    const chart = parse(readFileSync(join(chartFolder, 'Chart.yaml'), 'utf8')) as { appVersion: string }
    expect(chart.appVersion).toBe(version)
  })
})

describe.skipIf(helm === '').each(valueSets)('with %s', (_title, values) => {
  const manifests = helm === '' ? [] : render(helm, values)

  it('each manifest is valid by its schema, without a field that there is not', () => {
    expect(manifests.length).toBeGreaterThan(2)
    for (const manifest of manifests)
      expect(complaints(manifest), `${manifest.kind} ${manifest.metadata.name}`).toEqual([])
  })

  it('no two have one name, and all carry the labels of their release', () => {
    const names = manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`)
    expect(new Set(names).size).toBe(names.length)
    for (const { metadata } of manifests) {
      expect(metadata.name.length).toBeLessThanOrEqual(63)
      expect(metadata.labels).toMatchObject({
        'app.kubernetes.io/instance': 'r',
        'app.kubernetes.io/managed-by': 'Helm',
      })
    }
  })

  it('selectors find the pods', () => {
    const { selector, template } = workload(manifests)
    expect(template.metadata.labels).toMatchObject(selector.matchLabels)
    const others = manifests.flatMap(({ kind, spec }) => {
      if (kind === 'Service') return [(spec as { selector: object }).selector]
      if (kind === 'NetworkPolicy') return [(spec as { podSelector: { matchLabels: object } }).podSelector.matchLabels]
      const selected = (spec as { selector?: { matchLabels?: object } } | undefined)?.selector?.matchLabels
      return selected === undefined ? [] : [selected]
    })
    expect(others.length).toBeGreaterThan(1)
    for (const other of others) expect(other).toEqual(selector.matchLabels)
  })

  it('ports, probes and volumes are there under the names by which they are asked for', () => {
    const { template, serviceName, volumeClaimTemplates = [] } = workload(manifests)
    const [pod] = template.spec.containers
    const ports = Object.fromEntries(pod.ports.map(({ name, containerPort }) => [name, containerPort]))
    expect(pod.args).toContain(`--listen=0.0.0.0:${ports['http']}`)
    expect(pod.args).toContain(`--admin=0.0.0.0:${ports['admin']}`)
    expect(pod.args).toContain('--public')
    expect(pod.startupProbe.httpGet).toEqual({ path: '/readyz', port: 'admin' })
    expect(pod.livenessProbe.httpGet).toEqual({ path: '/livez', port: 'admin' })
    expect(pod.readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'admin' })
    for (const { spec } of ofKind(manifests, 'Service')) {
      for (const { targetPort } of (spec as { ports: { targetPort: string }[] }).ports) {
        expect(Object.keys(ports)).toContain(targetPort)
      }
    }
    const services = ofKind(manifests, 'Service').map(({ metadata }) => metadata.name)
    if (serviceName !== undefined) expect(services).toContain(serviceName)
    const volumes = [
      ...template.spec.volumes.map(({ name }) => name),
      ...volumeClaimTemplates.map(({ metadata }) => metadata.name),
    ]
    expect(new Set(volumes).size).toBe(volumes.length)
    for (const { name } of pod.volumeMounts) expect(volumes).toContain(name)
    expect(pod.volumeMounts.find(({ name }) => name === 'data')?.mountPath).toBe(pod.args[1])
  })

  it('the pod is given the time that the daemon takes to end', () => {
    const { terminationGracePeriodSeconds, containers } = workload(manifests).template.spec
    const option = (name: string): number =>
      Number(containers[0].args.find((arg) => arg.startsWith(`--${name}=`))?.split('=')[1] ?? 0)
    const hook = Number(
      /setTimeout\(\(\) => \{\}, (\d+)\)/.exec(containers[0].lifecycle?.preStop.exec.command[2] ?? '')?.[1] ?? 0,
    )
    const daemonSeconds = option('drain-delay-seconds') + option('drain-seconds') + 5
    expect(terminationGracePeriodSeconds).toBeGreaterThan(hook / 1000 + daemonSeconds)
  })

  it('the pod has no more rights than it needs', () => {
    const { spec } = workload(manifests).template
    expect(spec.securityContext).toMatchObject({ runAsNonRoot: true })
    expect(spec.containers[0].securityContext).toMatchObject({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
    expect(spec).toMatchObject({ automountServiceAccountToken: false })
  })
})

it.skipIf(helm === '')('gives the daemon options that it has', async () => {
  const { stdout } = await runCommand('serve', '--help')
  const known = new Set([...stdout.matchAll(/^ +(--[a-z-]+)/gm)].map((match) => match[1]!))
  const given = container(everything).args.filter((arg) => arg.startsWith('--'))
  expect(given.length).toBeGreaterThan(5)
  for (const arg of given) {
    expect(known, arg).toContain(arg.split('=', 1)[0]!)
  }
})

describe.skipIf(helm === '')('extraArgs', () => {
  const setByChart = new Set(helm === '' ? [] : container(everything).args.map((arg) => arg.split('=', 1)[0]!))
  const options = serveCommand().options.map((option) => [option.long ?? '', option] as const)
  /** What a value may look like; the daemon decides which of these an option takes. */
  const values = [
    'info',
    'loud',
    '',
    '0',
    '0.5',
    '1',
    '01.50',
    '60',
    '360',
    '2999',
    '3599.5',
    '3600',
    '3600.1',
    '3601',
    '1e3',
    'x',
    'on',
    'off',
  ]
  const takes = ({ argChoices, parseArg }: Option, value: string): boolean => {
    try {
      parseArg?.(value, undefined)
      return argChoices?.includes(value) ?? true
    } catch {
      return false
    }
  }
  const accepts = (...extraArgs: readonly string[]): boolean => {
    try {
      return (
        container({ ...everything, extraArgs })
          .args.slice(-extraArgs.length)
          .join() === extraArgs.join()
      )
    } catch (error) {
      expect(String(error)).toContain('extraArgs')
      return false
    }
  }

  it.each(options.filter(([name]) => setByChart.has(name) && name !== '--log-level'))(
    'refuse %s, which the chart gives',
    (name) => {
      expect(accepts(name)).toBe(false)
      expect(accepts(`${name}=1`)).toBe(false)
    },
  )

  it.each(options.filter(([name]) => !setByChart.has(name) || name === '--log-level'))(
    'take %s with the values that the daemon takes',
    (name, option) => {
      const taken = values.filter((value) => takes(option, value))
      expect(taken).not.toHaveLength(0)
      expect(values.filter((value) => accepts(`${name}=${value}`))).toEqual(taken)
      expect(accepts(name, taken[0]!)).toBe(true)
      expect(accepts(name, name)).toBe(false)
    },
  )

  it('take a value of a variable', () => {
    const extraEnv = [{ name: 'SILENCE', value: '60' }]
    const extraArgs = ['--silence-seconds=$(SILENCE)']
    expect(container({ extraEnv, extraArgs }).args).toContain(extraArgs[0])
  })
})

it.skipIf(helm === '')('mounts the data read-only unless told otherwise', () => {
  const data = (values: Values): object | undefined =>
    container(values).volumeMounts.find(({ name }) => name === 'data')
  expect(data({})).toMatchObject({ readOnly: true })
  expect(data({ data: { readOnly: false } })).not.toHaveProperty('readOnly')
})

describe.skipIf(helm === '')('CPU requests', () => {
  it.each([
    ['auto, rings not given: main, an SQ thread, a worker', {}, '2100m'],
    ['kernel: an SQ thread for each ring', { poller: 'kernel', rings: 3 }, '4300m'],
    ['worker: the workers poll', { poller: 'worker', rings: 2 }, '3000m'],
    ['caller: nobody polls', { poller: 'caller', rings: 2 }, '1200m'],
    ['not above the limit', { resources: { limits: { cpu: '1500m' } } }, '1500m'],
    ['not above a limit in whole CPUs', { poller: 'kernel', rings: 4, resources: { limits: { cpu: 2 } } }, '2000m'],
    ['as given', { resources: { requests: { cpu: '250m' } } }, '250m'],
  ])('%s', (_title, values, cpu) => {
    expect(container(values).resources.requests).toMatchObject({ cpu })
  })

  it('for as many rings as the daemon makes of the limit, where it may choose', () => {
    const values = { rings: 0, poller: 'caller' }
    expect(container(values).resources.requests).toMatchObject({ cpu: '1100m' })
    for (const [cpu, request] of [
      ['3', '2100m'],
      ['16', '5400m'],
      [64, '9800m'],
    ])
      expect(container({ rings: 0, resources: { limits: { cpu } } }).resources.requests).toMatchObject({ cpu: request })
  })
})

describe.skipIf(helm === '')('memory', () => {
  const memory = (values: Values): unknown[] => {
    const { requests, limits } = container(values).resources
    return [requests?.['memory'], limits?.['memory']]
  }

  it.each([
    ['of one ring', {}, ['256Mi', '512Mi']],
    ['of many rings', { rings: 64 }, ['1264Mi', '2528Mi']],
    ['of as many rings as there may be, where that is the node’s to say', { rings: 0 }, ['368Mi', '736Mi']],
    ['as given', { resources: { requests: { memory: '1Gi' }, limits: { memory: '2Gi' } } }, ['1Gi', '2Gi']],
    [
      'without a limit, where only the request is given',
      { resources: { requests: { memory: '1Gi' } } },
      ['1Gi', undefined],
    ],
    [
      'without a request, where only the limit is given',
      { resources: { limits: { memory: '1Gi' } } },
      [undefined, '1Gi'],
    ],
    ['without a limit, where that is null', { resources: { limits: { memory: null } } }, ['256Mi', undefined]],
    ['without a request, where that is null', { resources: { requests: { memory: null } } }, [undefined, '512Mi']],
    [
      'of thousandths, where they are many',
      { resources: { limits: { memory: '1073741824000m' }, requests: { memory: '1Gi' } } },
      ['1Gi', '1073741824000m'],
    ],
  ])('%s', (_title, values, expected) => {
    expect(memory(values)).toEqual(expected)
  })
})

describe.skipIf(helm === '')('the notes', () => {
  it('say what follows from the values', () => {
    const notes = renderNotes(helm)
    expect(notes).toContain('A pod has 25 s to end')
    expect(notes).toContain('profiles/ringmaster.json')
    expect(notes).not.toContain('WARNING')
  })

  it.each([
    ['that there is no io_uring by the default profile', { seccomp: { type: 'RuntimeDefault' } }, 'poller threadpool'],
    [
      'that the limit is below what threads keep busy',
      { resources: { limits: { cpu: '500m' } } },
      'The CPU limit is 500m',
    ],
    ['that a capability has no effect', { securityContext: { ipcLock: true } }, 'has no effect for user 1000'],
    [
      'that Prometheus cannot reach the pods',
      { podMonitor: { enabled: true }, networkPolicy: { enabled: true } },
      'adminFrom is empty',
    ],
    ['that volumes differ behind one Service', { replicaCount: 2 }, 'All volumes need the same files'],
    [
      'that nodes cannot be drained',
      { replicaCount: 2, podDisruptionBudget: { maxUnavailable: 0 } },
      'no node with such a pod can be drained',
    ],
    ['that nobody knows how many rings there will be', { rings: 0 }, 'its CPU request counts one'],
    ['that scrapes are too rare', { podMonitor: { enabled: true, interval: '2m' } }, 'RingmasterWorkerSilent'],
    ['that data is lost', { data: { persistence: { enabled: false } } }, 'gone with it'],
  ])('warn %s', (_title, values, warning) => {
    expect(renderNotes(helm, values)).toMatch(new RegExp(`WARNING: [^]*${warning}`, 'i'))
  })
})

describe.skipIf(helm === '')('what the chart ships with', () => {
  it('rules: those of deploy/prometheus', () => {
    const [manifest] = ofKind(render(helm, { prometheusRule: { enabled: true } }), 'PrometheusRule')
    const { groups } = manifest?.spec as { groups: { rules: object[] }[] }
    expect(groups.flatMap((group) => group.rules)).toEqual(rules)
  })

  it('rules whose runbook is where the user keeps it', () => {
    const values = { prometheusRule: { enabled: true, runbookUrl: 'https://wiki.example/runbook' } }
    const text = JSON.stringify(ofKind(render(helm, values), 'PrometheusRule'))
    expect(text).toContain('"https://wiki.example/runbook#ringmasterringdown"')
    expect(text).not.toContain('deploy/RUNBOOK.md')
  })

  it('rules that know the job which the PodMonitor makes', () => {
    const values = { nameOverride: 'blobs', prometheusRule: { enabled: true }, podMonitor: { enabled: true } }
    const [monitor, rule] = ['PodMonitor', 'PrometheusRule'].map((kind) => ofKind(render(helm, values), kind)[0])
    const { jobLabel } = monitor?.spec as { jobLabel: string }
    const job = monitor?.metadata.labels?.[jobLabel]
    expect(job).toBe('blobs')
    expect(JSON.stringify(rule)).toContain(JSON.stringify('up{job=~".*ringmaster.*|blobs"}').slice(1, -1))
  })

  it('dashboards: those of deploy/grafana', () => {
    const dashboards = fileURLToPath(new URL('../../../deploy/grafana/dashboards/', import.meta.url))
    const [manifest] = ofKind(render(helm, { dashboards: { enabled: true } }), 'ConfigMap')
    expect(manifest?.metadata.labels).toMatchObject({ grafana_dashboard: '1' })
    const names = readdirSync(dashboards)
    expect(Object.keys(manifest?.data ?? {}).sort()).toEqual(names.sort())
    for (const name of names) expect(manifest?.data?.[name]).toBe(readFileSync(join(dashboards, name), 'utf8'))
  })
})

describe('the schemas that are asked', () => {
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'a' }, spec: { ports: [{ port: 80 }] } }
  it('accept what is right, free keys included', () => {
    expect(complaints({ ...service, metadata: { name: 'a', labels: { anything: 'goes' } } } as Manifest)).toEqual([])
  })
  it('refuse what is of another type', () => {
    expect(complaints({ ...service, spec: { ports: [{ port: 'http' }] } } as Manifest)).not.toEqual([])
  })
  it('refuse a misspelt field', () => {
    const misspelt = { ...service, spec: { ports: [{ port: 80, targetport: 'http' }] } } as Manifest
    expect(complaints(misspelt)).toEqual(['/spec/ports/0/targetport is no field'])
  })
  it('refuse a misspelt field of the operator, too', () => {
    const spec = { selector: {}, podMetricsEndpoints: [{ port: 'admin', scrapeTimeOut: '1s' }] }
    const monitor = { apiVersion: 'monitoring.coreos.com/v1', kind: 'PodMonitor', metadata: { name: 'a' }, spec }
    expect(complaints(monitor)).toEqual(['/spec/podMetricsEndpoints/0/scrapeTimeOut is no field'])
  })
})
