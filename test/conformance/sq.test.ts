// Conformance, row SQ: the submission queue. What liburing's sq-full, submit-reuse, drop-submit, submit-link-fail, nop-all-sizes and
// nop-flags check.
import { openSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { SetupFlag } from '../../native/abi.ts'
import { prepNop } from '../../native/operations/control.ts'
import { op } from '../../services/raw/index.ts'
import type { Operation } from '../../services/raw/index.ts'
import { openTestRing, reserve } from '../native/support/rings.ts'
import { settledWithin } from '../services/harness.ts'
import { describeOnEveryRing, handleOf } from './every-ring.ts'
import { refused } from './link-cases.ts'

/** IORING_NOP_*, include/uapi/linux/io_uring.h. */
const NopFlag = { INJECT_RESULT: 1, FILE: 2, FIXED_FILE: 4, FIXED_BUFFER: 8 } as const

/** A nop with flags of its own, on a descriptor or a registered buffer. */
function nopWith(nopFlags: number, fd: number, bufferIndex = 0): Operation<number> {
  const nop = op.nop()
  return {
    ...nop,
    fill: (words, at, sqeFlags) => {
      nop.fill(words, at, sqeFlags)
      words[at + 1] = fd
      words[at + 7] = nopFlags
      words[at + 10] = bufferIndex
    },
  }
}

describeOnEveryRing('SQ', (stand) => {
  it('sq-full: more requests than entries are taken, and each is carried out once', async () => {
    const { raw } = stand
    const { client, geometry } = handleOf(raw)
    const many = geometry.sqEntries * 10 + 3
    const results = await Promise.all(Array.from({ length: many }, (_, result) => raw.submit(op.nop({ result }))))
    expect(results).toEqual(Array.from({ length: many }, (_, result) => result))
    expect(client.slots.used).toBe(0)
  })

  it('submit-reuse: what a request was made of may be used for other things at once', async () => {
    const { raw, path, own } = stand
    const file = path()
    writeFileSync(file, 'abcdef')
    const fd = own(openSync(file, 'r'))
    const [first, second] = [Buffer.alloc(3), Buffer.alloc(3)]
    const buffers = [first, second]
    const reading = raw.submit(op.readv({ fd, buffers, position: 0 }), { async: true })
    buffers.length = 0
    const name = Buffer.from(file)
    const opening = raw.submit(op.openat({ path: name }), { async: true })
    name.fill('x')
    const options = { fd, buffer: Buffer.alloc(6), position: 1 }
    const again = raw.submit(op.read(options), { async: true })
    options.position = 1000
    expect(await reading).toBe(6)
    expect(first.toString() + second.toString()).toBe('abcdef')
    own(await opening)
    expect(await again).toBe(5)
  })

  it('submit-reuse: one operation may be submitted again and again', async () => {
    const { raw, path, own } = stand
    const file = path()
    writeFileSync(file, 'abc')
    const buffer = Buffer.alloc(3)
    const read = op.readv({ fd: own(openSync(file, 'r')), buffers: [buffer], position: 0 })
    for (let round = 0; round < 20; round++) {
      buffer.fill(0)
      expect(await raw.submit(read)).toBe(3)
      expect(buffer.toString()).toBe('abc')
    }
  })

  it('drop-submit: an entry that the kernel refuses takes no other with it', async () => {
    const { raw } = stand
    const all = Array.from({ length: 20 }, (_, index) =>
      settledWithin(raw.submit(index % 5 === 2 ? refused() : op.nop())),
    )
    const wanted = Array.from({ length: 20 }, (_, index) => (index % 5 === 2 ? 'EINVAL' : 'resolved'))
    expect(await Promise.all(all)).toEqual(wanted)
  })

  it.each(['link', 'hardlink'] as const)(
    'submit-link-fail: a chain with an entry that is refused: that one says why, and nothing of it runs (%s)',
    async (kind) => {
      const { raw } = stand
      for (let length = 2; length <= 6; length++) {
        for (let bad = 0; bad < length; bad++) {
          const chain = raw.chain()
          const ran: number[] = []
          for (let index = 0; index < length; index++) {
            const seen: Operation<number> = { ...op.nop(), result: () => ran.push(index) }
            chain[kind](index === bad ? refused() : seen)
          }
          const wanted = Array.from({ length }, (_, index) => ({ status: index === bad ? 'failed' : 'cancelled' }))
          const outcomes = await chain.submit()
          expect(outcomes, `${bad} of ${length}`).toMatchObject(wanted)
          expect(outcomes[bad]).toMatchObject({ error: { code: 'EINVAL' } })
          expect(ran).toEqual([])
        }
      }
    },
  )

  it('submit-link-fail: what was submitted behind such a chain runs', async () => {
    const { raw } = stand
    const chain = raw.chain().link(op.nop()).link(refused()).link(op.nop()).submit()
    const behind = raw.submit(op.nop({ result: 7 }))
    expect((await chain).map(({ status }) => status)).toEqual(['cancelled', 'failed', 'cancelled'])
    expect(await behind).toBe(7)
  })

  it('nop-flags: a nop gives the result that it is told to', async () => {
    const { raw } = stand
    expect(await raw.submit(op.nop({ result: 1234 }))).toBe(1234)
    expect(await settledWithin(raw.submit(op.nop({ result: -28 })))).toBe('ENOSPC')
    expect(await settledWithin(raw.submit(nopWith(1 << 30, -1)))).toBe('EINVAL')
  })

  it('nop-flags: a nop looks up a descriptor, a direct one, a registered buffer', async () => {
    const { raw, path, own } = stand
    const file = path()
    writeFileSync(file, '')
    const outcome = (operation: Operation<number>) => settledWithin(raw.submit(operation))
    expect(await outcome(nopWith(NopFlag.FILE, own(openSync(file, 'r'))))).toBe('resolved')
    expect(await outcome(nopWith(NopFlag.FILE, 2 ** 30))).toBe('EBADF')
    const slot = raw.directSlots.lease()
    const fixed = NopFlag.FILE | NopFlag.FIXED_FILE
    expect(await outcome(nopWith(fixed, slot.direct))).toBe('EBADF')
    await raw.submit(op.openat({ path: file, direct: slot }))
    expect(await outcome(nopWith(fixed, slot.direct))).toBe('resolved')
    slot.release()
    expect(await outcome(nopWith(NopFlag.FIXED_BUFFER, -1, 9))).toBe('EFAULT')
  })
})

describe.each([0, SetupFlag.SQPOLL])('SQ, setup flags %d', (flags) => {
  describe.each(['user', 'mapped'] as const)('%s memory', (memory) => {
    it('sq-full: a ring has as many entries as it says, and not one more', () => {
      const { ring, submit, wait, reap, close } = openTestRing({ sqEntries: 8, flags, memory })
      try {
        for (let id = 0; id < 8; id++) {
          expect(ring.hasRoom(1)).toBe(true)
          prepNop(ring.sqes, reserve(ring, id), 0)
        }
        expect(ring.hasRoom(1)).toBe(false)
        submit()
        wait(8)
        expect(reap().map(({ id }) => id)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
        expect(ring.hasRoom(8)).toBe(true)
        expect(ring.hasRoom(9)).toBe(false)
      } finally {
        close()
      }
    })

    it.each([1, 2, 4, 8, 64, 256, 4096])(
      'nop-all-sizes: a queue of %d is filled to the brim and comes back',
      (sqEntries) => {
        const { ring, submit, wait, reap, close } = openTestRing({ sqEntries, flags, memory })
        try {
          for (let round = 0; round < 3; round++) {
            for (let id = 0; id < sqEntries; id++) prepNop(ring.sqes, reserve(ring, id), 0)
            submit()
            wait(sqEntries)
            expect(reap().map(({ id }) => id)).toEqual(Array.from({ length: sqEntries }, (_, id) => id))
          }
        } finally {
          close()
        }
      },
    )
  })
})
