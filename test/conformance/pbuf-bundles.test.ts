// Row PBUF of liburing's tests, the part about bundles: several buffers filled or sent by one completion.
import { expect, it } from 'vitest'
import { op, recvStream } from '../../services/raw/index.ts'
import type { BundleLease, MultishotStream, ProvidedBuffers } from '../../services/raw/index.ts'
import { failure, seededBytes, seededRandom, testSeed } from '../services/harness.ts'
import { errorCode } from '../services/raw/errors.ts'
import { sendAll, socketPair } from '../services/raw/sockets.ts'
import { describeOnEveryRing } from './every-ring.ts'

const seed = testSeed('pbuf bundles')

function expectConserved(buffers: ProvidedBuffers): void {
  buffers.select() // publishes what was released just now
  expect(buffers.available).toBe(buffers.count)
  expect(buffers.status().available).toBe(buffers.count)
}

interface Gathered {
  readonly bytes: Buffer
  readonly itemCount: number
  readonly partsMax: number
}

/** Everything a stream of bundles gives, released late and out of order: `holdMax` leases are held while buffers are left. */
async function gather(
  stream: MultishotStream<BundleLease>,
  buffers: ProvidedBuffers,
  holdMax: number,
): Promise<Gathered> {
  const random = seededRandom(seed)
  const pieces: Buffer[] = []
  const held: BundleLease[] = []
  let itemCount = 0
  let partsMax = 0
  for await (const lease of stream) {
    itemCount++
    partsMax = Math.max(partsMax, lease.parts.length)
    expect(lease.parts.reduce((sum, part) => sum + part.length, 0)).toBe(lease.sizeBytes)
    pieces.push(...lease.parts.map((part) => Buffer.from(part)))
    held.push(lease)
    while (held.length > holdMax || (held.length > 0 && buffers.available === 0))
      held.splice(Math.floor(random() * held.length), 1)[0]!.release()
  }
  for (const lease of held) lease.release()
  return { bytes: Buffer.concat(pieces), itemCount, partsMax }
}

const sizesBytes = (random: () => number, totalBytes: number, mostBytes: number): number[] => {
  const sizes: number[] = []
  for (let left = totalBytes; left > 0;) {
    const size = Math.min(left, 1 + Math.floor(random() * mostBytes))
    sizes.push(size)
    left -= size
  }
  return sizes
}

describeOnEveryRing('pbuf, bundles', (stand) => {
  const arrivesInBundles = async (incremental: boolean): Promise<void> => {
    const { raw, other, own } = stand
    const [here, there] = await socketPair(raw, own)
    const buffers = raw.provideBuffers({ count: 32, sizeBytes: 256, incremental })
    const content = seededBytes(300_000, seed)
    const gathering = gather(raw.stream(recvStream({ fd: there, buffers, bundle: true })), buffers, 0)
    const outgoing = other.outgoing({ fd: here, count: 512 })
    let at = 0
    for (const size of sizesBytes(seededRandom(seed), content.length, 2000)) {
      outgoing.put(content.subarray(at, (at += size)))
      if (outgoing.queued === outgoing.count) await outgoing.flush()
    }
    await outgoing.flush()
    expect(outgoing.sentBytes).toBe(content.length)
    outgoing.close()
    await other.submit(op.shutdown({ fd: here }))
    const { bytes, partsMax } = await gathering
    expect(bytes.equals(content)).toBe(true)
    expect(partsMax).toBeGreaterThan(1)
    expectConserved(buffers)
    buffers.close()
  }

  it('recvsend_bundle: what is sent as bundles arrives in bundles, in order', () => arrivesInBundles(false))

  it('recvsend_bundle-inc: so it does in buffers that are filled piece by piece', () => arrivesInBundles(true))

  it('recv-inc-ooo: pieces of buffers that come back late are put together in the order of the stream', async () => {
    const { raw, other, own } = stand
    const [here, there] = await socketPair(raw, own)
    const buffers = raw.provideBuffers({ count: 4, sizeBytes: 1024, incremental: true })
    const content = seededBytes(60_000, seed)
    const gathering = gather(raw.stream(recvStream({ fd: there, buffers, bundle: true })), buffers, 1)
    let at = 0
    for (const size of sizesBytes(seededRandom(seed), content.length, 2048)) {
      await sendAll(other, here, content.subarray(at, (at += size)))
    }
    await other.submit(op.shutdown({ fd: here }))
    expect((await gathering).bytes.equals(content)).toBe(true)
    expectConserved(buffers)
    buffers.close()
  })

  it('recv-bundle-short-ooo: whole buffers that come back out of order are found where they were put', async () => {
    const { raw, other, own } = stand
    const [here, there] = await socketPair(raw, own)
    const buffers = raw.provideBuffers({ count: 8, sizeBytes: 128 })
    const content = seededBytes(60_000, seed)
    const gathering = gather(raw.stream(recvStream({ fd: there, buffers, bundle: true })), buffers, 3)
    let at = 0
    for (const size of sizesBytes(seededRandom(seed + 1), content.length, 700)) {
      await sendAll(other, here, content.subarray(at, (at += size)))
    }
    await other.submit(op.shutdown({ fd: here }))
    expect((await gathering).bytes.equals(content)).toBe(true)
    expectConserved(buffers)
    buffers.close()
  })

  it('recv-bundle-buf-len: a bundle with a limit, filled or in vain, leaves the next request its data', async () => {
    const { raw, own } = stand
    const [here, there] = await socketPair(raw, own)
    const buffers = raw.provideBuffers({ count: 4, sizeBytes: 64 })
    const inVain = op.recv({ fd: there, buffers, bundle: true, length: 1, flags: ['MSG_DONTWAIT'] })
    expect((await failure(raw.submit(inVain)))['code']).toBe('EAGAIN')
    expectConserved(buffers)
    const content = seededBytes(150, seed)
    await sendAll(raw, here, content)
    const first = await raw.submit(op.recv({ fd: there, buffers, bundle: true, length: 10 }))
    const pieces = [...first!.parts].map((part) => Buffer.from(part))
    expect(first!.sizeBytes).toBeLessThanOrEqual(10)
    let have = first!.sizeBytes
    first!.release()
    while (have < content.length) {
      const lease = await raw.submit(op.recv({ fd: there, buffers, bundle: true }))
      pieces.push(...lease!.parts.map((part) => Buffer.from(part)))
      have += lease!.sizeBytes
      lease!.release()
    }
    expect(Buffer.concat(pieces).equals(content)).toBe(true)
    expectConserved(buffers)
    buffers.close()
  })

  it('recvsend_bundle: an item of one buffer can be limited, one of several cannot', async () => {
    const { raw, other, own } = stand
    const [here, there] = await socketPair(raw, own)
    const buffers = raw.provideBuffers({ count: 32, sizeBytes: 128 })
    expect(errorCode(() => recvStream({ fd: there, buffers, bundle: true, itemBytesMax: 64 }))).toBe(
      'ERR_INVALID_ARG_VALUE',
    )
    const content = seededBytes(20_000, seed)
    await sendAll(other, here, content)
    await other.submit(op.shutdown({ fd: here }))
    const pieces: Buffer[] = []
    for await (const lease of raw.stream(recvStream({ fd: there, buffers, itemBytesMax: 64 }))) {
      expect(lease.bytes.length).toBeLessThanOrEqual(64)
      pieces.push(Buffer.from(lease.bytes))
      lease.release()
    }
    expect(Buffer.concat(pieces).equals(content)).toBe(true)
    expectConserved(buffers)
    buffers.close()
  })
})
