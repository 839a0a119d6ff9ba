// What is denied here, each traced to its cause; and with it what the library infers from an errno alone, in the words that placement, rings and
// buffers have for people, put right. Used by checks/rings.ts, policy.ts, layout.ts and memory.ts, which say the same therefore.
import { explainSetupError } from '../../native/capabilities.ts'
import { memlockRefusal } from '../memlock.ts'
import type { Cause } from './cause.ts'
import type { Context } from './context.ts'
import { traceDenial, traceSqThreadDenial } from './denial.ts'
import { slabBytes } from './trials/start.ts'

type Subject = Pick<Context, 'capabilities' | 'evidence' | 'machine' | 'policy'>

/** What the capabilities know already, without a call of the kernel. */
const known = ['addon', 'platform']

/** The answer that an inference was drawn from, without the inference. */
const answerIn = (message: string): string => /\bE[A-Z]{3,}\b/.exec(message)?.[0] ?? message

/** Why there are no rings; null where there are. */
export function deniedRings({ capabilities, evidence }: Pick<Subject, 'capabilities' | 'evidence'>): Cause | null {
  const { ok, reason = 'unknown', message = 'denied' } = capabilities.rings
  if (ok) return null
  if (evidence === null || known.includes(reason)) return { cause: 'unknown', why: message, fix: null }
  const cause = traceDenial(evidence)
  const { end, facts } = evidence.calls
  const isOver = end !== 'done' || (facts.setup ?? -1) >= 0
  // What was refused at first and is answered now was short of something.
  return cause.cause === 'unknown' && isOver
    ? { ...cause, why: `${cause.why}; at first the answer was ${answerIn(message)}` }
    : cause
}

/** Why there are rings, and none with an SQ thread; null otherwise. */
export function deniedSqThread({ capabilities, evidence }: Pick<Subject, 'capabilities' | 'evidence'>): Cause | null {
  if (capabilities.sqpoll.ok || !capabilities.rings.ok || evidence === null) return null
  return traceSqThreadDenial(evidence, capabilities.features)
}

/** Whether RLIMIT_MEMLOCK is asked at all when this process has memory locked. */
export const memlockHolds = ({ machine, policy }: Pick<Subject, 'machine' | 'policy'>): boolean =>
  machine.memlockBytes !== Infinity && !policy.mayLock

const ENOMEM = -12
/** What the library says of any ENOMEM of a ring: it knows of no other cause than that limit. */
const inferredMemlock = (): string => explainSetupError(ENOMEM, false).message

/** Whether a ring was refused, or has fewer entries, because the kernel had no memory for it. */
export const lacksMemory = ({ reason }: { readonly reason: string }): boolean => reason.includes(inferredMemlock())

/** Whether buffers of so many bytes were not registered because the kernel had no memory for them. */
export const buffersLackMemory = ({ reason }: { readonly reason: string }, bytes: number): boolean =>
  reason.startsWith(memlockRefusal(Math.ceil(bytes / slabBytes) * slabBytes))

/** ENOMEM where that limit has nothing to do with it. */
export function withoutMemlock({ policy }: Pick<Subject, 'policy'>): string {
  const { mayLock, seccomp, tracerPid } = policy
  const causes = [
    'a memory cgroup is full',
    'the machine has no memory left in one piece',
    ...(seccomp === 2 ? ['a seccomp filter answers so'] : []),
    ...(tracerPid === 0 ? [] : [`process ${tracerPid}, which traces this one, answers so`]),
  ]
  return `ENOMEM, and no memlock limit holds for this process${mayLock ? ' (CAP_IPC_LOCK)' : ''}: ${causes.join(', or ')}`
}

/** The library's words, with the causes that were found in the place of those it infers. */
export function putRight(context: Subject, text: string): string {
  const { rings, sqpoll } = context.capabilities
  const found = [
    [rings.message, deniedRings(context)?.why],
    [sqpoll.message, deniedSqThread(context)?.why],
    [inferredMemlock(), memlockHolds(context) ? undefined : withoutMemlock(context)],
  ] as const
  return found.reduce(
    (right, [inferred, why]) =>
      inferred === undefined || why === undefined ? right : right.replaceAll(inferred, () => why),
    text,
  )
}
