// Proves splice, tee and pipe against node:fs.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { expect, it } from 'vitest'
import { op } from '../../../services/raw/index.ts'
import { seededBytes } from '../harness.ts'
import type { Bench } from './conformance.ts'
import { describeFamily } from './conformance.ts'
import { errorCode } from './errors.ts'

const content = seededBytes(20_000, 4)

/** A pipe that io_uring has not made. */
function fifo({ path, own }: Bench): number {
  const name = path()
  execFileSync('mkfifo', [name])
  return own(fs.openSync(name, 'r+'))
}

function readPipe(fd: number, length: number): Buffer {
  const buffer = Buffer.alloc(length)
  return buffer.subarray(0, fs.readSync(fd, buffer))
}

describeFamily('pipes', (proves) => {
  proves('pipe', 'makes two ends that node:fs can use', async ({ submit, own }) => {
    const { read, write } = await submit(op.pipe({ flags: ['O_NONBLOCK'] }))
    own(read)
    own(write)
    fs.writeSync(write, 'through')
    expect(readPipe(read, 100).toString()).toBe('through')
    expect(() => readPipe(read, 1)).toThrow('EAGAIN')
    const flags = (fd: number): number =>
      parseInt(/flags:\s+(\d+)/.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))![1]!, 8)
    expect(flags(read) & 0o2000000).not.toBe(0)
    const open = await submit(op.pipe({ inherit: true }))
    expect(flags(own(open.read)) & 0o2000000).toBe(0)
    own(open.write)
  })

  proves('pipe', 'makes direct ends', async ({ submit, code }) => {
    for (const direct of [30, 'allocate'] as const) {
      const { read, write } = await submit(op.pipe({ direct }))
      if (direct === 30) expect([read, write]).toEqual([{ direct: 30 }, { direct: 31 }])
      expect(await submit(op.write({ fd: write, buffer: Buffer.from('direct') }))).toBe(6)
      const buffer = Buffer.alloc(6)
      expect(await submit(op.read({ fd: read, buffer }))).toBe(6)
      expect(buffer.toString()).toBe('direct')
      await submit(op.close({ fd: read }))
      expect(await code(op.write({ fd: write, buffer }))).toBe('EPIPE')
      await submit(op.close({ fd: write }))
    }
    expect(await code(op.pipe({ flags: 0x10 }))).toBe('EINVAL')
  })

  proves('splice', 'moves a file through a pipe into another', async (bench) => {
    const { submit, path, own } = bench
    const pipe = fifo(bench)
    const [source, target] = [path(), path()]
    fs.writeFileSync(source, content)
    const fdIn = own(fs.openSync(source, 'r'))
    const fdOut = own(fs.openSync(target, 'w'))
    expect(await submit(op.splice({ fdIn, positionIn: 100, fdOut: pipe, length: 5000 }))).toBe(5000)
    expect(await submit(op.splice({ fdIn: pipe, fdOut, positionOut: 7, length: 5000 }))).toBe(5000)
    expect(fs.readFileSync(target).subarray(7).equals(content.subarray(100, 5100))).toBe(true)
    // Without a position the file's own moves.
    expect(await submit(op.splice({ fdIn, fdOut: pipe, length: 10 }))).toBe(10)
    expect(await submit(op.splice({ fdIn, fdOut: pipe, length: 10 }))).toBe(10)
    expect(readPipe(pipe, 100).equals(content.subarray(0, 20))).toBe(true)
    expect(await submit(op.splice({ fdIn, positionIn: 20_000, fdOut: pipe, length: 10 }))).toBe(0)
  })

  proves('splice', 'takes direct descriptors on both sides, and says what the kernel says', async (bench) => {
    const { submit, code, path, own } = bench
    const source = path()
    fs.writeFileSync(source, content)
    const input = await submit(op.openat({ path: source, direct: 'allocate' }))
    const { read, write } = await submit(op.pipe({ direct: 'allocate' }))
    expect(await submit(op.splice({ fdIn: input, positionIn: 5, fdOut: write, length: 50 }))).toBe(50)
    const buffer = Buffer.alloc(50)
    expect(await submit(op.read({ fd: read, buffer }))).toBe(50)
    expect(buffer.equals(content.subarray(5, 55))).toBe(true)
    for (const fd of [input, read, write]) await submit(op.close({ fd }))
    const [file, pipe] = [own(fs.openSync(source, 'r+')), fifo(bench)]
    expect(await code(op.splice({ fdIn: file, fdOut: file, length: 1 }))).toBe('EINVAL')
    expect(await code(op.splice({ fdIn: file, fdOut: pipe, positionOut: 0, length: 1 }))).toBe('ESPIPE')
    expect(await code(op.splice({ fdIn: 2 ** 30, fdOut: pipe, length: 1 }))).toBe('EBADF')
    expect(await code(op.splice({ fdIn: file, fdOut: pipe, length: 1, flags: 0x100 }))).toBe('EINVAL')
  })

  proves('tee', 'duplicates what is in a pipe and leaves it there', async (bench) => {
    const { submit, code } = bench
    const [one, two] = [fifo(bench), fifo(bench)]
    fs.writeSync(one, 'twice')
    expect(await submit(op.tee({ fdIn: one, fdOut: two, length: 100 }))).toBe(5)
    expect(readPipe(two, 100).toString()).toBe('twice')
    expect(readPipe(one, 100).toString()).toBe('twice')
    fs.writeSync(one, 'x')
    expect(await code(op.tee({ fdIn: one, fdOut: one, length: 1 }))).toBe('EINVAL')
    expect(await code(op.tee({ fdIn: one, fdOut: bench.own(fs.openSync('/dev/null', 'w')), length: 1 }))).toBe('EINVAL')
    expect(await code(op.tee({ fdIn: 2 ** 30, fdOut: two, length: 1 }))).toBe('EBADF')
  })
})

it('refuses misuse at once', () => {
  expect(errorCode(() => op.splice({ fdIn: 1, fdOut: 2, length: -1 }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => op.splice({ fdIn: 1, fdOut: 2, length: 1, positionIn: -1 }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => op.pipe({ direct: -1 }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => Reflect.apply(op.tee, null, [{ fdIn: 1, length: 1 }]))).toBe('ERR_INVALID_ARG_TYPE')
  expect(errorCode(() => Reflect.apply(op.pipe, null, [{ flags: ['O_RDONLY'] }]))).toBe('ERR_INVALID_ARG_VALUE')
})
