// Streams, provided and outgoing buffers, senders, mailboxes and arenas: what the kernel has the feature for must work, the rest must be
// refused with the reason. Called by smoke.ts.
import * as fs from 'node:fs'
import * as net from 'node:net'
import { Ringmaster } from '../../../services/index.ts'
import {
  acceptStream,
  features,
  op,
  pollStream,
  readStream,
  recvStream,
  recvmsgStream,
  timeoutStream,
} from '../../../services/raw/index.ts'
import type { FeatureName } from '../../../services/raw/index.ts'
import { Bench, pattern, received } from './bench.ts'
import { check, holds, refusalOf, same, wants } from './check.ts'
import { everyKind } from './operations.ts'

type Use = (bench: Bench) => Promise<void>

const content = pattern(200_000, 5)

async function receives(bench: Bench, bundle: boolean): Promise<void> {
  const { fd, peer } = await bench.connected()
  const buffers = bench.raw.provideBuffers({ count: 16, sizeBytes: 4096 })
  const chunks: Buffer[] = []
  peer.end(content)
  if (bundle)
    for await (const lease of bench.raw.stream(recvStream({ fd, buffers, bundle: true }))) {
      for (const piece of lease.parts) chunks.push(Buffer.from(piece))
      lease.release()
    }
  else
    for await (const lease of bench.raw.stream(recvStream({ fd, buffers }))) {
      chunks.push(Buffer.from(lease.bytes))
      lease.release()
    }
  holds(Buffer.concat(chunks).equals(content), 'what node:net sent has come whole and in order')
  buffers.close()
}

/** What is used, and the features that it needs. */
const uses: readonly (readonly [name: string, needs: FeatureName | null, use: Use])[] = [
  [
    'accept stream',
    'multishotAccept',
    async (bench) => {
      const { fd, port } = bench.listener()
      const stream = bench.raw.stream(acceptStream({ fd }))
      const clients = Array.from({ length: 5 }, () => net.connect(port, '127.0.0.1'))
      for (const client of clients) {
        const { value } = await stream.next()
        bench.own(value!)
        client.on('error', () => undefined)
      }
      await stream.return()
      for (const client of clients) client.destroy()
    },
  ],
  ['receive stream', 'multishotRecv', (bench) => receives(bench, false)],
  ['receive stream of bundles', 'recvBundle', (bench) => receives(bench, true)],
  [
    'message stream',
    'multishotRecvmsg',
    async (bench) => {
      const { fd, peer } = await bench.connected()
      const buffers = bench.raw.provideBuffers({ count: 4, sizeBytes: 1024 })
      const stream = bench.raw.stream(recvmsgStream({ fd, buffers }))
      peer.write('message')
      const { value } = await stream.next()
      same(String(value?.bytes), 'message')
      value?.release()
      await stream.return()
      buffers.close()
    },
  ],
  [
    'read stream',
    'multishotRead',
    async (bench) => {
      const { read, write } = bench.pipe()
      const buffers = bench.raw.provideBuffers({ count: 4, sizeBytes: 16 })
      const stream = bench.raw.stream(readStream({ fd: read, buffers }))
      fs.writeSync(write, 'piped')
      const { value } = await stream.next()
      same(String(value?.bytes), 'piped')
      value?.release()
      await stream.return()
      buffers.close()
    },
  ],
  [
    'poll stream',
    'multishotPoll',
    async (bench) => {
      const { read, write } = bench.pipe()
      const stream = bench.raw.stream(pollStream({ fd: read, events: ['POLLIN'] }))
      for (let round = 0; round < 3; round++) {
        const next = stream.next()
        fs.writeSync(write, 'x')
        same((await next).value, 1)
        fs.readSync(read, Buffer.alloc(8))
      }
      await stream.return()
    },
  ],
  [
    'timeout stream',
    'multishotTimeout',
    async (bench) => {
      let ticks = 0
      for await (const _ of bench.raw.stream(timeoutStream({ intervalMs: 5, count: 4 }))) ticks++
      same(ticks, 4)
    },
  ],
  [
    'incremental provided buffers',
    'bufferRingIncremental',
    async (bench) => {
      const { fd, peer } = await bench.connected()
      const buffers = bench.raw.provideBuffers({ count: 2, sizeBytes: 4096, incremental: true })
      const stream = bench.raw.stream(recvStream({ fd, buffers }))
      for (const text of ['one', 'two']) {
        const next = stream.next()
        peer.write(text)
        const { value } = await next
        same(String(value?.bytes), text)
        value?.release()
      }
      await stream.return()
      buffers.close()
    },
  ],
  [
    'outgoing buffers',
    'sendBundle',
    async (bench) => {
      const { fd, peer } = await bench.connected()
      const outgoing = bench.raw.outgoing({ fd })
      const arriving = received(peer, content.length)
      for (let at = 0; at < content.length; at += 5000) outgoing.put(content.subarray(at, at + 5000))
      same(await outgoing.flush(), content.length)
      holds((await arriving).equals(content), 'node:net receives it whole and in order')
      outgoing.close()
    },
  ],
  [
    'sender',
    null,
    async (bench) => {
      const { fd, peer } = await bench.connected()
      const arriving = received(peer, content.length)
      const sender = bench.raw.sender(fd, { zeroCopyThresholdBytes: 8192 })
      const sizes = [100, 50_000, 1, 100_000, 49_899]
      let at = 0
      const sends = sizes.map((size) => sender.send(content, (at += size) - size, size))
      same(await Promise.all(sends), sizes)
      holds((await arriving).equals(content), 'node:net receives it whole and in order')
    },
  ],
  [
    'mailbox',
    'msgRing',
    async (bench) => {
      const mailbox = bench.other.messages()
      const path = bench.path('given')
      await bench.raw.sendMessage(mailbox, { data: 7 })
      same((await mailbox.next()).value?.data, 7)
      const mine = await bench.submit(op.openat({ path, direct: 'allocate' }))
      await bench.raw.sendDescriptor(mailbox, mine)
      const theirs = (await mailbox.next()).value?.descriptor
      const buffer = Buffer.alloc(5)
      same(await bench.other.submit(op.read({ fd: theirs!, buffer, position: 0 })), 5)
      same(buffer.toString(), 'given')
      await bench.submit(op.close({ fd: mine }))
      await bench.other.submit(op.close({ fd: theirs! }))
      await mailbox.return()
    },
  ],
  [
    'messages with flags',
    'msgRingFlagsPass',
    async (bench) => {
      const mailbox = bench.other.messages()
      await bench.raw.sendMessage(mailbox, { data: 7, flags: 0xab00 })
      same((await mailbox.next()).value?.flags, 0xab00)
      await mailbox.return()
    },
  ],
]

