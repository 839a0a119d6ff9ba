// How a machine's CPUs belong together: hardware threads of one core (SMT), cores of one NUMA node. Used by facts.ts.
import { parseCpuList, readText } from './text.ts'

export interface Topology {
  /** CPUs that are switched on. */
  readonly online: readonly number[]
  /** The online CPUs of each core, cores in the order of their first CPU. */
  readonly cores: readonly (readonly number[])[]
  /** The online CPUs of each NUMA node that has any; one node where the kernel knows of none. */
  readonly nodes: readonly (readonly number[])[]
}

/** Reads sysfs; `fallback` are the CPUs of a machine that does not say which are online. */
export function readTopology(root: string, fallback: readonly number[]): Topology {
  const listed = parseCpuList(readText(root, 'sys/devices/system/cpu/online'))
  const online = listed.length > 0 ? listed : fallback
  const isOnline = new Set(online)
  const cores: number[][] = []
  const placed = new Set<number>()
  for (const cpu of online) {
    if (placed.has(cpu)) continue // one file per core: each is a few microseconds
    const siblings = parseCpuList(readText(root, `sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`))
    const core = siblings.filter((sibling) => isOnline.has(sibling) && !placed.has(sibling))
    if (!core.includes(cpu)) core.push(cpu)
    for (const sibling of core) placed.add(sibling)
    cores.push(core)
  }
  const nodes = parseCpuList(readText(root, 'sys/devices/system/node/online'))
    .map((node) => parseCpuList(readText(root, `sys/devices/system/node/node${node}/cpulist`)))
    .map((cpus) => cpus.filter((cpu) => isOnline.has(cpu)))
    .filter((cpus) => cpus.length > 0) // nodes of memory alone
  const inNode = new Set(nodes.flat())
  const rest = online.filter((cpu) => !inNode.has(cpu))
  return { online, cores, nodes: rest.length > 0 ? [...nodes, rest] : nodes }
}
