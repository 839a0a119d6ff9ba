// Proves the futex operations between two rings, and waitid with real children.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { op } from '../../../services/raw/index.ts'
import { settledWithin } from '../harness.ts'
import { describeFamily } from './conformance.ts'
import { errorCode } from './errors.ts'

const word = (value: number): Int32Array => new Int32Array(new SharedArrayBuffer(8)).fill(value)

/** How many a wake of another ring woke; nobody yet: the wait may not have begun. */
async function wakes(wake: () => Promise<number>): Promise<number> {
  for (const endMs = performance.now() + 5000; performance.now() < endMs; await sleep(1)) {
    const woken = await wake()
    if (woken > 0) return woken
  }
  return 0
}

async function child(script: string): Promise<ChildProcess & { pid: number }> {
  const started = spawn('/bin/sh', ['-c', script], { stdio: 'ignore' })
  await once(started, 'spawn')
  return started as ChildProcess & { pid: number }
}

describeFamily('waits', (proves) => {
  proves('futex_wait', 'waits while the word holds the value', async ({ raw, other, code }) => {
    const array = word(-7)
    const waiting = raw.submit(op.futexWait({ array, value: -7 }))
    expect(await settledWithin(waiting, 20)).toBe('pending')
    Atomics.notify(array, 0) // V8's own wait lists: no futex
    expect(await settledWithin(waiting, 20)).toBe('pending')
    expect(await wakes(() => other.submit(op.futexWake({ array })))).toBe(1)
    expect(await waiting).toBe(0)
    expect(await code(op.futexWait({ array, value: 1 }))).toBe('EAGAIN')
    expect(await code(op.futexWait({ array, value: -7, flags: 0x70 }))).toBe('EINVAL')
  })

  proves('futex_wait', 'waits for no word behind the end of its array', async ({ submit, code }) => {
    expect(errorCode(() => op.futexWait({ array: new Int32Array(0), value: 0 }))).toBe('ERR_INVALID_ARG_VALUE')
    const memory = Reflect.construct(ArrayBuffer, [8192, { maxByteLength: 8192 }]) as ArrayBuffer
    const array = new Int32Array(memory)
    const wait = op.futexWait({ array, index: 2047, value: 1 })
    const first = op.futexWait({ array, index: 1023, value: 1 })
    const several = op.futexWaitv({ waiters: [{ array, index: 2047, value: 1 }] })
    Reflect.apply(Reflect.get(memory, 'resize') as (bytes: number) => void, memory, [4096])
    for (const operation of [wait, several]) expect(await code(operation)).toBe('ERR_INVALID_ARG_VALUE')
    expect(await code(first)).toBe('EAGAIN')
    const other = word(1)
    const waiting = submit(op.futexWait({ array: other, value: 1 })) // the proof needs one that succeeds
    await sleep(5)
    await submit(op.futexWake({ array: other }))
    expect(await waiting).toBe(0)
  })

  proves('futex_wait', 'is limited by a link timeout and cancelled as an operation', async ({ raw, submit, code }) => {
    const array = word(1)
    const [outcome] = await raw
      .chain()
      .link(op.futexWait({ array, value: 1 }))
      .timeout(10)
      .submit()
    expect(outcome?.status).toBe('timed-out')
    const wait = op.futexWait({ array, index: 1, value: 1 })
    const waiting = settledWithin(submit(wait))
    await sleep(5)
    expect(await submit(op.asyncCancel({ operation: wait }))).toBe(1)
    expect(await waiting).toBe('ECANCELED')
    // One that succeeds, so that the kernel has proven it on this ring too.
    const again = submit(op.futexWait({ array, value: 1, flags: ['FUTEX2_SIZE_U32', 'FUTEX2_PRIVATE'] }))
    await sleep(5)
    expect(await code(op.futexWake({ array, flags: ['FUTEX2_PRIVATE'] }))).toBe('no error')
    expect(await again).toBe(0)
  })

  proves('futex_wake', 'wakes as many as it says, by mask and by word', async ({ raw, submit, other }) => {
    const array = word(5)
    const waits = [1, 1, 2].map((mask) => raw.submit(op.futexWait({ array, value: 5, mask })))
    const apart = raw.submit(op.futexWait({ array, index: 1, value: 5 }))
    await sleep(10)
    expect(await other.submit(op.futexWake({ array, mask: 4 }))).toBe(0)
    expect(await wakes(() => other.submit(op.futexWake({ array, count: 1, mask: 1 })))).toBe(1)
    expect(await submit(op.futexWake({ array, mask: 2 }))).toBe(1)
    expect(await waits[2]).toBe(0)
    expect(await submit(op.futexWake({ array }))).toBe(1)
    expect(await Promise.all(waits)).toEqual([0, 0, 0])
    expect(await settledWithin(apart, 10)).toBe('pending')
    expect(await wakes(() => other.submit(op.futexWake({ array, index: 1 })))).toBe(1)
    expect(await apart).toBe(0)
    expect(await submit(op.futexWake({ array }))).toBe(0)
  })

  proves('futex_waitv', 'waits for the first of several words', async ({ submit, other, code }) => {
    const arrays = [word(1), word(2), word(3)]
    const waiters = arrays.map((array, index) => ({ array, value: index + 1 }))
    for (const index of [2, 0, 1]) {
      const waiting = submit(op.futexWaitv({ waiters }))
      expect(await settledWithin(waiting, 10)).toBe('pending')
      expect(await wakes(() => other.submit(op.futexWake({ array: arrays[index]! })))).toBe(1)
      expect(await waiting).toBe(index)
    }
    expect(await code(op.futexWaitv({ waiters: [waiters[0]!, { array: arrays[1]!, value: 9 }] }))).toBe('EAGAIN')
  })

  proves('waitid', 'sees a child stop, go on and exit', async ({ submit }) => {
    const process = await child('while :; do sleep 1; done')
    const wait = { idType: 'P_PID', id: process.pid } as const
    const stopping = submit(op.waitid({ ...wait, options: ['WSTOPPED'] }))
    expect(await settledWithin(stopping, 20)).toBe('pending')
    process.kill('SIGSTOP')
    const { SIGSTOP, SIGCONT, SIGKILL } = constants.signals
    expect(await stopping).toMatchObject({ pid: process.pid, cause: 'stopped', status: SIGSTOP })
    const going = submit(op.waitid({ ...wait, options: ['WCONTINUED'] }))
    process.kill('SIGCONT')
    expect(await going).toMatchObject({ pid: process.pid, cause: 'continued', status: SIGCONT })
    expect(await submit(op.waitid({ ...wait, options: ['WEXITED', 'WNOHANG'] }))).toBeNull()
    const exiting = submit(op.waitid({ ...wait, options: ['WEXITED', 'WNOWAIT'] }))
    await sleep(5)
    const exited = once(process, 'exit')
    process.kill('SIGKILL')
    // Node would reap it as soon as it gets to it: keep it from that until the kernel has told us.
    Atomics.wait(word(0), 0, 0, 100)
    expect(await exiting).toMatchObject({ pid: process.pid, cause: 'killed', status: SIGKILL })
    expect(await exited).toEqual([null, 'SIGKILL'])
  })

  proves('waitid', 'gives the exit code, and ECHILD for children of others', async ({ submit, code }) => {
    const process = await child('read wait < /dev/null; sleep 0.2; exit 7')
    const exiting = submit(op.waitid({ idType: 'P_PID', id: process.pid, options: ['WEXITED', 'WNOWAIT'] }))
    const exited = once(process, 'exit')
    await sleep(100)
    Atomics.wait(word(0), 0, 0, 400)
    expect(await exiting).toMatchObject({ pid: process.pid, cause: 'exited', status: 7 })
    expect(await exited).toEqual([7, null])
    expect(await code(op.waitid({ idType: 'P_PID', id: 1, options: ['WEXITED'] }))).toBe('ECHILD')
    expect(await code(op.waitid({ idType: 'P_PID', id: 1, options: 0 }))).toBe('EINVAL')
  })
})

it('refuses misuse at once', () => {
  const array = word(0)
  expect(errorCode(() => op.futexWait({ array, index: 2, value: 0 }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => op.futexWait({ array, value: 2 ** 32 }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => op.futexWake({ array, count: 0 }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => op.futexWake({ array, mask: 0 }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => op.futexWaitv({ waiters: [] }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => Reflect.apply(op.futexWait, null, [{ array: [0], value: 0 }]))).toBe('ERR_INVALID_ARG_TYPE')
  expect(errorCode(() => Reflect.apply(op.waitid, null, [{ idType: 'P_X', options: 0 }]))).toBe('ERR_INVALID_ARG_VALUE')
})