export async function checkStreams(): Promise<void> {
  const found = await features()
  for (const { poller, memory } of await everyKind()) {
    const area = `streams, ${poller}, ${memory}`
    if (poller === 'threadpool' || !wants(area)) continue
    const bench = await Bench.open(poller, { memory })
    for (const [name, needs, use] of uses) {
      const verdict = needs === null ? null : found[needs]
      if (verdict?.ok === false)
        await check(area, `${name}: refused with the reason`, async () => {
          const refused = await refusalOf((async () => use(bench))())
          same(refused?.code, 'ERR_RING_OPERATION_UNSUPPORTED')
          holds(refused!.message.includes(verdict.since), `it says since when: ${refused!.message}`)
        })
      else await check(area, `${name}: works`, () => use(bench))
      bench.clean()
    }
    await check(area, 'nothing is left in flight, and the rings close', async () => {
      same(
        bench.rings.stats().rings.map(({ inFlight, backlog }) => [inFlight, backlog]),
        [
          [0, 0],
          [0, 0],
        ],
      )
      await bench.close()
    })
  }
}

/** An arena on several rings: cloned from the first where the kernel can, else registered on each. */
export async function checkArenas(): Promise<void> {
  for (const { poller, memory } of await everyKind()) {
    const ofRing = poller === 'threadpool' ? {} : { memory }
    await check(
      'arenas',
      `${poller}, ${memory}: reads and writes with leases are right, registered where there are rings`,
      async () => {
        const rings = await Ringmaster.start({ poller, ...ofRing, rings: 3 })
        try {
          const arena = rings.arena({ slabBytes: 8192, slabs: 8 })
          same(arena.registered, poller !== 'threadpool', `registered (${arena.reason})`)
          const path = fs.mkdtempSync('/tmp/ringmaster-') + '/arena'
          const file = await rings.open(path, 'w+')
          for (let round = 0; round < 12; round++) {
            const [out, back] = [arena.lease(), arena.lease()]
            out.buffer.set(content.subarray(round * 8192, (round + 1) * 8192))
            same((await file.write(out.buffer, 0, 8192, round * 8192)).bytesWritten, 8192)
            same((await file.read(back.buffer, 0, 8192, round * 8192)).bytesRead, 8192)
            holds(back.buffer.equals(out.buffer), 'what was written is read')
            out.release()
            back.release()
          }
          holds(fs.readFileSync(path).equals(content.subarray(0, 12 * 8192)), 'node:fs reads the same')
          await file.close()
          await arena.close()
        } finally {
          await rings.close()
        }
      },
    )
  }
}
