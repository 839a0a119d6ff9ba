// Row MSHOT of liburing's tests, rewritten from what they check: multishot accept, poll, receive and read.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import net from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, it } from 'vitest'
import { ClientCounter } from '../../metrics/ring-metrics.ts'
import { binding } from '../../native/binding.ts'
import type { Ring } from '../../native/ring.ts'
import { Control } from '../../native/layout.ts'
import { recv as recvRow } from '../../native/operations/messages.ts'
import { flags, op, acceptStream, pollStream, readStream, recvStream } from '../../services/raw/index.ts'
import type { BufferLease, MultishotStream, ProvidedBuffers } from '../../services/raw/index.ts'
import {
  descriptors,
  eventually,
  fieldOf,
  seededBytes,
  seededRandom,
  settledWithin,
  testSeed,
} from '../services/harness.ts'
import { sendAll, socketPair } from '../services/raw/sockets.ts'
import { describeOnEveryRing, handleOf } from './every-ring.ts'

const seed = testSeed('mshot')

/** Everything a stream gives until its end, or until there are `length` bytes. */
async function gather(stream: MultishotStream<BufferLease>, length = Infinity): Promise<Buffer> {
  const pieces: Buffer[] = []
  let have = 0
  while (have < length) {
    const { done, value } = await stream.next()
    if (done === true) break
    pieces.push(Buffer.from(value.bytes))
    have += value.bytes.length
    value.release()
  }
  return Buffer.concat(pieces)
}

/** What the program counts as the kernel's is what the kernel counts. */
function expectConserved(buffers: ProvidedBuffers): void {
  buffers.select() // publishes what was released just now
  expect(buffers.available).toBe(buffers.count)
  expect(buffers.status().available).toBe(buffers.count)
}

const sockets = (): number => descriptors().filter((name) => name.startsWith('socket:')).length

