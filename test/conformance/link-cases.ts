// What the tests of the LINK row share: pipes, what was carried out when, and the two ways in which a chain is carried out.
// Used by link*.test.ts.
import type { RingmasterOptions } from '../../services/options.ts'
import type { Operation } from '../../services/raw/operation.ts'
import type { RawRing } from '../../services/raw/raw-ring.ts'
import { op } from '../../services/raw/index.ts'
import { ClientCounter } from '../../metrics/ring-metrics.ts'
import { describeOnEveryRing, handleOf } from './every-ring.ts'
import type { Stand } from './every-ring.ts'

/** The ends of a pipe that nobody has written to. */
export async function emptyPipe({ raw, own }: Stand): Promise<{ read: number; write: number }> {
  const { read, write } = await raw.submit(op.pipe())
  return { read: own(read), write: own(write) }
}

/** Fails with `errno` (5, EIO, by default) when it is carried out; not before. */
export const failing = (errno = 5): Operation<number> => op.nop({ result: -errno })

/** An operation that the kernel refuses before anything of its chain has begun. */
export function refused(): Operation<number> {
  const nop = op.nop()
  return {
    ...nop,
    fill: (words, at, sqeFlags) => {
      nop.fill(words, at, sqeFlags)
      words[at + 7] = 1 << 30 // a flag that no kernel knows
    },
  }
}

/** Completions that the client has taken from the ring so far. */
export function completionsOf(raw: RawRing): number {
  return handleOf(raw).metrics.client[ClientCounter.reapedCompletions]!
}

/**
 * Describes cases for chains that the kernel carries out, on every ring, and once more where two rings share an SQ thread, which
 * cuts chains: there the client carries them out, and every case must hold all the same.
 */
export function describeChains(row: string, define: (stand: Stand) => void, options: RingmasterOptions = {}): void {
  describeOnEveryRing(row, define, options, () => true)
  const shared: RingmasterOptions = { ...options, sqThreads: 'shared' }
  describeOnEveryRing(`${row}, SQ thread shared`, define, shared, ({ poller }) => poller === 'kernel')
}
