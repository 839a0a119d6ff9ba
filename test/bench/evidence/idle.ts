// Proof: rings with nothing to do cost nothing. Looks at an idle process from outside. Called by evidence.ts.
import { setTimeout as delay } from 'node:timers/promises'
import { formatTable } from '../../../services/bench/table.ts'
import { tasks, type TaskFacts } from '../process-facts.ts'
import { watchSubject } from './subject.ts'
import type { Verdict } from './verdict.ts'

/** Two thousandths of one CPU: room for a heartbeat, none for anything that spins. */
const CPU_SHARE_MAX = 0.002
const SWITCHES_PER_SECOND_MAX = 20
/** By then every spinner must have gone to sleep. */
const SETTLE_MS = 1000

export async function proveIdle(poller: string, seconds: number, file: string): Promise<Verdict> {
  let before: readonly TaskFacts[] = []
  let after: readonly TaskFacts[] = []
  const timeoutMs = 30_000 + seconds * 1000
  let looked: Promise<void> | undefined
  await watchSubject({ task: 'idle', poller, count: 0, file, timeoutMs }, (_line, child) => {
    looked = (async () => {
      await delay(SETTLE_MS)
      before = tasks(child.pid!)
      await delay(seconds * 1000)
      after = tasks(child.pid!)
      child.stdin!.end()
    })()
  })
  await looked
  if (after.length === 0) throw new Error('the subject could not be looked at')
  const rows = after.map((task) => {
    const earlier = before.find(({ id }) => id === task.id)
    return {
      name: task.name,
      cpuNs: task.cpuNs - (earlier?.cpuNs ?? 0),
      switches: task.switches - (earlier?.switches ?? 0),
    }
  })
  const cpuMs = rows.reduce((sum, { cpuNs }) => sum + cpuNs, 0) / 1e6
  const switches = rows.reduce((sum, row) => sum + row.switches, 0)
  const awake = rows.filter((row) => row.cpuNs > 0 || row.switches > 0)
  return {
    claim: `idle for ${seconds} s, ${poller === 'none' ? 'no rings (control)' : `${poller} poller`}`,
    holds: cpuMs <= CPU_SHARE_MAX * seconds * 1000 && switches <= SWITCHES_PER_SECOND_MAX * seconds,
    figures: `${cpuMs.toFixed(2)} ms CPU, ${switches} context switches, ${after.length} threads`,
    details:
      awake.length === 0
        ? []
        : formatTable(
            ['thread', 'CPU ms', 'switches'],
            awake.map(({ name, cpuNs, switches: count }) => [name, (cpuNs / 1e6).toFixed(3), String(count)]),
          ),
  }
}
