// Whether rings can be made, with an SQ thread and without, and if not, why: each denial traced to its cause.
import type { Context } from '../context.ts'
import { deniedRings, deniedSqThread } from '../denials.ts'
import type { Finding, Verdict } from '../finding.ts'

function checkRings(context: Context): Finding {
  const { plan, addon } = context
  const base = { id: 'rings.make', title: 'io_uring', need: 'io_uring_setup, io_uring_enter, io_uring_register' }
  const denied = deniedRings(context)
  if (denied === null)
    return {
      ...base,
      have: 'all three work',
      verdict: 'ok',
      why: 'a ring was made here and has completed a request',
      fix: null,
    }
  const withoutRings = plan.poller === 'threadpool'
  if (addon.origin === 'none') {
    const why = 'the kernel cannot be asked without the addon; see there'
    return { ...base, have: 'not asked', verdict: withoutRings ? 'info' : 'unknown', why, fix: null }
  }
  const { cause, why, fix } = denied
  const have = cause === 'unknown' ? 'denied, by an unknown cause' : `denied: ${cause}`
  const consequence = withoutRings
    ? 'no ring is planned'
    : plan.poller === 'auto'
      ? 'system calls on threads are used instead'
      : `poller ${plan.poller} cannot do without`
  return { ...base, have, verdict: withoutRings ? 'info' : 'broken', why: `${why}; ${consequence}`, fix }
}

/** What it is to the plan that SQ threads are denied: who has chosen another poller wants none. */
export const withoutSqThread = ({ plan }: Pick<Context, 'plan'>): Verdict =>
  plan.poller === 'kernel' ? 'broken' : plan.poller === 'auto' ? 'degraded' : 'info'

function checkSqThread(context: Context): Finding {
  const { capabilities } = context
  const base = { id: 'rings.sqThread', title: 'SQ thread (SQPOLL)', need: 'allowed, for poller kernel' }
  if (capabilities.sqpoll.ok)
    return { ...base, have: 'allowed', verdict: 'ok', why: 'a ring with one was made here', fix: null }
  const denied = deniedSqThread(context)
  if (denied === null)
    return { ...base, have: 'no rings', verdict: 'info', why: 'what denies rings denies these', fix: null }
  const { cause, why, fix } = denied
  return {
    ...base,
    have: cause === 'unknown' ? 'denied, by an unknown cause' : `denied: ${cause}`,
    verdict: withoutSqThread(context),
    why: `${why}; pollers worker and caller do without`,
    fix,
  }
}

function checkMemory({ capabilities }: Context): Finding[] {
  if (!capabilities.rings.ok) return []
  const isUser = capabilities.memory.includes('user')
  return [
    {
      id: 'rings.memory',
      title: 'memory of rings',
      need: 'user (6.5), else mapped',
      have: capabilities.memory.join(', '),
      verdict: isUser ? 'ok' : 'info',
      why: isUser
        ? 'the queue that JavaScript writes to is the ring'
        : 'rings are mapped from the kernel: the same speed, and a mapping for each thread',
      fix: null,
    },
  ]
}

export function checkRingsHere(context: Context): Promise<Finding[]> {
  return Promise.resolve([checkRings(context), checkSqThread(context), ...checkMemory(context)])
}
