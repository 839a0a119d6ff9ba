// How the drivers of Ringmaster get their rings: the one place to change when clients share them. Used by drivers/*.
import { Ringmaster } from '../../../services/index.ts'
import type { DriverInput, Prepared, Work } from './driver.ts'

type Options = NonNullable<Parameters<typeof Ringmaster.start>[0]>

/** `auto` is left to choose everything; a hand-picked poller gets one ring, as every other leg has one, or what the scenario says. */
export async function startRings({ poller, scenario }: DriverInput): Promise<Ringmaster> {
  const { rings = 1, cqEntries } = scenario
  // All lanes begin at once: what the poller has not taken by then waits.
  const queues: Options =
    cqEntries === undefined ? {} : { cqEntries, sqEntries: Math.min(4096, cqEntries), backlogMax: cqEntries }
  switch (poller) {
    case 'auto':
      return Ringmaster.start({ ...queues, poller })
    case 'kernel':
    case 'worker':
    case 'caller':
    case 'threadpool':
      return Ringmaster.start({ ...queues, poller, rings })
    default:
      throw new Error(`there is no poller '${poller}'`)
  }
}

/** Work on rings: what they count, what they are, and that they are closed after it. */
export function onRings(rings: Ringmaster, work: Work): Prepared {
  return {
    loop: work.loop,
    enterCalls: () => rings.stats().rings.reduce((sum, ring) => sum + ring.enterCalls, 0),
    note: describe(rings),
    close: async () => {
      await work.close()
      await rings.close()
    },
  }
}

function describe(rings: Ringmaster): string {
  const used = rings.stats().rings.map((ring) => ring.poller)
  return `${used.length} ring${used.length === 1 ? '' : 's'}, poller ${[...new Set(used)].join(' and ')}`
}
