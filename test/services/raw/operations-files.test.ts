// Proves read, write, fsync, close against node:fs.
import * as fs from 'node:fs'
import { expect, it } from 'vitest'
import { op } from '../../../services/raw/index.ts'
import { seededBytes } from '../harness.ts'
import { describeFamily } from './conformance.ts'
import { errorCode } from './errors.ts'

const content = seededBytes(10_000, 1)

describeFamily('files', (proves) => {
  proves(
    'read',
    'reads what node:fs wrote: whole, in part, at a position, past the end',
    async ({ submit, path, own }) => {
      const file = path()
      fs.writeFileSync(file, content)
      const fd = own(fs.openSync(file, 'r'))
      const buffer = Buffer.alloc(content.length + 1)
      expect(await submit(op.read({ fd, buffer, position: 0 }))).toBe(content.length)
      expect(buffer.subarray(0, content.length).equals(content)).toBe(true)
      buffer.fill(0)
      expect(await submit(op.read({ fd, buffer, offset: 5, length: 100, position: 50n }))).toBe(100)
      expect(buffer.subarray(0, 5).every((byte) => byte === 0)).toBe(true)
      expect(buffer.subarray(5, 105).equals(content.subarray(50, 150))).toBe(true)
      expect(buffer[105]).toBe(0)
      expect(await submit(op.read({ fd, buffer, position: content.length }))).toBe(0)
    },
  )

  proves('read', "without a position moves the file's own", async ({ submit, path, own }) => {
    const file = path()
    fs.writeFileSync(file, content)
    const fd = own(fs.openSync(file, 'r'))
    const words = new Uint16Array(50)
    expect(await submit(op.read({ fd, buffer: words }))).toBe(100)
    expect(fs.readSync(fd, words)).toBe(100)
    expect(Buffer.from(words.buffer).equals(content.subarray(100, 200))).toBe(true)
    expect(await submit(op.read({ fd, buffer: words, position: null }))).toBe(100)
    expect(Buffer.from(words.buffer).equals(content.subarray(200, 300))).toBe(true)
  })

  proves('read', 'says what the kernel says', async ({ submit, code, path, own }) => {
    const buffer = Buffer.alloc(8)
    expect(await code(op.read({ fd: 2 ** 30, buffer }))).toBe('EBADF')
    expect(await code(op.read({ fd: { direct: 63 }, buffer }))).toBe('EBADF')
    expect(await code(op.read({ fd: own(fs.openSync('/', 'r')), buffer }))).toBe('EISDIR')
    const fd = own(fs.openSync(path(), 'w'))
    expect(await code(op.read({ fd, buffer, position: 0 }))).toBe('EBADF')
    await expect(submit(op.read({ fd, buffer }))).rejects.toMatchObject({ syscall: 'read', errno: -9 })
    expect(await code(op.read({ fd, buffer, rwFlags: 1 << 30 }))).toBe('EBADF')
    expect(await code(op.read({ fd: own(fs.openSync('/etc/passwd', 'r')), buffer, rwFlags: 1 << 30 }))).toBe('ENOTSUP')
  })

  proves(
    'read',
    'takes its buffer from a ring of provided ones when there is data',
    async ({ submit, raw, own }) => {
      const { read, write } = await submit(op.pipe())
      own(read)
      own(write)
      const buffers = raw.provideBuffers({ count: 4, sizeBytes: 64 })
      const reading = submit(op.read({ fd: read, buffers }))
      fs.writeSync(write, 'hello')
      const lease = await reading
      expect(lease?.bytes.toString()).toBe('hello')
      lease?.release()
      expect(buffers.available).toBe(4)
      buffers.close()
    },
    { needsRing: 'provided buffers' },
  )

  proves('read', 'does not write into a buffer that was detached', async ({ submit, code, path, own }) => {
    const file = path()
    fs.writeFileSync(file, content)
    const fd = own(fs.openSync(file, 'r'))
    const buffer = new Uint8Array(100)
    const operation = op.read({ fd, buffer, position: 0 })
    const other = op.read({ fd, buffer: new Uint8Array(100), position: 0 })
    structuredClone(buffer.buffer, { transfer: [buffer.buffer] })
    expect(await code(operation)).toBe('ERR_INVALID_ARG_VALUE') // 0 would be the end of the file
    expect(await submit(other)).toBe(100)
  })

  proves('write', 'writes what node:fs reads', async ({ submit, path, own }) => {
    const file = path()
    const fd = own(fs.openSync(file, 'w'))
    expect(await submit(op.write({ fd, buffer: content, offset: 10, length: 500, position: 20 }))).toBe(500)
    const found = fs.readFileSync(file)
    expect(found.length).toBe(520)
    expect(found.subarray(20).equals(content.subarray(10, 510))).toBe(true)
    expect(await submit(op.write({ fd, buffer: Buffer.from('own'), position: -1 }))).toBe(3)
    expect(fs.readFileSync(file).toString('latin1', 0, 3)).toBe('own')
    expect(await submit(op.write({ fd, buffer: Buffer.from('end'), position: 0, rwFlags: ['RWF_APPEND'] }))).toBe(3)
    expect(fs.readFileSync(file).toString('latin1', 520)).toBe('end')
    const far = 2 ** 33 + 5
    expect(await submit(op.write({ fd, buffer: Buffer.from('far'), position: far }))).toBe(3)
    expect(fs.statSync(file).size).toBe(far + 3)
  })

  proves('write', 'says what the kernel says', async ({ code, own }) => {
    const buffer = Buffer.alloc(8)
    expect(await code(op.write({ fd: own(fs.openSync('/dev/full', 'w')), buffer }))).toBe('ENOSPC')
    expect(await code(op.write({ fd: own(fs.openSync('/etc/passwd', 'r')), buffer }))).toBe('EBADF')
    expect(await code(op.write({ fd: 2 ** 30, buffer }))).toBe('EBADF')
    // The proof needs one that succeeds.
    expect(await code(op.write({ fd: own(fs.openSync('/dev/null', 'w')), buffer }))).toBe('no error')
  })

  proves(
    'fsync',
    'syncs files, in whole and in part, and refuses what cannot be synced',
    async ({ submit, code, path, own }) => {
      const fd = own(fs.openSync(path(), 'w'))
      fs.writeSync(fd, content)
      expect(await submit(op.fsync({ fd }))).toBe(0)
      expect(await submit(op.fsync({ fd, dataOnly: true, offset: 4096, length: 100 }))).toBe(0)
      expect(await code(op.fsync({ fd: 2 ** 30 }))).toBe('EBADF')
      const { read, write } = await submit(op.pipe())
      own(read)
      expect(await code(op.fsync({ fd: own(write) }))).toBe('EINVAL')
    },
  )

  proves('close', 'closes descriptors, of the process and direct', async ({ submit, code, path }) => {
    const file = path()
    fs.writeFileSync(file, content)
    const fd = fs.openSync(file, 'r')
    expect(await submit(op.close({ fd }))).toBe(0)
    expect(fs.existsSync(`/proc/self/fd/${fd}`)).toBe(false)
    expect(await code(op.close({ fd: 2 ** 30 }))).toBe('EBADF')
    const direct = await submit(op.openat({ path: file, direct: 9 }))
    expect(direct).toEqual({ direct: 9 })
    const buffer = Buffer.alloc(10)
    expect(await submit(op.read({ fd: direct, buffer }))).toBe(10)
    expect(await submit(op.close({ fd: direct }))).toBe(0)
    expect(await code(op.read({ fd: direct, buffer }))).toBe('EBADF')
    expect(await code(op.close({ fd: direct }))).toBe('EBADF')
  })
})

