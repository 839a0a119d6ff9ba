// Time limits and signals of what is asked for as one: batches, whose results say which requests were over in time, and openBeneath().
import { execFileSync } from 'node:child_process'
import { constants, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { RingFile } from '../../../services/index.ts'
import { limitsPending } from '../../../services/time-limit.ts'
import type { Timed } from '../../../services/time-limit.ts'
import { allPollers, failure } from '../harness.ts'
import { path, pipe, places, ringStats, small } from './stand.ts'

const ECANCELED = -125
const bytes = (count: number): Buffer[] => Array.from({ length: count }, () => Buffer.alloc(1))
const nowhere = (count: number): null[] => Array.from({ length: count }, () => null)

describe.each(allPollers)('a limit on poller %s', (poller) => {
  it('ends a batch: what was over has its result, the rest ECANCELED, and nothing more is taken', async () => {
    await using rings = await small(poller)
    const { fd, feed } = pipe()
    const file: RingFile = await rings.open(`/proc/self/fd/${fd}`, constants.O_RDWR)
    const count = places + 10 // some wait for a place in the ring
    feed(3)
    const results = await file.readBatch(bytes(count), nowhere(count), { timeoutMs: 300 })
    expect(results.filter((result) => result === 1)).toHaveLength(3)
    expect(results.filter((result) => result === ECANCELED)).toHaveLength(count - 3)
    feed(1)
    expect(await file.readBatch(bytes(1), [null], { timeoutMs: 600_000 })).toEqual(Int32Array.of(1))
    expect(ringStats(rings).timeouts).toBe(1)
    expect(limitsPending()).toBe(0)
    await file.close()
  })

  it('lets a signal end a batch, before it begins and while it waits', async () => {
    await using rings = await small(poller)
    const { fd, feed } = pipe()
    const file = await rings.open(`/proc/self/fd/${fd}`, constants.O_RDWR)
    expect(await failure(file.readBatch(bytes(1), [null], { signal: AbortSignal.abort() }))).toMatchObject({
      code: 'ABORT_ERR',
    })
    const controller = new AbortController()
    const waiting = file.readBatch(bytes(4), nowhere(4), { signal: controller.signal })
    controller.abort()
    expect(await waiting).toEqual(Int32Array.of(ECANCELED, ECANCELED, ECANCELED, ECANCELED))
    feed(1)
    expect(await file.readBatch(bytes(1), [null])).toEqual(Int32Array.of(1))
    await file.close()
  })

  it('is kept by a batch of writes that is over in time', async () => {
    await using rings = await small(poller)
    const name = path(`written-${poller}`)
    writeFileSync(name, '....')
    await using file = await rings.open(name, 'r+')
    const written = await file.writeBatch([Buffer.from('ab'), Buffer.from('cd')], [2, 0], { timeoutMs: 600_000 })
    expect(written).toEqual(Int32Array.of(2, 2))
    expect(readFileSync(name, 'latin1')).toBe('cdab')
    expect(await failure(file.writeBatch(bytes(1), [0], { timeoutMs: 0 }))).toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
    expect(limitsPending()).toBe(0)
  })

  it('ends an openBeneath() that waits for somebody at the other end of a pipe', async () => {
    await using rings = await small(poller)
    const name = path(`lonely-${poller}`)
    execFileSync('mkfifo', [name])
    await using directory = await rings.open(dirname(name), constants.O_DIRECTORY)
    const options = { timeoutMs: 50 }
    const opening = rings.openBeneath(directory, name.slice(dirname(name).length + 1), 'r', options)
    // A ring of the kernel's opens the reading end at once.
    const outcome = await opening.then(
      async (file) => {
        await file.close()
        return 'open'
      },
      (error: unknown) => Reflect.get(Object(error), 'code') as unknown,
    )
    expect(outcome).toBe(poller === 'threadpool' ? 'ERR_RING_TIMEOUT' : 'open')
    expect(await failure(rings.openBeneath(directory, '.', 'r', { signal: AbortSignal.abort() }))).toMatchObject({
      code: 'ABORT_ERR',
    })
    expect(limitsPending()).toBe(0)
  })
})

describe('what is no options', () => {
  // prettier-ignore
  it.each<[string, unknown]>([
    ['a signal', AbortSignal.abort()], ['a Map', new Map([['timeoutMs', 1]])], ['an array', []], ['a number', 5], ['null', null],
  ])('%s: refused by whatever takes limits, and nothing is submitted', async (_, wrong) => {
    await using rings = await small('caller')
    const options = wrong as Timed
    const file = await rings.open(process.execPath)
    const { requests } = ringStats(rings)
    const asked = [
      file.readBatch(bytes(1), [0], options),
      file.writeBatch(bytes(1), [0], options),
      file.sync(options),
      file.datasync(options),
      rings.openBeneath(file, 'x', 'r', options),
    ]
    for (const each of asked) expect(await failure(each)).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
    expect(ringStats(rings).requests).toBe(requests)
    await file.close()
  })
})
