// Whether rings can be made, with an SQ thread and without, and if not, why: each denial traced to its cause.
import type { Cause } from '../cause.ts'
import type { Context } from '../context.ts'
import { traceDenial, traceSqThreadDenial } from '../denial.ts'
import type { Finding } from '../finding.ts'

/** What the capabilities know already, without a call of the kernel. */
const known = ['addon', 'platform']

function causeOf({ capabilities, evidence }: Context): Cause {
  const { reason = 'unknown', message = 'denied' } = capabilities.rings
  if (evidence === null || known.includes(reason)) return { cause: 'unknown', why: message, fix: null }
  const cause = traceDenial(evidence)
  // What was refused at first and is answered now was short of something.
  return cause.cause === 'unknown' ? { ...cause, why: `${cause.why}. At first: ${message}` } : cause
}

function checkRings(context: Context): Finding {
  const { capabilities, plan, addon } = context
  const base = { id: 'rings.make', title: 'io_uring', need: 'io_uring_setup, io_uring_enter, io_uring_register' }
  if (capabilities.rings.ok)
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
  const { cause, why, fix } = causeOf(context)
  const have = cause === 'unknown' ? 'denied, by an unknown cause' : `denied: ${cause}`
  const consequence = withoutRings ? 'no ring is planned' : 'system calls on threads are used instead'
  return { ...base, have, verdict: withoutRings ? 'info' : 'broken', why: `${why}; ${consequence}`, fix }
}

function checkSqThread({ capabilities, evidence, plan }: Context): Finding {
  const base = { id: 'rings.sqThread', title: 'SQ thread (SQPOLL)', need: 'allowed, for poller kernel' }
  if (capabilities.sqpoll.ok)
    return { ...base, have: 'allowed', verdict: 'ok', why: 'a ring with one was made here', fix: null }
  if (!capabilities.rings.ok || evidence === null)
    return { ...base, have: 'no rings', verdict: 'info', why: 'what denies rings denies these', fix: null }
  const { cause, why, fix } = traceSqThreadDenial(evidence, capabilities.features)
  return {
    ...base,
    have: cause === 'unknown' ? 'denied, by an unknown cause' : `denied: ${cause}`,
    verdict: plan.poller === 'kernel' ? 'broken' : 'degraded',
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
