// Arenas: who has which slab, what the kernel was told, and that no slab has two users: the one who leased it and a request of
// the one before. On every poller and in both ring memories, against real files and pipes.
import { closeSync, constants, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Op } from '../../native/abi.ts'
import { Ringmaster } from '../../services/ringmaster.ts'
import { op } from '../../services/raw/index.ts'
import { makePipe } from '../native/support/pipe.ts'
import type { Pipe } from '../native/support/pipe.ts'
import type { ArenaLease } from '../../workers/arena.ts'
import { handleOf } from '../conformance/every-ring.ts'
import {
  eventually,
  everyRing,
  failure,
  seededBytes,
  seededRandom,
  settledWithin,
  temporaryFolder,
  testSeed,
} from './harness.ts'

const slabBytes = 8192
const pages = (lease: ArenaLease): number => lease.buffer.byteOffset / slabBytes

describe.each(everyRing)('an arena, $poller poller, $memory memory', (kind) => {
  const folder = temporaryFolder()
  afterAll(folder.remove)
  let rings: Ringmaster
  let pipe: Pipe
  beforeEach(async () => {
    rings = await Ringmaster.start({ rings: 2, directDescriptors: 16, sqEntries: 64, ...kind })
    pipe = makePipe()
  })
  afterEach(async () => {
    pipe.close()
    await rings.close()
  })

  const requests = (opcode: number): number =>
    [0, 1].reduce((sum, ring) => sum + handleOf(rings.raw(ring)).metrics.requests(opcode), 0)

  it('is registered on every ring, and its memory is page-aligned and whole', async () => {
    const arena = rings.arena({ slabBytes, slabs: 3 })
    expect({ registered: arena.registered, reason: arena.reason }).toEqual({
      registered: true,
      reason: 'registered on 2 rings',
    })
    const leases = [arena.lease(), arena.lease(100), arena.lease()]
    expect(leases.map(({ buffer }) => buffer.length)).toEqual([slabBytes, 100, slabBytes])
    expect(leases.map(pages).sort()).toEqual([0, 1, 2])
    const path = `${folder.path}/every-ring`
    const content = seededBytes(slabBytes, 1)
    writeFileSync(path, content)
    const fd = openSync(path, 'r')
    for (const ring of [0, 1]) {
      const { buffer, bufferIndex } = leases[2]!
      buffer.fill(0)
      await rings.raw(ring).submit(op.readFixed({ fd, buffer, bufferIndex: bufferIndex!, position: 0 }))
      expect(buffer.equals(content)).toBe(true)
    }
    closeSync(fd)
  })

  it('makes reads and writes of files fixed ones, alone and in batches, with buffers of its own only', async () => {
    const arena = rings.arena({ slabBytes, slabs: 2, fixedFor: 'all' })
    const [from, into] = [arena.lease(), arena.lease()]
    const path = `${folder.path}/fixed`
    await using file = await rings.open(path, 'w+')
    seededBytes(slabBytes, 2).copy(from.buffer)
    const before = [Op.READ, Op.WRITE].map(requests)
    expect(await file.write(from.buffer, 0, null, 0)).toEqual({ bytesWritten: slabBytes, buffer: from.buffer })
    expect(readFileSync(path).equals(from.buffer)).toBe(true)
    expect((await file.read(into.buffer.subarray(7, 5000), 3, 4000, 1000)).bytesRead).toBe(4000)
    expect(into.buffer.subarray(10, 4010).equals(from.buffer.subarray(1000, 5000))).toBe(true)
    const halves = [into.buffer.subarray(0, 4096), into.buffer.subarray(4096)]
    expect(await file.writeBatch([from.buffer.subarray(100, 200)], [slabBytes])).toEqual(Int32Array.of(100))
    expect(await file.readBatch(halves, [4096, 0])).toEqual(Int32Array.of(4096, 4096))
    expect(halves[0]!.equals(from.buffer.subarray(4096))).toBe(true)
    expect(halves[1]!.equals(from.buffer.subarray(0, 4096))).toBe(true)
    expect((await file.read(into.buffer, 0, 0, 0)).bytesRead).toBe(0)
    expect([Op.READ_FIXED, Op.WRITE_FIXED].map(requests)).toEqual([4, 2])
    expect([Op.READ, Op.WRITE].map(requests)).toEqual(before)
    const plain = Buffer.alloc(100)
    const mixed = await file.readBatch([plain, into.buffer], [0, 0])
    expect(mixed).toEqual(Int32Array.of(100, slabBytes))
    expect(plain.equals(into.buffer.subarray(0, 100))).toBe(true)
    expect([Op.READ, Op.READ_FIXED].map(requests)).toEqual([before[0]! + 1, 5])
  })

  it('makes only reads and writes without the page cache fixed ones, unless told otherwise', async () => {
    const arena = rings.arena({ slabBytes, slabs: 1 })
    using lease = arena.lease()
    const path = `${folder.path}/unbuffered`
    writeFileSync(path, seededBytes(slabBytes, 3))
    const counts = (): number[] => [Op.READ, Op.WRITE, Op.READ_FIXED, Op.WRITE_FIXED].map(requests)
    const [reads, writes, fixedReads, fixedWrites] = counts() as [number, number, number, number]
    await using cached = await rings.open(path, 'r+')
    expect((await cached.read(lease.buffer, { position: 0 })).bytesRead).toBe(slabBytes)
    expect(await cached.writeBatch([lease.buffer], [0])).toEqual(Int32Array.of(slabBytes))
    expect(counts()).toEqual([reads + 1, writes + 1, fixedReads, fixedWrites])
    await using unbuffered = await rings.open(path, constants.O_RDWR | constants.O_DIRECT)
    lease.buffer.fill(0)
    expect((await unbuffered.read(lease.buffer, { position: 0 })).bytesRead).toBe(slabBytes)
    expect(lease.buffer.equals(seededBytes(slabBytes, 3))).toBe(true)
    seededBytes(slabBytes, 4).copy(lease.buffer)
    expect(await unbuffered.writeBatch([lease.buffer], [0])).toEqual(Int32Array.of(slabBytes))
    expect(readFileSync(path).equals(seededBytes(slabBytes, 4))).toBe(true)
    expect(counts()).toEqual([reads + 1, writes + 1, fixedReads + 1, fixedWrites + 1])
    expect(() => rings.arena({ fixedFor: 'none' as 'all' })).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }),
    )
  })

  it('hands no slab out that a read on an empty pipe still fills, however it was made', async () => {
    const arena = rings.arena({ slabBytes, slabs: 1 })
    const raw = rings.raw(1)
    const { readFd: fd, writeFd } = pipe
    const ways: Record<string, (buffer: Buffer, bufferIndex: number) => Promise<unknown>> = {
      readFixed: (buffer, bufferIndex) => raw.submit(op.readFixed({ fd, buffer, bufferIndex })),
      read: (buffer) => raw.submit(op.read({ fd, buffer: buffer.subarray(1, 99) })),
      readv: (buffer) => raw.submit(op.readv({ fd, buffers: [Buffer.alloc(1), buffer.subarray(0, 50)] })),
      chain: (buffer) => raw.chain().link(op.read({ fd, buffer })).submit(),
    }
    for (const [way, read] of Object.entries(ways)) {
      const lease = arena.lease()
      lease.buffer.fill(0)
      const { buffer } = lease
      const reading = read(buffer, lease.bufferIndex!)
      lease.release()
      expect(arena.tryLease(), way).toBe(null)
      expect(arena.stats(), way).toMatchObject({ leased: 0, draining: 1 })
      const next = arena.leaseWhenFree()
      expect(await settledWithin(next, 30), way).toBe('pending')
      writeSync(writeFd, 'late data')
      await reading
      using leased = await next
      expect(leased.buffer.toString('latin1'), way).toMatch(/[^\0]/) // it came before, and not after
      leased.buffer.fill('n')
    }
  })

  it('hands a slab out again when its requests were cancelled', async () => {
    const arena = rings.arena({ slabBytes, slabs: 1 })
    const lease = arena.lease()
    const abort = new AbortController()
    const reading = rings.raw().submit(op.read({ fd: pipe.readFd, buffer: lease.buffer }), { signal: abort.signal })
    lease.release()
    const next = arena.leaseWhenFree()
    abort.abort()
    expect(await failure(reading)).toMatchObject({ name: 'AbortError' })
    ;(await next).release()
    expect(arena.stats()).toMatchObject({ leased: 0, draining: 0 })
  })

  it('never has two users of a slab, whatever is leased, read and given back in whatever order', async () => {
    const random = seededRandom(testSeed('arena'))
    const arena = rings.arena({ slabBytes, slabs: 5 })
    const path = `${folder.path}/random`
    const content = seededBytes(slabBytes * 16, 3)
    writeFileSync(path, content)
    await using file = await rings.open(path, 'r')
    const users = new Int32Array(5)
    const user = async (rounds: number): Promise<void> => {
      for (let round = 0; round < rounds; round++) {
        const lease = await arena.leaseWhenFree()
        const slab = pages(lease)
        expect(++users[slab]!).toBe(1)
        const position = Math.floor(random() * 15 * slabBytes)
        const sizeBytes = 1 + Math.floor(random() * (slabBytes - 1))
        const part = lease.buffer.subarray(0, sizeBytes)
        const reading = file.read(part, { position })
        if (random() < 0.5) {
          // Given back with the request in flight: what it reads is nobody's, and nobody has the slab until it is over.
          users[slab]!--
          lease.release()
          await reading
        } else {
          expect((await reading).bytesRead).toBe(sizeBytes)
          expect(part.equals(content.subarray(position, position + sizeBytes))).toBe(true)
          users[slab]!--
          lease.release()
        }
      }
    }
    await Promise.all(Array.from({ length: 20 }, () => user(25)))
    expect(arena.stats()).toMatchObject({ leased: 0, draining: 0, waiters: 0 })
    await arena.close()
  })

  it('closes after the requests that use it, and not while leases are out', async () => {
    const arena = rings.arena({ slabBytes, slabs: 2 })
    const lease = arena.lease()
    expect(await failure(arena.close())).toMatchObject({ code: 'ERR_RING_ARENA_IN_USE' })
    expect(rings.stats().arenas).toHaveLength(1)
    const { buffer, bufferIndex } = lease
    const fixed = { fd: pipe.readFd, buffer, bufferIndex: bufferIndex! }
    const reading = rings.raw().submit(op.readFixed(fixed))
    const behind = op.readFixed(fixed)
    lease.release()
    const closed = arena.close()
    expect(await settledWithin(closed, 30)).toBe('pending')
    expect(() => arena.tryLease()).toThrow(expect.objectContaining({ code: 'ERR_RING_ARENA_CLOSED' }))
    writeSync(pipe.writeFd, 'x')
    expect(await reading).toBe(1)
    await closed
    expect(rings.stats().arenas).toEqual([])
    expect(await failure(rings.raw().submit(behind))).toMatchObject({ code: 'EFAULT' })
    await arena.close()
  })

  it('gives its place in the tables back: any number can be made one after the other', async () => {
    for (let time = 0; time < 40; time++) {
      await using arena = rings.arena({ slabBytes: 4096, slabs: 1 })
      expect(arena.registered).toBe(true)
    }
  })

  it('is closed with the rings, with leases out and a request in flight: everybody is told', async () => {
    const arena = rings.arena({ slabBytes, slabs: 1 })
    const { buffer } = arena.lease()
    const reading = failure(rings.raw().submit(op.read({ fd: pipe.readFd, buffer })))
    const waiting = failure(arena.leaseWhenFree())
    await rings.close()
    expect(await reading).toMatchObject({ code: 'ECANCELED' })
    expect(await waiting).toMatchObject({ code: 'ERR_RING_CLOSED' })
    expect(await failure(arena.leaseWhenFree())).toMatchObject({ code: 'ERR_RING_CLOSED' })
    expect(() => rings.arena()).toThrow(expect.objectContaining({ code: 'ERR_RING_CLOSED' }))
  })
})

