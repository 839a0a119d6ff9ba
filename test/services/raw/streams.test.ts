// Streams as their consumers see them: back-pressure, return, abort, two next() at once, the end of the ring, misuse.
import * as dgram from 'node:dgram'
import { once } from 'node:events'
import * as fs from 'node:fs'
import type net from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ClientCounter } from '../../../metrics/ring-metrics.ts'
import {
  acceptStream,
  flags,
  op,
  pollStream,
  readStream,
  recvStream,
  recvmsgStream,
  timeoutStream,
} from '../../../services/raw/index.ts'
import type { RawRing } from '../../../services/raw/index.ts'
import { Ringmaster } from '../../../services/ringmaster.ts'
import {
  callLoosely,
  descriptors,
  eventually,
  failure,
  fieldOf,
  pollers,
  seededBytes,
  settledWithin,
} from '../harness.ts'
import { handleOf } from './conformance.ts'
import { errorCode } from './errors.ts'
import { sendAll, socketPair } from './sockets.ts'

describe.each(pollers)('streams, %s', (poller) => {
  let rings: Ringmaster
  let raw: RawRing
  let owned: number[]
  const own = (fd: number): number => {
    owned.push(fd)
    return fd
  }
  beforeEach(async () => {
    rings = await Ringmaster.start({ rings: 1, poller, sqEntries: 64, rawDirectDescriptors: 64 })
    raw = rings.raw()
    owned = []
  })
  afterEach(async () => {
    await rings.close()
    for (const fd of owned) fs.closeSync(fd)
  })
  const inFlight = (): number => handleOf(raw).client.inFlight
  const idle = (): Promise<boolean> => eventually(() => inFlight() === 0)

  async function pipe(): Promise<{ read: number; write: number }> {
    const { read, write } = await raw.submit(op.pipe())
    return { read: own(read), write: own(write) }
  }

  async function listener(): Promise<{ fd: number; connect: () => Promise<number> }> {
    const address = { path: `\0ringmaster-streams-${process.pid}-${Math.random()}` }
    const unix = { family: 'AF_UNIX', type: 'SOCK_STREAM' } as const
    const fd = own(await raw.submit(op.socket(unix)))
    await raw.submit(op.bind({ fd, address }))
    await raw.submit(op.listen({ fd }))
    const connect = async (): Promise<number> => {
      const client = own(await raw.submit(op.socket(unix)))
      await raw.submit(op.connect({ fd: client, address }))
      return client
    }
    return { fd, connect }
  }

  it('a slow consumer stops the kernel, and loses nothing and gets nothing twice', async () => {
    const [here, there] = await socketPair(raw, own)
    const buffers = raw.provideBuffers({ count: 256, sizeBytes: 16 })
    const stream = raw.stream(recvStream({ fd: there, buffers }), { waitingMax: 4 })
    const content = seededBytes(16 * 200, 1)
    const first = stream.next()
    await sendAll(raw, here, content)
    const pieces = [(await first).value!]
    expect(await idle()).toBe(true) // the receive has been cancelled
    expect((fieldOf(stream, 'items') as unknown[]).length).toBeLessThan(200)
    const { cancels } = { cancels: handleOf(raw).metrics.client[ClientCounter.cancels]! }
    expect(cancels).toBeGreaterThan(0)
    while (pieces.reduce((sum, { bytes }) => sum + bytes.length, 0) < content.length)
      pieces.push((await stream.next()).value!)
    expect(Buffer.concat(pieces.map(({ bytes }) => bytes)).equals(content)).toBe(true)
    for (const piece of pieces) piece.release()
    await stream.return()
    buffers.close()
  })

  it('serves those who ask at once in the order in which they asked', async () => {
    const { read, write } = await pipe()
    const buffers = raw.provideBuffers({ count: 4, sizeBytes: 1 })
    const stream = raw.stream(readStream({ fd: read, buffers }))
    const asked = [stream.next(), stream.next(), stream.next()]
    fs.writeSync(write, 'abc')
    const texts = (await Promise.all(asked)).map(({ value }) => value!.bytes.toString())
    expect(texts).toEqual(['a', 'b', 'c'])
    await stream.return()
    buffers.close()
  })

  it('return() cancels, waits for the last completion and lets go of what nobody took; twice is once', async () => {
    const { fd, connect } = await listener()
    const before = descriptors().filter((name) => name.startsWith('socket:')).length
    const stream = raw.stream(acceptStream({ fd }))
    const first = stream.next()
    for (let count = 0; count < 5; count++) await connect()
    own((await first).value!)
    expect(await eventually(() => (fieldOf(stream, 'items') as unknown[]).length === 4)).toBe(true)
    const pending = raw.stream(acceptStream({ fd }))
    const asked = pending.next()
    const ends = await Promise.all([stream.return(), stream.return(), pending.return(), asked])
    expect(ends.every(({ done }) => done)).toBe(true)
    expect(await stream.next()).toEqual({ done: true, value: undefined })
    expect(inFlight()).toBe(0)
    // 5 clients and the one connection that was taken are left of them.
    expect(descriptors().filter((name) => name.startsWith('socket:')).length).toBe(before + 6)
  })

  it('a consumer that throws ends the stream', async () => {
    const { read, write } = await pipe()
    const buffers = raw.provideBuffers({ count: 4, sizeBytes: 4 })
    fs.writeSync(write, 'some text')
    const consuming = (async () => {
      for await (const lease of raw.stream(readStream({ fd: read, buffers }))) {
        lease.release()
        throw new RangeError('the consumer')
      }
    })()
    await expect(consuming).rejects.toThrow('the consumer')
    expect(inFlight()).toBe(0)
    buffers.select()
    expect(buffers.available).toBe(4)
    buffers.close()
  })

  it('an abort rejects who waits, once, and an abort after the end changes nothing', async () => {
    const { read, write } = await pipe()
    const buffers = raw.provideBuffers({ count: 4, sizeBytes: 16 })
    const controller = new AbortController()
    const stream = raw.stream(readStream({ fd: read, buffers }), { signal: controller.signal })
    const waiting = stream.next()
    await raw.submit(op.nop())
    controller.abort()
    expect(await failure(waiting)).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' })
    expect((await stream.next()).done).toBe(true)
    expect(inFlight()).toBe(0)
    const aborted = { signal: controller.signal }
    expect(errorCode(() => raw.stream(readStream({ fd: read, buffers }), aborted))).toBe('ABORT_ERR')
    const later = new AbortController()
    const ended = raw.stream(readStream({ fd: read, buffers }), { signal: later.signal })
    fs.closeSync(owned.splice(owned.indexOf(write), 1)[0]!)
    expect((await ended.next()).done).toBe(true)
    later.abort()
    expect((await ended.next()).done).toBe(true)
    buffers.close()
  })

  it('closing the ring ends an armed stream at once, with the reason', async () => {
    const { read } = await pipe()
    const buffers = raw.provideBuffers({ count: 4, sizeBytes: 16 })
    const waiting = raw.stream(readStream({ fd: read, buffers })).next()
    const idleStream = raw.stream(readStream({ fd: read, buffers }))
    const refused = failure(waiting)
    await raw.submit(op.nop())
    await rings.close()
    expect(await refused).toMatchObject({ code: 'ERR_RING_CLOSED' })
    expect(await failure(idleStream.next())).toMatchObject({ code: 'ERR_RING_CLOSED' })
    expect((await idleStream.next()).done).toBe(true)
    expect(errorCode(() => raw.provideBuffers({ count: 1, sizeBytes: 1 }))).toBe('ERR_RING_CLOSED')
    buffers.close()
  })

  it('accepts into the ring’s table, closes what nobody took, and ends when the table is full', async () => {
    const { fd, connect } = await listener()
    const stream = raw.stream(acceptStream({ fd, direct: 'allocate' }), { waitingMax: 1000 })
    const first = stream.next()
    const client = await connect()
    const { value } = await first
    await raw.submit(op.send({ fd: client, buffer: Buffer.from('to a slot') }))
    const buffer = Buffer.alloc(9)
    expect(await raw.submit(op.recv({ fd: value!, buffer }))).toBe(9)
    expect(buffer.toString()).toBe('to a slot')
    await raw.submit(op.close({ fd: value! }))
    const slots = new Set<number>()
    const full = (async () => {
      for (;;) slots.add((await stream.next()).value!.direct)
    })()
    const outcome = failure(full)
    for (let count = 0; count < 65; count++) await connect()
    expect(await outcome).toMatchObject({ code: 'ENFILE', syscall: 'accept' })
    expect(slots.size).toBe(64)
    for (const direct of slots) await raw.submit(op.close({ fd: { direct } }))
    const dropped = raw.stream(acceptStream({ fd, direct: 'allocate' }))
    const taken = dropped.next()
    await connect()
    await raw.submit(op.close({ fd: (await taken).value! }))
    await connect()
    expect(await eventually(() => (fieldOf(dropped, 'items') as unknown[]).length === 1)).toBe(true)
    await dropped.return()
    await raw.submit(op.nop())
    const updated = await raw.submit(op.filesUpdate({ descriptors: new Array<number>(64).fill(fd), index: 'allocate' }))
    expect(updated.length).toBe(64)
  })

  it('polls by level where it is asked to, and by change where not', async () => {
    const { read, write } = await pipe()
    const { POLLIN } = flags.PollEvent
    fs.writeSync(write, 'there')
    const byLevel = raw.stream(pollStream({ fd: read, events: ['POLLIN'], level: true }))
    for (let time = 0; time < 3; time++) expect((await byLevel.next()).value).toBe(POLLIN)
    const byChange = raw.stream(pollStream({ fd: read, events: ['POLLIN'] }))
    expect((await byChange.next()).value).toBe(POLLIN)
    const next = byChange.next()
    expect(await settledWithin(next, 30)).toBe('pending')
    fs.writeSync(write, 'more')
    expect((await next).value).toBe(POLLIN)
    await Promise.all([byLevel.return(), byChange.return()])
  })

  it('a timeout that was stopped goes on with the ticks that are left', async () => {
    const stream = raw.stream(timeoutStream({ intervalMs: 1, count: 20 }), { waitingMax: 2 })
    const ticks: number[] = [(await stream.next()).value!]
    expect(await idle()).toBe(true)
    for await (const tick of stream) ticks.push(tick)
    expect(ticks).toEqual(Array.from({ length: 20 }, (_, index) => index + 1))
  })

  it('receives messages with sender, control data and descriptors, empty ones and those that are too long', async () => {
    const fd = own(await raw.submit(op.socket({ family: 'AF_INET', type: 'SOCK_DGRAM' })))
    await raw.submit(op.bind({ fd, address: { address: '127.0.0.1', port: 0 } }))
    const node = dgram.createSocket('udp4').bind(0, '127.0.0.1')
    await once(node, 'listening')
    const probe = once(node, 'message')
    const { address, port } = node.address()
    await raw.submit(op.send({ fd, buffer: Buffer.from('where'), to: { address, port } }))
    const [, from] = (await probe) as [Buffer, net.AddressInfo]
    const buffers = raw.provideBuffers({ count: 4, sizeBytes: 16 + 128 + 8 })
    const stream = raw.stream(recvmsgStream({ fd, buffers }))
    for (const text of ['one', '', 'much too long', 'four']) {
      const next = stream.next()
      node.send(text, from.port, from.address)
      const { value } = await next
      expect(value).toMatchObject({ from: { address, port }, truncated: text.length > 8, descriptors: [] })
      expect(value!.bytes.toString()).toBe(text.slice(0, 8))
      value!.release()
      expect(errorCode(() => value!.release())).toBe('ERR_RING_LEASE_RELEASED')
    }
    await stream.return()
    node.close()
    buffers.close()
    const [here, there] = await socketPair(raw, own, 'SOCK_SEQPACKET')
    const roomy = raw.provideBuffers({ count: 4, sizeBytes: 512 })
    const before = descriptors().length
    const carrying = raw.stream(recvmsgStream({ fd: there, buffers: roomy, controlBytes: 64, withAddress: false }))
    const first = carrying.next()
    const file = own(fs.openSync('/etc/passwd', 'r'))
    for (let count = 0; count < 2; count++)
      await raw.submit(op.sendmsg({ fd: here, buffers: [Buffer.from('fd')], descriptors: [file] }))
    const { value } = await first
    expect(value!.descriptors.map((received) => fs.readlinkSync(`/proc/self/fd/${own(received)}`))).toEqual([
      '/etc/passwd',
    ])
    value![Symbol.dispose]()
    value![Symbol.dispose]()
    expect(await eventually(() => (fieldOf(carrying, 'items') as unknown[]).length === 1)).toBe(true)
    await carrying.return() // closes what came with the message that nobody took
    expect(descriptors().length).toBe(before + 2)
    await raw.submit(op.shutdown({ fd: here }))
    expect((await raw.stream(recvmsgStream({ fd: there, buffers: roomy })).next()).done).toBe(true)
    roomy.close()
  })

  it('an entry that cannot be filled, an error of the kernel and a shot without item end it with the reason', async () => {
    const { read, write } = await pipe()
    const gone = raw.stream(readStream({ fd: 2 ** 30, buffers: raw.provideBuffers({ count: 1, sizeBytes: 1 }) }))
    expect(await failure(gone.next())).toMatchObject({ code: 'EBADF', syscall: 'read' })
    expect((await gone.next()).done).toBe(true)
    const source = pollStream({ fd: read, events: ['POLLIN'] })
    const unfillable = raw.stream({
      ...source,
      operation: {
        ...source.operation,
        fill: () => {
          throw new RangeError('not fillable')
        },
      },
    })
    await expect(unfillable.next()).rejects.toThrow('not fillable')
    const confused = raw.stream({
      ...source,
      item: (): number => {
        throw new RangeError('no item')
      },
    })
    fs.writeSync(write, 'x')
    await expect(confused.next()).rejects.toThrow('no item')
    expect(await idle()).toBe(true)
  })

  it('a starving stream is told that its buffers are closed', async () => {
    const { read, write } = await pipe()
    const buffers = raw.provideBuffers({ count: 1, sizeBytes: 4 })
    const stream = raw.stream(readStream({ fd: read, buffers }))
    fs.writeSync(write, 'more than one')
    const { value } = await stream.next()
    const starving = stream.next()
    expect(await idle()).toBe(true)
    buffers.close()
    expect(await failure(starving)).toMatchObject({ code: 'ERR_RING_BUFFERS_CLOSED' })
    expect(value!.bytes.toString()).toBe('more')
    value!.release()
  })
})

