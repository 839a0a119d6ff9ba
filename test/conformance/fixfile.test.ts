// Row FIXFILE: direct descriptors: setting slots, finding free ones, what becomes of requests whose slot changes under them.
// The ring's table is as every-ring.ts has it made: 64 slots for these, readFile's behind them.
import * as fs from 'node:fs'
import { afterEach, expect, it } from 'vitest'
import { nop as nopRow } from '../../native/operations/control.ts'
import { SqeFlag } from '../../native/abi.ts'
import { leasedDescriptors } from '../../native/layout.ts'
import { writeSqe } from '../../native/operations/row.ts'
import { makeOperation, op } from '../../services/raw/index.ts'
import type { DirectDescriptor, Operation, RawRing } from '../../services/raw/index.ts'
import { errorCode } from '../services/raw/errors.ts'
import { eventually, failure, fieldOf, seededRandom, settledWithin, testSeed } from '../services/harness.ts'
import { describeOnEveryRing } from './every-ring.ts'
import type { Stand } from './every-ring.ts'

const random = seededRandom(testSeed('row FIXFILE'))
const rawDescriptors = 64
const everySlot = Array.from({ length: rawDescriptors }, (_, slot) => slot)

/** A file with this content, open for reading; closed after the case. */
function file({ path, own }: Stand, content: string): { fd: number; name: string } {
  const name = path()
  fs.writeFileSync(name, content)
  return { fd: own(fs.openSync(name, 'r+')), name }
}

/** What a direct descriptor is, by what can be read there; the error's code where nothing can. */
async function contentOf(raw: RawRing, direct: number): Promise<string> {
  const buffer = Buffer.alloc(100)
  try {
    return buffer.toString('utf8', 0, await raw.submit(op.read({ fd: { direct }, buffer, position: 0 })))
  } catch (error) {
    return String(fieldOf(error, 'code'))
  }
}

const contentsOf = (raw: RawRing, slots: readonly number[]): Promise<string[]> =>
  Promise.all(slots.map((slot) => contentOf(raw, slot)))

/** A pipe; the end to write to is closed after the case. */
function pipe({ raw, own }: Stand): Promise<{ read: number; write: number }> {
  return raw.submit(op.pipe()).then(({ read, write }) => ({ read, write: own(write) }))
}

