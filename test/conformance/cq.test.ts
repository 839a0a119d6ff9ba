// Conformance, row CQ: the completion queue. What liburing's cq-full, cq-overflow, cq-peek-batch, cq-ready and cq-size check.
// Overflows by multishot requests are in the row MSHOT, by messages in the row MSG. iopoll-overflow does not apply: it needs a
// device with polled queues and O_DIRECT (IORING_SETUP_IOPOLL), which no ring of the library is made for.
import { describe, expect, it } from 'vitest'
import { EnterFlag, SetupFlag } from '../../native/abi.ts'
import { binding } from '../../native/binding.ts'
import { prepNopResult } from '../../native/operations/control.ts'
import { op } from '../../services/raw/index.ts'
import { Ringmaster } from '../../services/ringmaster.ts'
import { openTestRing, reserve } from '../native/support/rings.ts'
import type { TestRing } from '../native/support/rings.ts'
import { eventually, failure } from '../services/harness.ts'
import { describeOnEveryRing } from './every-ring.ts'

const rings: { name: string; flags: number }[] = [
  { name: 'entered by the caller', flags: 0 },
  { name: 'with an SQ thread', flags: SetupFlag.SQPOLL },
]

/** Submits nops `from` to `to`, and waits until the kernel has taken them; nobody takes completions. */
async function submitNops({ ring, submit }: TestRing, from: number, to: number): Promise<void> {
  for (let id = from; id < to; id++) {
    if (!ring.hasRoom(1)) {
      submit()
      expect(await eventually(() => ring.hasRoom(1))).toBe(true)
    }
    prepNopResult(ring.sqes, reserve(ring, id), 0, 1000 + id)
  }
  submit()
  expect(await eventually(() => ring.unconsumed === 0)).toBe(true)
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index)

describe.each(rings)('CQ, $name', ({ flags }) => {
  describe.each(['user', 'mapped'] as const)('%s memory', (memory) => {
    const withRing = async (
      request: { sqEntries: number; cqEntries: number },
      use: (opened: TestRing) => Promise<void>,
    ): Promise<void> => {
      const opened = openTestRing({ ...request, flags, memory })
      try {
        await use(opened)
      } finally {
        opened.close()
      }
    }

    it('cq-full: completions that do not fit wait in the kernel: none is lost, none is dropped', () =>
      withRing({ sqEntries: 4, cqEntries: 8 }, async (opened) => {
        const { ring, reap, geometry } = opened
        await submitNops(opened, 0, 20)
        expect(await eventually(() => ring.overflowed())).toBe(true)
        expect(ring.ready()).toBe(8)
        const taken = []
        while (taken.length < 20) {
          taken.push(...reap())
          binding().enter(geometry.ringFd, 0, 0, EnterFlag.GETEVENTS)
        }
        expect(taken).toEqual(range(0, 20).map((id) => ({ id, result: 1000 + id, flags: 0 })))
        expect(ring.words[geometry.cqOverflow]).toBe(0)
        expect(ring.overflowed()).toBe(false)
      }))

    it('cq-overflow: what comes after an overflow waits behind it, in order, until somebody asks', () =>
      withRing({ sqEntries: 8, cqEntries: 8 }, async (opened) => {
        const { ring, reap, geometry } = opened
        await submitNops(opened, 0, 12)
        expect(await eventually(() => ring.overflowed())).toBe(true)
        expect(reap().map(({ id }) => id)).toEqual(range(0, 8))
        // There is room again, but nothing moves up by itself, nor past what waits.
        await submitNops(opened, 12, 14)
        const ids: number[] = []
        expect(
          await eventually(() => {
            binding().enter(geometry.ringFd, 0, 0, EnterFlag.GETEVENTS)
            ids.push(...reap().map(({ id }) => id))
            return ids.length === 6
          }),
        ).toBe(true)
        expect(ids).toEqual(range(8, 14))
      }))

    it('cq-ready: says how many completions are there; taking them makes room', () =>
      withRing({ sqEntries: 4, cqEntries: 8 }, async (opened) => {
        const { ring, reap, wait } = opened
        expect(ring.ready()).toBe(0)
        for (const [from, to] of [
          [0, 4],
          [4, 8],
        ] as const) {
          await submitNops(opened, from, to)
          wait(to)
          expect(ring.ready()).toBe(to)
        }
        expect(reap()).toHaveLength(8)
        expect(ring.ready()).toBe(0)
        await submitNops(opened, 8, 12)
        wait(4)
        expect(reap().map(({ id }) => id)).toEqual(range(8, 12))
      }))

    it('cq-peek-batch: completions are taken one by one or all at once, and each once, round the end of the queue', () =>
      withRing({ sqEntries: 4, cqEntries: 4 }, async (opened) => {
        const { ring, reap, wait } = opened
        for (let round = 0; round < 7; round++) {
          await submitNops(opened, round * 3, round * 3 + 3)
          wait(3)
          const first = ring.words[ring.take()]
          ring.release()
          expect(first).toBe(round * 3)
          expect(ring.ready()).toBe(2)
          expect(reap().map(({ id }) => id)).toEqual([round * 3 + 1, round * 3 + 2])
          expect(reap()).toEqual([])
        }
      }))

    it('cq-size: the queue is as large as was asked for, rounded up, and never smaller than the SQ', async () => {
      for (const [asked, given] of [
        [8, 8],
        [9, 16],
        [64, 64],
        [1000, 1024],
      ] as const) {
        await withRing({ sqEntries: 8, cqEntries: asked }, ({ ring }) => {
          expect(ring.cqEntries).toBe(given)
          return Promise.resolve()
        })
      }
      const refusal = expect.objectContaining({ code: 'EINVAL', syscall: 'io_uring_setup' }) as Error
      expect(() => openTestRing({ sqEntries: 8, cqEntries: 4, flags, memory })).toThrow(refusal)
      expect(() => openTestRing({ sqEntries: 8, cqEntries: 65536 * 2, flags, memory })).toThrow(refusal)
    })
  })
})

describeOnEveryRing(
  'CQ of a client',
  (stand) => {
    it('cq-full: no more is in flight than there is room for, so that it never overflows', async () => {
      const { raw, rings: ringmaster } = stand
      let most = 0
      const results = await Promise.all(
        range(0, 3000).map(async (result) => {
          const given = await raw.submit(op.nop({ result }))
          most = Math.max(most, ringmaster.stats().rings[0]!.inFlight)
          return given
        }),
      )
      expect(results).toEqual(range(0, 3000))
      expect(most).toBeLessThanOrEqual(128)
      expect(ringmaster.stats().rings[0]).toMatchObject({
        inFlight: 0,
        backlog: 0,
        cqOverflows: 0,
        staleCompletions: 0,
      })
    })
  },
  { cqEntries: 128 },
)

describe('CQ sizes as options', () => {
  it('cq-size: are a power of two, and at least as many as the SQ has', async () => {
    for (const options of [{ cqEntries: 100 }, { sqEntries: 1024, cqEntries: 512 }, { cqEntries: 131072 }])
      expect(await failure(Ringmaster.start(options))).toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
    await using ringmaster = await Ringmaster.start({ rings: 1, sqEntries: 128, cqEntries: 256 })
    expect(ringmaster.stats().rings[0]).toMatchObject({ sqEntries: 128, cqEntries: 256 })
  })
})
