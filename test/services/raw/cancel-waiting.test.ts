// Cancelling requests that wait for a place in a full ring: the kernel does not know them, the answer counts them all the same.
import { closeSync, openSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { op } from '../../../services/raw/index.ts'
import type { Operation, RawRing } from '../../../services/raw/index.ts'
import { Ringmaster } from '../../../services/ringmaster.ts'
import { errorCode } from './errors.ts'
import { failure, fieldOf, pollers, settledWithin } from '../harness.ts'

describe.each(pollers)('a full ring with poller %s', (poller) => {
  const room = 64 // of 128 completions, 64 are kept for cancellations
  let rings: Ringmaster
  let raw: RawRing
  let read = -1
  let write = -1
  let inRing: Promise<string>[] = []
  let inRingOperations: Operation[] = []
  beforeAll(async () => {
    rings = await Ringmaster.start({ rings: 1, poller, sqEntries: 64, cqEntries: 128 })
    raw = rings.raw()
    const pipe = await raw.submit(op.pipe())
    read = pipe.read
    write = pipe.write
  })
  afterAll(async () => {
    await rings.close()
    closeSync(read)
    closeSync(write)
  })
  const wait = (operation: Operation<unknown>): Promise<string> => settledWithin(raw.submit(operation), 10_000)
  const poll = (): Operation => op.pollAdd({ fd: read, events: ['POLLIN'] })
  beforeEach(() => {
    inRingOperations = Array.from({ length: room }, poll)
    inRing = inRingOperations.map(wait)
  })
  const cancelRing = async (): Promise<void> => {
    await raw.submit(op.asyncCancel({ any: true, all: true }))
    expect(new Set(await Promise.all(inRing))).toEqual(new Set(['ECANCELED']))
    await raw.submit(op.nop())
    expect(rings.stats().rings[0]!).toMatchObject({ inFlight: 0, backlog: 0 })
  }

  it('finds the operation that is named, in the ring or not, and no other', async () => {
    const [target, other] = [poll(), op.timeout({ timeMs: 1 })]
    const [first, second] = [wait(target), wait(other)]
    expect(await raw.submit(op.asyncCancel({ operation: target }))).toBe(0)
    expect(await first).toBe('ECANCELED')
    expect(await failure(raw.submit(op.asyncCancel({ operation: target })))).toMatchObject({ code: 'ENOENT' })
    expect(await raw.submit(op.asyncCancel({ operation: inRingOperations[0]! }))).toBe(0)
    expect(await inRing[0]).toBe('ECANCELED')
    expect(await second).toBe('resolved') // there was room for it
    await cancelRing()
  })

  it('counts by opcode what is in the ring and what is not', async () => {
    const queued = [poll(), poll(), op.timeout({ timeMs: 60_000 })].map(wait)
    expect(await raw.submit(op.asyncCancel({ opcode: 'poll_add', all: true }))).toBe(room + 2)
    expect(await Promise.all([...inRing, ...queued.slice(0, 2)])).toEqual(Array(room + 2).fill('ECANCELED'))
    expect(await settledWithin(queued[2]!, 20)).toBe('pending')
    expect(await raw.submit(op.asyncCancel({ opcode: 'timeout' }))).toBe(0)
    expect(await queued[2]).toBe('ECANCELED')
    expect(await raw.submit(op.asyncCancel({ opcode: 'poll_add', all: true }))).toBe(0)
  })

  it('finds by descriptor what works on it, and not what has it in another sense', async () => {
    const folder = openSync('/', 'r')
    const queued = [
      wait(op.read({ fd: read, buffer: Buffer.alloc(1) })),
      wait(op.pollAdd({ fd: folder, events: ['POLLIN'] })),
      wait(op.statx({ dirFd: read, path: 'etc' })),
      wait(op.read({ fd: { direct: read }, buffer: Buffer.alloc(1) })),
    ]
    expect(await raw.submit(op.asyncCancel({ fd: read, all: true }))).toBe(room + 1)
    expect(await queued[0]).toBe('ECANCELED')
    expect(await Promise.all(queued.slice(1))).toEqual(['resolved', 'ENOTDIR', 'EBADF'])
    closeSync(folder)
  })

  it('finds one by descriptor or opcode where the ring has none', async () => {
    const queued = [op.timeout({ timeMs: 60_000 }), op.timeout({ timeMs: 60_000 })].map(wait)
    expect(await raw.submit(op.asyncCancel({ opcode: 'timeout' }))).toBe(0)
    expect(await queued[0]).toBe('ECANCELED')
    expect(await settledWithin(queued[1]!, 20)).toBe('pending')
    expect(await failure(raw.submit(op.asyncCancel({ opcode: 'futex_wait' })))).toMatchObject({ code: 'ENOENT' })
    expect(await raw.submit(op.asyncCancel({ opcode: 'timeout', all: true }))).toBe(1)
    await cancelRing()
  })

  it('cancels a waiting chain as one, and everything with any', async () => {
    const step = op.read({ fd: read, buffer: Buffer.alloc(1) })
    const chain = raw.chain().link(op.nop()).link(step).submit()
    const queued = wait(poll())
    expect(await raw.submit(op.asyncCancel({ operation: step }))).toBe(0)
    expect(await chain).toMatchObject([{ status: 'cancelled' }, { status: 'cancelled' }])
    expect(await raw.submit(op.asyncCancel({ any: true }))).toBe(room + 1)
    expect(await queued).toBe('ECANCELED')
    await Promise.all(inRing)
  })

  it('cancels nothing where any is given with something to match', async () => {
    const target = poll()
    const queued = wait(target)
    for (const named of [{ fd: read }, { operation: target }, { opcode: 'poll_add' }]) {
      expect(errorCode(() => op.asyncCancel({ any: true, ...named }))).toBe('ERR_INVALID_ARG_VALUE')
      const call = raw.registrations.syncCancel({ any: true, ...named })
      expect(await failure(call)).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' })
    }
    expect(await settledWithin(queued, 20)).toBe('pending')
    await cancelRing()
    expect(await queued).toBe('ECANCELED')
  })

  it('finds by a call what is not in the ring', async () => {
    const [first, second] = [poll(), op.timeout({ timeMs: 60_000 })]
    const queued = [first, second].map(wait)
    expect(await raw.registrations.syncCancel({ operation: first })).toBe(0)
    expect(await queued[0]).toBe('ECANCELED')
    expect(await raw.registrations.syncCancel({ opcode: 'timeout' })).toBe(0)
    expect(await queued[1]).toBe('ECANCELED')
    await cancelRing()
  })

  it('does not wait itself, where nothing is found either', async () => {
    const never = op.asyncCancel({ operation: poll() })
    const error = await raw.submit(never).catch((reason: unknown) => reason)
    expect(fieldOf(error, 'code')).toBe('ENOENT')
    await cancelRing()
  })
})
