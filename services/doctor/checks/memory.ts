// Memory that the rings and their buffers take: the memlock limit, and the memory cgroup.
import { ringSizeBytes, sqesSizeBytes } from '../../../native/layout.ts'
import { controllerFolders } from '../../machine/cgroup.ts'
import { readText } from '../../machine/text.ts'
import type { Context } from '../context.ts'
import { formatBytes } from '../finding.ts'
import type { Finding } from '../finding.ts'
import { memlockFix, memoryFix } from '../fixes.ts'
import { buffersTriedMax } from '../trials/start.ts'

/** What rings and buffers would be charged, as far as the trial says how large rings are. */
export function plannedBytes({ plan, start }: Pick<Context, 'plan' | 'start'>): { rings: number; all: number } {
  const rings = (start.facts.rings ?? [])
    .filter(({ poller }) => poller !== 'threadpool')
    .reduce((sum, { sqEntries, cqEntries }) => sum + ringSizeBytes(sqEntries, cqEntries) + sqesSizeBytes(sqEntries), 0)
  return { rings, all: rings + plan.buffersBytes }
}

/** The library's rule: rings get along with half of the limit, the rest is for buffers and for other processes of the user. */
const advisedBytes = (allBytes: number): number => Math.max(8 * 2 ** 20, 2 ** Math.ceil(Math.log2(2 * allBytes)))

function checkMemlock(context: Context): Finding {
  const { machine, plan, start, surroundings, policy } = context
  const { memlockBytes } = machine
  const { rings, all } = plannedBytes(context)
  const fix = memlockFix(surroundings, advisedBytes(all))
  const { buffers, rings: made = [] } = start.facts
  const base = {
    id: 'memory.memlock',
    title: 'memory that may be locked',
    need:
      plan.buffersBytes === 0
        ? `${formatBytes(rings)} (rings)`
        : `${formatBytes(all)} (rings, and ${formatBytes(plan.buffersBytes)} registered)`,
    have: memlockBytes === Infinity && policy.mayLock ? 'no limit (CAP_IPC_LOCK)' : formatBytes(memlockBytes),
  }
  const refused = made.filter(
    ({ poller, reason }) => poller === 'threadpool' && /Max locked memory/.test(reason),
  ).length
  const halved = made.filter(({ entryHalvings }) => entryHalvings > 0).length
  if (refused > 0)
    return {
      ...base,
      verdict: 'degraded',
      why: `the kernel would not lock ${refused} of ${made.length} rings: these do with system calls on threads`,
      fix,
    }
  if (buffers?.registered === false)
    return {
      ...base,
      verdict: 'degraded',
      why: `the buffers were not registered, and are ordinary memory: ${buffers.reason}`,
      fix,
    }
  if (halved > 0)
    return {
      ...base,
      verdict: 'degraded',
      why: `${halved} of ${made.length} rings were made with fewer entries, since there was no memory for more`,
      fix,
    }
  const shallow = start.facts.choices?.find(({ name, reason }) => name === 'sqEntries' && /may be locked/.test(reason))
  if (shallow !== undefined)
    return {
      ...base,
      verdict: 'degraded',
      why: `queues have ${shallow.value} entries instead of 1024: ${shallow.reason}`,
      fix,
    }
  if (plan.buffersBytes > buffersTriedMax && memlockBytes < all)
    return {
      ...base,
      verdict: 'degraded',
      why: 'so much cannot be registered; buffers that are not are ordinary memory',
      fix,
    }
  if (plan.buffersBytes > buffersTriedMax)
    return {
      ...base,
      verdict: 'ok',
      why: `compared with the limit; no more than ${formatBytes(buffersTriedMax)} is tried`,
      fix: null,
    }
  if (made.length === 0) return { ...base, verdict: 'unknown', why: 'no ring was started to try it with', fix: null }
  const also = buffers === null || buffers === undefined ? '' : `; buffers: ${buffers.reason}`
  return { ...base, verdict: 'ok', why: `rings were started with it${also}`, fix: null }
}

/** memory.max of version 2, memory.limit_in_bytes of version 1: the tightest on the path. Version 1 has a number of its own for none. */
function memoryLimit(root: string): number {
  const limits = controllerFolders(root, 'memory').map((folder) => {
    const text = readText(root, `${folder}/memory.max`) || readText(root, `${folder}/memory.limit_in_bytes`)
    return /^\d+$/.test(text) && Number(text) < 2 ** 60 ? Number(text) : Infinity
  })
  return Math.min(Infinity, ...limits)
}

/** Of a Node.js with rings and nothing else, about: npm run evidence. */
const processBytes = 128 * 2 ** 20

function checkCgroup(context: Context): Finding {
  const limitBytes = memoryLimit('/')
  const needBytes = processBytes + plannedBytes(context).all
  const isTight = limitBytes < needBytes
  return {
    id: 'memory.cgroup',
    title: 'memory cgroup',
    need: `${formatBytes(needBytes)} (Node.js, rings, buffers)`,
    have: formatBytes(limitBytes),
    verdict: isTight ? 'degraded' : 'ok',
    why: isTight
      ? 'registered memory cannot be swapped out: what is over the limit ends the process (OOM)'
      : 'rings and registered memory are charged to the control group',
    fix: isTight ? memoryFix(context.surroundings, needBytes) : null,
  }
}

export function checkMemory(context: Context): Promise<Finding[]> {
  return Promise.resolve([checkMemlock(context), checkCgroup(context)])
}
