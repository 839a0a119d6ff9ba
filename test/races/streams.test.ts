// Multishot receives against the end of the connection, against their own end, and against buffers that come back late:
// whatever happens first, the bytes are those that were sent, in order, and every buffer comes back.
import { once } from 'node:events'
import { expect, it } from 'vitest'
import { recvStream, timeoutStream } from '../../services/raw/index.ts'
import type { BufferLease } from '../../services/raw/index.ts'
import { describeOnEveryRing } from '../conformance/every-ring.ts'
import { eventually, seededBytes } from '../services/harness.ts'
import type { Random } from '../simulation/random.ts'
import { connection, moment, raceRandom, rounds } from './races.ts'

/** Writes `bytes` in pieces at random moments, then ends its side. */
async function send(random: Random, peer: NodeJS.WritableStream, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const piece = bytes.subarray(at, at + 1 + random.below(2000))
    peer.write(piece)
    at += piece.length
    await moment(random)
  }
  peer.end()
}

describeOnEveryRing('races: streams', (stand) => {
  it('mshot-shutdown-race: all that was sent before the end arrives, then the end', async () => {
    const { raw, own } = stand
    const random = raceRandom('multishot against shutdown')
    using buffers = raw.provideBuffers({ count: 4, sizeBytes: 512 })
    for (let round = 0; round < rounds(6); round++) {
      using connected = await connection(raw, own)
      const { fd, peer } = connected
      const bytes = seededBytes(random.below(20_000), round)
      const sent = send(random, peer, bytes)
      const received: Buffer[] = []
      for await (const lease of raw.stream(recvStream({ fd, buffers }))) {
        received.push(Buffer.from(lease.bytes))
        await moment(random)
        lease.release()
      }
      await sent
      expect(Buffer.concat(received).equals(bytes)).toBe(true)
      expect(buffers.available).toBe(4)
    }
  })

  it('mshot-cancel-race: a stream that is left in the middle gives a beginning of what was sent, and its buffers back', async () => {
    const { raw, own } = stand
    const random = raceRandom('multishot against its own end')
    using buffers = raw.provideBuffers({ count: 4, sizeBytes: 256 })
    for (let round = 0; round < rounds(6); round++) {
      using connected = await connection(raw, own)
      const { fd, peer } = connected
      const bytes = seededBytes(8000, round)
      const sent = send(random, peer, bytes)
      const controller = new AbortController()
      const stream = raw.stream(recvStream({ fd, buffers }), { signal: controller.signal, waitingMax: 2 })
      const received: Buffer[] = []
      const takeMax = random.below(20)
      try {
        for await (const lease of stream) {
          received.push(Buffer.from(lease.bytes))
          lease.release()
          if (received.length === takeMax) {
            if (random.chance(0.5)) break
            controller.abort()
          }
          await moment(random)
        }
      } catch (error) {
        expect(error).toMatchObject({ name: 'AbortError' })
      }
      await stream.return()
      const all = Buffer.concat(received)
      expect(all.equals(bytes.subarray(0, all.length))).toBe(true)
      expect(buffers.available).toBe(4)
      peer.destroy()
      await sent
    }
  })

  it('buf-ring-stress: leases that are released while more arrives are never written to before, and each comes back once', async () => {
    const { raw, own } = stand
    const random = raceRandom('release against arrival')
    const count = 4
    using buffers = raw.provideBuffers({ count, sizeBytes: 64 })
    for (let round = 0; round < rounds(4); round++) {
      using connected = await connection(raw, own)
      const { fd, peer } = connected
      const bytes = seededBytes(6000, round)
      const sent = send(random, peer, bytes)
      let position = 0
      let wrong = 0
      const letGo = async (lease: BufferLease, at: number): Promise<void> => {
        await moment(random)
        if (!lease.bytes.equals(bytes.subarray(at, at + lease.bytes.length))) wrong++
        lease.release()
      }
      const releases: Promise<void>[] = []
      for await (const lease of raw.stream(recvStream({ fd, buffers }))) {
        releases.push(letGo(lease, position))
        position += lease.bytes.length
      }
      await Promise.all([...releases, sent])
      expect({ position, wrong }).toEqual({ position: bytes.length, wrong: 0 })
      expect(buffers.available).toBe(count)
    }
  })

  it('timeout-race: ticks that are stopped at any moment have been counted without a gap', async () => {
    const { raw } = stand
    const random = raceRandom('ticks against their end')
    // Not shorter: a timeout that has run out and is not armed again yet is not found by its cancellation, and an SQ thread
    // that lags behind the ticks is always just there.
    for (let round = 0; round < rounds(6); round++) {
      const stream = raw.stream(timeoutStream({ intervalMs: 3 }), { waitingMax: 1 + random.below(3) })
      const seen: number[] = []
      for await (const tick of stream) {
        seen.push(tick)
        await moment(random)
        if (seen.length > random.below(6)) break
      }
      expect(seen).toEqual(seen.map((_, index) => index + 1))
    }
  })

  it('mshot-shutdown-race: a peer that vanishes ends the stream with its error or its end', async () => {
    const { raw, own } = stand
    const random = raceRandom('multishot against reset')
    using buffers = raw.provideBuffers({ count: 4, sizeBytes: 512 })
    for (let round = 0; round < rounds(6); round++) {
      using connected = await connection(raw, own)
      const { fd, peer } = connected
      peer.write(Buffer.alloc(random.below(3000)))
      const stream = raw.stream(recvStream({ fd, buffers }))
      const over = (async () => {
        for await (const lease of stream) lease.release()
        return 'end'
      })().catch((error: NodeJS.ErrnoException) => error.code)
      await moment(random)
      peer.resetAndDestroy()
      await once(peer, 'close')
      expect(['end', 'ECONNRESET']).toContain(await over)
      expect(await eventually(() => buffers.available === 4)).toBe(true)
    }
  })
})