describe('an arena', () => {
  const folder = temporaryFolder()
  afterAll(folder.remove)
  let rings: Ringmaster
  beforeEach(async () => {
    rings = await Ringmaster.start({ rings: 1, poller: 'caller' })
  })
  afterEach(async () => {
    await rings.close()
  })

  it('takes each lease back once', () => {
    const arena = rings.arena({ slabBytes: 4096, slabs: 1 })
    const lease = arena.lease()
    lease.release()
    const again = arena.lease()
    expect(() => {
      lease.release()
    }).toThrow(expect.objectContaining({ code: 'ERR_RING_LEASE_RELEASED' }))
    expect(arena.stats().leased).toBe(1)
    lease[Symbol.dispose]() // leaving a scope after release() is no mistake
    expect(arena.stats().leased).toBe(1)
    again.release()
    {
      using scoped = arena.lease()
      expect(scoped.buffer.length).toBe(4096)
    }
    expect(arena.stats().leased).toBe(0)
  })

  it('says that it is full, and serves those who wait in the order of asking, within a bound', async () => {
    const arena = rings.arena({ slabBytes: 4096, slabs: 1, waitersMax: 3 })
    const lease = arena.lease()
    expect(arena.tryLease()).toBe(null)
    expect(() => arena.lease()).toThrow(expect.objectContaining({ code: 'ERR_RING_ARENA_FULL' }))
    const abort = new AbortController()
    const served: string[] = []
    const wait = async (name: string, signal?: AbortSignal): Promise<void> => {
      using granted = await arena.leaseWhenFree(signal === undefined ? {} : { signal })
      served.push(`${name} ${granted.buffer.length}`)
    }
    const first = wait('first')
    const gone = failure(wait('gone', abort.signal))
    const last = wait('last')
    expect(await failure(arena.leaseWhenFree())).toMatchObject({ code: 'ERR_RING_ARENA_FULL' })
    expect(arena.stats().waiters).toBe(3)
    abort.abort()
    expect(await gone).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' })
    expect(arena.tryLease()).toBe(null)
    lease.release()
    await Promise.all([first, last])
    expect(served).toEqual(['first 4096', 'last 4096'])
    expect(await failure(arena.leaseWhenFree({ signal: AbortSignal.abort() }))).toMatchObject({ name: 'AbortError' })
    expect(arena.stats()).toMatchObject({ leased: 0, waiters: 0 })
  })

  it('refuses requests with memory that was given back, also when they had to wait for their turn', async () => {
    const arena = rings.arena({ slabBytes: 4096, slabs: 1 })
    const path = `${folder.path}/ordered`
    const file = await rings.open(path, 'w', 0o600, { ordered: true })
    const released = { code: 'ERR_RING_LEASE_RELEASED' }
    const lease = arena.lease()
    lease.buffer.fill('a')
    const first = file.write(Buffer.from('first'))
    const second = failure(file.write(lease.buffer))
    lease.release()
    await first
    expect(await second).toMatchObject(released)
    const third = failure(file.write(arena.lease().buffer.fill('b')))
    expect(arena.tryLease()).toBe(null)
    expect(await third).toMatchObject({ name: 'no error' })
    expect(readFileSync(path, 'latin1')).toBe(`first${'b'.repeat(4096)}`)
    await file.close()
  })

  it('refuses a write that waited while its memory was given back and leased by somebody else', async () => {
    const arena = rings.arena({ slabBytes: 4096, slabs: 1 })
    const path = `${folder.path}/ordered`
    const file = await rings.open(path, 'w', 0o600, { ordered: true })
    const lease = arena.lease()
    const write = failure(file.write(lease.buffer))
    lease.release()
    const other = arena.lease()
    const { buffer } = other
    expect(await write).toMatchObject({ code: 'ERR_RING_LEASE_RELEASED' })
    other.release()
    const released = { code: 'ERR_RING_LEASE_RELEASED' }
    expect(await failure(file.write(buffer))).toMatchObject(released)
    expect(await failure(file.read(buffer))).toMatchObject(released)
    expect(await failure(file.readBatch([Buffer.alloc(1), buffer], [0, 0]))).toMatchObject(released)
    await file.close()
  })

  it('writes a file no further with memory that was given back and leased by somebody else', async () => {
    const arena = rings.arena({ slabBytes: 2 ** 20, slabs: 1 })
    const path = `${folder.path}/whole`
    const lease = arena.lease()
    const write = failure(rings.writeFile(path, lease.buffer.fill('a')))
    lease.release()
    const other = arena.lease() // nothing but the opening of the file is in flight
    other.buffer.fill('b')
    expect(await write).toMatchObject({ code: 'ERR_RING_LEASE_RELEASED' })
    expect(readFileSync(path)).toHaveLength(0)
    other.release()
  })

  it('works unregistered where the tables are full, and says so', async () => {
    const arenas = Array.from({ length: 17 }, () => rings.arena({ slabBytes: 4096, slabs: 1 }))
    expect(arenas.map(({ registered }) => registered)).toEqual([...Array.from({ length: 16 }, () => true), false])
    expect(arenas[16]!.reason).toMatch(/hold 16 arenas already: close one/)
    using lease = arenas[16]!.lease()
    expect(lease.bufferIndex).toBe(null)
    await using file = await rings.open('/proc/self/status', 'r')
    const { bytesRead } = await file.read(lease.buffer)
    expect(lease.buffer.toString('latin1', 0, bytesRead)).toMatch(/^Name:/)
  })

  it.each([
    [{ slabBytes: 4095 }, 'ERR_OUT_OF_RANGE'],
    [{ slabBytes: 5000 }, 'ERR_OUT_OF_RANGE'],
    [{ slabs: 0 }, 'ERR_OUT_OF_RANGE'],
    [{ slabBytes: 2 ** 20, slabs: 1025 }, 'ERR_OUT_OF_RANGE'],
    [{ waitersMax: -1 }, 'ERR_OUT_OF_RANGE'],
    [{ slabBites: 4096 }, 'ERR_INVALID_ARG_VALUE'],
    [null, 'ERR_INVALID_ARG_TYPE'],
  ])('refuses %j', (options, code) => {
    const arena = (): unknown => Reflect.apply(rings.arena.bind(rings), undefined, [options])
    expect(arena).toThrow(expect.objectContaining({ code }))
    expect(rings.stats().arenas).toEqual([])
  })

  it('a lease that was given back names no memory any more, though its slab is leased again', async () => {
    const arena = rings.arena({ slabBytes: 4096, slabs: 1 })
    const released = { code: 'ERR_RING_LEASE_RELEASED' }
    const lease = arena.lease()
    const { buffer } = lease
    const raw = rings.raw()
    const pipe = makePipe()
    const fd = pipe.readFd
    writeSync(pipe.writeFd, 'x')
    const made = [
      op.readFixed({ fd, buffer, bufferIndex: lease }),
      op.readvFixed({ fd, buffers: [buffer], bufferIndex: lease }),
      op.sendZc({ fd, buffer, bufferIndex: lease }),
      op.sendmsgZc({ fd, buffers: [buffer], bufferIndex: lease }),
    ]
    lease.release()
    using other = arena.lease()
    other.buffer.fill('o')
    expect(() => lease.buffer).toThrow(expect.objectContaining(released))
    expect(() => lease.bufferIndex).toThrow(expect.objectContaining(released))
    expect(() => op.readFixed({ fd, buffer, bufferIndex: lease })).toThrow(expect.objectContaining(released))
    for (const operation of made) expect(await failure(raw.submit<unknown>(operation))).toMatchObject(released)
    expect(other.buffer.equals(Buffer.alloc(4096, 'o'))).toBe(true)
    pipe.close()
  })

  it('memory that was given back is refused by everything that takes buffers, until its slab is leased again', async () => {
    const arena = rings.arena({ slabBytes: 4096, slabs: 2 })
    const released = { code: 'ERR_RING_LEASE_RELEASED' }
    const lease = arena.lease()
    using kept = arena.lease()
    const { buffer } = lease
    const raw = rings.raw()
    const pipe = makePipe()
    const fd = pipe.readFd
    const sender = raw.sender(fd)
    lease.release()
    for (const stale of [buffer, buffer.subarray(5, 6), new Uint32Array(buffer.buffer, buffer.byteOffset, 2)]) {
      expect(() => op.read({ fd, buffer: stale })).toThrow(expect.objectContaining(released))
      expect(() => op.recv({ fd, buffer: stale })).toThrow(expect.objectContaining(released))
      expect(() => op.writev({ fd, buffers: [kept.buffer, stale] })).toThrow(expect.objectContaining(released))
      expect(await failure(sender.send(stale))).toMatchObject(released)
    }
    op.read({ fd, buffer: kept.buffer })
    sender.close()
    pipe.close()
  })

  it('leases no more than a slab', () => {
    const arena = rings.arena({ slabBytes: 4096, slabs: 1 })
    expect(() => arena.lease(4097)).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }))
    expect(arena.stats().leased).toBe(0)
  })
})

