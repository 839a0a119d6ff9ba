// RingFile is node:fs/promises' FileHandle in all but name: every call here is made on both, on equal files, and must end
// alike.
import { createHash } from 'node:crypto'
import { constants, openSync, readFileSync, writeFileSync, closeSync, ftruncateSync } from 'node:fs'
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RingFile } from '../../services/file.ts'
import { Ringmaster } from '../../services/ringmaster.ts'
import {
  callLoosely,
  everyPoller,
  failure,
  fieldOf,
  seededBytes,
  seededRandom,
  settledWithin,
  temporaryFolder,
  testSeed,
} from './harness.ts'

const folder = temporaryFolder()
afterAll(() => {
  folder.remove()
})
const bytes = seededBytes(100_000, 1)
let names = 0

type AnyFile = RingFile | FileHandle

/** Bytes short enough for an error message. */
function digest(view: ArrayBufferView): string {
  const all = Buffer.from(view.buffer, view.byteOffset, view.byteLength)
  return all.length <= 64 ? all.toString('hex') : createHash('sha256').update(all).digest('hex')
}

/** What became of a call, in a form that can be compared. */
async function outcome(call: Promise<unknown>): Promise<unknown> {
  try {
    const result = await call
    const buffer = fieldOf(result, 'buffer')
    const content = ArrayBuffer.isView(buffer) ? digest(buffer) : buffer
    return { read: fieldOf(result, 'bytesRead'), written: fieldOf(result, 'bytesWritten'), content }
  } catch (error) {
    return { code: fieldOf(error, 'code'), errno: fieldOf(error, 'errno'), syscall: fieldOf(error, 'syscall') }
  }
}

/** Arguments are made anew for each of the two files. */
type MakeArguments = () => readonly unknown[]

const readForms: Record<string, MakeArguments> = {
  'nothing at all': () => [],
  'an empty object': () => [{}],
  null: () => [null],
  'a buffer': () => [Buffer.alloc(10)],
  'a buffer and an offset': () => [Buffer.alloc(10), 3],
  'offset and length': () => [Buffer.alloc(10), 3, 4],
  'a position': () => [Buffer.alloc(10), 0, 10, 77],
  'position null': () => [Buffer.alloc(10), 0, 10, null],
  'position -1': () => [Buffer.alloc(10), 0, 10, -1],
  'offset and length null': () => [Buffer.alloc(10), null, null, 5],
  'offset and length undefined': () => [Buffer.alloc(10), undefined, undefined, 5],
  'a buffer and options': () => [Buffer.alloc(10), { offset: 2, length: 3, position: 9 }],
  'a buffer and empty options': () => [Buffer.alloc(10), {}],
  'options with a buffer': () => [{ buffer: Buffer.alloc(10), offset: 2, length: 3, position: 9 }],
  'options without a buffer': () => [{ length: 100, position: 9 }],
  'length 0': () => [Buffer.alloc(10), 0, 0, 0],
  'an offset at the end': () => [Buffer.alloc(10), 10],
  'an empty buffer': () => [Buffer.alloc(0)],
  'a Uint8Array in the middle of its memory': () => [new Uint8Array(new ArrayBuffer(64), 8, 16), 0, 16, 0],
  'a DataView': () => [new DataView(new ArrayBuffer(64), 8, 16), 1, 3, 0],
  'a Float64Array, in bytes': () => [new Float64Array(4), 3, 20, 1],
  'a view of shared memory': () => [new Uint8Array(new SharedArrayBuffer(32), 4, 8), 0, 8, 1],
  'a position at the end': () => [Buffer.alloc(10), 0, 10, 100_000],
  'a position just before the end': () => [Buffer.alloc(10), 0, 10, 99_997],
  'a position far beyond the end': () => [Buffer.alloc(10), 0, 10, 2 ** 40],
  'a position beyond 32 bits': () => [Buffer.alloc(10), 0, 10, 2 ** 32 + 5],
  'the largest position': () => [Buffer.alloc(10), 0, 10, Number.MAX_SAFE_INTEGER],
  'a negative offset': () => [Buffer.alloc(10), -1],
  'an offset beyond the end': () => [Buffer.alloc(10), 11, 1],
  'a length beyond the end': () => [Buffer.alloc(10), 5, 6],
  'a negative length': () => [Buffer.alloc(10), 0, -1],
  'a fractional offset': () => [Buffer.alloc(10), 1.5],
  'NaN as offset': () => [Buffer.alloc(10), NaN],
  'a string as offset': () => [Buffer.alloc(10), '5'],
  'a string as buffer': () => ['text'],
  'a number as buffer': () => [5],
  'a string as buffer in options': () => [{ buffer: 'text' }],
}

