// Memory that the rings and their buffers take: the memlock limit, and the memory cgroup.
import { ringSizeBytes, sqesSizeBytes } from '../../../native/layout.ts'
import { controllerFolders } from '../../machine/cgroup.ts'
import { readText } from '../../machine/text.ts'
import type { Cause } from '../cause.ts'
import type { Context } from '../context.ts'
import { buffersLackMemory, deniedRings, lacksMemory, memlockHolds, withoutMemlock } from '../denials.ts'
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

/** What the rings would be charged that were refused: as deep as placement has chosen them. */
function refusedBytes({ start }: Pick<Context, 'start'>): number {
  const chosen = (name: string): number =>
    Number(start.facts.choices?.find((choice) => choice.name === name)?.value ?? 0)
  const [rings, sqEntries, cqEntries] = [chosen('rings'), chosen('sqEntries'), chosen('cqEntries')]
  return rings * (ringSizeBytes(sqEntries, cqEntries) + sqesSizeBytes(sqEntries))
}

/** Causes of a ring's ENOMEM that have nothing to do with that limit: checks/rings.ts says them. */
const traced = (cause: Cause | null): boolean =>
  cause !== null && cause.cause !== 'memlock' && cause.cause !== 'unknown'

/** Rings that the kernel had no memory for, and those it had less for. */
function lacking(context: Context): { made: number; refused: number; halved: number } {
  const { rings = [] } = context.start.facts
  const refused = rings.filter((ring) => ring.poller === 'threadpool' && lacksMemory(ring)).length
  return {
    made: rings.length,
    refused: traced(deniedRings(context)) ? 0 : refused,
    halved: rings.filter(({ entryHalvings }) => entryHalvings > 0).length,
  }
}

type Words = Pick<Finding, 'verdict' | 'why' | 'fix'>

/** Where the limit holds: what has come of it. */
function judgeMemlock(context: Context, needBytes: number): Words {
  const { machine, plan, start, surroundings } = context
  const { buffers, choices, rings = [] } = start.facts
  const { made, refused, halved } = lacking(context)
  const short = (why: string): Words => {
    return { verdict: 'degraded', why, fix: memlockFix(surroundings, advisedBytes(needBytes)) }
  }
  const fine = (why: string): Words => ({ verdict: 'ok', why, fix: null })
  if (refused > 0)
    return short(
      `the kernel would not lock ${refused} of ${made} rings: ${refused === 1 ? 'it does' : 'these do'} with system calls on threads`,
    )
  if (buffers?.registered === false && buffersLackMemory(buffers, plan.buffersBytes))
    return short(`the buffers were not registered, and are ordinary memory: ${buffers.reason}`)
  if (halved > 0)
    return short(`${halved} of ${made} rings were made with fewer entries, since there was no memory for more`)
  const shallow = choices?.find(({ name, reason }) => name === 'sqEntries' && /may be locked/.test(reason))
  if (shallow !== undefined) return short(`queues have ${shallow.value} entries instead of 1024: ${shallow.reason}`)
  if (made === 0 && deniedRings(context)?.cause === 'memlock')
    return short('the smallest ring takes more: see io_uring')
  if (made > 0 && rings.every(({ poller }) => poller === 'threadpool'))
    return fine('no ring is in the kernel, and so nothing is locked')
  if (plan.buffersBytes > buffersTriedMax)
    return machine.memlockBytes < needBytes
      ? short('so much cannot be registered; buffers that are not are ordinary memory')
      : fine(`compared with the limit; no more than ${formatBytes(buffersTriedMax)} is tried`)
  if (made === 0) return { verdict: 'unknown', why: 'no ring was started to try it with', fix: null }
  return fine(`rings were started with it${buffers?.registered === true ? `; buffers: ${buffers.reason}` : ''}`)
}

function checkMemlock(context: Context): Finding {
  const { machine, plan, policy, start } = context
  const { rings: made, all } = plannedBytes(context)
  const rings = made === 0 && lacking(context).refused > 0 ? refusedBytes(context) : made
  const needBytes = all - made + rings
  const base = {
    id: 'memory.memlock',
    title: 'memory that may be locked',
    need:
      plan.buffersBytes === 0
        ? `${formatBytes(rings)} (rings)`
        : `${formatBytes(needBytes)} (rings, and ${formatBytes(plan.buffersBytes)} registered)`,
  }
  if (memlockHolds(context))
    return { ...base, have: formatBytes(machine.memlockBytes), ...judgeMemlock(context, needBytes) }
  const { buffers } = start.facts
  const also = buffers?.registered === true ? `; buffers: ${buffers.reason}` : ''
  return {
    ...base,
    have: policy.mayLock ? 'no limit (CAP_IPC_LOCK)' : 'no limit',
    verdict: 'ok',
    why: `the kernel does not count what this process has locked${also}`,
    fix: null,
  }
}

/** Memory that the kernel does not have, where that limit has nothing to do with it. */
function checkRings(context: Context): Finding[] {
  const { made, refused, halved } = lacking(context)
  if (memlockHolds(context) || refused + halved === 0) return []
  const limitBytes = memoryLimit('/')
  return [
    {
      id: 'memory.rings',
      title: 'memory for rings',
      need: `${made} ring${made === 1 ? '' : 's'} as planned`,
      have: refused > 0 ? `${refused} refused` : `${halved} with fewer entries`,
      verdict: 'degraded',
      why: withoutMemlock(context),
      fix: limitBytes === Infinity ? null : memoryFix(context.surroundings, 2 * limitBytes),
    },
  ]
}

/** Buffers that are not registered for another reason than that limit. */
function checkBuffers(context: Context): Finding[] {
  const { plan, start } = context
  const { buffers } = start.facts
  if (buffers?.registered !== false) return []
  const lack = buffersLackMemory(buffers, plan.buffersBytes)
  if (lack && memlockHolds(context)) return []
  return [
    {
      id: 'memory.buffers',
      title: 'registered buffers',
      need: formatBytes(plan.buffersBytes),
      have: 'ordinary memory',
      // Who plans without rings has nobody to register them with.
      verdict: plan.poller === 'threadpool' ? 'info' : 'degraded',
      why: `they were not registered: ${lack ? withoutMemlock(context) : buffers.reason}`,
      fix: null,
    },
  ]
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
  return Promise.resolve([
    checkMemlock(context),
    ...checkRings(context),
    ...checkBuffers(context),
    checkCgroup(context),
  ])
}
