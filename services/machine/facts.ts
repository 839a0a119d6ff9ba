// The facts about a machine that placement goes by: the CPUs this process really has, how they belong together, and what it may
// still take. Read once, by Ringmaster.start(). Never os.cpus(): that counts the machine's CPUs, not this process's.
import { availableParallelism } from 'node:os'
import { readCgroup } from './cgroup.ts'
import { readLimits } from './limits.ts'
import type { ProcessLimits } from './limits.ts'
import { field, parseCpuList, readText } from './text.ts'
import { readTopology } from './topology.ts'
import type { Topology } from './topology.ts'

/** Plain data. CPU lists are sorted. */
export interface MachineFacts extends Topology, ProcessLimits {
  /** CPUs the calling thread may run on: its affinity mask, which the kernel keeps within the cpuset. */
  readonly affinity: readonly number[]
  /** CPUs a thread of this process can be pinned to: the cgroup's cpuset, as far as it is online. */
  readonly pinnable: readonly number[]
  /** CPUs' worth of time the cgroups grant; Infinity without a quota. */
  readonly quotaCpus: number
  /** CPUs this process has: the affinity mask, cut down to the quota. May be a fraction. */
  readonly effectiveCpus: number
  /** CPU the calling thread, the rings' client, runs on now. */
  readonly clientCpu: number
}

/** Field 39 of /proc/self/stat, counted behind the command's name, which may hold anything. */
function currentCpu(root: string): number {
  const stat = readText(root, 'proc/thread-self/stat')
  const cpu = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[36])
  return Number.isInteger(cpu) ? cpu : 0
}

/** Reads the machine; `root` is where its /proc and /sys are. Takes about a millisecond. */
export function readMachine(root = '/'): MachineFacts {
  const allowed = parseCpuList(field(readText(root, 'proc/thread-self/status'), 'Cpus_allowed_list'))
  const unknown = (): number[] => Array.from({ length: availableParallelism() }, (_, cpu) => cpu)
  const topology = readTopology(root, allowed.length > 0 ? allowed : unknown())
  const { quotaCpus, cpuset } = readCgroup(root)
  const inSet = new Set(cpuset ?? topology.online)
  const pinnable = topology.online.filter((cpu) => inSet.has(cpu))
  // The mask of a virtual machine often names CPUs that could be plugged in, and are not.
  const usable = allowed.filter((cpu) => topology.online.includes(cpu))
  const affinity = usable.length > 0 ? usable : pinnable
  return {
    ...topology,
    ...readLimits(root),
    affinity,
    // The mask is the kernel's own word; a cpuset that does not hold it was misread.
    pinnable: affinity.every((cpu) => inSet.has(cpu)) ? pinnable : topology.online,
    quotaCpus,
    effectiveCpus: Math.min(affinity.length, quotaCpus),
    clientCpu: currentCpu(root),
  }
}
