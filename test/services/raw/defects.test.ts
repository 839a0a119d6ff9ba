// What strangers broke: each case is the shortest way to a defect that was mended, on every poller.
import { once } from 'node:events'
import * as fs from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { op, recvStream, sendMessageSync } from '../../../services/raw/index.ts'
import type { RawRing } from '../../../services/raw/index.ts'
import { Ringmaster } from '../../../services/ringmaster.ts'
import { callLoosely, failure, pollers, seededBytes, settledWithin, temporaryFolder } from '../harness.ts'
import { errorCode } from './errors.ts'
import { tcpPair } from './sockets.ts'

describe.each(pollers)('%s', (poller) => {
  const folder = temporaryFolder()
  let rings: Ringmaster
  let raw: RawRing
  let other: RawRing
  beforeAll(async () => {
    rings = await Ringmaster.start({ rings: 2, poller, closeGraceMs: 100 })
    raw = rings.raw(0)
    other = rings.raw(1)
  })
  afterAll(async () => {
    await rings.close()
    folder.remove()
  })

  it('many streams that starve of few buffers all get all of their own data, and nobody else’s request is disturbed', async () => {
    const content = seededBytes(20_000, 5)
    const server = createServer((socket) => socket.end(content)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const buffers = raw.provideBuffers({ count: 4, sizeBytes: 1024 })
    const fetch = async (): Promise<boolean> => {
      const fd = await raw.submit(op.socket({ family: 'AF_INET', type: 'SOCK_STREAM' }))
      const parts: Buffer[] = []
      try {
        await raw.submit(op.connect({ fd, address: { address: '127.0.0.1', port } }))
        for await (const lease of raw.stream(recvStream({ fd, buffers }))) {
          parts.push(Buffer.from(lease.bytes))
          await nextTurn()
          lease.release()
        }
      } finally {
        await raw.submit(op.close({ fd }))
      }
      return Buffer.concat(parts).equals(content)
    }
    const fetched = await Promise.all(Array.from({ length: 100 }, fetch))
    expect(fetched.filter(Boolean)).toHaveLength(100)
    expect(buffers.available).toBe(4)
    buffers.close()
    server.close()
  })

  it('outgoing buffers that are closed in the middle of a flush reject it, and nothing else', async () => {
    const owned: number[] = []
    const { fd, peer } = await tcpPair(raw, (made) => (owned.push(made), made))
    peer.pause()
    const outgoing = raw.outgoing({ fd })
    for (let count = 0; count < 100; count++) outgoing.put(Buffer.alloc(200_000))
    const flushed = failure(outgoing.flush())
    await settledWithin(flushed, 50)
    outgoing.close()
    expect(await flushed).toMatchObject({ code: 'ERR_RING_BUFFERS_CLOSED' })
    peer.destroy()
    for (const made of owned) fs.closeSync(made)
  })

  it('what opens into a leased slot does not after its release, into the slot that somebody else has now', async () => {
    const [mine, theirs] = ['mine', 'theirs'].map((name) => `${folder.path}/${poller}-${name}`)
    for (const path of [mine!, theirs!]) fs.writeFileSync(path, path)
    const first = raw.directSlots.lease()
    const late = op.openat({ path: mine!, direct: first })
    first.release()
    const second = raw.directSlots.lease()
    await raw.submit(op.openat({ path: theirs!, direct: second }))
    expect(await failure(raw.submit(late))).toMatchObject({ code: 'ERR_RING_SLOT_RELEASED' })
    const buffer = Buffer.alloc(4096)
    const length = await raw.submit(op.read({ fd: second, buffer, position: 0 }))
    expect(buffer.toString('utf8', 0, length)).toBe(theirs)
    second.release()
  })

  it('a chain is not changed while it is carried out, and has each operation once', async () => {
    const chain = raw.chain().link(op.timeout({ timeMs: 5 }))
    const outcome = chain.submit()
    expect(errorCode(() => chain.link(op.nop()))).toBe('ERR_INVALID_ARG_VALUE')
    expect(await outcome).toMatchObject([{ status: 'done' }])
    const twice = op.nop()
    const repeated = failure(raw.chain().link(twice).link(twice).submit())
    expect(await repeated).toMatchObject({ code: 'ERR_RING_OPERATION_IN_FLIGHT' })
  })

  it('a message to a ring of Ringmaster must be for a mailbox: it would settle the request of somebody else', async () => {
    const { read, write } = await raw.submit(op.pipe())
    const waiting = Array.from({ length: 8 }, () => raw.submit(op.read({ fd: read, buffer: Buffer.alloc(1) })))
    for (let userData = 0; userData < 16; userData++) {
      const send = errorCode(() => op.msgRing({ ringFd: raw.ringFd, userData, result: 999 }))
      expect(send).toBe('ERR_INVALID_ARG_VALUE')
      const address = { ringFd: raw.ringFd, address: userData }
      expect(errorCode(() => sendMessageSync(address, { data: 999 }))).toBe('ERR_INVALID_ARG_VALUE')
      expect(await failure(other.sendMessage(address, { data: 999 }))).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' })
    }
    fs.writeSync(write, '12345678')
    expect(await Promise.all(waiting)).toEqual(Array.from({ length: 8 }, () => 1))
    for (const fd of [read, write]) fs.closeSync(fd)
  })

  it('what is no operation is refused as such', async () => {
    for (const nothing of [{}, undefined, 5, Promise.resolve()]) {
      expect(await failure(callLoosely(raw, 'submit', nothing))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
    }
  })
})
