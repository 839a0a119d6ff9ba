// Conformance, row FIXBUF: registered buffers, their tags, and their clones in other rings. What rsrc_tags, regbuf-clone,
// regbuf-merge, sendzc-bug, fixed-buf-iter, fixed-seg and vec-regbuf of liburing check.
import { once } from 'node:events'
import { constants, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { RegisterOp } from '../../native/abi.ts'
import { addressOfView } from '../../native/addresses.ts'
import { binding } from '../../native/binding.ts'
import { rawBuffers } from '../../native/layout.ts'
import { allocateSharedMemory } from '../../native/shared-memory.ts'
import { op } from '../../services/raw/index.ts'
import type { RawRing } from '../../services/raw/index.ts'
import { Ringmaster } from '../../services/ringmaster.ts'
import { eventually, failure, seededBytes, settledWithin } from '../services/harness.ts'
import { makePipe } from '../native/support/pipe.ts'
import { describeOnEveryRing, handleOf } from './every-ring.ts'

const code = async (promise: Promise<unknown>): Promise<unknown> => (await failure(promise))['code'] ?? 'no error'

/** Reads from a pipe into a registered buffer: what says whether a ring knows it. */
async function usable(raw: RawRing, buffer: Buffer, bufferIndex: number): Promise<unknown> {
  const pipe = makePipe()
  buffer.fill(0)
  const read = raw.submit(op.readFixed({ fd: pipe.readFd, buffer: buffer.subarray(0, 32), bufferIndex }))
  writeSync(pipe.writeFd, Buffer.alloc(32, 0xbb))
  const ended = await code(read)
  pipe.close()
  return ended === 'no error' ? buffer.subarray(0, 33).every((byte, at) => byte === (at < 32 ? 0xbb : 0)) : ended
}

/** Kilobytes pinned by this process. */
const pinnedKiB = (): number =>
  Number(/^VmPin:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? Number.NaN)

describeOnEveryRing('FIXBUF', (stand) => {
  it('rsrc_tags: an entry that is replaced says so, the new one does not', async () => {
    const { buffers } = stand.raw
    const buffer = Buffer.alloc(4096)
    const first = buffers.update(0, buffer)
    expect(await settledWithin(first.released, 20)).toBe('pending')
    const second = buffers.update(0, buffer)
    await first.released
    expect(await settledWithin(second.released, 20)).toBe('pending')
    buffers.update(0, null)
    await second.released
  })

  it('rsrc_tags: no completion before a request that uses the buffer is over', async () => {
    const { buffers } = stand.raw
    const pipe = makePipe()
    const [old, next] = [Buffer.alloc(4096), Buffer.alloc(4096)]
    const registration = buffers.update(1, old)
    const order: string[] = []
    const read = stand.raw.submit(op.readFixed({ fd: pipe.readFd, buffer: old, bufferIndex: 1 })).then((bytes) => {
      order.push(`read ${bytes}`)
    })
    await stand.raw.submit(op.nop()) // the kernel has seen the read: it took the old buffer
    buffers.update(1, next)
    const released = registration.released.then(() => order.push('released'))
    expect(await settledWithin(released, 50)).toBe('pending')
    writeSync(pipe.writeFd, 'into the old one')
    await Promise.all([read, released])
    expect(order).toEqual(['read 16', 'released'])
    expect(old.toString('latin1', 0, 16)).toBe('into the old one')
    pipe.close()
    buffers.update(1, null)
  })

  it('rsrc_tags: empty to buffer, buffer to empty, empty to empty', async () => {
    const { buffers } = stand.raw
    const buffer = Buffer.alloc(4096)
    expect(await usable(stand.raw, buffer, 2)).toBe('EFAULT')
    const { released } = buffers.update(2, buffer)
    expect(await usable(stand.raw, buffer, 2)).toBe(true)
    buffers.update(2, null)
    await released
    expect(await usable(stand.raw, buffer, 2)).toBe('EFAULT')
    buffers.update(2, null)
    const nothing = op.readFixed({ fd: 0, buffer: Buffer.alloc(0), bufferIndex: 2 })
    expect(await code(stand.raw.submit(nothing))).toBe('EFAULT')
  })

  it('rsrc_tags: a registration that fails leaves what was there, and no stray completion', async () => {
    const { buffers } = stand.raw
    const { client, metrics } = handleOf(stand.raw)
    const buffer = Buffer.alloc(4096)
    const { released } = buffers.update(3, buffer)
    const used = client.slots.used
    const stale = stand.rings.stats().rings[0]!.staleCompletions
    // Address space of a WebAssembly memory that was never made accessible: the kernel finds no page there.
    const beyond = new DataView(new ArrayBuffer(16))
    beyond.setBigUint64(0, 4096n, true)
    beyond.setBigUint64(8, 4096n, true)
    const update = new DataView(new ArrayBuffer(32))
    const tags = BigUint64Array.of(0xffff_ffff_ffffn)
    update.setUint32(0, 3, true)
    update.setBigUint64(8, BigInt(addressOfView(beyond)), true)
    update.setBigUint64(16, BigInt(addressOfView(tags)), true)
    update.setUint32(24, 1, true)
    expect(binding().register(stand.raw.ringFd, RegisterOp.REGISTER_BUFFERS_UPDATE, update, 32)).toBe(-14)
    expect(await usable(stand.raw, buffer, 3)).toBe(true)
    expect(client.slots.used).toBe(used)
    expect(stand.rings.stats().rings[0]!.staleCompletions).toBe(stale)
    expect(metrics.requests(64)).toBeGreaterThan(0)
    buffers.update(3, null)
    await released
    expect(client.slots.used).toBe(used - 1)
  })

  it('regbuf-clone: a ring knows what it took over, and nothing before', async () => {
    const { raw, other } = stand
    const buffer = Buffer.from(allocateSharedMemory(8192), 0, 8192)
    const source = raw.buffers.update(10, buffer)
    expect(await usable(other, buffer, 10)).toBe('EFAULT')
    other.buffers.clone(raw, { fromIndex: 10, count: 1 })
    expect(await usable(other, buffer, 10)).toBe(true)
    raw.buffers.update(10, null)
    await source.released
    expect(await usable(raw, buffer, 10)).toBe('EFAULT')
    expect(await usable(other, buffer, 10)).toBe(true)
    other.buffers.update(10, null)
    expect(await usable(other, buffer, 10)).toBe('EFAULT')
  })

  it('regbuf-clone: from an offset to an offset; what is beside it stays, empty entries come along', async () => {
    const { raw, other } = stand
    const memory = Buffer.alloc(6 * 4096)
    const part = (index: number): Buffer => memory.subarray(index * 4096, (index + 1) * 4096)
    for (const index of [0, 1, 3]) raw.buffers.update(20 + index, part(index))
    const kept = other.buffers.update(29, part(4))
    const after = other.buffers.update(34, part(5))
    const replaced = other.buffers.update(32, part(5))
    other.buffers.clone(raw, { fromIndex: 20, index: 30, count: 4 })
    await replaced.released
    const found = await Promise.all(
      [29, 30, 31, 32, 33, 34].map((index, at) => usable(other, part([4, 0, 1, 2, 3, 5][at]!), index)),
    )
    expect(found).toEqual([true, true, true, 'EFAULT', true, true])
    for (let index = 20; index < 36; index++) for (const ring of [raw, other]) ring.buffers.update(index, null)
    await Promise.all([kept.released, after.released])
  })

  it('regbuf-clone: within one ring', async () => {
    const { raw } = stand
    const buffer = Buffer.alloc(4096)
    const { released } = raw.buffers.update(40, buffer)
    raw.buffers.clone(raw, { fromIndex: 40, index: 41, count: 1 })
    raw.buffers.update(40, null)
    await released
    expect(await usable(raw, buffer, 41)).toBe(true)
    raw.buffers.update(41, null)
  })

  it('regbuf-clone: a clone is neither pinned nor charged again', async () => {
    const { raw, other } = stand
    const sizeBytes = 4 * 2 ** 20
    const buffer = Buffer.from(allocateSharedMemory(sizeBytes), 0, sizeBytes)
    const before = pinnedKiB()
    const { released } = raw.buffers.update(42, buffer)
    expect(pinnedKiB() - before).toBe(sizeBytes / 1024)
    other.buffers.clone(raw, { fromIndex: 42, count: 1 })
    expect(pinnedKiB() - before).toBe(sizeBytes / 1024)
    raw.buffers.update(42, null)
    await released
    expect(pinnedKiB() - before).toBe(sizeBytes / 1024)
    other.buffers.update(42, null)
    expect(pinnedKiB()).toBe(before)
  })

  it('regbuf-merge: an empty entry before a buffer is no buffer', async () => {
    const { buffers } = stand.raw
    const buffer = Buffer.alloc(4096)
    buffers.update(44, null)
    const { released } = buffers.update(45, buffer)
    expect(await Promise.all([44, 45].map((index) => usable(stand.raw, buffer, index)))).toEqual(['EFAULT', true])
    buffers.update(45, null)
    await released
  })

  it('fixed-buf-iter: reads and writes devices without iterators of their own', async () => {
    const { buffers } = stand.raw
    const random = stand.own(openSync('/dev/urandom', 'r'))
    const zero = stand.own(openSync('/dev/zero', 'r+'))
    const buffer = Buffer.alloc(4096)
    const { released } = buffers.update(46, buffer)
    expect(await stand.raw.submit(op.readFixed({ fd: random, buffer, bufferIndex: 46, position: 0 }))).toBe(4096)
    expect(buffer.some((byte) => byte !== 0)).toBe(true)
    expect(await stand.raw.submit(op.writeFixed({ fd: zero, buffer, bufferIndex: 46, position: 0 }))).toBe(4096)
    expect(await stand.raw.submit(op.readFixed({ fd: zero, buffer, bufferIndex: 46, position: 0 }))).toBe(4096)
    expect(buffer.every((byte) => byte === 0)).toBe(true)
    buffers.update(46, null)
    await released
  })

  it('fixed-seg: at any offset of a buffer that begins anywhere in a page, also past the page cache', async () => {
    const content = seededBytes(128 * 1024, 11)
    const path = stand.path()
    writeFileSync(path, content)
    const fd = stand.own(openSync(path, constants.O_RDONLY | constants.O_DIRECT))
    const memory = Buffer.from(allocateSharedMemory(content.length), 0, content.length)
    for (const start of [0, 512, 3584]) {
      const { released } = stand.raw.buffers.update(47, memory.subarray(start))
      for (const [length, offset] of [
        [4096, start],
        [8192, 4096],
        [4096, 4096],
        [65536, start + 4096],
      ] as const) {
        memory.fill(0)
        const buffer = memory.subarray(offset, offset + length)
        const read = stand.raw.submit(op.readFixed({ fd, buffer, bufferIndex: 47, position: 0 }))
        expect(await read, `${length} at ${offset} of ${start}`).toBe(length)
        expect(buffer.equals(content.subarray(0, length)), `${length} at ${offset} of ${start}`).toBe(true)
        expect(memory[offset + length]).toBe(0)
      }
      stand.raw.buffers.update(47, null)
      await released
    }
  })

  it('vec-regbuf: vectors within the buffer, of every length, and none outside of it', async () => {
    const memory = Buffer.alloc(16 * 4096)
    seededBytes(memory.length, 12).copy(memory)
    const { released } = stand.raw.buffers.update(48, memory)
    const path = stand.path()
    const fd = stand.own(openSync(path, 'w+'))
    const cuts = [0, 1, 100, 4095, 4096, 4097, 12_288, 40_000, memory.length]
    const pieces = cuts.slice(1).map((end, index) => memory.subarray(cuts[index], end))
    const vectors = [pieces[7]!, ...pieces, pieces[3]!]
    const expected = Buffer.concat(vectors)
    const written = await stand.raw.submit(op.writevFixed({ fd, buffers: vectors, bufferIndex: 48, position: 0 }))
    expect(written).toBe(expected.length)
    expect(readFileSync(path).equals(expected)).toBe(true)
    memory.fill(0)
    const into = [memory.subarray(5000, 5001), memory.subarray(8192, 20_000)]
    expect(await stand.raw.submit(op.readvFixed({ fd, buffers: into, bufferIndex: 48, position: 0 }))).toBe(11_809)
    expect(Buffer.concat(into).equals(expected.subarray(0, 11_809))).toBe(true)
    for (const refused of [Buffer.alloc(10), memory.subarray(0, 0)]) {
      const buffers = [memory.subarray(0, 10), refused]
      expect(await code(stand.raw.submit(op.readvFixed({ fd, buffers, bufferIndex: 48, position: 0 })))).toBe('EFAULT')
    }
    stand.raw.buffers.update(48, null)
    await released
  })

  for (const vectored of [true, false])
    it(`sendzc-bug: a zero-copy send keeps its buffer until the notification, not only until its result (vectored: ${vectored})`, async () => {
      const { raw } = stand
      // A connection of its own: once it has been read from, its receive buffer grows, until all of this fits in.
      const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const accepted = once(server, 'connection')
      const { port } = server.address() as AddressInfo
      const fd = stand.own(await raw.submit(op.socket({ family: 'AF_INET', type: 'SOCK_STREAM' })))
      await raw.submit(op.setsockopt({ fd, option: 'SO_SNDBUF', value: 65_536 }))
      await raw.submit(op.connect({ fd, address: { address: '127.0.0.1', port } }))
      const [peer] = (await accepted) as [Socket]
      const buffer = Buffer.from(allocateSharedMemory(4 * 2 ** 20), 0, 4 * 2 ** 20)
      seededBytes(buffer.length, 13).copy(buffer)
      const { released } = raw.buffers.update(49, buffer)
      const order: string[] = []
      const common = { fd, bufferIndex: 49, flags: ['MSG_WAITALL'] } as const
      const sent = raw
        .submit(vectored ? op.sendmsgZc({ ...common, buffers: [buffer] }) : op.sendZc({ ...common, buffer }))
        .then(({ bytes }) => order.push(`sent ${bytes}`))
      await raw.submit(op.nop())
      raw.buffers.update(49, null)
      const letGo = released.then(() => order.push('released'))
      // The peer does not read, and its buffers do not hold all of it.
      expect(await settledWithin(letGo, 30)).toBe('pending')
      const received: Buffer[] = []
      let receivedBytes = 0
      peer.on('data', (data: Buffer) => {
        received.push(data)
        receivedBytes += data.length
      })
      peer.resume()
      await Promise.all([sent, letGo])
      expect(await eventually(() => receivedBytes === buffer.length)).toBe(true)
      expect(order).toEqual([`sent ${buffer.length}`, 'released'])
      expect(Buffer.concat(received).equals(buffer)).toBe(true)
      peer.destroy()
      server.close()
      await once(server, 'close')
    })
})

describe('FIXBUF, the table', () => {
  it('rsrc_tags: refuses indexes that are not its own, and sizes that the kernel does not take', async () => {
    const rings = await Ringmaster.start({ rings: 1, poller: 'caller' })
    const { buffers } = rings.raw()
    expect(buffers.size).toBe(rawBuffers)
    const range = expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }) as Error
    expect(() => buffers.update(rawBuffers, Buffer.alloc(1))).toThrow(range)
    expect(() => buffers.update(0, Buffer.alloc(0))).toThrow(range)
    const resizable: unknown = Reflect.construct(ArrayBuffer, [64, { maxByteLength: 128 }])
    const value = expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }) as Error
    expect(() => buffers.update(0, new Uint8Array(resizable as ArrayBuffer))).toThrow(value)
    await rings.close()
  })
})
