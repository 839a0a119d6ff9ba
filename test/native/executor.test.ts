// The executor: system calls on threads of its own, each answered once, waiting ones interrupted, and nothing left behind.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { addressOfView } from '../../native/addresses.ts'
import { Interrupted, binding, callNumbersEach } from '../../native/binding.ts'
import type { Executor } from '../../native/binding.ts'
import { descriptors, eventually } from './support/process-state.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'ringmaster-executor-'))
afterAll(() => {
  rmSync(folder, { recursive: true })
})
let fifos = 0
const makeFifo = (): Buffer => {
  const name = path.join(folder, `fifo${fifos++}`)
  execFileSync('mkfifo', [name])
  return Buffer.from(`${name}\0`)
}

const addon = binding()
const calls = addon.callNumbers()
const O_WRONLY = 1
const AT_FDCWD = -100
const EINTR = -4

function makeExecutor(threads: number): { executor: Executor; results: Map<number, number>; drain: () => void } {
  const doneFd = addon.eventfd()
  const executor = new addon.Executor(doneFd, threads, Int32Array.of(doneFd))
  const results = new Map<number, number>()
  const found = new Float64Array(32)
  const drain = (): void => {
    for (let count = executor.finished(found); count > 0; count = executor.finished(found)) {
      for (let at = 0; at < count * 2; at += 2) {
        expect(results.has(found[at]!)).toBe(false)
        results.set(found[at]!, found[at + 1]!)
      }
    }
  }
  return { executor, results, drain }
}

const run = (executor: Executor, ...each: readonly (readonly number[])[]): void => {
  const numbers = new Float64Array(each.length * callNumbersEach)
  each.forEach((call, index) => {
    numbers.set(call, index * callNumbersEach)
  })
  executor.run(numbers, each.length)
}

describe('call()', () => {
  test('carries out a system call at once', () => {
    const file = path.join(folder, 'sized')
    writeFileSync(file, 'x')
    const fd = openSync(file, 'r+')
    expect(addon.call(calls.ftruncate, fd, 5_000_000_000, 0, 0, 0, 0)).toBe(0)
    expect(addon.call(calls.close, fd, 0, 0, 0, 0, 0)).toBe(0)
    expect(addon.call(calls.close, fd, 0, 0, 0, 0, 0)).toBe(-9)
  })

  test('copies memory', () => {
    const [from, to] = [Buffer.from('copied'), Buffer.alloc(6)]
    addon.call(calls.copy, addressOfView(to), addressOfView(from), 6, 0, 0, 0)
    expect(to.toString()).toBe('copied')
  })
})

describe('an executor', () => {
  test('answers every call once, whatever the number of threads', async () => {
    const file = path.join(folder, 'data')
    writeFileSync(
      file,
      Uint8Array.from({ length: 1000 }, (_, index) => index),
    )
    const fd = openSync(file, 'r')
    const { executor, results, drain } = makeExecutor(3)
    const bytes = Buffer.alloc(1000)
    const vectors = Buffer.alloc(16 * 1000)
    for (let index = 0; index < 1000; index++) {
      vectors.writeBigUInt64LE(BigInt(addressOfView(bytes) + index), index * 16)
      vectors.writeBigUInt64LE(1n, index * 16 + 8)
      run(executor, [index, calls.preadv2, fd, addressOfView(vectors) + index * 16, 1, index, 0, 0])
    }
    expect(
      await eventually(() => {
        drain()
        return results.size === 1000
      }),
    ).toBe(true)
    expect([...results.values()].every((result) => result === 1)).toBe(true)
    expect(bytes.equals(readFileSync(file))).toBe(true)
    addon.closeFd(fd)
    executor.close()
  })

  test('interrupts what waits, takes out what has not begun, and knows what is over', async () => {
    const before = descriptors()
    const { executor, results, drain } = makeExecutor(1)
    const fifo = makeFifo()
    const open = [calls.openat, AT_FDCWD, addressOfView(fifo), O_WRONLY]
    run(executor, [1, ...open], [2, ...open])
    expect(await eventually(() => executor.grow(1) === 1)).toBe(true) // the first has begun
    expect(executor.interrupt(2)).toBe(Interrupted.removed)
    expect(
      await eventually(() => {
        executor.interrupt(1) // may come before the call begins to wait
        drain()
        return results.size === 1
      }),
    ).toBe(true)
    expect([...results]).toEqual([[1, EINTR]])
    expect(executor.interrupt(1)).toBe(Interrupted.nothing)
    executor.close()
    expect(descriptors()).toEqual(before)
  })

  test('grows past what is stuck, and closes with all of it waiting', async () => {
    const before = descriptors()
    const { executor, results, drain } = makeExecutor(1)
    const fifo = makeFifo()
    const stuck = Array.from({ length: 20 }, (_, job) => [job, calls.openat, AT_FDCWD, addressOfView(fifo), O_WRONLY])
    run(executor, ...stuck, [20, calls.close, -1])
    expect(executor.grow(1)).toBeGreaterThan(0)
    executor.grow(32)
    expect(
      await eventually(() => {
        drain()
        return results.get(20) === -9
      }),
    ).toBe(true)
    executor.close()
    executor.close()
    expect(descriptors()).toEqual(before)
  })
})