it('hands no slab out that a later step of a chain needs, where the client carries the steps out one by one', async () => {
  const folder = temporaryFolder()
  await using rings = await Ringmaster.start({ rings: 2, poller: 'kernel', sqThreads: 'shared' })
  const arena = rings.arena({ slabBytes, slabs: 1 })
  const pipe = makePipe()
  const path = `${folder.path}/steps`
  const fd = openSync(path, 'w')
  const lease = arena.lease()
  lease.buffer.fill('a')
  const chain = rings
    .raw(1)
    .chain()
    .link(op.read({ fd: pipe.readFd, buffer: Buffer.alloc(1) }))
    .link(op.write({ fd, buffer: lease.buffer, position: 0 }))
    .submit()
  lease.release()
  expect(arena.tryLease()).toBe(null)
  writeSync(pipe.writeFd, '!')
  expect(await chain).toMatchObject([{ status: 'done' }, { status: 'done' }])
  expect(readFileSync(path).equals(Buffer.alloc(slabBytes, 'a'))).toBe(true)
  arena.lease().release()
  closeSync(fd)
  pipe.close()
  folder.remove()
})

it('memory of an arena is let go when nobody has it any more', async () => {
  const rings = await Ringmaster.start({ rings: 1, poller: 'caller' })
  const arena = rings.arena({ slabBytes: 2 ** 20, slabs: 16 })
  const locked = (): number => Number(/^VmPin:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? 0)
  expect(locked()).toBeGreaterThanOrEqual(16 * 1024)
  await arena.close()
  expect(await eventually(() => locked() < 1024)).toBe(true)
  await rings.close()
})
