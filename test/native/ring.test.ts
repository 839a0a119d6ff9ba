// The Ring against a model that knows nothing of indexes: two lists. The kernel's part is played here, on ordinary memory, so that
// the 32-bit counters can start anywhere, above all just before they wrap.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SqFlag, cqEventfdDisabled } from '../../native/abi.ts'
import { Ring } from '../../native/ring.ts'
import type { RingGeometry } from '../../native/ring-geometry.ts'
import { printSeed, seed } from './support/random.ts'

const geometryOf = (sqEntries: number, cqEntries: number): RingGeometry => ({
  kind: 'user',
  ringFd: -1,
  setupFlags: 0,
  features: 0,
  sqEntries,
  cqEntries,
  // Anywhere, and not in the kernel's order: nothing may depend on it.
  sqHead: 7,
  sqTail: 3,
  sqFlags: 11,
  cqHead: 2,
  cqTail: 5,
  cqFlags: 13,
  cqOverflow: 17,
  cqes: 32,
})

/** The other side of a ring: takes submissions, posts completions, both with masks and unsigned counters as the kernel does. */
class FakeKernel {
  readonly geometry: RingGeometry
  readonly words: Int32Array
  readonly sqes: Int32Array

  constructor(sqEntries: number, cqEntries: number, sqStart: number, cqStart: number) {
    this.geometry = geometryOf(sqEntries, cqEntries)
    this.words = new Int32Array(new SharedArrayBuffer((this.geometry.cqes + cqEntries * 4) * 4))
    this.sqes = new Int32Array(new SharedArrayBuffer(sqEntries * 64))
    this.words[this.geometry.sqHead] = this.words[this.geometry.sqTail] = sqStart
    this.words[this.geometry.cqHead] = this.words[this.geometry.cqTail] = cqStart
  }

  private unsigned(at: number): number {
    return this.words[at]! >>> 0
  }

  /** Ids of the entries that were published and not consumed, oldest first. */
  published(): number[] {
    const { sqHead, sqTail, sqEntries } = this.geometry
    const head = this.unsigned(sqHead)
    const count = (this.unsigned(sqTail) - head) >>> 0
    return Array.from({ length: count }, (_, index) => this.sqes[((head + index) % sqEntries) * 16 + 8]!)
  }

  consume(count: number): number[] {
    const ids = this.published().slice(0, count)
    this.words[this.geometry.sqHead] = this.unsigned(this.geometry.sqHead) + ids.length
    return ids
  }

  cqRoom(): number {
    const { cqHead, cqTail, cqEntries } = this.geometry
    return cqEntries - ((this.unsigned(cqTail) - this.unsigned(cqHead)) >>> 0)
  }

  complete(id: number): void {
    const { cqTail, cqEntries, cqes } = this.geometry
    const tail = this.unsigned(cqTail)
    this.words.set([id, 0, id + 1, 0], cqes + (tail % cqEntries) * 4)
    this.words[cqTail] = tail + 1
  }
}

/** Signed, as a typed array gives them: the last steps before 2^32, before 2^31, and anywhere. */
const starts = fc.oneof(
  fc.integer({ min: 0xfffffff0, max: 0xffffffff }),
  fc.integer({ min: 0x7ffffff0, max: 0x7fffffff }),
  fc.integer({ min: 0, max: 0xffffffff }),
)
const sizes = fc.constantFrom(1, 2, 4, 8, 64)

type Step = 'reserve' | 'publish' | 'consume' | 'complete' | 'take' | 'release'
const steps = fc.array(
  fc.record({
    step: fc.constantFrom<Step>('reserve', 'reserve', 'publish', 'consume', 'complete', 'take', 'release'),
    count: fc.integer({ min: 1, max: 80 }),
  }),
  { minLength: 1, maxLength: 120 },
)

