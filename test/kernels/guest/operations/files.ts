// Proofs of operations on files and paths, against node:fs.
import * as fs from 'node:fs'
import { allocateSharedMemory } from '../../../../native/shared-memory.ts'
import { op } from '../../../../services/raw/index.ts'
import type { Bench } from '../bench.ts'
import { pattern } from '../bench.ts'
import { holds, same } from '../check.ts'
import type { Proofs } from './proof.ts'

const content = pattern(20_000, 7)
const memories = new WeakMap<object, Buffer>()

/** 64 KiB that are buffer 0 of the ring. */
function registered({ raw, rings }: Bench): Buffer {
  const memory = memories.get(rings) ?? Buffer.from(allocateSharedMemory(65536))
  if (!memories.has(rings)) raw.buffers.update(0, memory)
  memories.set(rings, memory)
  return memory
}

export const fileProofs: Proofs = {
  read: async (bench) => {
    const buffer = Buffer.alloc(5000)
    const fd = bench.open(bench.path(content))
    same(await bench.submit(op.read({ fd, buffer, position: 100 })), 5000)
    holds(buffer.equals(content.subarray(100, 5100)), 'the data are those that node:fs wrote')
    same(await bench.submit(op.read({ fd, buffer, position: 19_990 })), 10)
    same(await bench.code(op.read({ fd: 2 ** 30, buffer })), 'EBADF')
  },
  write: async (bench) => {
    const path = bench.path()
    const fd = bench.open(path, 'w')
    same(await bench.submit(op.write({ fd, buffer: content, position: 0 })), content.length)
    holds(fs.readFileSync(path).equals(content), 'node:fs reads what was written')
    same(await bench.code(op.write({ fd: bench.open('/dev/full', 'w'), buffer: content })), 'ENOSPC')
  },
  fsync: async (bench) => {
    const fd = bench.open(bench.path('x'), 'r+')
    same(await bench.submit(op.fsync({ fd })), 0)
    same(await bench.submit(op.fsync({ fd, dataOnly: true })), 0)
    same(await bench.code(op.fsync({ fd: bench.pipe().read })), 'EINVAL')
  },
  close: async (bench) => {
    const fd = fs.openSync(bench.path('x'), 'r')
    same(await bench.submit(op.close({ fd })), 0)
    same(await bench.code(op.close({ fd: 2 ** 30 })), 'EBADF')
    holds(!fs.existsSync(`/proc/self/fd/${fd}`), 'the descriptor is gone')
  },
  openat: async (bench) => {
    const path = bench.path('opened')
    const fd = bench.own(await bench.submit(op.openat({ path })))
    same(fs.readFileSync(fd, 'utf8'), 'opened')
    const direct = await bench.submit(op.openat({ path, direct: 'allocate' }))
    const buffer = Buffer.alloc(6)
    same(await bench.submit(op.read({ fd: direct, buffer, position: 0 })), 6)
    same(buffer.toString(), 'opened')
    await bench.submit(op.close({ fd: direct }))
    same(await bench.code(op.openat({ path: `${path}-not` })), 'ENOENT')
  },
  openat2: async (bench) => {
    const path = bench.path('opened')
    const fd = bench.own(await bench.submit(op.openat2({ path })))
    same(fs.readFileSync(fd, 'utf8'), 'opened')
    same(await bench.code(op.openat2({ path, resolve: ['RESOLVE_BENEATH'] })), 'EXDEV')
  },
  statx: async (bench) => {
    const path = bench.path(content)
    const [found, expected] = [await bench.submit(op.statx({ path })), fs.statSync(path)]
    same(
      [found.size, found.ino, found.mode, found.mtimeMs],
      [expected.size, expected.ino, expected.mode, expected.mtimeMs],
    )
  },
  readv: async (bench) => {
    const buffers = [Buffer.alloc(100), Buffer.alloc(7)]
    same(await bench.submit(op.readv({ fd: bench.open(bench.path(content)), buffers, position: 3 })), 107)
    holds(Buffer.concat(buffers).equals(content.subarray(3, 110)), 'the data are those of the file')
  },
  writev: async (bench) => {
    const path = bench.path()
    const buffers = [content.subarray(0, 11), content.subarray(11, 4000)]
    same(await bench.submit(op.writev({ fd: bench.open(path, 'w'), buffers, position: 0 })), 4000)
    holds(fs.readFileSync(path).equals(content.subarray(0, 4000)), 'node:fs reads what was written')
  },
  read_fixed: async (bench) => {
    const buffer = registered(bench).fill(0)
    const fd = bench.open(bench.path(content))
    same(
      await bench.submit(op.readFixed({ fd, buffer, offset: 4000, length: 1000, bufferIndex: 0, position: 5 })),
      1000,
    )
    holds(buffer.subarray(4000, 5000).equals(content.subarray(5, 1005)), 'the data are those of the file')
  },
  write_fixed: async (bench) => {
    const buffer = registered(bench)
    content.copy(buffer)
    const path = bench.path()
    const fd = bench.open(path, 'w')
    same(await bench.submit(op.writeFixed({ fd, buffer, length: 9000, bufferIndex: 0, position: 0 })), 9000)
    holds(fs.readFileSync(path).equals(content.subarray(0, 9000)), 'node:fs reads what was written')
  },
  readv_fixed: async (bench) => {
    const memory = registered(bench).fill(0)
    const buffers = [memory.subarray(9000, 9010), memory.subarray(10, 20)]
    const fd = bench.open(bench.path(content))
    same(await bench.submit(op.readvFixed({ fd, buffers, bufferIndex: 0, position: 1 })), 20)
    holds(Buffer.concat(buffers).equals(content.subarray(1, 21)), 'the data are those of the file')
  },
  writev_fixed: async (bench) => {
    const memory = registered(bench)
    content.copy(memory)
    const path = bench.path()
    const buffers = [memory.subarray(5000, 5010), memory.subarray(0, 10)]
    same(await bench.submit(op.writevFixed({ fd: bench.open(path, 'w'), buffers, bufferIndex: 0, position: 0 })), 20)
    holds(fs.readFileSync(path).equals(Buffer.concat(buffers)), 'node:fs reads what was written')
  },
  sync_file_range: async (bench) => {
    const fd = bench.open(bench.path(content), 'r+')
    same(await bench.submit(op.syncFileRange({ fd, offset: 4096, length: 4096, flags: ['SYNC_FILE_RANGE_WRITE'] })), 0)
    same(await bench.code(op.syncFileRange({ fd, flags: 8 })), 'EINVAL')
  },
  fallocate: async (bench) => {
    const path = bench.path('')
    same(await bench.submit(op.fallocate({ fd: bench.open(path, 'r+'), length: 65536 })), 0)
    same(fs.statSync(path).size, 65536)
  },
  ftruncate: async (bench) => {
    const path = bench.path('truncated')
    same(await bench.submit(op.ftruncate({ fd: bench.open(path, 'r+'), length: 5 })), 0)
    same(fs.readFileSync(path, 'utf8'), 'trunc')
  },
  fadvise: async (bench) => {
    const fd = bench.open(bench.path(content))
    same(await bench.submit(op.fadvise({ fd, advice: 'POSIX_FADV_WILLNEED', length: 4096 })), 0)
    same(await bench.code(op.fadvise({ fd, advice: 77 })), 'EINVAL')
  },
  madvise: async (bench) => {
    const memory = Buffer.from(allocateSharedMemory(65536)).fill(9)
    same(await bench.submit(op.madvise({ buffer: memory, offset: 4096, length: 8192, advice: 'MADV_DONTNEED' })), 0)
    same([memory[4095], memory[4096], memory[12287], memory[12288]], [9, 0, 0, 9])
  },
  renameat: async (bench) => {
    const [oldPath, newPath] = [bench.path('moved'), bench.path()]
    same(await bench.submit(op.renameat({ oldPath, newPath })), 0)
    same([fs.existsSync(oldPath), fs.readFileSync(newPath, 'utf8')], [false, 'moved'])
  },
  unlinkat: async (bench) => {
    const path = bench.path('gone')
    same(await bench.submit(op.unlinkat({ path })), 0)
    same([fs.existsSync(path), await bench.code(op.unlinkat({ path }))], [false, 'ENOENT'])
  },
  mkdirat: async (bench) => {
    const path = bench.path()
    same(await bench.submit(op.mkdirat({ path })), 0)
    same([fs.statSync(path).isDirectory(), await bench.code(op.mkdirat({ path }))], [true, 'EEXIST'])
  },
  symlinkat: async (bench) => {
    const path = bench.path()
    same(await bench.submit(op.symlinkat({ path, target: 'somewhere' })), 0)
    same(fs.readlinkSync(path), 'somewhere')
  },
  linkat: async (bench) => {
    const [oldPath, newPath] = [bench.path('linked'), bench.path()]
    same(await bench.submit(op.linkat({ oldPath, newPath })), 0)
    same(fs.statSync(newPath).ino, fs.statSync(oldPath).ino)
  },
  // Names of "trusted": tmpfs has those of "user" only since 6.6.
  setxattr: async (bench) => {
    const path = bench.path('x')
    same(await bench.submit(op.setxattr({ path, name: 'trusted.set', value: 'value' })), 0)
    same(String(await bench.submit(op.getxattr({ path, name: 'trusted.set' }))), 'value')
  },
  getxattr: async (bench) => {
    same(await bench.code(op.getxattr({ path: bench.path('x'), name: 'trusted.get' })), 'ENODATA')
    const path = bench.path('x')
    await bench.submit(op.setxattr({ path, name: 'trusted.get', value: 'value' }))
    same(String(await bench.submit(op.getxattr({ path, name: 'trusted.get' }))), 'value')
  },
  fsetxattr: async (bench) => {
    const path = bench.path('x')
    same(await bench.submit(op.fsetxattr({ fd: bench.open(path, 'r+'), name: 'trusted.set', value: 'value' })), 0)
    same(String(await bench.submit(op.getxattr({ path, name: 'trusted.set' }))), 'value')
  },
  fgetxattr: async (bench) => {
    const path = bench.path('x')
    await bench.submit(op.setxattr({ path, name: 'trusted.get', value: 'value' }))
    same(String(await bench.submit(op.fgetxattr({ fd: bench.open(path), name: 'trusted.get' }))), 'value')
  },
}
