// The simulator's teeth: the code under test with one line of its reasoning taken out, each of which some seed must notice. A
// mutant that lives says that nothing guards that line.
import { describe, expect, it } from 'vitest'
import { CqeFlag } from '../../native/abi.ts'
import { Ring } from '../../native/ring.ts'
import { FileChain } from '../../services/file-chain.ts'
import { ProvidedBuffers } from '../../services/raw/provided-buffers.ts'
import { Lane } from '../../workers/lane.ts'
import { Leases } from '../../workers/leases.ts'
import { Mailboxes } from '../../workers/mailboxes.ts'
import { QueuedSubmission } from '../../workers/queued-submission.ts'
import { RingClient } from '../../workers/ring-client.ts'
import { Scratch } from '../../workers/scratch.ts'
import { SlotState, SlotTable } from '../../workers/slots.ts'
import { Submission } from '../../workers/submission.ts'
import { fieldOf } from '../services/harness.ts'
import { runSeed } from './run.ts'
import { replace } from './virtual-time.ts'

interface Mutant {
  readonly what: string
  /** Puts it in; returns how to take it out. */
  readonly apply: () => (() => void)[]
}

/** A method as it was, for a mutant that does more or less than it. */
function original<T extends unknown[], R>(target: object, name: string): (self: object, ...args: T) => R {
  const method = Reflect.get(target, name) as (...args: T) => R
  return (self, ...args) => method.apply(self, args)
}