describeOnEveryRing('FIXFILE', (stand) => {
  afterEach(() => {
    for (const raw of [stand.raw, stand.other]) {
      raw.registrations.fileAllocRange({ index: 0, count: rawDescriptors })
      raw.registrations.filesUpdate({ index: 0, descriptors: everySlot.map(() => -1) })
    }
  })

  it('file-register: slots are empty at first, hold what was put there, and are empty again', async () => {
    const { raw } = stand
    expect(new Set(await contentsOf(raw, everySlot))).toEqual(new Set(['EBADF']))
    const { fd } = file(stand, 'registered')
    expect(raw.registrations.filesUpdate({ index: 0, descriptors: everySlot.map(() => fd) })).toBe(rawDescriptors)
    expect(new Set(await contentsOf(raw, everySlot))).toEqual(new Set(['registered']))
    raw.registrations.filesUpdate({ index: 1, descriptors: everySlot.slice(2).map(() => -1) })
    expect(await contentsOf(raw, [0, 1, 32, 62, 63])).toEqual(['registered', 'EBADF', 'EBADF', 'EBADF', 'registered'])
  })

  it('file-register: a slot that is skipped stays as it is, and one bad descriptor ends the update there', async () => {
    const { raw } = stand
    const [a, b] = ['a', 'b'].map((content) => file(stand, content).fd)
    raw.registrations.filesUpdate({ index: 5, descriptors: [a!, a!, a!] })
    expect(raw.registrations.filesUpdate({ index: 5, descriptors: [b!, -2, b!] })).toBe(3)
    expect(await contentsOf(raw, [5, 6, 7])).toEqual(['b', 'a', 'b'])
    expect(raw.registrations.filesUpdate({ index: 5, descriptors: [a!, 2 ** 30, a!] })).toBe(1)
    expect(await contentsOf(raw, [5, 7])).toEqual(['a', 'b'])
    expect(errorCode(() => raw.registrations.filesUpdate({ index: 5, descriptors: [2 ** 30] }))).toBe('EBADF')
  })

  it('file-register: neither slots of readFile nor the ring itself can be put into the table', async () => {
    const { registrations, ringFd } = stand.raw
    expect(errorCode(() => registrations.filesUpdate({ index: 5, descriptors: [ringFd] }))).toBe('EBADF')
    expect(errorCode(() => registrations.filesUpdate({ index: 63, descriptors: [-1, -1] }))).toBe('ERR_OUT_OF_RANGE')
    expect(errorCode(() => registrations.fileAllocRange({ index: 60, count: 5 }))).toBe('ERR_OUT_OF_RANGE')
    for (const operation of [
      op.close({ fd: { direct: rawDescriptors + leasedDescriptors } }),
      op.openat({ path: '/dev/null', direct: rawDescriptors }),
      op.filesUpdate({ index: rawDescriptors - 1, descriptors: [-1, -1] }),
      op.socket({ family: 'AF_UNIX', type: 'SOCK_STREAM', direct: rawDescriptors }),
      op.pipe({ direct: rawDescriptors - 1 }),
    ]) {
      expect(await failure(stand.raw.submit(operation as Operation<unknown>))).toMatchObject({
        code: 'ERR_OUT_OF_RANGE',
      })
      expect(errorCode(() => stand.raw.chain().link(operation as Operation<unknown>))).toBe('ERR_OUT_OF_RANGE')
    }
  })

  it('file-update: the same files in two rings, replaced in both, each ring by itself', async () => {
    const both = [stand.raw, stand.other]
    const before = ['p', 'q', 'r'].map((content) => file(stand, content).fd)
    const after = ['x', 'y', 'z'].map((content) => file(stand, content).fd)
    for (const raw of both) raw.registrations.filesUpdate({ index: 10, descriptors: before })
    stand.raw.registrations.filesUpdate({ index: 10, descriptors: after })
    expect(await contentsOf(stand.raw, [10, 11, 12])).toEqual(['x', 'y', 'z'])
    expect(await contentsOf(stand.other, [10, 11, 12])).toEqual(['p', 'q', 'r'])
    stand.other.registrations.filesUpdate({ index: 10, descriptors: [-1, -1, -1] })
    expect(await contentsOf(stand.raw, [10, 11, 12])).toEqual(['x', 'y', 'z'])
  })

  it('file-update: a request and a call update the same table, in any order', async () => {
    const { raw } = stand
    const [a, b] = ['a', 'b'].map((content) => file(stand, content).fd)
    expect(await raw.submit(op.filesUpdate({ index: 20, descriptors: [a!, a!] }))).toBe(2)
    raw.registrations.filesUpdate({ index: 21, descriptors: [b!] })
    expect(await contentsOf(raw, [20, 21])).toEqual(['a', 'b'])
    const updated = raw.submit(op.filesUpdate({ index: 20, descriptors: [-1, -1] }), { drain: true })
    const contents = contentsOf(raw, [20, 21])
    expect([await updated, await contents]).toEqual([2, ['EBADF', 'EBADF']])
  })

  it('file-verify: reads and writes by slot are those of the file', async () => {
    const { raw } = stand
    const { fd, name } = file(stand, 'abcdefgh')
    raw.registrations.filesUpdate({ index: 3, descriptors: [fd] })
    const direct = { direct: 3 }
    expect(await raw.submit(op.write({ fd: direct, buffer: Buffer.from('XY'), position: 2 }))).toBe(2)
    expect(
      await raw.submit(op.writev({ fd: direct, buffers: [Buffer.from('1'), Buffer.from('23')], position: 6 })),
    ).toBe(3)
    expect(fs.readFileSync(name, 'utf8')).toBe('abXYef123')
    const buffers = [Buffer.alloc(4), Buffer.alloc(20)]
    expect(await raw.submit(op.readv({ fd: direct, buffers, position: 1 }))).toBe(8)
    expect(Buffer.concat(buffers).toString('latin1', 0, 8)).toBe('bXYef123')
    fs.truncateSync(name, 3)
    expect(await contentOf(raw, 3)).toBe('abX')
  })

  it('ooo-file-unreg: a request keeps its file when slots are emptied in another order than they were set', async () => {
    const { raw } = stand
    const { read, write } = await pipe(stand)
    raw.registrations.filesUpdate({ index: 0, descriptors: [read, read] })
    const poll = raw.submit(op.pollAdd({ fd: { direct: 0 }, events: ['POLLIN'] }))
    await raw.submit(op.nop())
    fs.closeSync(read)
    raw.registrations.filesUpdate({ index: 1, descriptors: [-1] })
    raw.registrations.filesUpdate({ index: 0, descriptors: [-1] })
    expect(await settledWithin(poll, 50)).toBe('pending')
    fs.writeSync(write, 'x') // EPIPE if nobody held the other end
    expect((await poll) & 1).toBe(1)
    // Now nobody does; the kernel lets go of a request's file a moment after its completion.
    expect(await eventually(() => errorCode(() => fs.writeSync(write, 'x')) === 'EPIPE')).toBe(true)
  })

  it('open-direct-pick: every slot is found once, a freed one is found again, and a full table is ENFILE', async () => {
    const { raw } = stand
    const { name } = file(stand, 'picked')
    const open = (): Promise<DirectDescriptor> => raw.submit(op.openat({ path: name, direct: 'allocate' }))
    const slots = await Promise.all(everySlot.map(open))
    expect(slots.map(({ direct }) => direct).sort((a, b) => a - b)).toEqual(everySlot)
    expect(await failure(open())).toMatchObject({ code: 'ENFILE' })
    const closed = new Set(Array.from({ length: 10 }, () => Math.floor(random() * rawDescriptors)))
    await Promise.all([...closed].map((direct) => raw.submit(op.close({ fd: { direct } }))))
    const again = await Promise.all([...closed].map(open))
    expect(new Set(again.map(({ direct }) => direct))).toEqual(closed)
    expect(await failure(open())).toMatchObject({ code: 'ENFILE' })
    expect(new Set(await contentsOf(raw, everySlot))).toEqual(new Set(['picked']))
  })

  it('file-alloc-range-hint: a slot is found within the range, whatever was set outside of it', async () => {
    const { raw } = stand
    const { fd } = file(stand, 'ranged')
    raw.registrations.fileAllocRange({ index: 20, count: 4 })
    const allocate = op.filesUpdate({ descriptors: [fd], index: 'allocate' })
    const found: number[] = []
    for (const { direct } of await raw.submit(allocate)) found.push(direct)
    raw.registrations.filesUpdate({ index: 40, descriptors: [fd] }) // behind the range
    raw.registrations.filesUpdate({ index: 40, descriptors: [-1] })
    for (let count = 1; count < 4; count++) for (const { direct } of await raw.submit(allocate)) found.push(direct)
    expect(found.sort()).toEqual([20, 21, 22, 23])
  })

  it('file-alloc-range-hint: a full table of raw slots is full, also when readFile’s behind it have free ones', async () => {
    const { raw, rings } = stand
    const { fd, name } = file(stand, 'small')
    raw.registrations.filesUpdate({ index: 0, descriptors: everySlot.map(() => fd) })
    const allocate = op.openat({ path: name, direct: 'allocate' })
    expect(await failure(raw.submit(allocate))).toMatchObject({ code: 'ENFILE' })
    for (let round = 0; round < 4; round++) {
      expect(await Promise.all([1, 2, 3].map(() => rings.readFile(name, 'utf8')))).toEqual(['small', 'small', 'small'])
      expect(await failure(raw.submit(allocate))).toMatchObject({ code: 'ENFILE' })
    }
  })

  it('nop-fixed-file-leak: a no-op that names a descriptor and says it is a slot leaves nobody’s file open', async () => {
    const { raw } = stand
    const { read, write } = await pipe(stand)
    const nopFile = 2
    const leaky: Operation<number> = makeOperation(nopRow, (words, at, sqeFlags) => {
      writeSqe(words, at, nopRow.opcode, sqeFlags | SqeFlag.FIXED_FILE, read, 0, 0, 0, nopFile, 0)
    })
    await raw.submit(leaky).catch(() => undefined)
    fs.closeSync(read)
    expect(await eventually(() => errorCode(() => fs.writeSync(write, 'x')) === 'EPIPE')).toBe(true)
  })

  it('fd-pass: a slot’s file is another ring’s too, and stays there when the first lets go of it', async () => {
    const { raw, other } = stand
    const { fd } = file(stand, 'passed')
    raw.registrations.filesUpdate({ index: 7, descriptors: [fd] })
    const message = { ringFd: other.ringFd, fd: { direct: 7 }, silent: true } as const
    expect(await raw.submit(op.msgRing({ ...message, into: 9 }))).toBe(0)
    const allocated = await raw.submit(op.msgRing({ ...message, into: 'allocate' }))
    expect(allocated).not.toBe(9)
    await raw.submit(op.close({ fd: { direct: 7 } }))
    expect(await contentsOf(other, [9, allocated])).toEqual(['passed', 'passed'])
    expect(await failure(raw.submit(op.msgRing({ ...message, into: 9 })))).toMatchObject({ code: 'EBADF' })
  })

  it('fd-install: an installed descriptor is the slot’s file, and outlives the slot', async () => {
    const { raw } = stand
    const { fd, name } = file(stand, 'installed')
    raw.registrations.filesUpdate({ index: 8, descriptors: [fd] })
    const installed = stand.own(await raw.submit(op.fixedFdInstall({ fd: { direct: 8 } })))
    raw.registrations.filesUpdate({ index: 8, descriptors: [-1] })
    expect(fs.readlinkSync(`/proc/self/fd/${installed}`)).toBe(name)
    expect(await failure(raw.submit(op.fixedFdInstall({ fd: { direct: 8 } })))).toMatchObject({ code: 'EBADF' })
  })

  it('pipe-direct-fixed: a pipe takes the slots it was given, and no other', async () => {
    const { raw } = stand
    const { fd } = file(stand, 'kept')
    raw.registrations.filesUpdate({ index: 0, descriptors: [fd] })
    const { read, write } = await raw.submit(op.pipe({ direct: 30 }))
    expect([read, write]).toEqual([{ direct: 30 }, { direct: 31 }])
    expect(await raw.submit(op.write({ fd: write, buffer: Buffer.from('through') }))).toBe(7)
    const buffer = Buffer.alloc(20)
    expect(buffer.toString('latin1', 0, await raw.submit(op.read({ fd: read, buffer })))).toBe('through')
    expect(await contentOf(raw, 0)).toBe('kept')
  })
})
