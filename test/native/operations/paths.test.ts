// Operations on paths open and describe what node:fs would, relative to a directory or not, and are confined where they are asked to be.
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  At,
  OpenHow,
  RegisterOp,
  Resolve,
  RsrcRegister,
  SqeFlag,
  Statx,
  rsrcRegisterSparse,
} from '../../../native/abi.ts'
import { binding } from '../../../native/binding.ts'
import { prepCloseDirect, prepRead } from '../../../native/operations/files.ts'
import { prepOpenat, prepOpenat2, prepOpenatDirect, prepStatx } from '../../../native/operations/paths.ts'
import { openFileRing, pathBytes } from '../support/file-ring.ts'
import type { FileRing } from '../support/file-ring.ts'
import { descriptorNumbers } from '../support/process-state.ts'

const ENOENT = -2
const EEXIST = -17
const EXDEV = -18
const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_DIRECTORY } = fs.constants

let directory: string
let file: string
let ring: FileRing

beforeEach(() => {
  directory = fs.mkdtempSync(path.join(tmpdir(), 'ringmaster-paths-'))
  file = path.join(directory, 'file')
  fs.writeFileSync(file, 'content', { mode: 0o640 })
  ring = openFileRing()
})

afterEach(() => {
  ring.close()
  fs.rmSync(directory, { recursive: true })
})

function open(dirFd: number, name: string, flags: number, mode = 0): number {
  const { bytes, address } = pathBytes(name)
  return ring.run((words, at) => prepOpenat(words, at, 0, dirFd, address, flags, mode), bytes)
}

describe('openat', () => {
  test('opens an absolute path, and one relative to a directory', () => {
    const parent = fs.openSync(directory, O_RDONLY | O_DIRECTORY)
    for (const fd of [open(At.FDCWD, file, O_RDONLY), open(parent, 'file', O_RDONLY)]) {
      expect(fs.readFileSync(fd, 'latin1')).toBe('content')
      fs.closeSync(fd)
    }
    fs.closeSync(parent)
  })

  test('creates with a mode, exclusively', () => {
    const made = path.join(directory, 'made')
    const mask = process.umask(0)
    const fd = open(At.FDCWD, made, O_RDWR | O_CREAT | O_EXCL, 0o604)
    process.umask(mask)
    expect(fs.fstatSync(fd).mode & 0o777).toBe(0o604)
    fs.closeSync(fd)
    expect(open(At.FDCWD, made, O_RDWR | O_CREAT | O_EXCL, 0o604)).toBe(EEXIST)
  })

  test('fails as open(2) does', () => {
    expect(open(At.FDCWD, path.join(directory, 'nothing'), O_RDONLY)).toBe(ENOENT)
  })

  test('as a direct descriptor takes a place in the ring’s table and none in the process’s', () => {
    const table = new DataView(new ArrayBuffer(RsrcRegister.sizeBytes))
    table.setUint32(RsrcRegister.nr, 4, true)
    table.setUint32(RsrcRegister.flags, rsrcRegisterSparse, true)
    const { ringFd } = ring.test.geometry
    expect(binding().register(ringFd, RegisterOp.REGISTER_FILES2, table, RsrcRegister.sizeBytes)).toBe(0)
    const before = descriptorNumbers()
    const { bytes, address } = pathBytes(file)
    const result = ring.run((words, at) => prepOpenatDirect(words, at, 0, At.FDCWD, address, O_RDONLY, 0, 3), bytes)
    expect(result).toBe(0)
    expect(descriptorNumbers()).toEqual(before)
    const buffer = Buffer.alloc(7)
    const to = binding().addressOf(buffer)
    expect(ring.run((words, at) => prepRead(words, at, SqeFlag.FIXED_FILE, 3, to, 7, 0), buffer)).toBe(7)
    expect(buffer.toString()).toBe('content')
    expect(ring.run((words, at) => prepCloseDirect(words, at, 0, 3))).toBe(0)
  })
})

