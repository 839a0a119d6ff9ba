// Streams that share fewer buffers than there are streams: whoever waits gets one in turn, however the others end, and losing a
// race for one is no end.
import { once } from 'node:events'
import { closeSync } from 'node:fs'
import net from 'node:net'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { op, recvStream } from '../../../services/raw/index.ts'
import type { RawRing } from '../../../services/raw/index.ts'
import { Ringmaster } from '../../../services/ringmaster.ts'
import { eventually, failure, pollers, seededBytes, seededRandom, settledWithin, testSeed } from '../harness.ts'
import { handleOf } from '../../conformance/every-ring.ts'
import { socketPair } from './sockets.ts'

describe.each(pollers)('few buffers for many streams, %s', (poller) => {
  let rings: Ringmaster
  let raw: RawRing
  const owned: number[] = []
  const own = (fd: number): number => {
    owned.push(fd)
    return fd
  }
  beforeEach(async () => {
    rings = await Ringmaster.start({ rings: 1, poller, closeGraceMs: 100, sqEntries: 256, directDescriptors: 16 })
    raw = rings.raw()
  })
  afterEach(async () => {
    for (const fd of owned.splice(0)) closeSync(fd)
    await rings.close()
  })
  const idle = (): Promise<boolean> => eventually(() => handleOf(raw).client.slots.used === 0)

  it('a stream that ended while it waited takes no other’s turn', async () => {
    using buffers = raw.provideBuffers({ count: 1, sizeBytes: 64 })
    const [holder, first, second] = await Promise.all([0, 1, 2].map(() => socketPair(raw, own)))
    for (const pair of [holder, first, second]) await raw.submit(op.send({ fd: pair![1], buffer: Buffer.from('data') }))
    const streams = [holder, first, second].map((pair) => raw.stream(recvStream({ fd: pair![0], buffers })))
    const { value: lease } = await streams[0]!.next()
    await streams[0]!.return() // its lease stays out
    const ended = streams[1]!.next()
    const waiting = streams[2]!.next()
    expect(await idle()).toBe(true) // both have found no buffer
    await streams[1]!.return()
    expect((await ended).done).toBe(true)
    lease?.release()
    expect(await settledWithin(waiting)).toBe('resolved')
    const { value } = await waiting
    expect(value?.bytes.toString()).toBe('data')
    value?.release()
    await streams[2]!.return()
    expect(buffers.available).toBe(1)
  })

  it('a stream that finds its connection gone leaves its turn to the next', async () => {
    using buffers = raw.provideBuffers({ count: 1, sizeBytes: 64 })
    const [holder, first, second] = await Promise.all([0, 1, 2].map(() => socketPair(raw, own)))
    await raw.submit(op.send({ fd: holder![1], buffer: Buffer.from('data') }))
    const streams = [holder, first, second].map((pair) => raw.stream(recvStream({ fd: pair![0], buffers })))
    const { value: lease } = await streams[0]!.next()
    for (const pair of [first, second]) await raw.submit(op.send({ fd: pair![1], buffer: Buffer.from('x') }))
    const waits = [streams[1]!.next(), streams[2]!.next()]
    await eventually(() => handleOf(raw).client.slots.used <= 1)
    // What the first one waits for is taken by somebody else: its request will be there and take no buffer.
    await raw.submit(op.recv({ fd: first![0], buffer: Buffer.alloc(8) }))
    lease?.release()
    expect(await settledWithin(waits[1]!)).toBe('resolved')
    ;(await waits[1]!).value?.release()
    for (const stream of streams) await stream.return()
    expect((await waits[0]!).done).toBe(true)
  })

  it('an operation is one stream at a time, and can be another one afterwards', async () => {
    using buffers = raw.provideBuffers({ count: 2, sizeBytes: 64 })
    const [here, there] = await socketPair(raw, own)
    const operation = recvStream({ fd: here, buffers })
    const first = raw.stream(operation)
    const waiting = first.next()
    expect(await failure(raw.stream(operation).next())).toMatchObject({ code: 'ERR_RING_OPERATION_IN_FLIGHT' })
    await raw.submit(op.send({ fd: there, buffer: Buffer.from('1') }))
    ;(await waiting).value?.release()
    await first.return()
    const second = raw.stream(operation)
    const again = second.next()
    await raw.submit(op.send({ fd: there, buffer: Buffer.from('2') }))
    ;(await again).value?.release()
    await second.return()
  })

  it('a stream that waits for a buffer ends with the ring', async () => {
    const buffers = raw.provideBuffers({ count: 1, sizeBytes: 64 })
    const [holder, starving] = await Promise.all([0, 1].map(() => socketPair(raw, own)))
    for (const pair of [holder, starving]) await raw.submit(op.send({ fd: pair![1], buffer: Buffer.from('data') }))
    const held = await raw.stream(recvStream({ fd: holder![0], buffers })).next()
    const waiting = failure(raw.stream(recvStream({ fd: starving![0], buffers })).next())
    await eventually(() => handleOf(raw).client.slots.used <= 1)
    await rings.close()
    expect(held.value?.bytes.toString()).toBe('data')
    expect(await settledWithin(waiting)).toBe('resolved')
    expect(await waiting).toMatchObject({ code: 'ERR_RING_CLOSED' })
  })

  it.each([1, 2, 4])('an echo server with %i buffers serves 60 clients, some of which break off', async (count) => {
    const seed = testSeed(`echo with ${count} buffers`)
    const random = seededRandom(seed)
    const content = seededBytes(6000, seed)
    using buffers = raw.provideBuffers({ count, sizeBytes: 512 })
    const failures: unknown[] = []
    const listener = net.createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const { port } = listener.address() as AddressInfo
    const peers: net.Socket[] = []
    listener.on('connection', (peer) => peers.push(peer))
    // The ring's side connects, and echoes what comes; the other side is Node's own.
    async function serve(fd: number, breaksOff: boolean): Promise<void> {
      let pieces = 0
      try {
        for await (const lease of raw.stream(recvStream({ fd, buffers }), { waitingMax: 1 })) {
          try {
            await raw.submit(op.send({ fd, buffer: lease.bytes, flags: ['MSG_WAITALL'] }))
          } finally {
            lease.release()
          }
          if (breaksOff && ++pieces === 3) break
        }
        await raw.submit(op.shutdown({ fd }))
      } catch (error) {
        failures.push(error)
      }
    }
    async function client(): Promise<boolean> {
      const fd = own(await raw.submit(op.socket({ family: 'AF_INET', type: 'SOCK_STREAM' })))
      const breaksOff = random() < 0.3
      const connected = peers.length
      await raw.submit(op.connect({ fd, address: { address: '127.0.0.1', port } }))
      await eventually(() => peers.length > connected)
      const peer = peers[connected]!
      const parts: Buffer[] = []
      peer.on('data', (part) => parts.push(part))
      peer.on('error', () => undefined)
      const serving = serve(fd, breaksOff)
      peer.end(content)
      ends.push(once(peer, 'end').catch(() => undefined))
      servings.push(serving)
      checks.push(() => breaksOff || Buffer.concat(parts).equals(content))
      return true
    }
    const servings: Promise<void>[] = []
    const ends: Promise<unknown>[] = []
    const checks: (() => boolean)[] = []
    for (let number = 0; number < 60; number++) await client()
    expect(await settledWithin(Promise.all(servings), 20_000)).toBe('resolved')
    expect(await settledWithin(Promise.all(ends))).toBe('resolved')
    expect(failures).toEqual([])
    expect(checks.filter((whole) => !whole())).toEqual([])
    expect(buffers.available).toBe(count)
    for (const peer of peers) peer.destroy()
    listener.close()
  })
})
