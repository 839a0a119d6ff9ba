// What is read from a machine's files: of machines that do not exist, and of this one, where other programs say the same.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { availableParallelism } from 'node:os'
import { describe, expect, it } from 'vitest'
import { parseQuota } from '../../../services/machine/cgroup.ts'
import { readMachine } from '../../../services/machine/facts.ts'
import type { MachineFacts } from '../../../services/machine/facts.ts'
import { formatCpuList, parseCpuList } from '../../../services/machine/text.ts'
import { factsOf, folderOf, simulate } from './simulated.ts'
import type { SimulatedMachine } from './simulated.ts'

const machines: readonly [string, SimulatedMachine][] = [
  ['one CPU', { cpus: 1 }],
  ['two CPUs, the client on the second', { cpus: 2, clientCpu: 1 }],
  ['four cores with SMT', { cpus: 8, smt: true }],
  ['two NUMA nodes', { cpus: 64, smt: true, nodes: 2, clientCpu: 17 }],
  ['eight NUMA nodes', { cpus: 256, smt: true, nodes: 8 }],
  ['half a CPU of quota', { cpus: 64, quota: 0.5 }],
  ['a quota in cgroup v1', { cpus: 16, quota: 2.5, cgroup: 'v1' }],
  ['nested quotas, the tightest above', { cpus: 16, quota: [8, 2, 4] }],
  ['nested quotas in cgroup v1', { cpus: 16, quota: [8, 4, 3.5], cgroup: 'v1' }],
  ['a cpuset', { cpus: 16, cpuset: [4, 5, 6, 7] }],
  ['a cpuset in cgroup v1', { cpus: 16, cpuset: [0, 2, 4], cgroup: 'v1' }],
  ['taskset within a cpuset', { cpus: 16, cpuset: [4, 5, 6, 7], affinity: [5, 6] }],
  ['little memory to lock', { cpus: 4, memlock: 65536 }],
  ['few descriptors', { cpus: 4, descriptors: 40 }],
]

it.each(machines)('facts of a machine with %s are read from its files', (_, machine) => {
  using folder = simulate(machine)
  expect(readMachine(folder.root)).toEqual(factsOf(machine))
})

it('CAP_IPC_LOCK of another user namespace than the first lifts no limit', () => {
  using folder = simulate({ cpus: 4 })
  expect(readMachine(folder.root).memlockBytes).toBe(Infinity)
  mkdirSync(join(folder.root, 'proc/self'), { recursive: true })
  writeFileSync(join(folder.root, 'proc/self/uid_map'), '         0       1000          1\n')
  writeFileSync(
    join(folder.root, 'proc/thread-self/limits'),
    'Max locked memory         65536                65536                bytes\n',
  )
  expect(readMachine(folder.root).memlockBytes).toBe(65_536)
})

it('a container sees its own group only: the mount begins there', () => {
  const status = 'Cpus_allowed_list:\t0-7\n'
  using folder = folderOf({
    'proc/thread-self/status': status,
    'proc/thread-self/cgroup': '0::/docker/abc/inner\n',
    'proc/thread-self/mountinfo': '31 23 0:28 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n',
    'sys/fs/cgroup/cpu.max': '300000 100000\n',
    'sys/fs/cgroup/inner/cpu.max': 'max 100000\n',
  })
  expect(readMachine(folder.root)).toMatchObject({ quotaCpus: 3, effectiveCpus: 3 })
})

it.each(['0::/../../other', '0::/elsewhere'])('a group that is not mounted (%s) is judged by what is', (group) => {
  using folder = folderOf({
    'proc/thread-self/status': 'Cpus_allowed_list:\t0-7\n',
    'proc/thread-self/cgroup': `${group}\n`,
    'proc/thread-self/mountinfo': '31 23 0:28 /docker/abc /mnt/my\\040groups ro - cgroup2 cgroup rw\n',
    'mnt/my groups/cpu.max': '150000 100000\n',
  })
  expect(readMachine(folder.root)).toMatchObject({ quotaCpus: 1.5 })
})

it('CPUs in the mask that are not online do not count', () => {
  using folder = folderOf({
    'proc/thread-self/status': 'Cpus_allowed_list:\t0-127\n',
    'sys/devices/system/cpu/online': '0-3\n',
  })
  expect(readMachine(folder.root)).toMatchObject({ affinity: [0, 1, 2, 3], effectiveCpus: 4 })
})

it('a machine that shows nothing has as many CPUs as Node counts, each a core, and no limits', () => {
  using folder = folderOf({})
  const cpus = Array.from({ length: availableParallelism() }, (_, cpu) => cpu)
  expect(readMachine(folder.root)).toEqual({
    online: cpus,
    cores: cpus.map((cpu) => [cpu]),
    nodes: [cpus],
    affinity: cpus,
    pinnable: cpus,
    quotaCpus: Infinity,
    effectiveCpus: cpus.length,
    clientCpu: 0,
    memlockBytes: Infinity,
    descriptorsLeft: Infinity,
  })
})

it.each([
  ['0', [0]],
  ['0-3', [0, 1, 2, 3]],
  ['0-1,8,10-11', [0, 1, 8, 10, 11]],
  ['8,0-1', [0, 1, 8]],
  ['', []],
  ['\n', []],
  ['all of them', []],
])('the list %j is CPUs %j', (text, cpus) => {
  expect(parseCpuList(text)).toEqual(cpus)
  expect(parseCpuList(formatCpuList(cpus))).toEqual(cpus)
})

it('a list that goes on for ever ends', () => {
  expect(parseCpuList('0-99999999999').length).toBe(65_536)
})