it('refuses misuse at once', async () => {
  const rings = await Ringmaster.start({ rings: 1, poller: 'caller' })
  const raw = rings.raw()
  const buffers = raw.provideBuffers({ count: 2, sizeBytes: 64 })
  const type = 'ERR_INVALID_ARG_TYPE'
  const value = 'ERR_INVALID_ARG_VALUE'
  const range = 'ERR_OUT_OF_RANGE'
  const cases: [make: (...given: never[]) => unknown, options: unknown, code: string][] = [
    [acceptStream, undefined, type],
    [acceptStream, { fd: 'x' }, type],
    [acceptStream, { fd: 1, direct: 3 }, range],
    [acceptStream, { fd: 1, flags: ['SOCK_OTHER'] }, value],
    [pollStream, { fd: 1, events: ['POLLOTHER'] }, value],
    [timeoutStream, { intervalMs: 0 }, range],
    [timeoutStream, { intervalMs: 1, count: -1 }, range],
    [timeoutStream, { intervalMs: 1, clock: 'sundial' }, value],
    [recvStream, { fd: 1 }, type],
    [recvStream, { fd: 1, buffers, flags: ['MSG_WAITALL'] }, value],
    [recvStream, { fd: 1, buffers, bundle: true, datagrams: true }, value],
    [recvStream, { fd: 1, buffers, itemBytesMax: -1 }, range],
    [readStream, { fd: 1, buffers: {} }, type],
    [recvmsgStream, { fd: 1, buffers }, range],
  ]
  for (const [make, options, code] of cases) expect(errorCode(() => Reflect.apply(make, null, [options]))).toBe(code)
  const source = pollStream({ fd: 0, events: 1 })
  for (const waitingMax of [0, 65537, 1.5]) expect(errorCode(() => raw.stream(source, { waitingMax }))).toBe(range)
  expect(errorCode(() => callLoosely(raw, 'stream', source, { signal: {} }))).toBe(type)
  await rings.close()
})
