// Which CPU each polling thread is pinned to, if any. One of placement's rules; called by place().
import { Poller, polls } from '../../workers/poller-kind.ts'
import { formatCpuList } from '../machine/text.ts'
import { count, setByOption } from './types.ts'
import type { Decision, PlacementFacts, PlacementWishes } from './types.ts'

type Pins = Decision<readonly number[]>

/** Pins for `threads` threads that poll, -1 for those that are not pinned. */
export function choosePins(facts: PlacementFacts, wishes: PlacementWishes, poller: Poller, threads: number): Pins {
  const { sqThreadCpu, pinCpus = 'auto' } = wishes
  const unpinned = (reason: string): Pins => ({ value: Array.from({ length: threads }, () => -1), reason })
  if (!polls(poller)) {
    const given =
      sqThreadCpu !== undefined ? 'sqThreadCpu' : pinCpus !== 'auto' && pinCpus.length > 0 ? 'pinCpus' : null
    return unpinned(`poller ${poller} has no thread that polls${given === null ? '' : `: ${given} is not used`}`)
  }
  if (pinCpus !== 'auto') {
    if (pinCpus.length === 0) return unpinned(setByOption)
    return { value: Array.from({ length: threads }, (_, ring) => pinCpus[ring % pinCpus.length]!), reason: setByOption }
  }
  if (sqThreadCpu !== undefined) {
    if (poller !== Poller.kernel) return unpinned(`sqThreadCpu says nothing about poller ${poller}`)
    return { value: Array.from({ length: threads }, () => sqThreadCpu), reason: setByOption }
  }
  if (facts.quotaCpus < facts.affinity.length)
    return unpinned('a CPU quota says that others use these CPUs too: the scheduler knows which one is free')
  const setAside = facts.affinity.length < facts.online.length
  if (!setAside && facts.nodes.length < 2)
    return unpinned('the whole machine is open to every process: the scheduler knows which CPU is free')
  const candidates = coresByNearness(facts)
  if (candidates.length < threads + 1) {
    const cores = count(candidates.length + 1, 'core')
    return unpinned(`${cores}: the client and ${count(threads, 'poller')} would leave none to other threads`)
  }
  const value = candidates.slice(0, threads).map((core) => core[0]!)
  const why = setAside
    ? `CPUs ${formatCpuList(facts.affinity)} are set aside for this process`
    : `${facts.nodes.length} NUMA nodes`
  return { value, reason: `${why}: cores of their own, on the client's node where it has enough` }
}

/**
 * The cores within the affinity mask without the client's own, near ones first: the client's node, then the others. Within a node
 * they begin behind the client's core, so that several processes do not all begin with the same.
 */
function coresByNearness({ affinity, cores, nodes, clientCpu }: PlacementFacts): number[][] {
  const allowed = new Set(affinity)
  const usable = cores.map((core) => core.filter((cpu) => allowed.has(cpu))).filter((core) => core.length > 0)
  const nodeOf = (cpu: number): number => nodes.findIndex((node) => node.includes(cpu))
  const home = Math.max(0, nodeOf(clientCpu))
  const distance = (core: readonly number[]): number => (nodeOf(core[0]!) - home + nodes.length) % nodes.length
  const own = usable.findIndex((core) => core.includes(clientCpu))
  const behindClient = own < 0 ? usable : [...usable.slice(own + 1), ...usable.slice(0, own)]
  // Stable: within a node the order stays.
  const near = [...behindClient].sort((a, b) => distance(a) - distance(b))
  return own < 0 ? near.slice(1) : near // the client may come to run on any of them: one is kept for it
}

/** Physical cores of the client's node, within the affinity mask. */
export function coresNearClient({ affinity, cores, nodes, clientCpu }: PlacementFacts): number {
  const node = nodes.find((cpus) => cpus.includes(clientCpu)) ?? nodes[0] ?? affinity
  return cores.filter((core) => core.some((cpu) => node.includes(cpu) && affinity.includes(cpu))).length
}
