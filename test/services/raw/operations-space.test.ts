// Proves sync_file_range, fallocate, ftruncate, fadvise and madvise against node:fs and memory itself.
import * as fs from 'node:fs'
import { expect, it } from 'vitest'
import { allocateSharedMemory } from '../../../native/shared-memory.ts'
import { op } from '../../../services/raw/index.ts'
import { describeFamily } from './conformance.ts'
import { errorCode } from './errors.ts'

describeFamily('space', (proves) => {
  proves(
    'sync_file_range',
    'writes a range out, and refuses what is not a file',
    async ({ submit, code, path, own }) => {
      const fd = own(fs.openSync(path(), 'w'))
      fs.writeSync(fd, Buffer.alloc(10_000, 1))
      const flags = ['SYNC_FILE_RANGE_WAIT_BEFORE', 'SYNC_FILE_RANGE_WRITE', 'SYNC_FILE_RANGE_WAIT_AFTER'] as const
      expect(await submit(op.syncFileRange({ fd, offset: 4096, length: 4096, flags }))).toBe(0)
      expect(await submit(op.syncFileRange({ fd, flags }))).toBe(0)
      expect(await code(op.syncFileRange({ fd, flags: 8 }))).toBe('EINVAL')
      expect(await code(op.syncFileRange({ fd: 2 ** 30, flags }))).toBe('EBADF')
      const { read, write } = await submit(op.pipe())
      own(read)
      expect(await code(op.syncFileRange({ fd: own(write), flags }))).toBe('ESPIPE')
    },
  )

  proves('fallocate', 'grows files, keeps their size, punches holes', async ({ submit, code, path, own }) => {
    const file = path()
    const fd = own(fs.openSync(file, 'w+'))
    expect(await submit(op.fallocate({ fd, length: 65536 }))).toBe(0)
    expect(fs.statSync(file).size).toBe(65536)
    expect(fs.statSync(file).blocks).toBeGreaterThanOrEqual(128)
    expect(await submit(op.fallocate({ fd, offset: 65536, length: 65536, mode: ['FALLOC_FL_KEEP_SIZE'] }))).toBe(0)
    expect(fs.statSync(file).size).toBe(65536)
    fs.writeSync(fd, Buffer.alloc(8192, 7), 0, 8192, 0)
    const mode = ['FALLOC_FL_PUNCH_HOLE', 'FALLOC_FL_KEEP_SIZE'] as const
    expect(await submit(op.fallocate({ fd, offset: 4096, length: 4096, mode }))).toBe(0)
    const found = fs.readFileSync(file)
    expect([found[4095], found[4096], found[8191]]).toEqual([7, 0, 0])
    expect(await code(op.fallocate({ fd, length: 0 }))).toBe('EINVAL')
    expect(await code(op.fallocate({ fd, length: 2 ** 53 - 1 }))).toBe('EFBIG')
    expect(await code(op.fallocate({ fd: own(fs.openSync(file, 'r')), length: 10 }))).toBe('EBADF')
  })

  proves('ftruncate', 'makes files shorter and longer', async ({ submit, code, path, own }) => {
    const file = path()
    fs.writeFileSync(file, 'truncated')
    const fd = own(fs.openSync(file, 'r+'))
    expect(await submit(op.ftruncate({ fd, length: 5 }))).toBe(0)
    expect(fs.readFileSync(file, 'utf8')).toBe('trunc')
    expect(await submit(op.ftruncate({ fd, length: 2 ** 32 + 7 }))).toBe(0)
    expect(fs.statSync(file).size).toBe(2 ** 32 + 7)
    expect(await code(op.ftruncate({ fd: own(fs.openSync(file, 'r')), length: 0 }))).toBe('EINVAL')
    expect(await code(op.ftruncate({ fd: 2 ** 30, length: 0 }))).toBe('EBADF')
  })

  proves('fadvise', 'takes advice on files, and only that', async ({ submit, code, path, own }) => {
    const file = path()
    fs.writeFileSync(file, Buffer.alloc(65536))
    const fd = own(fs.openSync(file, 'r'))
    for (const advice of ['POSIX_FADV_SEQUENTIAL', 'POSIX_FADV_WILLNEED', 'POSIX_FADV_DONTNEED'] as const)
      expect(await submit(op.fadvise({ fd, advice, length: 65536 }))).toBe(0)
    expect(await submit(op.fadvise({ fd, advice: 'POSIX_FADV_RANDOM' }))).toBe(0)
    // FMODE_RANDOM is nowhere to be seen; that the advice arrives shows in an unknown one.
    expect(await code(op.fadvise({ fd, advice: 77 }))).toBe('EINVAL')
    const { read, write } = await submit(op.pipe())
    own(write)
    expect(await code(op.fadvise({ fd: own(read), advice: 'POSIX_FADV_NORMAL' }))).toBe('ESPIPE')
  })

  proves('madvise', 'throws pages away, exactly those named', async ({ submit, code }) => {
    const memory = Buffer.from(allocateSharedMemory(65536)).fill(9)
    expect(await submit(op.madvise({ buffer: memory, offset: 4096, length: 8192, advice: 'MADV_DONTNEED' }))).toBe(0)
    expect([memory[4095], memory[4096], memory[12287], memory[12288]]).toEqual([9, 0, 0, 9])
    expect(await code(op.madvise({ buffer: memory, offset: 1, advice: 'MADV_NORMAL' }))).toBe('EINVAL')
    expect(await code(op.madvise({ buffer: memory, advice: 12345 }))).toBe('EINVAL')
  })
})

it('refuses misuse at once', () => {
  expect(errorCode(() => op.fallocate({ fd: 1, length: -1 }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => op.ftruncate({ fd: 1, length: 2 ** 53 }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => op.syncFileRange({ fd: 1, length: 2 ** 32, flags: 0 }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => Reflect.apply(op.fadvise, null, [{ fd: 1, advice: 'WILLNEED' }]))).toBe(
    'ERR_INVALID_ARG_VALUE',
  )
  expect(errorCode(() => Reflect.apply(op.madvise, null, [{ buffer: 1, advice: 0 }]))).toBe('ERR_INVALID_ARG_TYPE')
})
