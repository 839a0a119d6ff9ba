// Slabs that were given back while something of ours still waits to use them: senders and outgoing buffers queue without a
// request, and their bytes are read when their turn comes. And what it costs to find out who uses a slab.
import type net from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { closeSync } from 'node:fs'
import { Ringmaster } from '../../services/ringmaster.ts'
import { op } from '../../services/raw/index.ts'
import type { RawRing } from '../../services/raw/raw-ring.ts'
import { visitUsers } from '../../workers/memory-users.ts'
import { makePipe } from '../native/support/pipe.ts'
import { handleOf } from '../conformance/every-ring.ts'
import { everyPoller, everyRing, failure, settledWithin } from './harness.ts'
import { received, tcpPair } from './raw/sockets.ts'

const slabBytes = 65536

describe.each(everyPoller)('a slab that waits to be sent, $poller poller, $memory memory', (kind) => {
  let rings: Ringmaster
  let raw: RawRing
  let fd: number
  let peer: net.Socket
  const owned: number[] = []
  beforeEach(async () => {
    rings = await Ringmaster.start({ rings: 1, directDescriptors: 16, sqEntries: 64, ...kind })
    raw = rings.raw()
    ;({ fd, peer } = await tcpPair(raw, (own) => {
      owned.push(own)
      return own
    }))
    peer.pause()
  })
  afterEach(async () => {
    peer.destroy()
    for (const own of owned.splice(0)) closeSync(own)
    await rings.close()
  })

  // Every slab is filled with a letter, handed over and given back at once, by as many writers as there are letters.
  async function sendAndGiveBack(hand: (buffer: Buffer) => Promise<unknown>): Promise<void> {
    const arena = rings.arena({ slabBytes, slabs: 2 })
    const letters = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZ', (letter) => letter.repeat(4))
    const content = received(peer, letters.length * slabBytes)
    const sends = letters.map(async (letter) => {
      const lease = await arena.leaseWhenFree()
      lease.buffer.fill(letter)
      const sent = hand(lease.buffer)
      lease.release()
      await sent
    })
    peer.resume()
    expect(await settledWithin(Promise.all(sends), 15_000)).toBe('resolved')
    const arrived = await content
    const seen = letters.map((_, index) => arrived.subarray(index * slabBytes, (index + 1) * slabBytes))
    expect(seen.map((block) => String.fromCharCode(block[0]!)).sort()).toEqual(letters.map((letter) => letter[0]))
    expect(seen.filter((block) => block.some((byte) => byte !== block[0]))).toEqual([])
    expect(arena.stats()).toMatchObject({ leased: 0, draining: 0, waiters: 0 })
    await arena.close()
  }

  it('by a sender: every letter arrives whole, though its lease was given back before its turn', async () => {
    const sender = raw.sender(fd)
    await sendAndGiveBack((buffer) => sender.send(buffer))
  })

  it('is leased again when its sender was given up', async () => {
    const arena = rings.arena({ slabBytes, slabs: 3 })
    const abort = new AbortController()
    const sender = raw.sender(fd, { signal: abort.signal, zeroCopyThresholdBytes: Infinity })
    const blocked = failure(sender.send(Buffer.alloc(16 * 2 ** 20)))
    const lease = arena.lease()
    const waiting = failure(sender.send(lease.buffer))
    lease.release()
    await nextTurn()
    expect(arena.stats()).toMatchObject({ leased: 0, draining: 1 })
    const others = [arena.lease(), arena.lease()]
    const again = arena.leaseWhenFree()
    abort.abort()
    expect([(await blocked)['name'], (await waiting)['name']]).toEqual(['AbortError', 'AbortError'])
    for (const held of [...others, await again]) held.release()
    expect(arena.stats()).toMatchObject({ leased: 0, draining: 0 })
  })

  if (kind.poller !== 'threadpool')
    it('by outgoing buffers: also before there is a flush', async () => {
      using outgoing = raw.outgoing({ fd, count: 64 })
      await sendAndGiveBack((buffer) => {
        outgoing.put(buffer)
        return nextTurn().then(() => outgoing.flush())
      })
    })

  if (kind.poller !== 'threadpool')
    it('is leased again when the outgoing buffers were closed', async () => {
      const arena = rings.arena({ slabBytes, slabs: 1 })
      const outgoing = raw.outgoing({ fd, count: 64 })
      const lease = arena.lease()
      outgoing.put(lease.buffer)
      lease.release()
      expect(arena.tryLease()).toBeNull()
      const again = arena.leaseWhenFree()
      outgoing.close()
      ;(await again).release()
    })
})

describe.each(everyRing)('who uses a slab, $poller poller, $memory memory', (kind) => {
  it('is found by looking at what requests keep, not at the rings they are on', async () => {
    await using rings = await Ringmaster.start({ rings: 1, directDescriptors: 16, sqEntries: 64, ...kind })
    const raw = rings.raw()
    const pipe = makePipe()
    const arena = rings.arena({ slabBytes: 4096, slabs: 8 })
    using buffers = raw.provideBuffers({ count: 2, sizeBytes: 64 })
    const leases = Array.from({ length: 8 }, () => arena.lease())
    const abort = new AbortController()
    const { signal } = abort
    const reads = leases.map(({ buffer }) => raw.submit(op.read({ fd: pipe.readFd, buffer }), { signal }))
    const cancelled = failure(raw.submit(op.read({ fd: pipe.readFd, buffers }), { signal }))
    const chained = raw
      .chain()
      .link(op.read({ fd: pipe.readFd, buffer: leases[0]!.buffer }))
      .submit({ signal })
    const memory = leases[0]!.buffer.buffer
    if (!(memory instanceof SharedArrayBuffer)) throw new TypeError('an arena’s memory is shared')
    const offsets: number[] = []
    const looked = visitUsers([handleOf(raw)], memory, ({ byteOffset }) => offsets.push(byteOffset), null)
    expect(offsets.sort((a, b) => a - b)).toEqual([0, 0, ...leases.slice(1).map((_, index) => (index + 1) * 4096)])
    // An operation and its view, ten times, and the few objects between them.
    expect(looked).toBeLessThan(60)
    abort.abort()
    await Promise.allSettled([...reads, cancelled, chained])
    for (const lease of leases) lease.release()
    pipe.close()
  })
})
