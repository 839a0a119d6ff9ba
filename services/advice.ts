// Whether a ring has the right poller, judged by how its threads spent their time. A pure function of samples; advisor.ts takes them.
// It only advises: with the option `adapt` adaptation.ts does what it says.
import type { SqThread } from '../native/fdinfo.ts'
import type { ThreadTimes } from '../native/schedstat.ts'
import { Poller, polls } from '../workers/poller-kind.ts'

/** What a ring's threads had done at one moment. All times only grow. */
export interface LoadSample {
  readonly atMs: number
  /** Null where the poller is another one, or the kernel does not say (SqTotalTime and SqWorkTime: 6.9). */
  readonly sqThread: Pick<SqThread, 'busyNs' | 'totalNs'> | null
  readonly client: ThreadTimes | null
  /** The thread that polls: the SQ thread or the ring worker. */
  readonly poller: ThreadTimes | null
}

/** `burning`: the SQ thread runs mostly for nothing. `contended`: client and poller wait for a CPU. */
export type AdviceCause = 'none' | 'burning' | 'contended'

export interface Advice {
  /** The poller that would suit the load better; the present one with cause `none`. */
  readonly poller: Poller
  readonly cause: AdviceCause
  readonly reason: string
}

/** What onAdvice() is told. */
export interface RingAdvice extends Advice {
  readonly ring: number
  /** The poller it has, or had before it was moved. */
  readonly present: Poller
  /** Whether it has the advised poller now (option `adapt`). */
  readonly moved: boolean
  /** Why it was not moved; null where it was, or where the present poller is right. */
  readonly stays: string | null
}

/** Useful work below this share of its CPU time: the SQ thread mostly burns. */
const usefulShareMin = 0.1
/** A thread that ran for less than this share of the time costs nobody anything. */
const runShareMin = 0.05
/** Of the time that a thread wanted a CPU, the share it may wait for one. */
const waitShareMax = 0.2

const percent = (share: number): string => `${Math.round(share * 100)} %`
const seconds = (ns: number): string => `${(ns / 1e9).toFixed(1)} s`

/** Judges the time between the first and the last of `samples`, which are of one poller. */
export function advise(poller: Poller, samples: readonly LoadSample[]): Advice {
  const keep = (reason: string): Advice => ({ poller, cause: 'none', reason })
  const first = samples[0]
  const last = samples.at(-1)
  if (!polls(poller)) return keep('nothing polls for it')
  if (first === undefined || last === undefined || last.atMs <= first.atMs) return keep('not watched for long enough')
  const spanNs = (last.atMs - first.atMs) * 1e6
  const overTime = `in the last ${seconds(spanNs)}`

  if (first.sqThread !== null && last.sqThread !== null) {
    const ranNs = last.sqThread.totalNs - first.sqThread.totalNs
    const useful = (last.sqThread.busyNs - first.sqThread.busyNs) / ranNs
    if (ranNs >= runShareMin * spanNs && useful < usefulShareMin) {
      const reason = `the SQ thread ran for ${seconds(ranNs)} ${overTime} and worked for ${percent(useful)} of it: a system call for each batch would cost less`
      return { poller: Poller.caller, cause: 'burning', reason }
    }
  }
  for (const [name, before, after] of [
    ['client', first.client, last.client],
    ['poller', first.poller, last.poller],
  ] as const) {
    const waited = waitShare(before, after, runShareMin * spanNs)
    // Both must be running: a client that waits while its poller sleeps waits for somebody else.
    if (waited > waitShareMax && ran(first.poller, last.poller) >= runShareMin * spanNs) {
      const reason = `the ${name}'s thread waited for a CPU for ${percent(waited)} of the time it wanted one ${overTime}: one thread less that spins would leave it one`
      return { poller: Poller.caller, cause: 'contended', reason }
    }
  }
  return keep(`nothing speaks against it ${overTime}`)
}

const ran = (before: ThreadTimes | null, after: ThreadTimes | null): number =>
  before === null || after === null ? 0 : after.runNs - before.runNs

/** The share of the time a thread wanted a CPU and had none; 0 where it wanted one for less than `leastNs`. */
function waitShare(before: ThreadTimes | null, after: ThreadTimes | null, leastNs: number): number {
  if (before === null || after === null) return 0
  const waitedNs = after.waitNs - before.waitNs
  const wantedNs = waitedNs + ran(before, after)
  return wantedNs < leastNs || wantedNs <= 0 ? 0 : waitedNs / wantedNs
}
