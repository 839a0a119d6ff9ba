// What placement refuses before anything is made, each with the reason and what to do. Called by place(), first of all.
import { RingUnavailableError, invalidArgValue } from '../../native/errors.ts'
import type { Verdict } from '../../native/capabilities.ts'
import { Poller } from '../../workers/poller-kind.ts'
import { formatCpuList } from '../machine/text.ts'
import { count } from './types.ts'
import type { PlacementFacts, PlacementWishes } from './types.ts'

/**
 * Descriptors of one ring: the ring, two eventfds, and what Node opens for its worker thread's event loop. Without a ring in the
 * kernel: an epoll descriptor and an eventfd more.
 */
export const descriptorsPerRing = (poller: Poller): number => (poller === Poller.threadpool ? 8 : 7)

/**
 * Refuses wishes that cannot come true on this machine.
 * @throws RingUnavailableError where the machine has no such thing, ERR_INVALID_ARG_VALUE where the wishes contradict it or each other
 */
export function refuseImpossible(facts: PlacementFacts, wishes: PlacementWishes): void {
  refuseRings(facts, wishes)
  if (wishes.poller === 'kernel' && !facts.sqpoll.ok) throw unavailable(facts.sqpoll, "poller 'kernel' was asked for: ")
  const without = wishes.poller === Poller.threadpool || !facts.rings.ok
  refuseDescriptors(facts, wishes, descriptorsPerRing(without ? Poller.threadpool : Poller.caller))
  if (wishes.sqThreads === 'shared' && wishes.poller !== 'auto' && wishes.poller !== Poller.kernel) {
    const reason = `means SQ threads, which poller '${wishes.poller}' does not have: choose poller 'kernel' or leave sqThreads out`
    throw invalidArgValue('options.sqThreads', wishes.sqThreads, reason)
  }
  refuseCpus(facts, wishes)
}

// Without rings there is the poller `threadpool`, unless something was asked for that only the kernel's rings have.
function refuseRings({ rings, memory: kinds }: PlacementFacts, wishes: PlacementWishes): void {
  const { poller, fallback, restrictions, memory = 'auto' } = wishes
  if (poller === Poller.threadpool) {
    if (restrictions === undefined) return
    const reason =
      "are kept by the kernel's rings, and poller 'threadpool' has none: choose another poller or leave restrictions out"
    throw invalidArgValue('options.restrictions', restrictions, reason)
  }
  if (rings.ok) {
    if (memory === 'auto' || kinds === undefined || kinds.includes(memory)) return
    const reason = `is not what this kernel can have rings in${memory === 'user' ? ', which came with Linux 6.5' : ''}: leave it out, or choose '${kinds[0] ?? 'auto'}'`
    throw invalidArgValue('options.memory', memory, reason)
  }
  if (poller !== 'auto') throw unavailable(rings, `poller '${poller}' was asked for: `)
  if (fallback === false) throw unavailable(rings, 'option fallback is false: ')
  if (restrictions !== undefined)
    throw unavailable(rings, "restrictions were asked for, which only the kernel's rings keep: ")
}

const unavailable = (verdict: Verdict, asked: string): RingUnavailableError =>
  new RingUnavailableError(verdict.reason ?? 'unknown', `${asked}${verdict.message ?? 'denied'}`)

function refuseDescriptors({ descriptorsLeft }: PlacementFacts, { rings }: PlacementWishes, each: number): void {
  const wanted = (rings === 'auto' ? 1 : rings) * each
  if (wanted <= descriptorsLeft) return
  const left = `this process may open ${count(descriptorsLeft, 'more descriptor')} and each ring takes ${each}`
  if (rings === 'auto' || descriptorsLeft < each)
    throw new RingUnavailableError('descriptors', `${left}: raise ulimit -n or close some`)
  const most = count(Math.floor(descriptorsLeft / each), 'ring')
  throw invalidArgValue('options.rings', rings, `is too many: ${left}. Ask for at most ${most}, or raise ulimit -n`)
}

function refuseCpus(facts: PlacementFacts, wishes: PlacementWishes): void {
  const { sqThreadCpu, pinCpus = 'auto' } = wishes
  if (sqThreadCpu !== undefined) {
    if (pinCpus !== 'auto')
      throw invalidArgValue('options.sqThreadCpu', sqThreadCpu, 'and options.pinCpus say different things: set one')
    refuseCpu(facts, 'options.sqThreadCpu', sqThreadCpu)
  }
  if (pinCpus !== 'auto') for (const cpu of pinCpus) refuseCpu(facts, 'options.pinCpus', cpu)
}

// By hand a thread may be pinned outside of the affinity mask, as `taskset -c 0 node …` with an SQ thread on CPU 1 wants it.
function refuseCpu({ online, pinnable }: PlacementFacts, name: string, cpu: number): void {
  if (!online.includes(cpu))
    throw invalidArgValue(name, cpu, `names a CPU that is not online: choose one of ${formatCpuList(online)}`)
  if (!pinnable.includes(cpu)) {
    const reason = `names a CPU outside of this process's cpuset: choose one of ${formatCpuList(pinnable)}, or have the cpuset widened`
    throw invalidArgValue(name, cpu, reason)
  }
}
