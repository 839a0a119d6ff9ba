// Proves files_update, fixed_fd_install, provide_buffers, remove_buffers and msg_ring.
import * as fs from 'node:fs'
import { expect, it } from 'vitest'
import { addressOfView } from '../../../native/addresses.ts'
import { prepRead } from '../../../native/operations/files.ts'
import { SqeFlag } from '../../../native/abi.ts'
import { op } from '../../../services/raw/index.ts'
import { expectStale } from '../conservation.ts'
import { bareRing } from './bare-ring.ts'
import type { Bench } from './conformance.ts'
import { describeFamily, handleOf } from './conformance.ts'
import { errorCode } from './errors.ts'

/** What a direct descriptor is, by what can be read there. */
async function contentOf({ submit }: Bench, direct: number): Promise<string> {
  const buffer = Buffer.alloc(100)
  return buffer.toString('utf8', 0, await submit(op.read({ fd: { direct }, buffer, position: 0 })))
}

function file({ path, own }: Bench, content: string): number {
  const name = path()
  fs.writeFileSync(name, content)
  return own(fs.openSync(name, 'r'))
}

describeFamily('registered', (proves) => {
  proves('files_update', 'puts descriptors into slots, leaves some, empties some', async (bench) => {
    const { submit, code } = bench
    const descriptors = [file(bench, 'zero'), file(bench, 'one'), file(bench, 'two')]
    expect(await submit(op.filesUpdate({ descriptors, index: 40 }))).toBe(3)
    expect(await Promise.all([40, 41, 42].map((slot) => contentOf(bench, slot)))).toEqual(['zero', 'one', 'two'])
    expect(await submit(op.filesUpdate({ descriptors: [-1, -2, descriptors[0]!], index: 40 }))).toBe(3)
    expect(await code(op.read({ fd: { direct: 40 }, buffer: Buffer.alloc(1) }))).toBe('EBADF')
    expect(await Promise.all([41, 42].map((slot) => contentOf(bench, slot)))).toEqual(['one', 'zero'])
    expect(await submit(op.filesUpdate({ descriptors: [-1, -1], index: 41 }))).toBe(2)
    expect(await code(op.filesUpdate({ descriptors: [2 ** 30], index: 40 }))).toBe('EBADF')
  })

  proves('files_update', 'finds free slots itself', async (bench) => {
    const { submit } = bench
    const update = op.filesUpdate({ descriptors: [file(bench, 'a'), file(bench, 'b')], index: 'allocate' })
    const slots = [...(await submit(update)), ...(await submit(update))].map(({ direct }) => direct)
    expect(new Set(slots).size).toBe(4)
    expect(await Promise.all(slots.map((slot) => contentOf(bench, slot)))).toEqual(['a', 'b', 'a', 'b'])
    await Promise.all(slots.map((direct) => submit(op.close({ fd: { direct } }))))
  })

  proves('fixed_fd_install', 'makes a descriptor of the process', async (bench) => {
    const { submit, code, path, own } = bench
    const name = path()
    fs.writeFileSync(name, 'installed')
    const direct = await submit(op.openat({ path: name, direct: 'allocate' }))
    for (const inherit of [false, true]) {
      const fd = own(await submit(op.fixedFdInstall({ fd: direct, inherit })))
      expect(fs.readlinkSync(`/proc/self/fd/${fd}`)).toBe(name)
      const flags = /flags:\s+(\d+)/.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))![1]!
      expect((parseInt(flags, 8) & 0o2000000) === 0).toBe(inherit)
    }
    await submit(op.close({ fd: direct }))
    expect(await code(op.fixedFdInstall({ fd: direct }))).toBe('EBADF')
  })

  proves('provide_buffers', 'gives buffers that reads take, each once', async (bench) => {
    const { submit, code } = bench
    const fd = file(bench, 'abcdefghij')
    const memory = Buffer.alloc(12, '.')
    const bufferGroup = 500
    await submit(op.provideBuffers({ buffer: memory, sizeBytes: 4, bufferGroup, firstId: 100 }))
    const taken = await Promise.all([0, 4, 8].map((position) => submit(op.read({ fd, bufferGroup, position }))))
    expect(taken.map(({ bytes }) => bytes)).toEqual([4, 4, 2])
    expect(taken.map(({ bufferId }) => bufferId).sort()).toEqual([100, 101, 102])
    const text = taken.map(({ bytes, bufferId }) => memory.toString('latin1', (bufferId! - 100) * 4).slice(0, bytes))
    expect(text.join('')).toBe('abcdefghij')
    expect(await code(op.read({ fd, bufferGroup }))).toBe('ENOBUFS')
  })

  proves('remove_buffers', 'takes them out again, at most so many', async ({ submit, code }) => {
    const buffer = Buffer.alloc(40)
    const bufferGroup = 501
    await submit(op.provideBuffers({ buffer, sizeBytes: 4, count: 10, bufferGroup }))
    expect(await submit(op.removeBuffers({ bufferGroup, count: 3 }))).toBe(3)
    expect(await submit(op.removeBuffers({ bufferGroup, count: 100 }))).toBe(7)
    expect(await code(op.removeBuffers({ bufferGroup: 502, count: 1 }))).toBe('ENOENT')
  })

  proves('provide_buffers', 'is refused for a group that is a ring', async ({ submit, code, raw }) => {
    const buffers = raw.provideBuffers({ count: 2, sizeBytes: 64 })
    const refused = op.provideBuffers({ buffer: Buffer.alloc(8), sizeBytes: 8, bufferGroup: buffers.group })
    expect(await code(refused)).toBe('EINVAL')
    expect(await code(op.removeBuffers({ bufferGroup: buffers.group, count: 1 }))).toBe('EINVAL')
    buffers.close()
    await submit(op.provideBuffers({ buffer: Buffer.alloc(8), sizeBytes: 8, bufferGroup: 503 }))
  })

  proves('msg_ring', 'posts completions to another ring, as they were given', async ({ submit, code, own }) => {
    const target = bareRing()
    const userData = Number.MAX_SAFE_INTEGER
    expect(await submit(op.msgRing({ ringFd: target.fd, result: 42, userData }))).toBe(0)
    expect(await submit(op.msgRing({ ringFd: target.fd, result: -9, cqeFlags: 0xabcd0008 }))).toBe(0)
    expect(target.completions()).toEqual([
      { userData: BigInt(userData), result: 42, flags: 0 },
      { userData: 0n, result: -9, flags: 0xabcd0008 },
    ])
    expect(await code(op.msgRing({ ringFd: own(fs.openSync('/dev/null', 'r')), result: 0 }))).toBe('EBADFD')
    expect(await code(op.msgRing({ ringFd: 2 ** 30, result: 0 }))).toBe('EBADF')
    target.close()
  })

  proves('msg_ring', 'gives direct descriptors to another ring', async ({ submit, code, path }) => {
    const target = bareRing()
    const name = path()
    fs.writeFileSync(name, 'given away')
    const fd = await submit(op.openat({ path: name, direct: 'allocate' }))
    const read = (slot: number): string => {
      const buffer = Buffer.alloc(20)
      const length = target.run((words, at) => {
        prepRead(words, at, SqeFlag.FIXED_FILE, slot, addressOfView(buffer), 20, 0)
        words[at + 8] = words[at + 9] = 0
      })
      return length < 0 ? String(length) : buffer.toString('utf8', 0, length)
    }
    expect(await submit(op.msgRing({ ringFd: target.fd, fd, into: 2, userData: 7 }))).toBe(0)
    expect(target.completions()).toEqual([{ userData: 7n, result: 0, flags: 0 }])
    expect(read(2)).toBe('given away')
    const slot = await submit(op.msgRing({ ringFd: target.fd, fd, into: 'allocate', silent: true }))
    expect(slot).not.toBe(2)
    expect(target.completions()).toEqual([])
    expect(read(slot)).toBe('given away')
    await submit(op.close({ fd }))
    expect(read(slot)).toBe('given away')
    expect(await code(op.msgRing({ ringFd: target.fd, fd, into: 1 }))).toBe('EBADF')
    target.close()
  })

  proves(
    'msg_ring',
    'reaches a ring of Ringmaster, which drops what is none of its requests',
    async ({ raw, other, rings }) => {
      expectStale(handleOf(other))
      const before = rings.stats().rings[1]!.staleCompletions
      await raw.submit(op.msgRing({ ringFd: other.ringFd, result: 1, userData: Number.MAX_SAFE_INTEGER }))
      await other.submit(op.nop())
      await other.submit(op.nop())
      expect(rings.stats().rings[1]!.staleCompletions).toBe(before + 1)
    },
  )
})

it('refuses misuse at once', () => {
  const buffer = Buffer.alloc(8)
  expect(errorCode(() => op.filesUpdate({ descriptors: [], index: 0 }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => op.filesUpdate({ descriptors: [-1, -1], index: 65_535 }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => op.filesUpdate({ descriptors: [-3], index: 0 }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => op.provideBuffers({ buffer, sizeBytes: 9, bufferGroup: 1 }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => op.provideBuffers({ buffer, sizeBytes: 4, count: 3, bufferGroup: 1 }))).toBe(
    'ERR_OUT_OF_RANGE',
  )
  expect(errorCode(() => op.msgRing({ ringFd: 1, result: 2 ** 31 }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => Reflect.apply(op.fixedFdInstall, null, [{ fd: 1 }]))).toBe('ERR_INVALID_ARG_TYPE')
  expect(errorCode(() => Reflect.apply(op.msgRing, null, [{ ringFd: 1 }]))).toBe('ERR_INVALID_ARG_TYPE')
})
