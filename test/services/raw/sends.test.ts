// Sends that decide or join: outgoing buffers (bundles), the sender (zero copy or not), sends of several buffers. The other end is
// node:net.
import * as fs from 'node:fs'
import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { op } from '../../../services/raw/index.ts'
import type { RawRing } from '../../../services/raw/index.ts'
import { Ringmaster } from '../../../services/ringmaster.ts'
import { callLoosely, eventually, failure, pollers, seededBytes, seededRandom, testSeed } from '../harness.ts'
import { handleOf } from './conformance.ts'
import { errorCode } from './errors.ts'
import { received, socketPair, tcpPair } from './sockets.ts'

const seed = testSeed('sends')

/** A buffer cut into pieces of random sizes. */
function pieces(bytes: Buffer, mostBytes: number): Buffer[] {
  const random = seededRandom(seed)
  const cut: Buffer[] = []
  for (let at = 0; at < bytes.length;) {
    const size = 1 + Math.floor(random() * mostBytes)
    cut.push(bytes.subarray(at, at + size))
    at += size
  }
  return cut
}

describe.each(pollers)('sends, %s', (poller) => {
  let rings: Ringmaster
  let raw: RawRing
  let owned: number[]
  const own = (fd: number): number => {
    owned.push(fd)
    return fd
  }
  beforeEach(async () => {
    rings = await Ringmaster.start({ rings: 1, poller, sqEntries: 64 })
    raw = rings.raw()
    owned = []
  })
  afterEach(async () => {
    for (const fd of owned) fs.closeSync(fd)
    await rings.close()
  })

  describe('outgoing buffers', () => {
    it('arrive in order, more at a time than the kernel takes for one bundle', async () => {
      const { fd, peer } = await tcpPair(raw, own)
      const content = seededBytes(1_500_000, seed)
      const arriving = received(peer, content.length)
      const outgoing = raw.outgoing({ fd, count: 1000 })
      expect(outgoing.count).toBe(1024)
      let flushedBytes = 0
      for (const piece of pieces(content, 3000)) {
        outgoing.put(piece)
        outgoing.put(new Uint8Array())
        if (outgoing.queued === outgoing.count) flushedBytes += await outgoing.flush()
      }
      flushedBytes += await outgoing.flush()
      expect(flushedBytes).toBe(content.length)
      expect([outgoing.queued, outgoing.sentBytes]).toEqual([0, content.length])
      expect((await arriving).equals(content)).toBe(true)
      expect(await outgoing.flush()).toBe(0)
      outgoing.close()
      peer.destroy()
    })

    it('are taken while others are sent, and each flush covers what was put before it', async () => {
      const { fd, peer } = await tcpPair(raw, own)
      const arriving = received(peer, 9)
      const outgoing = raw.outgoing({ fd })
      outgoing.put(Buffer.from('one'))
      const first = outgoing.flush()
      outgoing.put(Buffer.from('two'))
      const second = outgoing.flush()
      outgoing.put(Buffer.from('six'))
      expect(await Promise.all([first, second, outgoing.flush()])).toEqual([3, 3, 3])
      expect((await arriving).toString()).toBe('onetwosix')
      outgoing.close()
      peer.destroy()
    })

    it('are refused when too many wait, and after the end of the connection', async () => {
      const [here, there] = await socketPair(raw, own)
      const outgoing = raw.outgoing({ fd: here, count: 2 })
      outgoing.put(Buffer.from('a'))
      outgoing.put(Buffer.from('b'))
      expect(errorCode(() => outgoing.put(Buffer.from('c')))).toBe('ERR_RING_SEND_QUEUE_FULL')
      expect(await outgoing.flush()).toBe(2)
      await raw.submit(op.shutdown({ fd: there }))
      outgoing.put(Buffer.from('d'))
      expect(await failure(outgoing.flush())).toMatchObject({ code: 'EPIPE', syscall: 'send' })
      expect(errorCode(() => outgoing.put(Buffer.from('e')))).toBe('EPIPE')
      expect(outgoing.sentBytes).toBe(2)
      outgoing.close()
      outgoing.close()
    })

    it('can be given up while the peer does not read', async () => {
      const [here] = await socketPair(raw, own)
      const { registered } = handleOf(raw)
      const before = registered.size
      const outgoing = raw.outgoing({ fd: here })
      for (let count = 0; count < 10; count++) outgoing.put(Buffer.alloc(1 << 20))
      const controller = new AbortController()
      const flushing = failure(outgoing.flush({ signal: controller.signal }))
      await raw.submit(op.nop())
      controller.abort()
      expect(await flushing).toMatchObject({ name: 'AbortError' })
      expect(outgoing.sentBytes).toBeLessThan(10 << 20)
      outgoing.close()
      expect(errorCode(() => outgoing.put(Buffer.alloc(1)))).toBe('ERR_RING_BUFFERS_CLOSED')
      expect(await eventually(() => registered.size === before)).toBe(true)
      const closing = raw.outgoing({ fd: here })
      closing.put(Buffer.alloc(10))
      const closed = failure(closing.flush())
      closing.close()
      expect(await closed).toMatchObject({ code: 'ERR_RING_BUFFERS_CLOSED' })
    })
  })

  describe('sender', () => {
    it('sends small buffers and large ones in order, and stops zero copy where the kernel copies', async () => {
      const { fd, peer } = await tcpPair(raw, own)
      const content = seededBytes(2_000_000, seed)
      const arriving = received(peer, content.length)
      const sender = raw.sender(fd)
      expect(sender.zeroCopy).toEqual({ active: true, reason: null, sends: 0, copied: 0 })
      const cut = pieces(content, 40_000)
      expect(await Promise.all(cut.map((piece) => sender.send(piece)))).toEqual(cut.map(({ length }) => length))
      expect((await arriving).equals(content)).toBe(true)
      const { active, reason, sends, copied } = sender.zeroCopy
      expect({ active, reason }).toEqual({ active: false, reason: 'copied' }) // loopback
      expect(copied).toBe(sends)
      // How many went out before the first notification came is up to the machine: none does afterwards.
      expect(await sender.send(Buffer.alloc(40_000))).toBe(40_000)
      expect(sender.zeroCopy.sends).toBe(sends)
      peer.destroy()
    })

    it('copies where the protocol cannot do without, and where it is told to', async () => {
      const [here, there] = await socketPair(raw, own)
      const content = seededBytes(20_000, seed)
      const buffer = Buffer.alloc(content.length)
      const sender = raw.sender(here)
      expect(await sender.send(content)).toBe(content.length)
      expect(sender.zeroCopy).toEqual({ active: false, reason: 'unsupported', sends: 0, copied: 0 })
      await raw.submit(op.recv({ fd: there, buffer, flags: ['MSG_WAITALL'] }))
      expect(buffer.equals(content)).toBe(true)
      const copying = raw.sender(here, { zeroCopyThresholdBytes: Infinity })
      expect(await copying.send(content, 10, 5)).toBe(5)
      expect(await copying.send(content, 10, 0)).toBe(0)
      expect(copying.zeroCopy).toMatchObject({ active: true, sends: 0 })
      expect(await raw.submit(op.recv({ fd: there, buffer }))).toBe(5)
      expect(buffer.subarray(0, 5).equals(content.subarray(10, 15))).toBe(true)
    })

    it('rejects everything behind a send that failed, or was aborted', async () => {
      const [here, there] = await socketPair(raw, own)
      const controller = new AbortController()
      const sender = raw.sender(here, { signal: controller.signal, waitingMax: 2 })
      const large = Buffer.alloc(10 << 20)
      const sends = [sender.send(large), sender.send(large), sender.send(large)].map((send) => failure(send))
      expect(await failure(sender.send(large))).toMatchObject({ code: 'ERR_RING_SEND_QUEUE_FULL' })
      await raw.submit(op.nop())
      controller.abort()
      expect((await Promise.all(sends)).map(({ name }) => name)).toEqual(['AbortError', 'AbortError', 'AbortError'])
      expect(await failure(sender.send(large))).toMatchObject({ name: 'AbortError' })
      await raw.submit(op.shutdown({ fd: there }))
      const failing = raw.sender(here)
      const failed = await Promise.all([failure(failing.send(large)), failure(failing.send(large))])
      expect(failed.map(({ code }) => code)).toEqual(['EPIPE', 'EPIPE'])
      expect(handleOf(raw).client.inFlight).toBe(0)
    })

    it('rejects what is under way and what waits when it is closed', async () => {
      const [here] = await socketPair(raw, own)
      const sender = raw.sender(here)
      const sends = [sender.send(Buffer.alloc(10 << 20)), sender.send(Buffer.from('x'))].map((send) => failure(send))
      sender.close()
      sender.close()
      const closed = { code: 'ERR_RING_BUFFERS_CLOSED' }
      for (const outcome of [...(await Promise.all(sends)), await failure(sender.send(Buffer.from('x')))])
        expect(outcome).toMatchObject(closed)
    })

    it('listens to its signal only while it has something to send', async () => {
      const [here, there] = await socketPair(raw, own)
      const controller = new AbortController()
      const senders = Array.from({ length: 20 }, () => raw.sender(here, { signal: controller.signal }))
      expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
      for (const sender of senders) expect(await sender.send(Buffer.from('x'))).toBe(1)
      expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
      expect(await raw.submit(op.recv({ fd: there, buffer: Buffer.alloc(20), flags: ['MSG_WAITALL'] }))).toBe(20)
      controller.abort()
      expect(await failure(senders[0]!.send(Buffer.from('x')))).toMatchObject({ name: 'AbortError' })
    })
  })

  it('several buffers go in one send, copied or not', async () => {
    const { fd, peer } = await tcpPair(raw, own)
    const content = seededBytes(60_000, seed)
    const buffers = pieces(content, 900)
    const arriving = received(peer, content.length * 2)
    expect(await raw.submit(op.sendVector({ fd, buffers, flags: ['MSG_WAITALL'] }))).toBe(content.length)
    const sent = await raw.submit(op.sendVectorZc({ fd, buffers, flags: ['MSG_WAITALL'], reportUsage: true }))
    expect(sent).toEqual({ bytes: content.length, copied: true })
    expect((await arriving).equals(Buffer.concat([content, content]))).toBe(true)
    peer.destroy()
    const tooMany = Array.from({ length: 1025 }, () => content)
    expect(errorCode(() => op.sendVector({ fd, buffers: tooMany }))).toBe('ERR_OUT_OF_RANGE')
    expect(errorCode(() => Reflect.apply(op.sendVectorZc, null, [{ fd, buffers: content }]))).toBe(
      'ERR_INVALID_ARG_TYPE',
    )
  })

  it('refuses misuse at once', () => {
    expect(errorCode(() => raw.outgoing({ fd: 0, count: 0 }))).toBe('ERR_OUT_OF_RANGE')
    expect(errorCode(() => raw.sender(0, { zeroCopyThresholdBytes: -1 }))).toBe('ERR_OUT_OF_RANGE')
    expect(errorCode(() => raw.sender(-1))).toBe('ERR_OUT_OF_RANGE')
    expect(errorCode(() => callLoosely(raw, 'sender', 0, { signal: 1 }))).toBe('ERR_INVALID_ARG_TYPE')
  })
})