it.each([
  ['max 100000', Infinity],
  ['50000 100000', 0.5],
  ['250000 100000', 2.5],
  ['-1 100000', Infinity],
  ['0 100000', Infinity],
  ['', Infinity],
  [' ', Infinity],
  ['50000', Infinity],
  ['100000 0', Infinity],
  ['nonsense here', Infinity],
])('the quota %j grants %d CPUs', (text, cpus) => {
  expect(parseQuota(text)).toBe(cpus)
})

// A process of its own, started by `command`, reads the facts with the compiled module.
const compiled = fileURLToPath(new URL('../../../dist/services/machine/facts.js', import.meta.url))
const program = `const { readMachine } = await import(${JSON.stringify(compiled)}); console.log(JSON.stringify(readMachine()))`
const node = [process.execPath, '--input-type=module', '-e', program]

function factsUnder(command: readonly string[]): MachineFacts {
  const [file, ...args] = [...command, ...node]
  return JSON.parse(execFileSync(file!, args, { encoding: 'utf8' })) as MachineFacts
}

const nproc = (command: readonly string[] = []): number => {
  const [file, ...args] = [...command, 'nproc']
  return Number(execFileSync(file, args, { encoding: 'utf8', env: { PATH: process.env['PATH'] } }))
}

describe('this machine', () => {
  const here = readMachine()

  it('has as many CPUs as nproc says', () => {
    expect(here.affinity.length).toBe(nproc())
    expect(here.effectiveCpus).toBeLessThanOrEqual(nproc())
    expect(here.effectiveCpus).toBeGreaterThan(0)
  })

  it('has each CPU in one core and one node', () => {
    expect(here.cores.flat().sort((a, b) => a - b)).toEqual(here.online)
    expect(here.nodes.flat().sort((a, b) => a - b)).toEqual(here.online)
    expect(here.affinity).toContain(here.clientCpu)
  })

  it('has the limits that the shell reports', () => {
    const open = Number(execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }))
    expect(here.descriptorsLeft).toBeLessThan(open)
    expect(here.descriptorsLeft).toBeGreaterThan(0)
  })

  it.each(here.affinity.map((cpu) => [cpu]))('has CPU %d alone under taskset', (cpu) => {
    const command = ['taskset', '-c', String(cpu)]
    expect(factsUnder(command)).toMatchObject({ affinity: [cpu], effectiveCpus: 1, clientCpu: cpu })
    expect(nproc(command)).toBe(1)
    expect(factsUnder(command).pinnable).toEqual(here.pinnable)
  })
})

/** Makes groups one in the other, the process is started in the last; without root or such a hierarchy there is none. */
function groupIn(mount: string, folders: readonly string[]): (Disposable & { path: string; command: string[] }) | null {
  const made: string[] = []
  const remove = (): void => {
    for (const folder of made.reverse()) rmdirSync(folder)
  }
  try {
    let path = mount
    for (const folder of folders) {
      path = `${path}/${folder}`
      mkdirSync(path)
      made.push(path)
    }
    return {
      path,
      command: ['sh', '-c', `echo $$ > ${path}/cgroup.procs && exec "$@"`, 'sh'],
      [Symbol.dispose]: remove,
    }
  } catch {
    remove()
    return null
  }
}

const unique = `ringmaster-test-${process.pid}`
const v1Cpu = '/sys/fs/cgroup/cpu'
const v1Cpuset = '/sys/fs/cgroup/cpuset'
const v2 = '/sys/fs/cgroup'
const asRoot = process.getuid?.() === 0
const hasV1 = asRoot && existsSync(`${v1Cpu}/cpu.cfs_quota_us`) && existsSync(`${v1Cpuset}/cpuset.cpus`)
const hasV2 =
  asRoot &&
  existsSync(`${v2}/cgroup.controllers`) &&
  readFileSync(`${v2}/cgroup.subtree_control`, 'latin1').split(/\s/).includes('cpu')

// Skipped where the kernel's hierarchy is of the other version, or this is not root: nobody may make groups then.
describe.skipIf(!hasV1)('cgroup v1 of this machine', () => {
  it('grants the tightest quota on the path', ({ skip }) => {
    using group = groupIn(v1Cpu, [unique, 'inner'])
    if (group === null) return skip('this process may not make control groups')
    writeFileSync(`${group.path}/cpu.cfs_quota_us`, '50000')
    expect(factsUnder(group.command)).toMatchObject({ quotaCpus: 0.5, effectiveCpus: 0.5 })
    writeFileSync(`${group.path}/cpu.cfs_quota_us`, '-1')
    writeFileSync(`${v1Cpu}/${unique}/cpu.cfs_quota_us`, '130000')
    expect(factsUnder(group.command)).toMatchObject({ quotaCpus: 1.3 })
  })

  it('has a cpuset', ({ skip }) => {
    using group = groupIn(v1Cpuset, [unique])
    if (group === null) return skip('this process may not make control groups')
    const { pinnable } = readMachine()
    writeFileSync(`${group.path}/cpuset.mems`, '0')
    writeFileSync(`${group.path}/cpuset.cpus`, String(pinnable.at(-1)))
    const only = [pinnable.at(-1)]
    expect(factsUnder(group.command)).toMatchObject({ pinnable: only, affinity: only, effectiveCpus: 1 })
  })
})

describe.skipIf(!hasV2)('cgroup v2 of this machine', () => {
  it('grants the tightest quota on the path', ({ skip }) => {
    using group = groupIn(v2, [unique])
    if (group === null) return skip('this process may not make control groups')
    writeFileSync(`${group.path}/cpu.max`, '50000 100000')
    expect(factsUnder(group.command)).toMatchObject({ quotaCpus: 0.5, effectiveCpus: 0.5 })
  })
})
