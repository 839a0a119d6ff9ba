// Why the kernel has no memory for a ring (ENOMEM): the memlock limit, a memory cgroup, or something that leaves no trace. Pure. Used by denial.ts.
import type { Cause } from './cause.ts'
import { memlockFix, memoryFix } from './fixes.ts'
import { formatBytes } from './finding.ts'
import type { Surroundings } from './surroundings.ts'
import type { MemoryFacts } from './trials/calls.ts'

/** A ring of four entries: a page for the queues, one for the entries. */
const smallestRingBytes = 8192
/** What Debian and systemd give: enough for some rings of 1024 entries, and some memory registered with them. */
const advisedBytes = 8 * 2 ** 20

export function traceMemoryDenial(facts: MemoryFacts | null, surroundings: Surroundings): Cause {
  const unknown = (why: string): Cause => ({ cause: 'unknown', why: `ENOMEM: ${why}`, fix: null })
  if (facts === null) return unknown('nothing more is known')
  const { mayLock, raisedSetup, cgroupRefusals } = facts
  const [softBytes, hardBytes] = [facts.softBytes ?? Infinity, facts.hardBytes ?? Infinity]
  const limit = `RLIMIT_MEMLOCK is ${formatBytes(softBytes)}`
  const memlock = (why: string): Cause => ({ cause: 'memlock', why, fix: memlockFix(surroundings, advisedBytes) })
  if (raisedSetup !== null && raisedSetup >= 0)
    return memlock(`${limit}; with the hard limit, ${formatBytes(hardBytes)}, the same ring can be made`)
  if (!mayLock && softBytes < smallestRingBytes)
    return memlock(
      `${limit}, less than the smallest ring locks (${formatBytes(smallestRingBytes)}), and there is no CAP_IPC_LOCK`,
    )
  if (cgroupRefusals > 0)
    return {
      cause: 'memory cgroup',
      why: `the memory cgroup has refused memory ${cgroupRefusals} times while a ring was made`,
      fix: memoryFix(surroundings, 512 * 2 ** 20),
    }
  if (mayLock || softBytes === Infinity)
    return unknown(
      'no memlock limit holds for this process, and no memory cgroup has refused any: the machine may be out of memory',
    )
  return unknown(
    `${limit}, of all processes of this user together, and how much of it others have locked cannot be seen; no memory cgroup has refused any`,
  )
}
