// Row PBUF of liburing's tests, rewritten from what they check: rings of provided buffers, whole and incremental. Bundles are in
// pbuf-bundles.test.ts.
import * as fs from 'node:fs'
import { expect, it } from 'vitest'
import { op, readStream, recvStream, recvmsgStream } from '../../services/raw/index.ts'
import type { ProvidedBuffers } from '../../services/raw/index.ts'
import { eventually, failure, fieldOf, seededBytes, testSeed } from '../services/harness.ts'
import { errorCode } from '../services/raw/errors.ts'
import { sendAll, socketPair } from '../services/raw/sockets.ts'
import { describeOnEveryRing, handleOf } from './every-ring.ts'

const seed = testSeed('pbuf')

/** What the program counts as the kernel's is what the kernel counts. */
function expectConserved(buffers: ProvidedBuffers, count = buffers.count): void {
  buffers.select() // publishes what was released just now
  expect(buffers.available).toBe(count)
  expect(buffers.status().available).toBe(count)
}

describeOnEveryRing('pbuf', (stand) => {
  it('buf-ring: refuses what is no ring of buffers, and a group that is there', async () => {
    const { raw } = stand
    for (const count of [0, 3, 32769, 65536, 1.5])
      expect(errorCode(() => raw.provideBuffers({ count, sizeBytes: 1 }))).toBe('ERR_OUT_OF_RANGE')
    expect(errorCode(() => raw.provideBuffers({ count: 2, sizeBytes: 0 }))).toBe('ERR_OUT_OF_RANGE')
    expect(errorCode(() => raw.provideBuffers({ count: 32768, sizeBytes: 2 ** 30 }))).toBe('ERR_OUT_OF_RANGE')
    const buffers = raw.provideBuffers({ count: 1, sizeBytes: 8, bufferGroup: 77 })
    expect(errorCode(() => raw.provideBuffers({ count: 1, sizeBytes: 8, bufferGroup: 77 }))).toBe('EEXIST')
    buffers.close()
    buffers.close()
    const zero = fs.openSync('/dev/zero', 'r')
    stand.own(zero)
    expect(errorCode(() => buffers.select())).toBe('ERR_RING_BUFFERS_CLOSED')
    expect((await failure(raw.submit(op.read({ fd: zero, bufferGroup: 77, length: 1 }))))['code']).toBe('ENOBUFS')
    raw.provideBuffers({ count: 1, sizeBytes: 8, bufferGroup: 77 }).close()
  })

  it('buf-ring-nommap: the buffers of a ring whose memory is the program’s, and of one whose is not, are filled', async () => {
    const { raw, own } = stand
    const [here, there] = await socketPair(raw, own)
    const buffers = raw.provideBuffers({ count: 2, sizeBytes: 4096 })
    const content = seededBytes(4096, seed)
    await sendAll(raw, here, content)
    const lease = await raw.submit(op.recv({ fd: there, buffers }))
    expect(lease?.bytes.equals(content)).toBe(true)
    lease?.release()
    expectConserved(buffers)
    buffers.close()
  })

  it('buf-ring-put: groups with low and high numbers come and go, and keep their memory to the last lease', async () => {
    const { raw, own, path } = stand
    const file = path()
    const content = seededBytes(64, seed)
    fs.writeFileSync(file, content)
    const fd = own(fs.openSync(file, 'r'))
    for (const bufferGroup of [1, 2, 63, 64, 65, 127, 128, 65535]) {
      const buffers = raw.provideBuffers({ count: 2, sizeBytes: 64, bufferGroup })
      const lease = await raw.submit(op.read({ fd, buffers, position: 0 }))
      buffers.close()
      expect(lease?.bytes.equals(content)).toBe(true)
      lease?.release()
    }
  })

  it('buf-ring-stress: runs dry, is filled again, and loses nothing', async () => {
    const { raw, own, path } = stand
    const file = path()
    const content = seededBytes(64 * 64, seed)
    fs.writeFileSync(file, content)
    const fd = own(fs.openSync(file, 'r'))
    const buffers = raw.provideBuffers({ count: 8, sizeBytes: 64 })
    let dry = 0
    for (let round = 0; round < 20; round++) {
      const reads = Array.from({ length: 16 }, (_, index) => {
        const position = ((round * 16 + index) % 64) * 64
        return raw.submit(op.read({ fd, buffers, position })).then(
          (lease) => ({ lease, position }),
          (error: unknown) => {
            expect(fieldOf(error, 'code')).toBe('ENOBUFS')
            dry++
            return null
          },
        )
      })
      for (const done of await Promise.all(reads)) {
        if (done === null) continue
        expect(done.lease!.bytes.equals(content.subarray(done.position, done.position + 64))).toBe(true)
        done.lease!.release()
      }
      expectConserved(buffers)
    }
    expect(dry).toBe(20 * 8)
    buffers.close()
  })

  it('buf-ring-upgrade: a group of provideBuffers that is empty can become a ring of buffers', async () => {
    const { raw, own } = stand
    const [here, there] = await socketPair(raw, own)
    const bufferGroup = 99
    const legacy = Buffer.alloc(32)
    await raw.submit(op.provideBuffers({ buffer: legacy, sizeBytes: 32, bufferGroup, firstId: 3 }))
    expect(errorCode(() => raw.provideBuffers({ count: 4, sizeBytes: 32, bufferGroup }))).toBe('EEXIST')
    await sendAll(raw, here, Buffer.from('legacy'))
    expect(await raw.submit(op.recv({ fd: there, bufferGroup }))).toEqual({ bytes: 6, bufferId: 3 })
    expect(legacy.toString('latin1', 0, 6)).toBe('legacy')
    const buffers = raw.provideBuffers({ count: 4, sizeBytes: 32, bufferGroup })
    await sendAll(raw, here, Buffer.from('ring'))
    const lease = await raw.submit(op.recv({ fd: there, buffers }))
    expect(lease?.bytes.toString()).toBe('ring')
    lease?.release()
    // The old buffer cannot come back to what is a ring now.
    const back = op.provideBuffers({ buffer: legacy, sizeBytes: 32, bufferGroup, firstId: 3 })
    expect((await failure(raw.submit(back)))['code']).toBe('EINVAL')
    expectConserved(buffers)
    buffers.close()
  })

  it('ringbuf-loop: data that lands on the ring of buffers itself does not change what was received', async () => {
    const { raw, own } = stand
    const [here, there] = await socketPair(raw, own)
    const buffers = raw.provideBuffers({ count: 8, sizeBytes: 128 })
    const entries = fieldOf(buffers, 'entries') as DataView
    const ring = new Uint8Array(entries.buffer, entries.byteOffset, entries.byteLength)
    const lengthBytes = 100
    const overwriting = Buffer.alloc(lengthBytes, 0xff)
    // The tail, among the first 16 bytes, stays what it is.
    overwriting.set(ring.subarray(0, 16))
    await sendAll(raw, here, overwriting)
    expect(await raw.submit(op.recv({ fd: there, buffer: ring.subarray(0, lengthBytes) }))).toBe(lengthBytes)
    await sendAll(raw, here, Buffer.from('first is whole'))
    const lease = await raw.submit(op.recv({ fd: there, buffers }))
    expect(lease?.bytes.toString()).toBe('first is whole')
    await sendAll(raw, here, Buffer.from('x'))
    expect((await failure(raw.submit(op.recv({ fd: there, buffers }))))['code']).toBe('EFAULT')
    buffers.close()
  })

  it('ringbuf-read: reads of a file through provided buffers are what the file holds', async () => {
    const { raw, own, path } = stand
    const file = path()
    const content = seededBytes(4096 * 16, seed)
    fs.writeFileSync(file, content)
    const fd = own(fs.openSync(file, 'r'))
    const buffers = raw.provideBuffers({ count: 4, sizeBytes: 4096 })
    for (const at of ['file', 'direct'] as const) {
      const [slot] = await raw.submit(op.filesUpdate({ descriptors: [fd], index: 'allocate' }))
      const descriptor = at === 'file' ? fd : slot!
      for (let position = 0; position < content.length; position += 4096) {
        const lease = await raw.submit(op.read({ fd: descriptor, buffers, position }), { async: position % 8192 === 0 })
        expect(lease?.bytes.equals(content.subarray(position, position + 4096))).toBe(true)
        lease?.release()
      }
      expect(await raw.submit(op.read({ fd: descriptor, buffers, position: content.length }))).toBeNull()
      await raw.submit(op.close({ fd: slot! }))
    }
    expectConserved(buffers)
    buffers.close()
  })

  it('ringbuf-status: the kernel says how far it is, and nothing of a group that is not there', async () => {
    const { raw, own } = stand
    const zero = own(fs.openSync('/dev/zero', 'r'))
    const buffers = raw.provideBuffers({ count: 8, sizeBytes: 16 })
    for (let taken = 0; taken < 8; taken++) {
      expect(buffers.status()).toEqual({ head: taken, available: 8 - taken })
      await raw.submit(op.read({ fd: zero, buffers }))
    }
    expect(buffers.available).toBe(0)
    expect((await failure(raw.submit(op.read({ fd: zero, buffers }))))['code']).toBe('ENOBUFS')
    buffers.close()
    expect(errorCode(() => buffers.status())).toBe('ENOENT')
  })

  it('read-inc-file: pieces of one buffer follow each other, and each is what was read', async () => {
    const { raw, own, path } = stand
    const file = path()
    const content = seededBytes(1000, seed)
    fs.writeFileSync(file, content)
    const fd = own(fs.openSync(file, 'r'))
    const buffers = raw.provideBuffers({ count: 2, sizeBytes: 512, incremental: true })
    for (let position = 0; position < 1000; position += 100) {
      const lease = await raw.submit(op.read({ fd, buffers, position, length: 100 }))
      const want = content.subarray(position, position + lease!.bytes.length)
      expect(lease!.bytes.equals(want)).toBe(true)
      position -= 100 - lease!.bytes.length // at the end of a buffer a piece is shorter
      lease!.release()
    }
    // Short reads: of a file the kernel uses up what was asked for.
    for (const position of [990, 1000, 0, 995, 10]) {
      const lease = await raw.submit(op.read({ fd, buffers, position, length: 20 }))
      expect(lease?.bytes ?? Buffer.alloc(0)).toEqual(content.subarray(position, position + 20))
      lease?.release()
    }
    expectConserved(buffers)
    buffers.close()
  })

  it('read-inc-buf-more: a buffer with room left is the kernel’s, after data and after the end', async () => {
    const { raw, own } = stand
    const { read, write } = await raw.submit(op.pipe())
    own(read)
    const buffers = raw.provideBuffers({ count: 1, sizeBytes: 256, incremental: true })
    fs.writeSync(write, 'hello')
    const lease = await raw.submit(op.read({ fd: read, buffers, length: 32 }))
    expect(lease?.bytes.toString()).toBe('hello')
    lease?.release()
    expectConserved(buffers)
    fs.closeSync(write)
    for (let time = 0; time < 3; time++) {
      expect(await raw.submit(op.read({ fd: read, buffers, length: 32 }))).toBeNull()
      expectConserved(buffers)
    }
    // Whoever comes next finds the rest of it, and not a byte of it twice.
    const other = await raw.submit(op.pipe())
    ;[other.read, other.write].forEach(own)
    const content = seededBytes(251, seed)
    fs.writeSync(other.write, content)
    const rest = await raw.submit(op.read({ fd: other.read, buffers }))
    expect(rest?.bytes.equals(content)).toBe(true)
    expect(buffers.available).toBe(0)
    rest?.release()
    expectConserved(buffers)
    buffers.close()
  })

  it('read-inc-buf-more: a stream that ends leaves the buffer as it is', async () => {
    const { raw } = stand
    const buffers = raw.provideBuffers({ count: 2, sizeBytes: 64, incremental: true })
    for (let round = 0; round < 10; round++) {
      const { read, write } = await raw.submit(op.pipe())
      fs.writeSync(write, `round ${round}`)
      fs.closeSync(write)
      const texts: string[] = []
      for await (const lease of raw.stream(readStream({ fd: read, buffers }))) {
        texts.push(lease.bytes.toString())
        lease.release()
      }
      expect(texts.join('')).toBe(`round ${round}`)
      fs.closeSync(read)
      expectConserved(buffers)
    }
    buffers.close()
  })

  it('recvmsg-inc-tail: messages with envelopes are refused for incremental buffers, whose rest may be too small', () => {
    const { raw } = stand
    const buffers = raw.provideBuffers({ count: 2, sizeBytes: 1024, incremental: true })
    expect(errorCode(() => recvmsgStream({ fd: 0, buffers }))).toBe('ERR_INVALID_ARG_VALUE')
    buffers.close()
  })

  it('buf-ring: memory and number of a closed group are free when no request can hold a buffer of it', async () => {
    const { raw, own } = stand
    const { registered } = handleOf(raw)
    const before = registered.size
    const idle = raw.provideBuffers({ count: 2, sizeBytes: 64 })
    expect(registered.size).toBe(before + 1)
    idle.close()
    expect(registered.size).toBe(before)
    const [here, there] = await socketPair(raw, own)
    const used = raw.provideBuffers({ count: 2, sizeBytes: 64 })
    const stream = raw.stream(recvStream({ fd: there, buffers: used }))
    const next = stream.next()
    await raw.submit(op.nop())
    used.close()
    expect(registered.size).toBe(before + 1)
    const another = raw.provideBuffers({ count: 2, sizeBytes: 64 })
    expect(another.group).not.toBe(used.group)
    await sendAll(raw, here, Buffer.from('too late'))
    await expect(next).rejects.toMatchObject({ code: 'ERR_RING_BUFFERS_CLOSED' })
    another.close()
    expect(await eventually(() => registered.size === before)).toBe(true)
  })
})
