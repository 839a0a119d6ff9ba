// Facts about a machine → how many rings, with which poller. A pure function with a reason for everything it chooses; the
// rules are those of ARCHITECTURE.md, "Placement". Used by Ringmaster.start().
import { Poller } from '../workers/poller-kind.ts'

export interface MachineFacts {
  /** Affinity and cgroup quota together; may be a fraction. */
  readonly effectiveCpus: number
  /** Whether there can be rings at all, and if not, why. Not given: there can. */
  readonly rings?: { readonly ok: boolean; readonly message?: string }
  /** Whether rings with an SQ thread are allowed, and if not, why. */
  readonly sqpoll: { readonly ok: boolean; readonly message?: string }
}

export interface PlacementWishes {
  readonly rings: number | 'auto'
  readonly poller: Poller | 'auto'
}

export interface Placement {
  readonly rings: number
  readonly poller: Poller
  readonly reason: string
}

/** One JavaScript thread feeds one ring easily; more rings pay where their pollers have CPUs of their own. */
const cpusPerRing = 4
const autoRingsMax = 8

const cpus = (count: number): string => `${Math.round(count * 10) / 10} CPU${count === 1 ? '' : 's'}`

/** Chooses rings and poller. */
export function place(facts: MachineFacts, wishes: PlacementWishes): Placement {
  const choice = choosePoller(facts, wishes)
  const rings =
    wishes.rings !== 'auto'
      ? wishes.rings
      : Math.min(autoRingsMax, Math.max(1, Math.floor(facts.effectiveCpus / cpusPerRing)))
  // Client and pollers all spin when busy: more of them than CPUs cost a factor of ten (never spin more threads than CPUs).
  const spins = choice.poller === Poller.kernel || choice.poller === Poller.worker
  const spinners = spins ? 1 + rings : 1
  const warning =
    spinners > facts.effectiveCpus && spins
      ? `; ${spinners} threads may spin on ${cpus(facts.effectiveCpus)}: expect them to get in each other's way`
      : ''
  return { rings, poller: choice.poller, reason: choice.reason + warning }
}

function choosePoller(facts: MachineFacts, wishes: PlacementWishes): { poller: Poller; reason: string } {
  if (wishes.poller !== 'auto') return { poller: wishes.poller, reason: 'set by option' }
  if (facts.rings?.ok === false) return withoutRings(facts.rings.message ?? 'denied')
  if (facts.effectiveCpus < 2) {
    return {
      poller: Poller.caller,
      reason: `${cpus(facts.effectiveCpus)}: an SQ thread would take turns with this one`,
    }
  }
  if (!facts.sqpoll.ok) return { poller: Poller.caller, reason: `no SQ thread: ${facts.sqpoll.message ?? 'denied'}` }
  return { poller: Poller.kernel, reason: `SQPOLL is allowed and there are ${cpus(facts.effectiveCpus)}` }
}

/** Ordinary system calls instead of io_uring, and why. */
export function withoutRings(why: string): { poller: Poller; reason: string } {
  return { poller: Poller.threadpool, reason: `no io_uring, system calls on threads instead: ${why}` }
}
