// Proves timeout, timeout_remove and link_timeout against the clocks of node.
import * as fs from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { op } from '../../../services/raw/index.ts'
import { settledWithin } from '../harness.ts'
import type { Bench } from './conformance.ts'
import { describeFamily } from './conformance.ts'
import { errorCode } from './errors.ts'

async function emptyPipe({ submit, own }: Bench): Promise<number> {
  const { read, write } = await submit(op.pipe())
  own(write)
  return own(read)
}

async function elapsedMs(run: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now()
  await run()
  return performance.now() - startMs
}

describeFamily('timeouts', (proves) => {
  proves('timeout', 'waits as long as it says, on every clock', async ({ submit }) => {
    for (const clock of ['monotonic', 'boottime', 'realtime'] as const) {
      const waited = await elapsedMs(async () =>
        expect(await submit(op.timeout({ timeMs: 20.5, clock }))).toBe('elapsed'),
      )
      expect(waited).toBeGreaterThanOrEqual(20)
      expect(waited).toBeLessThan(1000)
    }
    expect(await submit(op.timeout({ timeMs: 0 }))).toBe('elapsed')
  })

  proves('timeout', 'waits until a time', async ({ submit }) => {
    const untilMs = Date.now() + 30
    expect(await submit(op.timeout({ timeMs: untilMs, clock: 'realtime', absolute: true }))).toBe('elapsed')
    expect(Date.now()).toBeGreaterThanOrEqual(untilMs - 1)
    const monotonicMs = Number(process.hrtime.bigint()) / 1e6
    const waited = await elapsedMs(() => submit(op.timeout({ timeMs: monotonicMs + 30, absolute: true })))
    expect(waited).toBeGreaterThanOrEqual(25)
    expect(await submit(op.timeout({ timeMs: 1, clock: 'realtime', absolute: true }))).toBe('elapsed')
  })

  proves('timeout', 'ends early when enough others have completed', async ({ submit }) => {
    const waiting = submit(op.timeout({ timeMs: 60_000, count: 3 }))
    await submit(op.nop())
    expect(await settledWithin(waiting, 20)).toBe('pending')
    await submit(op.nop())
    await submit(op.nop())
    expect(await waiting).toBe('counted')
  })

  proves('timeout', 'breaks a chain only when it is told to', async ({ raw }) => {
    const kept = await raw
      .chain()
      .link(op.timeout({ timeMs: 1 }))
      .link(op.nop())
      .submit()
    expect(kept).toMatchObject([{ status: 'done', value: 'elapsed' }, { status: 'done' }])
    const broken = await raw
      .chain()
      .link(op.timeout({ timeMs: 1, breaksChain: true }))
      .link(op.nop())
      .submit()
    expect(broken).toMatchObject([{ status: 'done', value: 'elapsed' }, { status: 'cancelled' }])
  })

  proves('timeout_remove', 'removes a timeout', async ({ submit, code }) => {
    const timeout = op.timeout({ timeMs: 60_000 })
    const waiting = settledWithin(submit(timeout))
    await sleep(5)
    expect(await submit(op.timeoutRemove({ operation: timeout }))).toBe(0)
    expect(await waiting).toBe('ECANCELED')
    expect(await code(op.timeoutRemove({ operation: timeout }))).toBe('ENOENT')
    expect(await code(op.timeoutRemove({ operation: op.nop() }))).toBe('ENOENT')
  })

  proves('timeout_remove', 'changes when a timeout ends, by time or at a time', async ({ submit, code }) => {
    for (const change of [{ timeMs: 10 }, { timeMs: Number(process.hrtime.bigint()) / 1e6 + 10, absolute: true }]) {
      const timeout = op.timeout({ timeMs: 60_000 })
      const waiting = submit(timeout)
      await sleep(2)
      expect(await submit(op.timeoutRemove({ operation: timeout, ...change }))).toBe(0)
      expect(await waiting).toBe('elapsed')
    }
    expect(await code(op.timeoutRemove({ operation: op.nop(), timeMs: 1 }))).toBe('ENOENT')
  })

  proves('timeout_remove', 'changes a link timeout', async (bench) => {
    const { raw, submit } = bench
    const fd = await emptyPipe(bench)
    const limit = op.linkTimeout({ timeMs: 60_000 })
    const running = raw
      .chain()
      .link(op.read({ fd, buffer: Buffer.alloc(1) }))
      .link(limit)
      .submit()
    await sleep(5)
    expect(await submit(op.timeoutRemove({ operation: limit, timeMs: 5 }))).toBe(0)
    expect(await running).toMatchObject([{ status: 'timed-out' }, { status: 'done', value: 'elapsed' }])
  })

  proves('link_timeout', 'ends the step before it when the time is over, on every clock', async (bench) => {
    const { raw } = bench
    const fd = await emptyPipe(bench)
    for (const limit of [
      { timeMs: 15 },
      { timeMs: 15, clock: 'boottime' },
      { timeMs: Date.now() + 60, clock: 'realtime', absolute: true },
    ] as const) {
      const outcomes = await raw
        .chain()
        .link(op.read({ fd, buffer: Buffer.alloc(1) }))
        .link(op.linkTimeout(limit))
        .submit()
      expect(outcomes).toMatchObject([{ status: 'timed-out' }, { status: 'done', value: 'elapsed' }])
    }
  })

  proves(
    'link_timeout',
    'is not needed where the step is faster, and limits no step that it is not linked to',
    async (bench) => {
      const { raw, code, path, own } = bench
      const file = path()
      fs.writeFileSync(file, 'x')
      const read = op.read({ fd: own(fs.openSync(file, 'r')), buffer: Buffer.alloc(1) })
      const outcomes = await raw
        .chain()
        .link(read)
        .link(op.linkTimeout({ timeMs: 60_000 }))
        .submit()
      expect(outcomes).toMatchObject([{ status: 'done', value: 1 }, { status: 'cancelled' }])
      expect(await code(op.linkTimeout({ timeMs: 1 }))).toBe('EINVAL')
    },
  )
})

it('refuses misuse at once', () => {
  expect(errorCode(() => op.timeout({ timeMs: -1 }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => op.timeout({ timeMs: NaN }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => op.timeout({ timeMs: Infinity }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => op.timeout({ timeMs: 1, count: -1 }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => Reflect.apply(op.timeout, null, [{ timeMs: '1' }]))).toBe('ERR_INVALID_ARG_TYPE')
  expect(errorCode(() => Reflect.apply(op.linkTimeout, null, [{ timeMs: 1, clock: 'tai' }]))).toBe(
    'ERR_INVALID_ARG_VALUE',
  )
  expect(errorCode(() => Reflect.apply(op.timeoutRemove, null, [{}]))).toBe('ERR_INVALID_ARG_TYPE')
})
