// Provided buffers on a ring that is not theirs: groups have the same numbers on every ring, so the kernel would fill another
// group's memory. Refused before anything is submitted, on every kind of ring.
import { expect, it } from 'vitest'
import { Ringmaster } from '../../../services/ringmaster.ts'
import { op, readStream, recvStream, recvmsgStream } from '../../../services/raw/index.ts'
import type { RawRing } from '../../../services/raw/raw-ring.ts'
import { describeOnEveryRing } from '../../conformance/every-ring.ts'
import { failure } from '../harness.ts'
import { socketPair } from './sockets.ts'

describeOnEveryRing('buffers of another ring', (stand) => {
  it('are refused by name of the rings, and no buffer of either ring is touched', async () => {
    const { raw, other, own } = stand
    using mine = raw.provideBuffers({ count: 4, sizeBytes: 256 })
    using theirs = other.provideBuffers({ count: 4, sizeBytes: 256 })
    expect(mine.group).toBe(theirs.group) // or this would not be dangerous
    const [fd, there] = await socketPair(raw, own)
    await raw.submit(op.send({ fd: there, buffer: Buffer.from('for nobody') }))
    const refused = { code: 'ERR_INVALID_ARG_VALUE' }
    expect(await failure(other.submit(op.recv({ fd, buffers: mine })))).toMatchObject(refused)
    expect(await failure(other.submit(op.recv({ fd, buffers: mine, bundle: true })))).toMatchObject(refused)
    expect(await failure(other.submit(op.read({ fd, buffers: mine })))).toMatchObject(refused)
    for (const make of [
      (ring: RawRing) => ring.stream(recvStream({ fd, buffers: mine })),
      (ring: RawRing) => ring.stream(readStream({ fd, buffers: mine })),
      (ring: RawRing) => ring.stream(recvmsgStream({ fd, buffers: mine })),
      (ring: RawRing) => ring.chain().link(op.recv({ fd, buffers: mine })),
    ])
      expect(() => make(other)).toThrow(expect.objectContaining(refused))
    expect(() => other.stream(recvStream({ fd, buffers: mine }))).toThrow(/are those of ring 0, and this is ring 1/)
    await using elsewhere = await Ringmaster.start({ ...stand.kind, rings: 1, sqEntries: 64, directDescriptors: 16 })
    expect(() => elsewhere.raw().stream(recvStream({ fd, buffers: mine }))).toThrow(/ring 0 of another Ringmaster/)
    expect([mine.available, theirs.available]).toEqual([4, 4])
    const lease = await raw.submit(op.recv({ fd, buffers: mine }))
    expect(lease?.bytes.toString()).toBe('for nobody')
    lease?.release()
  })
})
