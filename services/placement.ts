// Facts about a machine → how many rings, with which poller, on which CPUs, how deep. A pure function with a reason for everything
// it chooses; the rules are those of ARCHITECTURE.md, "Placement". Used by Ringmaster.start(). Parts are in placement/.
import { Poller, polls } from '../workers/poller-kind.ts'
import { chooseDepths, ringsWithinMemlock } from './placement/depths.ts'
import { choosePins, coresNearClient } from './placement/pins.ts'
import { descriptorsPerRing, refuseImpossible } from './placement/refusals.ts'
import { chooseSpinMaxNs, chooseSqThreadIdle } from './placement/spin.ts'
import { count, setByOption } from './placement/types.ts'
import type { Choice, Decision, Placement, PlacementFacts, PlacementWishes } from './placement/types.ts'
import { formatCpuList } from './machine/text.ts'

/** One JavaScript thread feeds one ring easily; more rings pay where their pollers have CPUs of their own. */
const cpusPerRing = 4
const autoRingsMax = 8
/** An SQ thread burns a CPU until it is idle: it pays where client and the rest of the program have others. */
const sqThreadCpusMin = 3
/** Descriptors that rings chosen by `auto` leave to the program. */
const descriptorsKept = 64

/**
 * Chooses what the wishes leave open.
 * @throws RingUnavailableError, ERR_INVALID_ARG_VALUE for wishes that cannot come true, before anything is made
 */
export function place(facts: PlacementFacts, wishes: PlacementWishes): Placement {
  refuseImpossible(facts, wishes)
  const poller = choosePoller(facts, wishes)
  const rings = chooseRings(facts, wishes, poller.value)
  const sqThreads = chooseSqThreads(facts, wishes, poller.value, rings.value)
  const pollers = !polls(poller.value) ? 0 : sqThreads.value === 'shared' ? 1 : rings.value
  const spinners = 1 + pollers
  const pins = choosePins(facts, wishes, poller.value, pollers)
  const depths = chooseDepths(facts, wishes, rings.value, poller.value)
  const idle = chooseSqThreadIdle(facts, wishes)
  const reason = poller.reason + crowding(facts, spinners)
  return {
    rings: rings.value,
    poller: poller.value,
    reason,
    fallback: isFallback(facts, wishes, poller.value),
    sqThreads: sqThreads.value,
    pins: Array.from({ length: rings.value }, (_, ring) => pins.value[ring % pollers] ?? -1),
    ...depths.value,
    sqThreadIdleMs: idle.value,
    spinNsMax: chooseSpinMaxNs(facts, poller.value),
    choices: [
      { name: 'poller', value: poller.value, reason },
      { name: 'rings', ...rings },
      { name: 'sqThreads', ...sqThreads },
      { name: 'pinCpus', value: pinText(pins.value), reason: pins.reason },
      { name: 'sqEntries', value: depths.value.sqEntries, reason: depths.reason },
      { name: 'cqEntries', value: depths.value.cqEntries, reason: depths.reason },
      { name: 'sqThreadIdleMs', ...idle },
    ],
  }
}

/** The choices on one line, for logs: "poller=kernel (SQPOLL is allowed and there are 4 CPUs) rings=1 (…) …". */
export function describeChoices(choices: readonly Choice[]): string {
  return choices.map(({ name, value, reason }) => `${name}=${value} (${reason})`).join(' ')
}

const pinText = (pins: readonly number[]): string =>
  pins.every((cpu) => cpu < 0) ? 'none' : formatCpuList([...new Set(pins)].sort((a, b) => a - b))

// Client and pollers all spin when busy: more of them than CPUs cost a factor of ten (never spin more threads than CPUs).
function crowding({ effectiveCpus }: PlacementFacts, spinners: number): string {
  return spinners > 1 && spinners > effectiveCpus
    ? `; ${spinners} threads may spin on ${count(effectiveCpus, 'CPU')}: expect them to get in each other's way`
    : ''
}