const writeForms: Record<string, MakeArguments> = {
  'a buffer': () => [Buffer.from('0123456789')],
  'offset and length': () => [Buffer.from('0123456789'), 3, 4],
  'a position': () => [Buffer.from('0123456789'), 0, 10, 20],
  'a position beyond the end': () => [Buffer.from('0123456789'), 0, 10, 5000],
  'position null': () => [Buffer.from('0123456789'), 0, 10, null],
  'a buffer and options': () => [Buffer.from('0123456789'), { offset: 2, length: 3, position: 9 }],
  'length 0': () => [Buffer.from('0123456789'), 0, 0, 3],
  'an empty buffer': () => [Buffer.alloc(0)],
  'a DataView': () => [new DataView(Uint8Array.from(bytes.subarray(0, 64)).buffer, 8, 16), 1, 3, 0],
  'a Float64Array, in bytes': () => [Float64Array.of(1, 2, 3), 3, 20, 1],
  'a string': () => ['zażółć 🦆'],
  'a string and a position': () => ['text', 30],
  'a string, no position and an encoding': () => ['7a7b', null, 'hex'],
  'a string in latin1': () => ['é', 0, 'latin1'],
  'a string in utf16le': () => ['é🦆', 0, 'utf16le'],
  'a string in base64': () => ['aGVsbG8=', 0, 'base64'],
  'an odd number of hexadecimal digits': () => ['abc', 0, 'hex'],
  'an empty string': () => [''],
  'a negative offset': () => [Buffer.from('0123456789'), -1],
  'a length beyond the end': () => [Buffer.from('0123456789'), 5, 6],
  'nothing at all': () => [],
  'a number': () => [5],
  'an object': () => [{}],
}

