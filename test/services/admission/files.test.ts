// Views and time limits of files, on every poller and without the addon: what needs nothing but files.
import { readFileSync, writeFileSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Ringmaster } from '../../../services/index.ts'
import { op } from '../../../services/raw/index.ts'
import { limitsPending } from '../../../services/time-limit.ts'
import { allPollers, failure, settledWithin } from '../harness.ts'
import { path, ringStats, small } from './stand.ts'

const timeoutMs = 600_000

const reasonOf = (request: Promise<unknown>): Promise<unknown> =>
  request.then(
    () => 'no error',
    (error: unknown) => error,
  )

/** A request that is in the ring until it is ended: a view with one place has none then. */
function occupy(from: Pick<Ringmaster, 'raw'>): { readonly over: Promise<string>; end(): void } {
  const controller = new AbortController()
  const { signal } = controller
  const over = settledWithin(from.raw().submit(op.timeout({ timeMs: 60_000 }), { signal }), 20_000)
  return {
    over,
    end: () => {
      controller.abort()
    },
  }
}

describe.each(allPollers)('files on poller %s', (poller) => {
  it.each(['program', 'view', 'background'] as const)(
    'of a %s take time limits wherever they take signals',
    async (whose) => {
      await using rings = await small(poller)
      const from = whose === 'program' ? rings : rings.view(whose === 'view' ? { inFlightMax: 1 } : { priority: whose })
      const name = path(`files-${poller}-${whose}`)
      await from.writeFile(name, 'text', { timeoutMs, flush: true })
      expect(await from.readFile(name, { timeoutMs, encoding: 'utf8' })).toBe('text')
      expect((await from.stat(name, { timeoutMs })).size).toBe(4)
      expect((await from.lstat(name, { timeoutMs, bigint: true })).size).toBe(4n)
      await using file = await from.open(name, 'r+', 0o666, { timeoutMs, ordered: true })
      expect((await file.read({ timeoutMs, position: 0 })).bytesRead).toBe(4)
      expect((await file.write(Buffer.from('next'), { timeoutMs, position: 0 })).bytesWritten).toBe(4)
      expect((await file.stat({ timeoutMs })).size).toBe(4)
      await file.sync({ timeoutMs })
      await file.datasync({ timeoutMs })
      expect(readFileSync(name, 'latin1')).toBe('next')
      expect({ pending: limitsPending(), timeouts: ringStats(rings).timeouts }).toEqual({ pending: 0, timeouts: 0 })
    },
  )

  it('are not touched by what waited for longer than its limit', async () => {
    await using rings = await small(poller)
    const view = rings.view({ inFlightMax: 1 })
    const name = path(`late-${poller}`)
    writeFileSync(name, 'before')
    await using file = await view.open(name, 'r+')
    const ahead = occupy(view)
    await nextTurn()
    const late = [
      file.write(Buffer.from('after!'), { position: 0, timeoutMs: 10 }),
      file.sync({ timeoutMs: 10 }),
      view.writeFile(`${name}-new`, 'text', { timeoutMs: 10 }),
    ]
    for (const error of await Promise.all(late.map(reasonOf)))
      expect(error).toMatchObject({ code: 'ERR_RING_TIMEOUT', submitted: false })
    ahead.end()
    expect(await ahead.over).toBe('ABORT_ERR')
    await view.nop()
    expect(readFileSync(name, 'latin1')).toBe('before')
    expect(await failure(rings.stat(`${name}-new`))).toMatchObject({ code: 'ENOENT' })
    expect(ringStats(rings).timeouts).toBe(3)
  })

  it('that are ordered end a write that waits for its turn, and keep the order of the others', async () => {
    await using rings = await small(poller)
    const view = rings.view({ inFlightMax: 1 })
    const name = path(`ordered-${poller}`)
    writeFileSync(name, '')
    await using file = await view.open(name, 'r+', 0o666, { ordered: true })
    const ahead = occupy(view)
    await nextTurn()
    const controller = new AbortController()
    const first = file.write(Buffer.from('first'), { position: 0 })
    const late = reasonOf(file.write(Buffer.from('late!'), { position: 0, timeoutMs: 10 }))
    const aborted = failure(file.write(Buffer.from('abort'), { position: 0, signal: controller.signal }))
    const last = file.write(Buffer.from('last'), { position: 0 })
    controller.abort()
    expect(await aborted).toMatchObject({ code: 'ABORT_ERR' })
    expect(await late).toMatchObject({ code: 'ERR_RING_TIMEOUT', submitted: false })
    expect(await settledWithin(first, 1)).toBe('pending')
    ahead.end()
    await Promise.all([ahead.over, first, last])
    expect(readFileSync(name, 'latin1')).toBe('lastt')
  })

  it('wait behind barriers, whosever they are', async () => {
    await using rings = await small(poller)
    const name = path(`behind-${poller}`)
    writeFileSync(name, 'before')
    const view = rings.view({ priority: 'background' })
    await using file = await view.open(name, 'r+')
    const ahead = occupy(rings)
    const barrier = rings.view().raw().submit(op.nop(), { drain: true })
    const written = file.write(Buffer.from('behind'), { position: 0 })
    await nextTurn()
    expect(await settledWithin(Promise.race([barrier, written]), 20)).toBe('pending')
    expect(readFileSync(name, 'latin1')).toBe('before')
    ahead.end()
    await Promise.all([ahead.over, barrier, written])
    expect(readFileSync(name, 'latin1')).toBe('behind')
  })
})
