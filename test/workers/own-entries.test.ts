// What the client of a `worker` that sleeps submits itself, and what it wakes the worker for: told by the counters of system calls.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { SqFlag } from '../../native/abi.ts'
import { Ringmaster } from '../../services/ringmaster.ts'
import type { RingFile } from '../../services/index.ts'
import { eventually, fieldOf } from '../services/harness.ts'
import type { RingHandle } from '../../workers/ring-handle.ts'

const kib = 1024

describe('while the worker sleeps', () => {
  const cases: [string, number, (rings: Ringmaster, file: RingFile) => Promise<unknown>][] = [
    ['one request', 0, (rings) => rings.nop()],
    ['eight', 0, (rings) => Promise.all(Array.from({ length: 8 }, () => rings.nop()))],
    ['nine', 1, (rings) => Promise.all(Array.from({ length: 9 }, () => rings.nop()))],
    ['a read of 256 KiB', 0, (_, file) => file.read(Buffer.alloc(256 * kib), { position: 0 })],
    ['a read of one byte more', 1, (_, file) => file.read(Buffer.alloc(256 * kib + 1), { position: 0 })],
    [
      'two reads that are more together',
      1,
      (_, file) => Promise.all([0, 1].map((position) => file.read(Buffer.alloc(200 * kib), { position }))),
    ],
    ['a stat, whose length is no length', 0, (rings) => rings.stat(process.execPath)],
  ]

  it.each(cases)('%s: %i wake-ups', async (_, wakeups, ask) => {
    await using rings = await Ringmaster.start({ poller: 'worker', rings: 1 })
    const file = await rings.open(process.execPath)
    const [handle] = fieldOf(fieldOf(rings, 'rings'), 'handles') as [RingHandle]
    expect(
      await eventually(
        () => (Atomics.load(handle.client.ring.words, handle.geometry.sqFlags) & SqFlag.NEED_WAKEUP) !== 0,
      ),
    ).toBe(true)
    const before = rings.stats().rings[0]!.sqWakeups
    await ask(rings, file)
    expect(rings.stats().rings[0]!.sqWakeups - before).toBe(wakeups)
    await file.close()
  })

  it('a batch that it submitted is as right as one of the worker', async () => {
    await using rings = await Ringmaster.start({ poller: 'worker', rings: 1 })
    const file = await rings.open(process.execPath)
    const whole = readFileSync(process.execPath).subarray(0, 64 * kib)
    for (const count of [1, 7, 8, 9, 64]) {
      const buffers = Array.from({ length: count }, () => Buffer.alloc(kib))
      await file.readBatch(
        buffers,
        buffers.map((_, index) => index * kib),
      )
      expect(Buffer.concat(buffers)).toEqual(whole.subarray(0, count * kib))
    }
    await file.close()
  })
})