describeOnEveryRing('mshot', (stand) => {
  it('accept-mshot-stress: every connection is accepted once, however fast they come and go', async () => {
    const { raw, own, path } = stand
    const address = { path: path() }
    const listener = own(await raw.submit(op.socket({ family: 'AF_UNIX', type: 'SOCK_STREAM' })))
    await raw.submit(op.bind({ fd: listener, address }))
    await raw.submit(op.listen({ fd: listener, backlog: 256 }))
    const before = sockets()
    const stream = raw.stream(acceptStream({ fd: listener }), { waitingMax: 8 })
    const count = 150
    const numbers: number[] = []
    const accepting = (async () => {
      while (numbers.length < count) {
        const { value } = await stream.next()
        const byte = Buffer.alloc(1)
        if ((await raw.submit(op.recv({ fd: value!, buffer: byte }))) === 1) numbers.push(byte[0]!)
        fs.closeSync(value!)
      }
    })()
    for (let number = 0; number < count; number++) {
      const client = net.connect(address.path)
      client.on('error', () => undefined)
      client.end(Buffer.from([number]))
      if (number % 16 === 15) await once(client, 'close')
    }
    await accepting
    expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, number) => number))
    await stream.return()
    expect(await eventually(() => sockets() === before)).toBe(true)
  })

  it('recv-multishot: gives all that is sent, in order, and ends with the peer', async () => {
    const { raw, other, own } = stand
    const [here, there] = await socketPair(raw, own)
    const buffers = raw.provideBuffers({ count: 16, sizeBytes: 512 })
    const content = seededBytes(40_000, seed)
    const gathering = gather(raw.stream(recvStream({ fd: there, buffers })))
    await sendAll(other, here, content)
    await other.submit(op.shutdown({ fd: here }))
    expect((await gathering).equals(content)).toBe(true)
    expectConserved(buffers)
    buffers.close()
  })

  it('recv-mshot-fair: a request ends after the bytes of its turn, and the stream goes on with another', async () => {
    const { raw, other, own } = stand
    const buffers = raw.provideBuffers({ count: 64, sizeBytes: 256 })
    const pairs = [await socketPair(raw, own), await socketPair(raw, own)]
    const contents = pairs.map((_, index) => seededBytes(16 * 1024, seed + index))
    for (const [index, [here]] of pairs.entries()) await sendAll(other, here, contents[index]!)
    const { metrics } = handleOf(raw)
    const before = metrics.completions(recvRow.opcode)
    const streams = pairs.map(([, there]) => raw.stream(recvStream({ fd: there, buffers, turnBytesMax: 1024 })))
    const arrived = await Promise.all(streams.map((stream) => gather(stream, 16 * 1024)))
    expect(arrived.map((bytes, index) => bytes.equals(contents[index]!))).toEqual([true, true])
    await Promise.all(streams.map((stream) => stream.return()))
    expect(metrics.completions(recvRow.opcode) - before).toBeGreaterThanOrEqual(2 * 15)
    expectConserved(buffers)
    buffers.close()
  })

  it('recv-mshot-drain: waits without a buffer, and goes on when some come back', async () => {
    const { raw, other, own } = stand
    const [here, there] = await socketPair(raw, own)
    const buffers = raw.provideBuffers({ count: 4, sizeBytes: 64 })
    const content = seededBytes(64 * 100, seed)
    const stream = raw.stream(recvStream({ fd: there, buffers }))
    const sending = sendAll(other, here, content)
    const pieces: Buffer[] = []
    let have = 0
    while (have < content.length) {
      const leases: BufferLease[] = []
      while (leases.length < 4 && have < content.length) {
        const { value } = await stream.next()
        leases.push(value!)
        have += value!.bytes.length
      }
      if (have < content.length) expect(buffers.available).toBe(0)
      const starving = have < content.length ? stream.next() : null
      pieces.push(...leases.map(({ bytes }) => Buffer.from(bytes)))
      for (const lease of leases) lease.release()
      if (starving === null) break
      const { value } = await starving
      pieces.push(Buffer.from(value!.bytes))
      have += value!.bytes.length
      value!.release()
    }
    await sending
    expect(Buffer.concat(pieces).equals(content)).toBe(true)
    await stream.return()
    expectConserved(buffers)
    buffers.close()
  })

  it('read-mshot: gives what is written to a pipe, and ends with it', async () => {
    const { raw, own } = stand
    const { read, write } = await raw.submit(op.pipe())
    own(read)
    const buffers = raw.provideBuffers({ count: 8, sizeBytes: 256 })
    const content = seededBytes(20_000, seed)
    const gathering = gather(raw.stream(readStream({ fd: read, buffers })))
    for (let at = 0; at < content.length; at += 1000) {
      await raw.submit(op.write({ fd: write, buffer: content, offset: at, length: 1000 }))
    }
    fs.closeSync(write)
    expect((await gathering).equals(content)).toBe(true)
    expectConserved(buffers)
    buffers.close()
  })

  it('read-mshot-empty: one wake-up is enough for more than a buffer holds', async () => {
    const { raw, own } = stand
    const { read, write } = await raw.submit(op.pipe())
    own(read)
    const buffers = raw.provideBuffers({ count: 32, sizeBytes: 32 })
    const stream = raw.stream(readStream({ fd: read, buffers }))
    const first = stream.next()
    const content = seededBytes(32 * 20 + 5, seed)
    fs.writeSync(own(write), content)
    const { value } = await first
    const start = Buffer.from(value!.bytes)
    value!.release()
    const rest = await gather(stream, content.length - start.length)
    expect(Buffer.concat([start, rest]).equals(content)).toBe(true)
    await stream.return()
    expectConserved(buffers)
    buffers.close()
  })

  it('read-mshot-stdin: reads the standard input of a program to its end', async () => {
    const dist = new URL('../../dist/services/', import.meta.url).href
    const script = `
      import { Ringmaster } from '${dist}index.js'
      import { readStream } from '${dist}raw/index.js'
      const rings = await Ringmaster.start(${JSON.stringify({ rings: 1, ...stand.kind })})
      const raw = rings.raw()
      const buffers = raw.provideBuffers({ count: 4, sizeBytes: 128 })
      for await (const lease of raw.stream(readStream({ fd: 0, buffers }))) {
        process.stdout.write(lease.bytes.toString('hex'))
        lease.release()
      }`
    const ending = '\nawait rings.close()'
    const child = spawn(process.execPath, ['--input-type=module', '-e', script + ending], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const content = seededBytes(3000, seed)
    child.stdin.write(content.subarray(0, 1000))
    child.stdin.end(content.subarray(1000))
    expect(await text(child.stdout)).toBe(content.toString('hex'))
  })

  it('poll-mshot-update: many polls are changed while they go on, and keep what they are changed to', async () => {
    const { raw, own } = stand
    const random = seededRandom(seed)
    const pipes = await Promise.all(Array.from({ length: 32 }, () => raw.submit(op.pipe())))
    for (const { read, write } of pipes) [read, write].forEach(own)
    const polls = pipes.map(({ read }) => {
      const source = pollStream({ fd: read, events: ['POLLPRI'] })
      const stream = raw.stream(source)
      return { source, stream, next: stream.next() }
    })
    for (const { source } of polls) expect(await raw.submit(source.update(['POLLIN']))).toBe(0)
    const order = polls.map((_, index) => index).sort(() => random() - 0.5)
    for (const index of order) {
      fs.writeSync(pipes[index]!.write, 'x')
      expect(await polls[index]!.next).toEqual({ done: false, value: flags.PollEvent.POLLIN })
    }
    const again = polls.map(({ stream }) => stream.next())
    for (const { write } of pipes) fs.writeSync(write, 'y')
    expect((await Promise.all(again)).every(({ value }) => value === flags.PollEvent.POLLIN)).toBe(true)
    await Promise.all(polls.map(({ stream }) => stream.return()))
  })

  it('poll-mshot-wake: a poll of the descriptor that the ring itself signals does not get stuck', async () => {
    const { raw } = stand
    const control = fieldOf(handleOf(raw).client, 'control') as Int32Array
    const eventFd = Atomics.load(control, Control.event_fd >> 2)
    const stream = raw.stream(pollStream({ fd: eventFd, events: ['POLLIN'] }))
    let items = 0
    for (let round = 1; round <= 20; round++) {
      void stream.next().then(({ value }) => {
        if (value === flags.PollEvent.POLLIN) items++
      })
      const signalled = (): boolean => {
        binding().signal(eventFd) // which the ring's own client takes back, perhaps before the poll is there
        return items === round
      }
      expect(await eventually(signalled)).toBe(true)
    }
    await stream.return()
    await stand.rings.nop()
  })

  it('poll-race-mshot: wake-ups that race with the receive lose no data and no buffer', async () => {
    const { raw, other, own } = stand
    const [here, there] = await socketPair(raw, own)
    const buffers = raw.provideBuffers({ count: 8, sizeBytes: 64 })
    const stream = raw.stream(recvStream({ fd: there, buffers }))
    const random = seededRandom(seed)
    for (let round = 0; round < 150; round++) {
      const content = seededBytes(1 + Math.floor(random() * 150), seed + round)
      const gathering = gather(stream, content.length)
      const cut = Math.floor(random() * content.length)
      await Promise.all([sendAll(other, here, content.subarray(0, cut)), sendAll(raw, here, Buffer.alloc(0))])
      await sendAll(other, here, content.subarray(cut))
      expect((await gathering).equals(content)).toBe(true)
    }
    await stream.return()
    expectConserved(buffers)
    buffers.close()
  })

  it('mshot-shutdown-race: data that is followed by a shutdown at once arrives, and then the end', async () => {
    const { raw, own } = stand
    const buffers = raw.provideBuffers({ count: 8, sizeBytes: 64 })
    for (let round = 0; round < 50; round++) {
      const [here, there] = await socketPair(raw, own)
      const content = seededBytes(33, seed + round)
      const gathering = gather(raw.stream(recvStream({ fd: there, buffers })))
      const chain = raw.chain().link(op.send({ fd: here, buffer: content, flags: ['MSG_WAITALL'] }))
      const outcomes = await chain.link(op.shutdown({ fd: here })).submit()
      expect(outcomes.map(({ status }) => status)).toEqual(['done', 'done'])
      expect((await gathering).equals(content)).toBe(true)
    }
    expectConserved(buffers)
    buffers.close()
  })

  it('buf-ring-mshot: streams that share one group of buffers keep their data apart', async () => {
    const { raw, other, own } = stand
    const buffers = raw.provideBuffers({ count: 16, sizeBytes: 128 })
    const pairs = await Promise.all(Array.from({ length: 8 }, () => socketPair(raw, own)))
    const contents = pairs.map((_, index) => seededBytes(5000 + index, seed + index))
    const gathering = pairs.map(([, there]) => gather(raw.stream(recvStream({ fd: there, buffers }))))
    await Promise.all(
      pairs.map(async ([here], index) => {
        await sendAll(other, here, contents[index]!)
        await other.submit(op.shutdown({ fd: here }))
      }),
    )
    const arrived = await Promise.all(gathering)
    expect(arrived.map((bytes, index) => bytes.equals(contents[index]!))).toEqual(pairs.map(() => true))
    expectConserved(buffers)
    buffers.close()
  })
})