function choosePoller(facts: PlacementFacts, wishes: PlacementWishes): Decision<Poller> {
  const { effectiveCpus, rings, sqpoll } = facts
  const plain = withoutAddon(facts)
  if (wishes.poller !== 'auto')
    return { value: wishes.poller, reason: plain === null ? setByOption : `${setByOption}; ${plain}` }
  if (plain !== null) return { value: Poller.threadpool, reason: plain }
  if (!rings.ok) return withoutRings(rings.message ?? 'denied')
  const cpus = count(effectiveCpus, 'CPU')
  if (effectiveCpus < 2)
    return { value: Poller.caller, reason: `${cpus}: another thread would take turns with this one` }
  const asked = (['sqThreads', 'sqThreadCpu', 'sqThreadIdleMs'] as const).find((name) => isSet(wishes[name]))
  if (sqpoll.ok && asked !== undefined)
    return { value: Poller.kernel, reason: `SQPOLL is allowed, and ${asked} speaks of it` }
  const workers = wishes.rings === 'auto' ? 1 : wishes.rings
  const crowded = 1 + workers > effectiveCpus
  if (sqpoll.ok && (effectiveCpus >= sqThreadCpusMin || (crowded && wishes.sqThreads === 'auto')))
    return { value: Poller.kernel, reason: `SQPOLL is allowed and there are ${cpus}` }
  const why = sqpoll.ok ? `an SQ thread would keep one of ${cpus}` : `no SQ thread: ${sqpoll.message ?? 'denied'}`
  if (crowded) return { value: Poller.caller, reason: `${why}, and ${workers} workers would crowd ${cpus}` }
  return { value: Poller.worker, reason: `${why}; a ring worker sleeps while there is little to do` }
}

function isFallback(facts: PlacementFacts, wishes: PlacementWishes, poller: Poller): boolean {
  return choosePoller({ ...facts, rings: { ok: true }, sqpoll: { ok: true } }, wishes).value !== poller
}

const isSet = (wish: unknown): boolean => wish !== undefined && wish !== 'auto'

function chooseRings(facts: PlacementFacts, wishes: PlacementWishes, poller: Poller): Decision<number> {
  if (wishes.rings !== 'auto') return { value: wishes.rings, reason: setByOption }
  if (poller === Poller.caller)
    return { value: 1, reason: 'the caller submits by itself: more rings would only make its batches smaller' }
  if (withoutAddon(facts) !== null)
    return { value: 1, reason: 'without the addon all rings are in this thread: more would only take turns' }
  const { effectiveCpus, descriptorsLeft, memlockBytes } = facts
  const cpus = count(effectiveCpus, 'CPU')
  const each = descriptorsPerRing(poller)
  const limits: Decision<number>[] = [
    { value: Math.floor(effectiveCpus / cpusPerRing), reason: `one for every ${cpusPerRing} of ${cpus}, at least one` },
    { value: autoRingsMax, reason: `${cpus}, and one thread feeds no more than ${autoRingsMax} rings` },
    {
      value: coresNearClient(facts) - 1,
      reason: `${count(coresNearClient(facts), 'core')} on the client's NUMA node, one of them its own`,
    },
    {
      value: Math.floor((descriptorsLeft - descriptorsKept) / each),
      reason: `${count(descriptorsLeft, 'descriptor')} may still be opened, and each ring takes ${each}: raise ulimit -n for more`,
    },
  ]
  if (poller !== Poller.threadpool)
    limits.push({
      value: ringsWithinMemlock(facts),
      reason: `${memlockBytes} bytes may be locked: raise ulimit -l for more`,
    })
  const { value, reason } = limits.reduce((least, limit) => (limit.value < least.value ? limit : least))
  return { value: Math.max(1, value), reason }
}

function chooseSqThreads(
  { effectiveCpus }: PlacementFacts,
  { sqThreads }: PlacementWishes,
  poller: Poller,
  rings: number,
): Decision<Placement['sqThreads']> {
  if (poller !== Poller.kernel) return { value: 'none', reason: `poller ${poller} has no SQ thread` }
  if (sqThreads === undefined) return { value: 'own', reason: 'the default: chains stay whole' }
  if (sqThreads !== 'auto') return { value: sqThreads, reason: setByOption }
  if (rings === 1) return { value: 'own', reason: 'one ring has nothing to share' }
  if (1 + rings <= effectiveCpus)
    return { value: 'own', reason: `${count(effectiveCpus, 'CPU')} have room for each, and chains stay whole` }
  return { value: 'shared', reason: `${1 + rings} threads would spin on ${count(effectiveCpus, 'CPU')}` }
}

/** Why there is only plain Node.js; null where the addon is there. */
function withoutAddon({ rings }: PlacementFacts): string | null {
  if (rings.ok || (rings.reason !== 'addon' && rings.reason !== 'platform')) return null
  return `plain Node.js, node:fs instead of io_uring: ${rings.message ?? 'no addon'}`
}

/** Ordinary system calls instead of io_uring, and why. */
export function withoutRings(why: string): Decision<Poller> {
  return { value: Poller.threadpool, reason: `no io_uring, system calls on threads instead: ${why}` }
}
