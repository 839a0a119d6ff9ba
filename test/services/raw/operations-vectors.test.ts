// Proves readv, writev, their fixed forms, and read_multishot, against node:fs.
import * as fs from 'node:fs'
import { expect, it } from 'vitest'
import { allocateSharedMemory } from '../../../native/shared-memory.ts'
import { op } from '../../../services/raw/index.ts'
import type { RawRing } from '../../../services/raw/index.ts'
import { seededBytes } from '../harness.ts'
import { describeFamily } from './conformance.ts'
import { errorCode } from './errors.ts'

const content = seededBytes(8192, 2)
const registered = new Map<RawRing, Buffer>()

/** 64 KiB that are buffer 0 of the ring. */
function registeredMemory(raw: RawRing): Buffer {
  let memory = registered.get(raw)
  if (memory === undefined) {
    memory = Buffer.from(allocateSharedMemory(65536))
    raw.buffers.update(0, memory)
    registered.set(raw, memory)
  }
  return memory
}

describeFamily('vectors', (proves) => {
  proves('readv', 'scatters what node:fs wrote', async ({ submit, code, path, own }) => {
    const file = path()
    fs.writeFileSync(file, content)
    const fd = own(fs.openSync(file, 'r'))
    const buffers = [Buffer.alloc(100), new Uint16Array(50), Buffer.alloc(0), Buffer.alloc(7)]
    expect(await submit(op.readv({ fd, buffers, position: 3 }))).toBe(207)
    const all = Buffer.concat(buffers.map((view) => Buffer.from(view.buffer, view.byteOffset, view.byteLength)))
    expect(all.equals(content.subarray(3, 210))).toBe(true)
    expect(await submit(op.readv({ fd, buffers, position: 8190 }))).toBe(2)
    expect(await submit(op.readv({ fd, buffers: [] }))).toBe(0)
    expect(await code(op.readv({ fd: 2 ** 30, buffers }))).toBe('EBADF')
    expect(await code(op.readv({ fd, buffers, rwFlags: 0x4000 }))).toBe('ENOTSUP')
    const most = Array.from({ length: 1024 }, () => Buffer.alloc(8))
    expect(await submit(op.readv({ fd, buffers: most, position: 0 }))).toBe(8192)
    expect(Buffer.concat(most).equals(content)).toBe(true)
  })

  proves('writev', 'gathers what node:fs reads', async ({ submit, code, path, own }) => {
    const file = path()
    const fd = own(fs.openSync(file, 'w'))
    const buffers = [content.subarray(0, 11), content.subarray(11, 4000), Buffer.alloc(0)]
    expect(await submit(op.writev({ fd, buffers, position: 0 }))).toBe(4000)
    expect(await submit(op.writev({ fd, buffers: [Buffer.from('!')], rwFlags: ['RWF_APPEND', 'RWF_DSYNC'] }))).toBe(1)
    expect(fs.readFileSync(file).equals(Buffer.concat([content.subarray(0, 4000), Buffer.from('!')]))).toBe(true)
    expect(await code(op.writev({ fd: own(fs.openSync('/dev/full', 'w')), buffers }))).toBe('ENOSPC')
  })

  proves(
    'read_fixed',
    'reads into a registered buffer, and not beside it',
    async ({ raw, submit, code, path, own }) => {
      const memory = registeredMemory(raw)
      const file = path()
      fs.writeFileSync(file, content)
      const fd = own(fs.openSync(file, 'r'))
      memory.fill(0)
      const part = { fd, buffer: memory, offset: 4000, length: 1000, bufferIndex: 0 }
      expect(await submit(op.readFixed({ ...part, position: 5 }))).toBe(1000)
      expect(memory.subarray(4000, 5000).equals(content.subarray(5, 1005))).toBe(true)
      expect(memory[3999]! + memory[5000]!).toBe(0)
      expect(await code(op.readFixed({ fd, buffer: Buffer.alloc(10), bufferIndex: 0 }))).toBe('EFAULT')
      expect(await code(op.readFixed({ ...part, bufferIndex: 1 }))).toBe('EFAULT')
    },
  )

  proves('write_fixed', 'writes from a registered buffer', async ({ raw, submit, code, path, own }) => {
    const memory = registeredMemory(raw)
    content.copy(memory, 100)
    const file = path()
    const fd = own(fs.openSync(file, 'w'))
    expect(
      await submit(op.writeFixed({ fd, buffer: memory, offset: 100, length: 8192, bufferIndex: 0, position: 0 })),
    ).toBe(8192)
    expect(fs.readFileSync(file).equals(content)).toBe(true)
    expect(await code(op.writeFixed({ fd, buffer: content, bufferIndex: 0 }))).toBe('EFAULT')
  })

  proves('readv_fixed', 'scatters into one registered buffer', async ({ raw, submit, code, path, own }) => {
    const memory = registeredMemory(raw)
    memory.fill(0)
    const file = path()
    fs.writeFileSync(file, content)
    const fd = own(fs.openSync(file, 'r'))
    const buffers = [memory.subarray(9000, 9010), memory.subarray(10, 20)]
    expect(await submit(op.readvFixed({ fd, buffers, bufferIndex: 0, position: 1 }))).toBe(20)
    expect(Buffer.concat(buffers).equals(content.subarray(1, 21))).toBe(true)
    expect(await code(op.readvFixed({ fd, buffers: [Buffer.alloc(4)], bufferIndex: 0 }))).toBe('EFAULT')
  })

  proves('writev_fixed', 'gathers from one registered buffer', async ({ raw, submit, code, path, own }) => {
    const memory = registeredMemory(raw)
    content.copy(memory)
    const file = path()
    const fd = own(fs.openSync(file, 'w'))
    const buffers = [memory.subarray(5000, 5010), memory.subarray(0, 10)]
    expect(await submit(op.writevFixed({ fd, buffers, bufferIndex: 0, position: 0 }))).toBe(20)
    expect(fs.readFileSync(file).equals(Buffer.concat(buffers))).toBe(true)
    expect(await code(op.writevFixed({ fd, buffers: [content], bufferIndex: 0 }))).toBe('EFAULT')
  })

  proves(
    'read_multishot',
    'gives each piece that comes through a pipe, and ends with it',
    async ({ raw, submit, own }) => {
      const { read, write } = await submit(op.pipe())
      own(read)
      const buffers = raw.provideBuffers({ count: 8, sizeBytes: 256 })
      const stream = raw.stream(op.readMultishot({ fd: read, buffers }))
      const pieces: string[] = []
      for (const word of ['one', 'two', 'three']) {
        const next = stream.next()
        fs.writeSync(write, word)
        const { value } = await next
        pieces.push(value?.bytes.toString() ?? '')
        value?.release()
      }
      expect(pieces).toEqual(['one', 'two', 'three'])
      fs.closeSync(write)
      expect((await stream.next()).done).toBe(true)
      expect(buffers.available).toBe(8)
      buffers.close()
    },
  )

  proves('read_multishot', 'is refused for regular files', async ({ raw, path, own }) => {
    const file = path()
    fs.writeFileSync(file, content)
    const buffers = raw.provideBuffers({ count: 2, sizeBytes: 256 })
    const stream = raw.stream(op.readMultishot({ fd: own(fs.openSync(file, 'r')), buffers }))
    await expect(stream.next()).rejects.toMatchObject({ code: 'EBADFD' })
    buffers.close()
  })
})

it('refuses misuse at once', () => {
  const buffers = Array.from({ length: 1025 }, () => Buffer.alloc(1))
  expect(errorCode(() => op.readv({ fd: 1, buffers }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => op.readFixed({ fd: 1, buffer: Buffer.alloc(1), bufferIndex: 65536 }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => Reflect.apply(op.writev, null, [{ fd: 1, buffers: ['x'] }]))).toBe('ERR_INVALID_ARG_TYPE')
  expect(errorCode(() => Reflect.apply(op.writev, null, [{ fd: 1, buffers: Buffer.alloc(1) }]))).toBe(
    'ERR_INVALID_ARG_TYPE',
  )
  expect(errorCode(() => Reflect.apply(op.writeFixed, null, [{ fd: 1, buffer: Buffer.alloc(1) }]))).toBe(
    'ERR_INVALID_ARG_TYPE',
  )
})
