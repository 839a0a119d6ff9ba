// What is planned, started for real: the poller, the rings, and what stood in their way. And the descriptors they take.
import type { Context } from '../context.ts'
import { putRight } from '../denials.ts'
import type { Finding } from '../finding.ts'
import { descriptorsFix, threadsFix } from '../fixes.ts'
import { descriptorsPerRing } from '../../placement/refusals.ts'
import { count } from '../../placement/types.ts'
import { fileConnectionsWithin } from '../../cli/connection-limit.ts'
import { defaultHttpLimits } from '../../http/limits.ts'

/** Of Node.js: its own, V8's and libuv's, in `grep Threads /proc/PID/status`. */
const threadsOfNode = 11

/** RLIMIT_NOFILE that leaves room for as many connections as `ringmaster serve` takes. */
const descriptorsAdvised = 16_384

/** Where to look on: what ended it left no more than this. */
function hintOf({ machine, start, threads }: Context): string {
  if (lacksDescriptors(start.detail, machine.descriptorsLeft)) return '; there are too few descriptors: see below'
  if (threads.left < threadsOfNode) return '; there may be no thread left for it: see below'
  return start.detail === 'SIGKILL'
    ? '; so the kernel ends what is out of memory: see the memory cgroup, and journalctl -k'
    : ''
}

function checkStart(context: Context): Finding {
  const { start, plan } = context
  const { error, rings = [] } = start.facts
  const base = {
    id: 'layout.start',
    title: 'rings as planned',
    need: `${plan.rings !== 'auto' ? count(plan.rings, 'ring') : plan.profile === null ? 'as the machine allows' : 'as the profile says'}, poller ${plan.poller}`,
  }
  if (start.end !== 'done')
    return {
      ...base,
      have: 'not started',
      verdict: 'broken',
      why: `a trial ended without an answer: ${start.detail}${hintOf(context)}`,
      fix: null,
    }
  if (error !== null && error !== undefined)
    return { ...base, have: 'refused', verdict: 'broken', why: putRight(context, error.message), fix: null }
  const pollers = [...new Set(rings.map(({ poller }) => poller))].join(' and ')
  const have = `${rings.length} with poller ${pollers}`
  const ring = rings.find(({ degraded }) => degraded) ?? rings[0]
  const verdict = ring?.degraded === true ? 'degraded' : 'ok'
  return { ...base, have, verdict, why: putRight(context, ring?.reason ?? ''), fix: null }
}

/** Node.js reads the modules of the library at once, and finds no package whose files it could not open. */
const descriptorsToLoad = 300
const lacksDescriptors = (detail: string, left: number): boolean =>
  /EMFILE|ENFILE|Too many open files/.test(detail) || (left < descriptorsToLoad && /ERR_MODULE_NOT_FOUND/.test(detail))

function checkDescriptors({ machine, start, surroundings }: Context): Finding {
  const { descriptorsLeft } = machine
  const rings = start.facts.rings ?? []
  const each = descriptorsPerRing('kernel')
  const need = rings.length * each
  const connections = fileConnectionsWithin(descriptorsLeft - need)
  const { error } = start.facts
  const isUnread = start.end === 'failed' && lacksDescriptors(start.detail, descriptorsLeft)
  const isRefused = isUnread || error?.reason === 'descriptors' || /descriptor/.test(error?.message ?? '')
  const isFew = connections < defaultHttpLimits.connectionsMax
  const fewer = start.facts.choices?.find(({ name, reason }) => name === 'rings' && /may still be opened/.test(reason))
  return {
    id: 'layout.descriptors',
    title: 'file descriptors',
    need: isUnread
      ? `${descriptorsToLoad} to start`
      : isRefused
        ? `${each} for each ring`
        : `${need} for rings, 2 for each connection`,
    have: descriptorsLeft === Infinity ? 'no limit' : `${descriptorsLeft} may still be opened`,
    verdict: isRefused ? 'broken' : fewer !== undefined ? 'degraded' : isFew ? 'info' : 'ok',
    why: isRefused
      ? (error?.message ?? `what was to start the rings could not be loaded: ${start.detail}`)
      : fewer !== undefined
        ? `there are fewer rings than CPUs would feed: ${fewer.reason}`
        : isFew
          ? `ringmaster serve ${connections === 0 ? 'does not start' : `takes ${connections} connections instead of ${defaultHttpLimits.connectionsMax}`}; the library alone does not need more`
          : 'enough for the rings, and for as many connections as ringmaster serve takes',
    fix: isRefused || fewer !== undefined || isFew ? descriptorsFix(surroundings, descriptorsAdvised) : null,
  }
}

const ringsMany = 8

function checkThreads({ threads, start, plan, surroundings }: Context): Finding {
  const { left, limit, by } = threads
  const rings = start.facts.rings?.length ?? (plan.rings === 'auto' ? 1 : plan.rings)
  const need = threadsOfNode + 2 * Math.max(rings, ringsMany)
  const isShort = left < need
  return {
    id: 'layout.threads',
    title: 'threads and processes',
    need: `${need} (Node.js, a worker and an SQ thread for each ring)`,
    have: left === Infinity ? 'no limit' : `${left} of ${limit} may still be started`,
    verdict: isShort ? 'degraded' : 'ok',
    why: isShort
      ? `${by} is ${limit}${by === 'RLIMIT_NPROC' ? ', for all processes of this user together' : ''}: where a thread cannot be started, Node.js aborts, stands still or says EAGAIN, here as in your program`
      : 'there is room for them',
    fix: isShort ? threadsFix(surroundings, threads) : null,
  }
}

export function checkLayout(context: Context): Promise<Finding[]> {
  return Promise.resolve([checkStart(context), checkDescriptors(context), checkThreads(context)])
}