describeOnEveryRing(
  'mshot, a full completion queue',
  (stand) => {
    const overflows = (): number => handleOf(stand.raw).metrics.client[ClientCounter.cqOverflows]!

    it('poll-mshot-overflow: a poll that ended because the queue was full is started again', async () => {
      const { raw, other, own } = stand
      const { read, write } = await raw.submit(op.pipe())
      ;[read, write].forEach(own)
      const stream = raw.stream(pollStream({ fd: read, events: ['POLLIN'] }), { waitingMax: 65536 })
      const first = stream.next()
      await other.submit(op.nop())
      await raw.submit(op.nop()) // the stream is armed
      const before = overflows()
      // Nothing is reaped meanwhile. Wake-ups that the SQ thread has not seen yet are one to it: go on until the queue is full.
      const ring = fieldOf(handleOf(raw).client, 'ring') as Ring
      const endMs = performance.now() + 20_000
      const cell = new Int32Array(new SharedArrayBuffer(4))
      const enough = (count: number): boolean =>
        stand.kind.poller === 'kernel' ? ring.overflowed() || performance.now() > endMs : count >= 400
      for (let count = 0; !enough(count); count++) {
        fs.writeSync(write, 'x')
        if (count % 1000 === 999) fs.readSync(read, Buffer.alloc(1000))
        if (stand.kind.poller === 'kernel') Atomics.wait(cell, 0, 0, 0.05) // gives it a CPU where there are few
      }
      expect((await first).value).toBe(flags.PollEvent.POLLIN)
      await settledWithin(raw.submit(op.nop()))
      if (stand.kind.poller === 'kernel') expect(overflows()).toBeGreaterThan(before)
      // What was signalled is there; and the poll goes on.
      const drained = Buffer.alloc(65536)
      fs.readSync(read, drained)
      const items = fieldOf(stream, 'items') as number[]
      items.length = 0
      const next = stream.next()
      fs.writeSync(write, 'y')
      expect((await next).value).toBe(flags.PollEvent.POLLIN)
      await stream.return()
    })

    it('recv-multishot: messages that overflow the queue come in order, each once', async () => {
      const { raw, other, own } = stand
      const [here, there] = await socketPair(raw, own, 'SOCK_SEQPACKET')
      const buffers = raw.provideBuffers({ count: 512, sizeBytes: 16 })
      const stream = raw.stream(recvStream({ fd: there, buffers }), { waitingMax: 65536 })
      const numbers: number[] = []
      const take = ({ value }: IteratorResult<BufferLease, undefined>): void => {
        numbers.push(value!.bytes.readUInt32LE())
        value!.release()
      }
      const first = stream.next()
      await other.submit(op.nop())
      await raw.submit(op.nop()) // the stream is armed
      const before = overflows()
      const count = 200
      const message = Buffer.alloc(4)
      for (let number = 0; number < count; number++) {
        message.writeUInt32LE(number)
        fs.writeSync(here, message)
      }
      // Nothing was reaped meanwhile. The SQ thread needs its time; the others work when this thread enters the kernel.
      const ring = fieldOf(handleOf(raw).client, 'ring') as Ring
      const endMs = performance.now() + 5000
      while (stand.kind.poller === 'kernel' && !ring.overflowed() && performance.now() < endMs);
      take(await first)
      while (numbers.length < count) take(await stream.next())
      expect(numbers).toEqual(Array.from({ length: count }, (_, number) => number))
      if (stand.kind.poller === 'kernel') expect(overflows()).toBeGreaterThan(before)
      await stream.return()
      expectConserved(buffers)
      buffers.close()
    })
  },
  { sqEntries: 32, cqEntries: 128 },
)