describe('openat2', () => {
  const openBeneath = (dirFd: number, name: string, resolve: number): number => {
    const how = new DataView(new ArrayBuffer(OpenHow.sizeBytes))
    how.setUint32(OpenHow.flags, O_RDONLY, true)
    how.setUint32(OpenHow.resolve, resolve, true)
    const { bytes, address } = pathBytes(name)
    const howAddress = binding().addressOf(how)
    return ring.run((words, at) => prepOpenat2(words, at, 0, dirFd, address, howAddress, OpenHow.sizeBytes), bytes, how)
  }

  test('opens below a directory, and nowhere else when told so', () => {
    const below = path.join(directory, 'below')
    fs.mkdirSync(below)
    fs.writeFileSync(path.join(below, 'inside'), 'inside')
    fs.symlinkSync('../file', path.join(below, 'out'))
    const parent = fs.openSync(below, O_RDONLY | O_DIRECTORY)
    try {
      const fd = openBeneath(parent, 'inside', Resolve.BENEATH)
      expect(fs.readFileSync(fd, 'latin1')).toBe('inside')
      fs.closeSync(fd)
      for (const name of ['../file', 'out', file]) expect(openBeneath(parent, name, Resolve.BENEATH)).toBe(EXDEV)
      const outside = openBeneath(parent, 'out', 0)
      expect(fs.readFileSync(outside, 'latin1')).toBe('content')
      fs.closeSync(outside)
    } finally {
      fs.closeSync(parent)
    }
  })
})

describe('statx', () => {
  const stat = (dirFd: number, name: string, atFlags: number): { result: number; view: DataView } => {
    const view = new DataView(new ArrayBuffer(Statx.sizeBytes))
    const { bytes, address } = pathBytes(name)
    const to = binding().addressOf(view)
    const result = ring.run((words, at) => prepStatx(words, at, 0, dirFd, address, atFlags, to), bytes, view)
    return { result, view }
  }
  const times = {
    atimeNs: Statx.stx_atime,
    birthtimeNs: Statx.stx_btime,
    ctimeNs: Statx.stx_ctime,
    mtimeNs: Statx.stx_mtime,
  }

  const expectSame = (view: DataView, expected: fs.BigIntStats): void => {
    expect(BigInt(view.getUint16(Statx.stx_mode, true))).toBe(expected.mode)
    expect(view.getBigUint64(Statx.stx_size, true)).toBe(expected.size)
    expect(view.getBigUint64(Statx.stx_ino, true)).toBe(expected.ino)
    expect(view.getBigUint64(Statx.stx_blocks, true)).toBe(expected.blocks)
    expect(BigInt(view.getUint32(Statx.stx_nlink, true))).toBe(expected.nlink)
    expect(BigInt(view.getUint32(Statx.stx_uid, true))).toBe(expected.uid)
    expect(BigInt(view.getUint32(Statx.stx_gid, true))).toBe(expected.gid)
    expect(BigInt(view.getUint32(Statx.stx_blksize, true))).toBe(expected.blksize)
    const major = BigInt(view.getUint32(Statx.stx_dev_major, true))
    const minor = BigInt(view.getUint32(Statx.stx_dev_minor, true))
    // makedev(3) for numbers that fit the old encoding and those that do not.
    expect(((major & 0xfffn) << 8n) | (minor & 0xffn) | ((minor & ~0xffn) << 12n)).toBe(expected.dev)
    for (const [name, offset] of Object.entries(times)) {
      const ns = view.getBigInt64(offset, true) * 1_000_000_000n + BigInt(view.getUint32(offset + 8, true))
      expect(`${name} ${ns}`).toBe(`${name} ${expected[name as keyof typeof times]}`)
    }
  }

  test('says what fs.stat says, of a path, of a link itself, and of a descriptor', () => {
    const link = path.join(directory, 'link')
    fs.symlinkSync('file', link)
    const fd = fs.openSync(file, 'r')
    try {
      const followed = stat(At.FDCWD, link, 0)
      expect(followed.result).toBe(0)
      expectSame(followed.view, fs.statSync(link, { bigint: true }))
      const itself = stat(At.FDCWD, link, At.SYMLINK_NOFOLLOW)
      expectSame(itself.view, fs.lstatSync(link, { bigint: true }))
      const descriptor = stat(fd, '', At.EMPTY_PATH)
      expectSame(descriptor.view, fs.fstatSync(fd, { bigint: true }))
    } finally {
      fs.closeSync(fd)
    }
  })

  test('fails as stat(2) does', () => {
    expect(stat(At.FDCWD, path.join(directory, 'nothing'), 0).result).toBe(ENOENT)
  })
})