describe('Ring', () => {
  test('is two queues: nothing is lost, doubled or out of order, wherever the counters start and wrap', () => {
    printSeed('ring against its model')
    fc.assert(
      fc.property(sizes, sizes, starts, starts, steps, (sqEntries, cqFactor, sqStart, cqStart, script) => {
        const cqEntries = sqEntries * cqFactor
        const kernel = new FakeKernel(sqEntries, cqEntries, sqStart, cqStart)
        const ring = new Ring(kernel.geometry, kernel.words, kernel.sqes)
        // The model: entries in each of the places they can be in.
        let nextId = 0
        const reserved: number[] = []
        const submitted: number[] = []
        const inKernel: number[] = []
        const completed: number[] = []
        let taken = 0
        for (const { step, count } of script) {
          switch (step) {
            case 'reserve':
              for (let left = count; left > 0; left--) {
                const fits = reserved.length + submitted.length < sqEntries
                expect(ring.hasRoom(1)).toBe(fits)
                if (!fits) break
                ring.sqes[ring.reserve() + 8] = nextId
                reserved.push(nextId++)
              }
              break
            case 'publish':
              expect(ring.publish()).toBe(reserved.length)
              submitted.push(...reserved.splice(0))
              break
            case 'consume': {
              const ids = submitted.splice(0, count)
              expect(kernel.consume(count)).toEqual(ids)
              inKernel.push(...ids)
              break
            }
            case 'complete':
              for (let left = count; left > 0 && inKernel.length > 0 && kernel.cqRoom() > 0; left--) {
                const id = inKernel.shift()!
                kernel.complete(id)
                completed.push(id)
              }
              break
            case 'take':
              for (let left = Math.min(count, ring.ready()); left > 0; left--) {
                const at = ring.take()
                const id = completed.shift()!
                expect([...ring.words.subarray(at, at + 4)]).toEqual([id, 0, id + 1, 0])
                taken++
              }
              break
            case 'release':
              ring.release()
              taken = 0
              break
          }
          expect(ring.unpublished).toBe(reserved.length)
          expect(reserved.map((_, index) => ring.sqes[ring.unpublishedAt(index) + 8])).toEqual(reserved)
          expect(kernel.published()).toEqual(submitted)
          expect(ring.unconsumed).toBe(submitted.length)
          expect(ring.ready()).toBe(completed.length)
          expect(kernel.cqRoom()).toBe(cqEntries - completed.length - taken)
        }
      }),
      { seed, numRuns: 2000 },
    )
  })

  test('a ring of n entries takes n and not one more, and n again once they are consumed', () => {
    fc.assert(
      fc.property(sizes, starts, (sqEntries, start) => {
        const kernel = new FakeKernel(sqEntries, sqEntries, start, 0)
        const ring = new Ring(kernel.geometry, kernel.words, kernel.sqes)
        for (let round = 0; round < 3; round++) {
          expect(ring.hasRoom(sqEntries)).toBe(true)
          expect(ring.hasRoom(sqEntries + 1)).toBe(false)
          const places = Array.from({ length: sqEntries }, () => ring.reserve())
          expect([...places].sort((one, other) => one - other)).toEqual(places.map((_, index) => index * 16))
          expect(ring.hasRoom(0)).toBe(true)
          expect(ring.hasRoom(1)).toBe(false)
          expect(ring.publish()).toBe(sqEntries)
          expect(ring.hasRoom(1)).toBe(false)
          kernel.consume(sqEntries)
        }
      }),
      { seed },
    )
  })

  test('a ring that is attached late goes on where the counters are', () => {
    fc.assert(
      fc.property(starts, starts, (sqStart, cqStart) => {
        const kernel = new FakeKernel(8, 8, sqStart, cqStart)
        kernel.complete(41)
        kernel.complete(42)
        const ring = new Ring(kernel.geometry, kernel.words, kernel.sqes)
        expect(ring.ready()).toBe(2)
        expect(ring.words[ring.take()]).toBe(41)
        ring.sqes[ring.reserve() + 8] = 43
        ring.publish()
        expect(kernel.published()).toEqual([43])
      }),
      { seed },
    )
  })

  test('looks at the kernel’s head only when the last one it saw says that there is no room', () => {
    const kernel = new FakeKernel(4, 8, 0xfffffffe, 0)
    const ring = new Ring(kernel.geometry, kernel.words, kernel.sqes)
    const { sqHead } = kernel.geometry
    // A head that would leave no room shows whether it was read.
    const seen = kernel.words[sqHead]!
    kernel.words[sqHead] = seen - 4
    expect(ring.hasRoom(4)).toBe(true)
    kernel.words[sqHead] = seen
    for (let index = 0; index < 4; index++) ring.reserve()
    ring.publish()
    expect(ring.hasRoom(1)).toBe(false)
    kernel.consume(3)
    expect(ring.hasRoom(3)).toBe(true)
    expect(ring.hasRoom(4)).toBe(false)
  })

  test('an entry is not visible to the consumer before publish()', () => {
    const kernel = new FakeKernel(4, 8, 0xffffffff, 0)
    const ring = new Ring(kernel.geometry, kernel.words, kernel.sqes)
    ring.reserve()
    ring.reserve()
    expect(kernel.published()).toHaveLength(0)
    ring.publish()
    expect(kernel.published()).toHaveLength(2)
    expect(ring.publish()).toBe(0)
  })

  test('reads the flags of the SQ one by one', () => {
    const kernel = new FakeKernel(4, 8, 0, 0)
    const ring = new Ring(kernel.geometry, kernel.words, kernel.sqes)
    const flags = [SqFlag.NEED_WAKEUP, SqFlag.CQ_OVERFLOW, SqFlag.TASKRUN, 1 << 30, 1 << 31]
    fc.assert(
      fc.property(fc.subarray(flags), (set) => {
        kernel.words[kernel.geometry.sqFlags] = set.reduce((all, flag) => all | flag, 0)
        expect(ring.needsWakeup()).toBe(set.includes(SqFlag.NEED_WAKEUP))
        expect(ring.overflowed()).toBe(set.includes(SqFlag.CQ_OVERFLOW))
      }),
      { seed },
    )
  })

  test('switches the eventfd of completions off and on', () => {
    const kernel = new FakeKernel(4, 8, 0, 0)
    const ring = new Ring(kernel.geometry, kernel.words, kernel.sqes)
    ring.silence()
    expect(kernel.words[kernel.geometry.cqFlags]).toBe(cqEventfdDisabled)
    ring.listen()
    expect(kernel.words[kernel.geometry.cqFlags]).toBe(0)
  })
})
