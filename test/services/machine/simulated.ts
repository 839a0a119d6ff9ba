// Machines that do not exist: a description becomes a folder with the files that such a machine's kernel would show, and, by a second
// way, the facts that should be read from them. Used by the tests of facts and placement.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { MachineFacts } from '../../../services/machine/facts.ts'
import { temporaryFolder } from '../harness.ts'

export interface SimulatedMachine {
  /** Online CPUs, numbered from 0. With SMT, CPU i and i + cpus / 2 are one core. */
  readonly cpus: number
  readonly smt?: boolean
  /** NUMA nodes, with neighbouring cores. Default 1. */
  readonly nodes?: number
  /** CPUs' worth of time. Several: of the group itself, of the one above it, and so on. */
  readonly quota?: number | readonly number[]
  readonly cgroup?: 'v1' | 'v2'
  /** The cpuset. Default: every CPU. */
  readonly cpuset?: readonly number[]
  /** The affinity mask. Default: the cpuset. */
  readonly affinity?: readonly number[]
  /** Bytes that may be locked; absent: CAP_IPC_LOCK. */
  readonly memlock?: number
  /** Descriptors that may still be opened. Default a million. */
  readonly descriptors?: number
  readonly clientCpu?: number
}

const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, index) => from + index)
const listOf = (cpus: readonly number[]): string => cpus.join(',')

function coresOf({ cpus, smt = false }: SimulatedMachine): number[][] {
  const cores = smt ? cpus / 2 : cpus
  return range(0, cores).map((core) => (smt ? [core, core + cores] : [core]))
}

function nodesOf(machine: SimulatedMachine): number[][] {
  const cores = coresOf(machine)
  const { nodes = 1 } = machine
  return range(0, nodes).map((node) =>
    cores
      .slice((node * cores.length) / nodes, ((node + 1) * cores.length) / nodes)
      .flat()
      .sort((a, b) => a - b),
  )
}

const quotasOf = ({ quota = [] }: SimulatedMachine): readonly number[] => (typeof quota === 'number' ? [quota] : quota)

/** What should be read from the machine's files. */
export function factsOf(machine: SimulatedMachine): MachineFacts {
  const online = range(0, machine.cpus)
  const pinnable = machine.cpuset ?? online
  const affinity = machine.affinity ?? pinnable
  const quotaCpus = Math.min(Infinity, ...quotasOf(machine))
  return {
    online,
    cores: coresOf(machine),
    nodes: nodesOf(machine),
    affinity,
    pinnable,
    quotaCpus,
    effectiveCpus: Math.min(affinity.length, quotaCpus),
    clientCpu: machine.clientCpu ?? affinity[0]!,
    memlockBytes: machine.memlock ?? Infinity,
    descriptorsLeft: machine.descriptors ?? 1_000_000,
  }
}

const periodUs = 100_000
/** Descriptors the simulated process has open. */
const openDescriptors = 3

/** The files of the machine, by path. */
function filesOf(machine: SimulatedMachine): Record<string, string> {
  const facts = factsOf(machine)
  const limits = [
    'Limit                     Soft Limit           Hard Limit           Units     ',
    `Max open files            ${facts.descriptorsLeft + openDescriptors}              1048576              files     `,
    `Max locked memory         ${machine.memlock ?? 8388608}              unlimited            bytes     `,
  ]
  // Field 39; a command's name may look like anything.
  const stat = `42 (node) R 1) S ${range(4, 35).join(' ')} ${facts.clientCpu} 0 0`
  const files: Record<string, string> = {
    'proc/thread-self/status': `Name:\tnode\nCapEff:\t${machine.memlock === undefined ? '0000000000004000' : '000001ffffffbfff'}\nCpus_allowed:\tff\nCpus_allowed_list:\t${listOf(facts.affinity)}\n`,
    'proc/thread-self/limits': `${limits.join('\n')}\n`,
    'proc/thread-self/stat': `${stat}\n`,
    'sys/devices/system/cpu/online': `0-${machine.cpus - 1}\n`,
    'sys/devices/system/node/online': `0-${facts.nodes.length - 1}\n`,
    ...cgroupFiles(machine, facts),
  }
  for (const fd of range(0, openDescriptors)) files[`proc/thread-self/fd/${fd}`] = ''
  for (const core of facts.cores)
    for (const cpu of core)
      files[`sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`] = `${listOf(core)}\n`
  for (const [node, cpus] of facts.nodes.entries())
    files[`sys/devices/system/node/node${node}/cpulist`] = `${listOf(cpus)}\n`
  return files
}

const quotaUs = (quota: number): number => Math.round(quota * periodUs)

function cgroupFiles(machine: SimulatedMachine, facts: MachineFacts): Record<string, string> {
  const quotas = quotasOf(machine)
  const depth = Math.max(1, quotas.length)
  // /g1 is below the root, the process is in the deepest.
  const group = range(1, depth)
    .map((level) => `/g${level}`)
    .join('')
  const folder = (mount: string, level: number): string =>
    `${mount}${range(1, depth - level)
      .map((each) => `/g${each}`)
      .join('')}`
  const files: Record<string, string> = {}
  if (machine.cgroup === 'v1') {
    files['proc/thread-self/cgroup'] = `5:cpuset:${group}\n4:cpu,cpuacct:${group}\n1:name=systemd:/\n0::/\n`
    files['proc/thread-self/mountinfo'] =
      '31 23 0:28 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n' +
      '32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct\n' +
      '34 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n' +
      '41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n'
    for (const level of range(0, depth)) {
      const cpu = folder('sys/fs/cgroup/cpu,cpuacct', level)
      files[`${cpu}/cpu.cfs_quota_us`] = `${quotas[level] === undefined ? -1 : quotaUs(quotas[level])}\n`
      files[`${cpu}/cpu.cfs_period_us`] = `${periodUs}\n`
    }
    files[`sys/fs/cgroup/cpuset${group}/cpuset.effective_cpus`] = `${listOf(facts.pinnable)}\n`
    return files
  }
  files['proc/thread-self/cgroup'] = `0::${group}\n`
  files['proc/thread-self/mountinfo'] = '31 23 0:28 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw\n'
  for (const level of range(0, depth)) {
    const quota = quotas[level]
    files[`${folder('sys/fs/cgroup', level)}/cpu.max`] = `${quota === undefined ? 'max' : quotaUs(quota)} ${periodUs}\n`
  }
  // The controller is not switched on in the deepest group: the one above says.
  files['sys/fs/cgroup/cpuset.cpus.effective'] = `${listOf(facts.pinnable)}\n`
  return files
}

/** Files below a new folder; it removes itself when it goes out of scope. */
export function folderOf(files: Record<string, string>): Disposable & { readonly root: string } {
  const folder = temporaryFolder()
  for (const [path, text] of Object.entries(files)) {
    const file = join(folder.path, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
  return {
    root: folder.path,
    [Symbol.dispose]: () => {
      rmSync(folder.path, { recursive: true, force: true })
    },
  }
}

export const simulate = (machine: SimulatedMachine): Disposable & { readonly root: string } =>
  folderOf(filesOf(machine))
