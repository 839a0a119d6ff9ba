// Operations on descriptors do to files what node:fs sees afterwards, and fail as the system calls do.
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { RegisterOp, SqeFlag } from '../../../native/abi.ts'
import { binding } from '../../../native/binding.ts'
import {
  prepClose,
  prepCloseDirect,
  prepFdatasync,
  prepFsync,
  prepRead,
  prepWrite,
} from '../../../native/operations/files.ts'
import { openFileRing } from '../support/file-ring.ts'
import type { FileRing } from '../support/file-ring.ts'

const EBADF = -9
const ENXIO = -6

let directory: string
let file: string
let fd: number
let ring: FileRing

beforeEach(() => {
  directory = fs.mkdtempSync(path.join(tmpdir(), 'ringmaster-files-'))
  file = path.join(directory, 'file')
  fs.writeFileSync(file, '0123456789')
  fd = fs.openSync(file, 'r+')
  ring = openFileRing()
})

afterEach(() => {
  ring.close()
  try {
    fs.closeSync(fd)
  } catch {
    // the test closed it
  }
  fs.rmSync(directory, { recursive: true })
})

describe('read', () => {
  test('reads from an offset, into the place that the address says and not beyond it', () => {
    const buffer = Buffer.alloc(8, '.')
    const address = binding().addressOf(buffer) + 2
    expect(ring.run((words, at) => prepRead(words, at, 0, fd, address, 4, 3), buffer)).toBe(4)
    expect(buffer.toString()).toBe('..3456..')
  })

  test('gives less at the end of the file and 0 behind it', () => {
    const buffer = Buffer.alloc(8)
    const address = binding().addressOf(buffer)
    expect(ring.run((words, at) => prepRead(words, at, 0, fd, address, 8, 7), buffer)).toBe(3)
    expect(ring.run((words, at) => prepRead(words, at, 0, fd, address, 8, 10), buffer)).toBe(0)
  })

  test('at offset -1 goes on where the file’s own position is', () => {
    const buffer = Buffer.alloc(4)
    const address = binding().addressOf(buffer)
    fs.readSync(fd, Buffer.alloc(2), 0, 2, null)
    expect(ring.run((words, at) => prepRead(words, at, 0, fd, address, 4, -1), buffer)).toBe(4)
    expect(buffer.toString()).toBe('2345')
    fs.readSync(fd, buffer, 0, 1, null)
    expect(buffer.toString()).toBe('6345')
  })

  test('reads beyond 4 GiB', () => {
    const offset = 5 * 2 ** 30 + 1
    fs.writeSync(fd, Buffer.from('far'), 0, 3, offset)
    const buffer = Buffer.alloc(3)
    const address = binding().addressOf(buffer)
    expect(ring.run((words, at) => prepRead(words, at, 0, fd, address, 3, offset), buffer)).toBe(3)
    expect(buffer.toString()).toBe('far')
  })
})

describe('write', () => {
  test('writes from the address, at an offset', () => {
    const buffer = Buffer.from('..abc..')
    const address = binding().addressOf(buffer) + 2
    expect(ring.run((words, at) => prepWrite(words, at, 0, fd, address, 3, 8), buffer)).toBe(3)
    expect(fs.readFileSync(file, 'latin1')).toBe('01234567abc')
  })

  test('at offset -1 appends where the position is', () => {
    const buffer = Buffer.from('XY')
    const address = binding().addressOf(buffer)
    expect(ring.run((words, at) => prepWrite(words, at, 0, fd, address, 2, -1), buffer)).toBe(2)
    expect(ring.run((words, at) => prepWrite(words, at, 0, fd, address, 2, -1), buffer)).toBe(2)
    expect(fs.readFileSync(file, 'latin1')).toBe('XYXY456789')
  })
})

test('fsync and fdatasync succeed on a file and fail on a descriptor that is closed', () => {
  for (const prepare of [prepFsync, prepFdatasync]) {
    expect(ring.run((words, at) => prepare(words, at, 0, fd))).toBe(0)
    expect(ring.run((words, at) => prepare(words, at, 0, 99_999))).toBe(EBADF)
  }
})

test('close closes the descriptor, once', () => {
  expect(ring.run((words, at) => prepClose(words, at, 0, fd))).toBe(0)
  expect(() => fs.fstatSync(fd)).toThrow('EBADF')
  expect(ring.run((words, at) => prepClose(words, at, 0, fd))).toBe(EBADF)
})

describe('on direct descriptors', () => {
  test('a request with FIXED_FILE takes its descriptor for an index; closing it leaves the process’s own open', () => {
    const { ringFd } = ring.test.geometry
    expect(binding().register(ringFd, RegisterOp.REGISTER_FILES, Int32Array.of(-1, fd), 2)).toBe(0)
    const buffer = Buffer.alloc(4)
    const address = binding().addressOf(buffer)
    expect(ring.run((words, at) => prepRead(words, at, SqeFlag.FIXED_FILE, 1, address, 4, 0), buffer)).toBe(4)
    expect(buffer.toString()).toBe('0123')
    expect(ring.run((words, at) => prepRead(words, at, SqeFlag.FIXED_FILE, 0, address, 4, 0), buffer)).toBe(EBADF)
    expect(ring.run((words, at) => prepCloseDirect(words, at, 0, 1))).toBe(0)
    expect(ring.run((words, at) => prepRead(words, at, SqeFlag.FIXED_FILE, 1, address, 4, 0), buffer)).toBe(EBADF)
    expect([EBADF, ENXIO]).toContain(ring.run((words, at) => prepCloseDirect(words, at, 0, 1)))
    expect(fs.fstatSync(fd).size).toBe(10)
  })
})
