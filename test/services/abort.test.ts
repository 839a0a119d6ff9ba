// An AbortSignal before, during and after a request, in the ring and in front of it: the promise settles, and settles as
// core's does.
import { execFileSync } from 'node:child_process'
import { getEventListeners } from 'node:events'
import { closeSync, constants, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Ringmaster } from '../../services/ringmaster.ts'
import type { RingmasterOptions } from '../../services/options.ts'
import { eventually, everyPoller, failure, settledWithin, temporaryFolder } from './harness.ts'

const folder = temporaryFolder()
afterAll(() => {
  folder.remove()
})
const small = join(folder.path, 'small')
let pipes = 0

/** A FIFO that nobody else has open. */
function makePipe(): string {
  const path = join(folder.path, `pipe${pipes++}`)
  execFileSync('mkfifo', [path])
  return path
}

const aborted = (): AbortSignal => AbortSignal.abort(new Error('enough'))

beforeAll(() => {
  writeFileSync(small, 'hello')
})

describe.each(everyPoller)('an AbortSignal on poller $poller in $memory memory', ({ poller, memory }) => {
  const start = (options: RingmasterOptions = {}): Promise<Ringmaster> =>
    Ringmaster.start({ rings: 1, poller, memory, closeGraceMs: 50, closeDeadlineMs: 1000, ...options })

  it('that has fired already starts nothing, and gives its reason as cause', async () => {
    await using rings = await start()
    await using file = await rings.open(small, 'r+')
    const before = rings.stats().rings[0]!.requests
    const calls = [
      () => file.read(Buffer.alloc(1), { signal: aborted() }),
      () => file.write(Buffer.alloc(1), { signal: aborted() }),
      () => rings.open(small, 'r', 0, { signal: aborted() }),
      () => rings.readFile(small, { signal: aborted() }),
      () => rings.writeFile(small, 'x', { signal: aborted() }),
    ]
    for (const call of calls) {
      await expect(call()).rejects.toMatchObject({
        name: 'AbortError',
        code: 'ABORT_ERR',
        cause: { message: 'enough' },
      })
    }
    expect(rings.stats().rings[0]!.requests).toBe(before)
    expect(readFileSync(small, 'latin1')).toBe('hello')
  })

  it('ends a read of a pipe that nobody writes to, and takes its listener away', async () => {
    await using rings = await start()
    const file = await rings.open(makePipe(), 'r+') // not disposed of: that would wait for what is stuck
    const controller = new AbortController()
    const read = file.read(Buffer.alloc(8), { signal: controller.signal })
    await sleep(5)
    controller.abort(new Error('enough'))
    await expect(read).rejects.toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: { message: 'enough' } })
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
  })

  it('that fires in the same turn as the read was made ends it too', async () => {
    await using rings = await start()
    const file = await rings.open(makePipe(), 'r+') // not disposed of: that would wait for what is stuck
    const controller = new AbortController()
    const read = file.read(Buffer.alloc(8), { signal: controller.signal })
    controller.abort()
    expect(await settledWithin(read)).toBe('ABORT_ERR')
  })

  it('that fires too late changes nothing', async () => {
    await using rings = await start()
    await using file = await rings.open(small)
    const controller = new AbortController()
    const { bytesRead } = await file.read(Buffer.alloc(8), { position: 0, signal: controller.signal })
    controller.abort()
    await nextTurn()
    expect(bytesRead).toBe(5)
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
    expect(rings.stats().rings[0]).toMatchObject({ inFlight: 0, backlog: 0, staleCompletions: 0 })
  })

  it('ends readFile of a pipe that nobody opens, and one that nobody writes to', async () => {
    await using rings = await start()
    for (const keepOpen of [false, true]) {
      const path = makePipe()
      const writer = keepOpen ? openSync(path, constants.O_RDWR) : -1
      const controller = new AbortController()
      const read = rings.readFile(path, { signal: controller.signal })
      await sleep(5)
      controller.abort()
      expect(await settledWithin(read)).toBe('ABORT_ERR')
      if (writer >= 0) closeSync(writer)
      expect(getEventListeners(controller.signal, 'abort')).toEqual([])
    }
  })

  it('ends open() of a pipe that waits for a reader', async () => {
    await using rings = await start()
    const controller = new AbortController()
    const opened = rings.open(makePipe(), 'w', 0o666, { signal: controller.signal })
    await sleep(5)
    controller.abort()
    expect(await settledWithin(opened)).toBe('ABORT_ERR')
  })

  it('cancels all of sixty-four reads at once, with eight SQ entries', async () => {
    await using rings = await start({ sqEntries: 8, cqEntries: 128 })
    const file = await rings.open(makePipe(), 'r+') // not disposed of: that would wait for what is stuck
    const controllers = Array.from({ length: 64 }, () => new AbortController())
    const reads = controllers.map(({ signal }) => file.read(Buffer.alloc(1), { signal }))
    const settled = Promise.all(reads.map((read) => settledWithin(read)))
    await eventually(() => rings.stats().rings[0]!.inFlight === 64)
    for (const controller of controllers) controller.abort()
    expect(new Set(await settled)).toEqual(new Set(['ABORT_ERR']))
  })

  it('cancels a request that waits in the backlog, though nothing before it ends', async () => {
    await using rings = await start({ sqEntries: 8, cqEntries: 128 })
    const file = await rings.open(makePipe(), 'r+') // not disposed of: that would wait for what is stuck
    const held = Array.from({ length: 64 }, () => failure(file.read(Buffer.alloc(1))))
    await eventually(() => rings.stats().rings[0]!.inFlight === 64)
    await sleep(20)
    const controller = new AbortController()
    const waiting = file.read(Buffer.alloc(1), { signal: controller.signal })
    await sleep(20)
    expect(rings.stats().rings[0]).toMatchObject({ inFlight: 64, backlog: 1 })
    controller.abort()
    expect(await settledWithin(waiting)).toBe('ABORT_ERR')
    writeSync(file.fd, Buffer.alloc(64))
    await Promise.all(held)
  })

  it('ends a readFile that waits behind others for a place', async () => {
    await using rings = await start({ directDescriptors: 1 })
    const path = makePipe()
    // Somebody has it open for writing and writes nothing: the chain waits, and keeps its lease.
    const writer = openSync(path, constants.O_RDWR)
    const before = rings.stats().rings[0]!.completions
    const stuck = failure(rings.readFile(path))
    const controller = new AbortController()
    const waiting = rings.readFile(small, { signal: controller.signal })
    await sleep(5)
    controller.abort()
    expect(await settledWithin(waiting)).toBe('ABORT_ERR')
    // The chain has the pipe open by now, or the last writer would be gone before it came.
    await eventually(() => rings.stats().rings[0]!.completions > before)
    writeSync(writer, 'x')
    closeSync(writer)
    await stuck
  })

  it('ends ten thousand waiting readFiles at once, and the rings go on', async () => {
    await using rings = await start({ directDescriptors: 1 })
    // One signal for all of them; a listener each would make core warn of a leak, which is not what this is about.
    const controllers = Array.from({ length: 10_000 }, () => new AbortController())
    const reads = controllers.map(({ signal }) => settledWithin(rings.readFile(small, { signal }), 20_000))
    for (const controller of controllers) controller.abort()
    const outcomes = new Set(await Promise.all(reads))
    expect(outcomes.has('pending')).toBe(false)
    expect(await settledWithin(rings.readFile(small))).toBe('resolved')
  })

  it('stops writeFile to a pipe that nobody empties', async () => {
    await using rings = await start()
    const path = makePipe()
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const controller = new AbortController()
    const writing = rings.writeFile(path, Buffer.alloc(1 << 20), { signal: controller.signal })
    await sleep(20)
    controller.abort()
    expect(await settledWithin(writing)).toBe('ABORT_ERR')
    closeSync(reader)
  })

  it('rejects what is no signal, naming it', async () => {
    await using rings = await start()
    for (const signal of [null, {}, 'abort', 1]) {
      // @ts-expect-error that is what is tested
      const read = rings.readFile(small, { signal })
      await expect(read).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_TYPE', message: /signal/ })
    }
  })
})