it('refuses misuse at once', () => {
  const buffer = Buffer.alloc(8)
  expect(errorCode(() => op.read({ fd: -1, buffer }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => op.read({ fd: 1.5, buffer }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => op.read({ fd: { direct: -1 }, buffer }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => op.read({ fd: 1, buffer, offset: 9 }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => op.read({ fd: 1, buffer, offset: 4, length: 5 }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => op.read({ fd: 1, buffer, position: -2 }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => op.read({ fd: 1, buffer, position: 2 ** 53 }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => op.read({ fd: 1, bufferGroup: 65536 }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => Reflect.apply(op.read, null, [{ fd: '1', buffer }]))).toBe('ERR_INVALID_ARG_TYPE')
  expect(errorCode(() => Reflect.apply(op.read, null, [{ fd: 1, buffer: 'text' }]))).toBe('ERR_INVALID_ARG_TYPE')
  expect(errorCode(() => Reflect.apply(op.write, null, [{ fd: 1, buffer, rwFlags: ['NO'] }]))).toBe(
    'ERR_INVALID_ARG_VALUE',
  )
  expect(errorCode(() => Reflect.apply(op.write, null, [{ fd: 1, buffer, rwFlags: 'RWF_SYNC' }]))).toBe(
    'ERR_INVALID_ARG_TYPE',
  )
  expect(errorCode(() => op.fsync({ fd: 1, length: 2 ** 32 }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => Reflect.apply(op.close, null, [null]))).toBe('ERR_INVALID_ARG_TYPE')
})
