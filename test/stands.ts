// Which stands a case runs on. Most run on every kind of ring. Those that start processes or threads, or end them, take seconds on each and
// do not ask what memory a ring has: the usual run takes some of their stands, RINGMASTER_STANDS=all (npm run test:long) takes all.
import { everyPoller } from './services/harness.ts'

const all = process.env['RINGMASTER_STANDS'] === 'all'

/** What the usual run leaves out: each poller stays, and both memories, though not each with each. */
const leftOut = new Set(['kernel mapped', 'worker user', 'caller mapped'])

/** Every poller once, one of them with mapped memory; in the long run every poller with every memory. */
export const somePollers: typeof everyPoller = everyPoller.filter(
  ({ poller, memory }) => all || !leftOut.has(`${poller} ${memory}`),
)

/** Of several variants of a case those that stand number `turn` takes: `count` of them, in turn, so that all stands together have them all. */
export function inTurn<Variant>(variants: readonly Variant[], turn: number, count = 1): readonly Variant[] {
  if (all) return variants
  return Array.from({ length: count }, (_, index) => variants[(turn * count + index) % variants.length]!)
}
