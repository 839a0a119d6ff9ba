// What RawRing.submit() and chains refuse, because it could not end well: multishot operations, and one that is in flight.
import { closeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acceptStream, op, pollStream, readStream, recvStream, timeoutStream } from '../../../services/raw/index.ts'
import type { RawRing } from '../../../services/raw/index.ts'
import { Ringmaster } from '../../../services/ringmaster.ts'
import { eventually, failure, settledWithin } from '../harness.ts'

let rings: Ringmaster
let raw: RawRing
beforeAll(async () => {
  rings = await Ringmaster.start({ rings: 1, sqEntries: 64 })
  raw = rings.raw()
})
afterAll(() => rings.close())

const errors = (): number => rings.stats().rings[0]!.errors

describe('a multishot operation', () => {
  const streams = {
    accept: () => acceptStream({ fd: 0 }),
    poll: () => pollStream({ fd: 0, events: 1 }),
    recv: () => recvStream({ fd: 0, buffers: raw.provideBuffers({ count: 1, sizeBytes: 1 }) }),
    read: () => readStream({ fd: 0, buffers: raw.provideBuffers({ count: 1, sizeBytes: 1 }) }),
    timeout: () => timeoutStream({ intervalMs: 1 }),
  }
  it.each(Object.entries(streams))('%s: is refused by submit(), which has one result to give', async (_, make) => {
    const { operation } = make()
    expect(await failure(raw.submit(operation))).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' })
    await expect(raw.submit(operation)).rejects.toThrow('use stream()')
    await raw.submit(op.nop())
    expect(rings.stats().rings[0]!.inFlight).toBe(0)
  })

  it('is refused as a step of a chain', async () => {
    const chain = raw
      .chain()
      .link(op.nop())
      .link(timeoutStream({ intervalMs: 1 }).operation)
    expect(await failure(chain.submit())).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' })
  })

  it('still makes a stream, more than once', async () => {
    const ticks = timeoutStream({ intervalMs: 1, count: 2 })
    for (let round = 0; round < 2; round++) {
      const seen: number[] = []
      for await (const tick of raw.stream(ticks)) seen.push(tick)
      expect(seen).toEqual([1, 2])
    }
  })
})

describe('an operation in flight', () => {
  it('is refused until it is over', async () => {
    const timeout = op.timeout({ timeMs: 60_000 })
    const waiting = settledWithin(raw.submit(timeout))
    expect(await failure(raw.submit(timeout))).toMatchObject({ code: 'ERR_RING_OPERATION_IN_FLIGHT' })
    await sleep(1)
    await expect(raw.submit(timeout)).rejects.toThrow('await it')
    // Its ticket is still that of the first: cancelling finds it.
    expect(await raw.submit(op.asyncCancel({ operation: timeout }))).toBe(0)
    expect(await waiting).toBe('ECANCELED')
    const nop = op.nop({ result: 3 })
    for (let time = 0; time < 3; time++) expect(await raw.submit(nop)).toBe(3)
  })

  it('is refused twice in one chain', async () => {
    const nop = op.nop()
    const chain = raw.chain().link(nop).link(nop)
    expect(await failure(chain.submit())).toMatchObject({ code: 'ERR_RING_OPERATION_IN_FLIGHT' })
    // The first step was on its way by then.
    expect(await eventually(() => rings.stats().rings[0]!.inFlight === 0)).toBe(true)
    expect(await raw.submit(nop)).toBe(0)
  })
})

describe('the metrics', () => {
  it('do not count it as an error that a timeout ran out', async () => {
    const { read, write } = await raw.submit(op.pipe())
    const before = errors()
    await raw.submit(op.timeout({ timeMs: 1 }))
    await raw
      .chain()
      .link(op.read({ fd: read, buffer: Buffer.alloc(1) }))
      .link(op.linkTimeout({ timeMs: 1 }))
      .submit()
    await raw.submit(op.nop())
    expect(errors()).toBe(before + 1) // the read, which was cancelled
    closeSync(read)
    closeSync(write)
  })
})