describe.each(everyPoller)('a file on poller $poller in $memory memory', ({ poller, memory }) => {
  let rings: Ringmaster
  beforeAll(async () => {
    rings = await Ringmaster.start({ rings: 2, poller, memory })
  })
  afterAll(() => rings.close())

  /** The same done to a RingFile and a FileHandle on equal files. */
  async function both(
    flags: string,
    run: (file: AnyFile, path: string) => Promise<unknown>,
  ): Promise<{ ours: unknown; nodes: unknown }> {
    const paths = [join(folder.path, `f${names++}`), join(folder.path, `f${names++}`)] as const
    for (const path of paths) writeFileSync(path, bytes)
    const ours = await rings.open(paths[0], flags)
    const nodes = await open(paths[1], flags)
    try {
      return { ours: await run(ours, paths[0]), nodes: await run(nodes, paths[1]) }
    } finally {
      await Promise.all([ours.close(), nodes.close()])
    }
  }

  it.each(Object.entries(readForms))('reads as core does: %s', async (_name, make) => {
    const { ours, nodes } = await both('r', async (file) => {
      // Twice: the second shows whether the file's own position moved.
      const first = await outcome(callLoosely(file, 'read', ...make()))
      return [first, await outcome(callLoosely(file, 'read', Buffer.alloc(4)))]
    })
    expect(ours).toEqual(nodes)
  })

  it.each(Object.entries(writeForms))('writes as core does: %s', async (_name, make) => {
    const { ours, nodes } = await both('r+', async (file, path) => {
      const first = await outcome(callLoosely(file, 'write', ...make()))
      const second = await outcome(callLoosely(file, 'write', Buffer.from('!')))
      return [first, second, digest(readFileSync(path))]
    })
    expect(ours).toEqual(nodes)
  })

  // The promise API of Node 20 takes these for no position at all; its callback API, and later versions, do as follows.
  it('takes positions of type bigint, and refuses what is no position', async () => {
    const path = join(folder.path, `f${names++}`)
    writeFileSync(path, bytes)
    await using file = await rings.open(path)
    const { bytesRead, buffer } = await file.read(Buffer.alloc(10), 0, 10, 99_995n)
    expect(buffer.subarray(0, bytesRead).equals(bytes.subarray(99_995))).toBe(true)
    expect((await file.read(Buffer.alloc(10), 0, 10, -1n)).buffer.equals(bytes.subarray(0, 10))).toBe(true)
    const codes = { 1.5: 'ERR_OUT_OF_RANGE', [-2]: 'ERR_OUT_OF_RANGE', NaN: 'ERR_OUT_OF_RANGE' }
    for (const [position, code] of Object.entries(codes)) {
      expect(await failure(file.read(Buffer.alloc(1), 0, 1, Number(position)))).toMatchObject({ code })
    }
    expect(await failure(file.read(Buffer.alloc(1), 0, 1, -2n))).toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
    for (const position of ['5', {}, true]) {
      const call = callLoosely(file, 'read', Buffer.alloc(1), 0, 1, position)
      expect(await failure(call)).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
    }
  })

  it('fails as core does on a descriptor that is not open for it', async () => {
    const writing = await both('r', (file) => failure(callLoosely(file, 'write', Buffer.from('x'))))
    expect(writing.ours).toEqual(writing.nodes)
    const reading = await both('a', (file) => failure(callLoosely(file, 'read', Buffer.alloc(1))))
    expect(reading.ours).toEqual(reading.nodes)
  })

  it('gives a default buffer that holds nothing of anybody else', async () => {
    for (let round = 0; round < 50; round++) Buffer.allocUnsafeSlow(16384).fill(0xaa)
    const path = join(folder.path, `f${names++}`)
    writeFileSync(path, 'x')
    await using file = await rings.open(path)
    for (let round = 0; round < 50; round++) {
      const { buffer } = await file.read({ position: 0 })
      expect(buffer.subarray(1).every((byte) => byte === 0)).toBe(true)
    }
  })

  it('once closed says EBADF to everything but close', async () => {
    const path = join(folder.path, `f${names++}`)
    writeFileSync(path, 'x')
    const file = await rings.open(path, 'r+')
    expect(await Promise.all([file.close(), file.close()])).toEqual([undefined, undefined])
    expect(file.fd).toBe(-1)
    const calls = {
      read: () => file.read(Buffer.alloc(1)),
      write: () => file.write(Buffer.alloc(1)),
      fstat: () => file.stat(),
      fsync: () => file.sync(),
      fdatasync: () => file.datasync(),
    }
    for (const [syscall, call] of Object.entries(calls)) {
      expect(await failure(call())).toMatchObject({ code: 'EBADF', errno: -9, syscall })
    }
    expect(await failure(file.readBatch([Buffer.alloc(1)], [0]))).toMatchObject({ code: 'EBADF' })
    await file.close()
  })

  it('is closed after its requests, whatever order they end in', async () => {
    const path = join(folder.path, `f${names++}`)
    writeFileSync(path, bytes)
    for (let round = 0; round < 50; round++) {
      const file = await rings.open(path, 'r+')
      const reads = Array.from({ length: 20 }, (_, index) => file.read(Buffer.alloc(10), 0, 10, index * 10))
      const batch = file.readBatch([Buffer.alloc(10)], [0])
      const sync = file.datasync()
      const closed = file.close()
      expect((await Promise.all(reads)).every(({ bytesRead }) => bytesRead === 10)).toBe(true)
      expect([...(await batch)]).toEqual([10])
      await sync
      await closed
    }
  })

  it('keeps the order of thousands of ordered writes, through errors', async () => {
    const path = join(folder.path, `f${names++}`)
    const file = await rings.open(path, 'w', 0o666, { ordered: true })
    const lines = Array.from({ length: 3000 }, (_, index) => `${index}\n`)
    const writes = lines.flatMap((line, index) =>
      index % 500 === 7
        ? [failure(file.write(Buffer.from('x'), 0, 1, Number.MAX_SAFE_INTEGER)), file.write(line)]
        : [file.write(line)],
    )
    await Promise.all(writes)
    await file.close()
    expect(readFileSync(path, 'latin1')).toBe(lines.join(''))
  })

  it('answers random reads and writes as core does', async () => {
    const random = seededRandom(testSeed(`file ${poller} ${memory}`))
    const upTo = (limit: number): number => Math.floor(random() * limit)
    const steps = Array.from({ length: 300 }, () => ({
      write: random() < 0.4,
      offset: upTo(50),
      length: upTo(50),
      position: random() < 0.3 ? null : upTo(101_000),
    }))
    const { ours, nodes } = await both('r+', async (file, path) => {
      const results: unknown[] = []
      for (const { write, offset, length, position } of steps) {
        const buffer = Buffer.alloc(100, offset)
        results.push(await outcome(callLoosely(file, write ? 'write' : 'read', buffer, offset, length, position)))
      }
      return [results, digest(readFileSync(path))]
    })
    expect(ours).toEqual(nodes)
  })

  describe('a batch', () => {
    it('reads and writes many with one promise', async () => {
      const path = join(folder.path, `f${names++}`)
      const writer = await rings.open(path, 'w+')
      const positions = Array.from({ length: 500 }, (_, index) => index * 200)
      const results = await writer.writeBatch(
        positions.map((position) => bytes.subarray(position, position + 200)),
        positions,
      )
      expect(new Set(results)).toEqual(new Set([200]))
      expect(readFileSync(path).equals(bytes)).toBe(true)
      const buffers = positions.map(() => Buffer.alloc(200))
      expect(new Set(await writer.readBatch(buffers, positions))).toEqual(new Set([200]))
      expect(Buffer.concat(buffers).equals(bytes)).toBe(true)
      await writer.close()
    })

    it('of nothing is over at once', async () => {
      await using file = await rings.open(join(folder.path, 'f0'))
      expect([...(await file.readBatch([], []))]).toEqual([])
    })

    it('gives each its own result: bytes, end of file, errno', async () => {
      const path = join(folder.path, `f${names++}`)
      writeFileSync(path, '0123456789')
      const reader = await rings.open(path)
      const two = [Buffer.alloc(6), Buffer.alloc(6), Buffer.alloc(6)]
      expect([...(await reader.readBatch(two, [0, 7, 1000]))]).toEqual([6, 3, 0])
      expect([...(await reader.writeBatch([Buffer.alloc(1)], [0]))]).toEqual([-9])
      await reader.close()
    })

    it('refuses bad arguments before anything is claimed', async () => {
      await using file = await rings.open(join(folder.path, 'f0'))
      const before = rings.stats().rings.map(({ requests }) => requests)
      const bad: readonly (readonly unknown[])[] = [
        [undefined, []],
        ['buffers', []],
        [[Buffer.alloc(1)], undefined],
        [[Buffer.alloc(1)], null],
        [[Buffer.alloc(1)], []],
        [
          [Buffer.alloc(1), 'x'],
          [0, 0],
        ],
        [[Buffer.alloc(1)], [1.5]],
        [[Buffer.alloc(1)], [-2]],
        [[Buffer.alloc(1)], ['0']],
      ]
      for (const args of bad) {
        const { code } = await failure(callLoosely(file, 'readBatch', ...args))
        expect({ args, code }).toEqual({
          args,
          code: expect.stringMatching(/^ERR_(INVALID_ARG|OUT_OF_RANGE)/) as string,
        })
      }
      expect(rings.stats().rings.map(({ requests }) => requests)).toEqual(before)
    })

    it('takes null for the own position of the file, as read() does', async () => {
      const path = join(folder.path, `f${names++}`)
      writeFileSync(path, '0123456789')
      const file = await rings.open(path)
      await file.read(Buffer.alloc(2))
      const buffer = Buffer.alloc(2)
      await callLoosely(file, 'readBatch', [buffer], [null])
      expect(buffer.toString()).toBe('23')
      await file.close()
    })

    it('takes or refuses a bigint position, and never publishes half an entry over the last one', async () => {
      await using tiny = await Ringmaster.start({ rings: 1, poller, memory, sqEntries: 8, cqEntries: 128 })
      const path = join(folder.path, `f${names++}`)
      writeFileSync(path, '0123456789')
      const file = await tiny.open(path)
      const earlier = Array.from({ length: 64 }, () => Buffer.alloc(10))
      for (const buffer of earlier) await file.read(buffer, 0, 10, 0)
      for (const buffer of earlier) buffer.fill(0)
      const buffer = Buffer.alloc(2)
      const result = await failure(callLoosely(file, 'readBatch', [buffer], [4n]))
      await tiny.nop()
      expect(earlier.every((bytes) => bytes.every((byte) => byte === 0))).toBe(true)
      if (result['name'] === 'no error') expect(buffer.toString()).toBe('45')
      else expect(result).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
      expect(await settledWithin(file.close())).toBe('resolved')
    })

    it('larger than ring and backlog carries out what has room and says EBUSY for the rest', async () => {
      await using tiny = await Ringmaster.start({
        rings: 1,
        poller,
        memory,
        sqEntries: 8,
        cqEntries: 128,
        backlogMax: 100,
      })
      const file = await tiny.open(join(folder.path, 'f0'))
      const count = 1000
      const results = await file.readBatch(
        Array.from({ length: count }, () => Buffer.alloc(1)),
        Array.from({ length: count }, () => 0),
      )
      const done = results.findIndex((result) => result !== 1)
      expect(done).toBeGreaterThanOrEqual(100)
      expect(new Set(results.subarray(done))).toEqual(new Set([-16]))
      expect([...(await file.readBatch([Buffer.alloc(1)], [0]))]).toEqual([1])
      await file.close()
    })
  })

  it('syncs, and its data are there', async () => {
    const path = join(folder.path, `f${names++}`)
    const file = await rings.open(path, 'w')
    await file.write('durable')
    expect(await file.datasync()).toBeUndefined()
    expect(await file.sync()).toBeUndefined()
    await file.close()
    expect(readFileSync(path, 'latin1')).toBe('durable')
  })

  it('reads a sparse file beyond 4 GiB', async () => {
    const path = join(folder.path, `f${names++}`)
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT)
    ftruncateSync(fd, 2 ** 33)
    closeSync(fd)
    const file = await rings.open(path, 'r+')
    await file.write('end', 2 ** 33 - 3)
    const { bytesRead, buffer } = await file.read(Buffer.alloc(10), 0, 10, BigInt(2 ** 33 - 3))
    expect(buffer.toString('latin1', 0, bytesRead)).toBe('end')
    await file.close()
  })
})