const mutants: readonly Mutant[] = [
  {
    what: 'a completion is taken for its slot, whatever the generation',
    apply: () => [
      replace(SlotTable.prototype, 'matches', function (this: SlotTable, slot: number): boolean {
        return slot >>> 0 < this.size && this.state[slot] === SlotState.submitted
      }),
    ],
  },
  {
    what: 'NEED_WAKEUP is read before the tail is published',
    apply: () => {
      const seen = new WeakMap<object, boolean>()
      const publish = original<[], number>(Ring.prototype, 'publish')
      const needsWakeup = original<[], boolean>(Ring.prototype, 'needsWakeup')
      return [
        replace(Ring.prototype, 'publish', function (this: Ring): number {
          seen.set(this, needsWakeup(this))
          return publish(this)
        }),
        replace(Ring.prototype, 'needsWakeup', function (this: Ring): boolean {
          return seen.get(this) ?? false
        }),
      ]
    },
  },
  {
    what: 'the client sleeps without looking once more',
    apply: () => [
      replace(RingClient.prototype, 'listen', function (this: RingClient): boolean {
        ;(fieldOf(this, 'ring') as Ring).listen()
        return true
      }),
    ],
  },
  {
    what: 'an overflow is never brought in',
    apply: () => [replace(Ring.prototype, 'overflowed', () => false)],
  },
  {
    what: 'entries are taken from the SQ whether there is room or not',
    apply: () => [replace(Ring.prototype, 'hasRoom', () => true)],
  },
  {
    what: 'a message is delivered twice',
    apply: () => {
      const deliver = original<[number, number, number, number], boolean>(Mailboxes.prototype, 'deliver')
      return [
        replace(
          Mailboxes.prototype,
          'deliver',
          function (this: Mailboxes, low: number, high: number, result: number, flags: number): boolean {
            deliver(this, low, high, result, flags)
            return deliver(this, low, high, result, flags)
          },
        ),
      ]
    },
  },
  {
    what: 'taken completions are not given back',
    apply: () => [replace(Ring.prototype, 'release', () => undefined)],
  },
  {
    what: 'the first completion of two is taken for the last',
    apply: () => {
      const take = original<[], number>(Ring.prototype, 'take')
      return [
        replace(Ring.prototype, 'take', function (this: Ring): number {
          const at = take(this)
          const flags = this.words[at + 3]!
          if ((flags & CqeFlag.BUFFER) === 0) this.words[at + 3] = flags & ~CqeFlag.MORE
          return at
        }),
      ]
    },
  },
  {
    what: 'a lease is free as soon as its first read is over',
    apply: () => {
      const released = new Set<number>()
      const complete = original<[SlotTable, number, number], undefined>(FileChain.prototype, 'complete')
      const release = original<[number], undefined>(Leases.prototype, 'release')
      return [
        replace(
          FileChain.prototype,
          'complete',
          function (this: FileChain, slots: SlotTable, slot: number, result: number) {
            const lease = fieldOf(this, 'lease') as number
            if (slots.tag[slot] === 1) {
              released.add(lease)
              release(fieldOf(this, 'leases') as Leases, lease)
            }
            complete(this, slots, slot, result)
          },
        ),
        replace(Leases.prototype, 'release', function (this: Leases, lease: number) {
          if (!released.delete(lease)) release(this, lease)
        }),
      ]
    },
  },
  {
    what: 'a provided buffer goes back when it is delivered, not when it is released',
    apply: () => {
      const take = original<Parameters<ProvidedBuffers['take']>, ReturnType<ProvidedBuffers['take']>>(
        ProvidedBuffers.prototype,
        'take',
      )
      return [
        replace(ProvidedBuffers.prototype, 'take', function (this: ProvidedBuffers, result: number, cqeFlags: number) {
          const lease = take(this, result, cqeFlags)
          lease?.release()
          return lease === null ? null : { ...lease, release: () => undefined }
        }),
      ]
    },
  },
  {
    what: 'all slots share one scratch',
    apply: () => [
      replace(Scratch.prototype, 'structAt', () => 0),
      replace(Scratch.prototype, 'structAddress', function (this: Scratch) {
        return fieldOf(this, 'address')
      }),
    ],
  },
  {
    what: 'who waits for a place is forgotten when the ring ends',
    apply: () => [replace(QueuedSubmission.prototype, 'failBacklog', () => undefined)],
  },
  {
    what: 'a cancellation counts what waits for a place, and leaves it there',
    apply: () => [replace(RingClient.prototype, 'cancelWaiting', () => 1)],
  },
  {
    what: 'steps without a completion are not settled by the next one',
    apply: () => [replace(Submission.prototype, 'settleUnseen', () => undefined)],
  },
  {
    what: 'a barrier in the queue of one view holds back nobody else',
    apply: () => [
      replace(Lane.prototype, 'allows', function (this: Lane, group: number): boolean {
        return this.account.inFlight + group <= this.account.inFlightMax
      }),
    ],
  },
  {
    what: 'a view does not get back what its requests had in the ring',
    apply: () => [replace(Lane.prototype, 'ended', () => undefined)],
  },
  {
    what: 'a slot is freed twice',
    apply: () => {
      const free = original<[number], undefined>(SlotTable.prototype, 'free')
      let count = 0
      return [
        replace(SlotTable.prototype, 'free', function (this: SlotTable, slot: number) {
          free(this, slot)
          if (++count % 50 === 0) free(this, slot)
        }),
      ]
    },
  },
]

const seedsMax = 2000

/** The first seed whose run notices; -1 where none does. */
async function caughtAt(): Promise<number> {
  for (let seed = 1; seed <= seedsMax; seed++) {
    try {
      await runSeed(seed)
    } catch {
      return seed
    }
  }
  return -1
}

describe('mutants of the code under test are caught by the simulation', () => {
  it.each(mutants)('$what', { timeout: 120_000 }, async ({ what, apply }) => {
    const undo = apply()
    try {
      const seed = await caughtAt()
      console.info(`${what}: caught by seed ${seed}`)
      expect(seed).toBeGreaterThan(0)
    } finally {
      for (const step of undo.reverse()) step()
    }
  })

  it('and the code as it is passes the same seeds', async () => {
    for (let seed = 1; seed <= 50; seed++) await runSeed(seed)
  })
})
