// The ring client on a real ring: every request settles once, in bounds, awake or asleep, with full queues and a lost ring.
import { AsyncLocalStorage } from 'node:async_hooks'
import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ClientCounter, Stage } from '../../metrics/ring-metrics.ts'
import { Op } from '../../native/abi.ts'
import { addressOfView } from '../../native/addresses.ts'
import { binding } from '../../native/binding.ts'
import { prepNop } from '../../native/operations/control.ts'
import { prepRead } from '../../native/operations/files.ts'
import { RawRing } from '../../services/raw/raw-ring.ts'
import { op } from '../../services/raw/index.ts'
import { requestNop } from '../../services/requests.ts'
import { readWholeFile } from '../../services/read-file.ts'
import { settleWithResult } from '../../workers/completions.ts'
import type { RingHandle } from '../../workers/ring-handle.ts'
import { expectStale } from '../services/conservation.ts'
import { eventually, failure, seededRandom, settledWithin, temporaryFolder, testSeed } from '../services/harness.ts'
import { somePollers } from '../stands.ts'
import { openRing } from './open-ring.ts'

const folder = temporaryFolder()
const data = join(folder.path, 'data')
let pipes = 0
let dataFd = -1
beforeAll(() => {
  writeFileSync(
    data,
    Uint8Array.from({ length: 65536 }, (_, index) => index),
  )
  dataFd = openSync(data, 'r')
})
afterAll(() => {
  closeSync(dataFd)
  folder.remove()
})

function openPipe(): number {
  const path = join(folder.path, `pipe${pipes++}`)
  execFileSync('mkfifo', [path])
  return openSync(path, constants.O_RDWR)
}

function read({ client }: RingHandle, fd: number, into: Buffer, position: number): Promise<number> {
  const slot = client.claim(Op.READ, settleWithResult, into, null)
  prepRead(client.words, client.at, 0, fd, addressOfView(into), into.length, position)
  return client.slots.promise<number>(slot)
}

const counter = ({ metrics }: RingHandle, name: keyof typeof ClientCounter): number =>
  metrics.client[ClientCounter[name]]!

/** What must hold whenever nothing is in flight. */
function expectAtRest({ client, metrics }: RingHandle): void {
  expect({ inFlight: client.inFlight, load: client.load, used: client.slots.used }).toEqual({
    inFlight: 0,
    load: 0,
    used: 0,
  })
  for (let op = 0; op < 64; op++) {
    const stages = [Stage.queued, Stage.kernel, Stage.delivered].map((stage) => metrics.histogram(stage, op).count)
    const completions = metrics.completions(op)
    expect({ op, requests: metrics.requests(op), stages }).toEqual({
      op,
      requests: completions,
      stages: [completions, completions, completions],
    })
  }
}

describe.each(somePollers)('a ring client on poller $poller in $memory memory', ({ poller, memory }) => {
  it('settles ten thousand requests once each on a tiny ring, never above its limit', async () => {
    await using ring = await openRing(poller, { memory, sqEntries: 8, cqEntries: 128 })
    const { handle } = ring
    let settled = 0
    const reads = Array.from({ length: 10_000 }, async (_, index) => {
      const into = Buffer.alloc(1)
      const position = (index * 7) % 65536
      const count = await read(handle, dataFd, into, position)
      settled++
      return count === 1 && into[0] === (position & 0xff)
    })
    expect((await Promise.all(reads)).every((right) => right)).toBe(true)
    expect(settled).toBe(10_000)
    expect(counter(handle, 'inFlightMax')).toBeLessThanOrEqual(64)
    expect(counter(handle, 'cqOverflows')).toBe(0)
    expect(counter(handle, 'staleCompletions')).toBe(0)
    await nextTurn()
    expectAtRest(handle)
  })

  it('counts every stage of every request, also of chains on a full ring', async () => {
    await using ring = await openRing(poller, { memory, sqEntries: 8, cqEntries: 128 })
    const { handle } = ring
    const request = { path: data, flags: 0, encoding: null, signal: undefined } as const
    for (let round = 0; round < 5; round++) {
      const nops = Array.from({ length: 100 }, () => requestNop(handle))
      await Promise.all(Array.from({ length: 300 }, () => readWholeFile(handle, request)))
      await Promise.all(nops)
    }
    await eventually(() => !handle.client.busy)
    expectAtRest(handle)
  })

  it('counts every stage of chains on a ring of usual size', async () => {
    await using ring = await openRing(poller, { memory })
    const { handle } = ring
    const request = { path: '/dev/null', flags: 0, encoding: null, signal: undefined } as const
    for (let round = 0; round < 5; round++) {
      await Promise.all(Array.from({ length: 250 }, () => readWholeFile(handle, request)))
    }
    await eventually(() => !handle.client.busy)
    expectAtRest(handle)
  })

  it('publishes what one run of code claims as one batch, up to sixteen', async () => {
    await using ring = await openRing(poller, { memory })
    const { handle } = ring
    for (let round = 0; round < 10; round++) {
      const before = counter(handle, 'publishedBatches')
      await Promise.all(Array.from({ length: 16 }, () => requestNop(handle)))
      expect(counter(handle, 'publishedBatches')).toBe(before + 1)
    }
  })

  it('fails when the backlog is full, carries out what it took, and works again', async () => {
    await using ring = await openRing(poller, { memory, sqEntries: 8, cqEntries: 128, backlogMax: 10 })
    const { handle } = ring
    const fd = openPipe()
    const taken: Promise<number>[] = []
    for (let index = 0; index < 64; index++) {
      taken.push(read(handle, fd, Buffer.alloc(1), -1))
      if (index % 8 === 7) await eventually(() => handle.client.load === handle.client.inFlight)
    }
    const order: number[] = []
    for (let index = 0; index < 10; index++) {
      taken.push(
        requestNop(handle).then(() => {
          order.push(index)
          return 1
        }),
      )
    }
    expect(() => requestNop(handle)).toThrow(expect.objectContaining({ code: 'ERR_RING_BACKLOG_FULL' }) as Error)
    expect(counter(handle, 'backlogRejections')).toBe(1)
    writeSync(fd, Buffer.alloc(64))
    expect(new Set(await Promise.all(taken))).toEqual(new Set([1]))
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    await requestNop(handle)
    expectAtRest(handle)
    closeSync(fd)
  })

  it('refuses a chain that the ring can never hold, and goes on', async () => {
    await using ring = await openRing(poller, { memory, sqEntries: 128, cqEntries: 128 })
    const { client } = ring.handle
    // 64 of 128 completions are kept for cancellations: a chain of 65 fits into the SQ and would wait for ever.
    expect(() => {
      client.chain(65)
    }).toThrow(expect.objectContaining({ code: 'ERR_RING_BACKLOG_FULL' }) as Error)
    expect(await settledWithin(requestNop(ring.handle))).toBe('resolved')
    expectAtRest(ring.handle)
  })

  it('drops a completion of an earlier life, and counts it', async () => {
    await using ring = await openRing(poller, { memory })
    const { handle } = ring
    const { client } = handle
    expectStale(handle)
    const slot = client.claim(Op.NOP, settleWithResult, null, null)
    prepNop(client.words, client.at, 0)
    client.words[client.at + 9]! -= 1 // as if its slot had been freed and taken again since
    const promise = client.slots.promise<number>(slot)
    expect(await settledWithin(promise, 100)).toBe('pending')
    expect(counter(handle, 'staleCompletions')).toBe(1)
    expect(await settledWithin(requestNop(handle))).toBe('resolved')
  })

  it('lets timers, immediates and other I/O run while 64 lanes never stop', async () => {
    await using ring = await openRing(poller, { memory })
    const { handle } = ring
    let going = true
    let reads = 0
    const lane = async (): Promise<void> => {
      const into = Buffer.alloc(64)
      while (going) {
        await read(handle, dataFd, into, 0)
        reads++
      }
    }
    const lanes = Array.from({ length: 64 }, lane)
    const readsBetweenTurns: number[] = []
    for (let turn = 0; turn < 50; turn++) {
      const before = reads
      await nextTurn()
      readsBetweenTurns.push(reads - before)
    }
    await sleep(1)
    expect((await readFile(data)).length).toBe(65536)
    going = false
    await Promise.all(lanes)
    expect(Math.max(...readsBetweenTurns)).toBeLessThan(5000)
    expect(reads).toBeGreaterThan(0)
  })

  it('misses no wake-up in seven hundred sleeps and wakings', async () => {
    await using ring = await openRing(poller, { memory })
    const { handle } = ring
    const fd = openPipe()
    const random = seededRandom(testSeed(`wake-ups ${poller} ${memory}`))
    const into = Buffer.alloc(1)
    for (let round = 0; round < 700; round++) {
      const reading = read(handle, fd, into, -1)
      // From at once to well after both ends sleep; most around the moment they fall asleep.
      const kind = random()
      if (kind < 0.02) await sleep(Math.floor(random() * 60))
      else if (kind < 0.8) for (let turn = Math.floor(random() * 6); turn > 0; turn--) await nextTurn()
      else if (kind < 0.9) await Promise.resolve()
      writeSync(fd, Buffer.of(round & 0xff))
      expect(await reading).toBe(1)
      expect(into[0]).toBe(round & 0xff)
    }
    expectAtRest(handle)
    closeSync(fd)
  })

  it('goes on in the asynchronous context of whoever asked', async () => {
    await using ring = await openRing(poller, { memory, sqEntries: 8, cqEntries: 128 })
    const { handle } = ring
    const storage = new AsyncLocalStorage<number>()
    const request = { path: data, flags: 0, encoding: null, signal: undefined } as const
    const seen = await Promise.all(
      Array.from({ length: 500 }, (_, index) =>
        storage.run(index, async () => {
          if (index % 3 === 0) await readWholeFile(handle, request)
          else await requestNop(handle)
          const first = storage.getStore()
          await requestNop(handle)
          return first === index && storage.getStore() === index
        }),
      ),
    )
    expect(seen.every((same) => same)).toBe(true)
  })

  it('settles what never comes back when the deadline of closing is over', async () => {
    const ring = await openRing(poller, { memory, closeGraceMs: 0, closeDeadlineMs: 0 })
    const fd = openPipe()
    const reads = Array.from({ length: 50 }, () => settledWithin(read(ring.handle, fd, Buffer.alloc(1), -1)))
    await nextTurn()
    await ring.close()
    expect(await Promise.all(reads)).not.toContain('pending')
    closeSync(fd)
  })
})

it('rejects everything with ERR_RING_LOST when its descriptor is closed behind its back', async () => {
  const ring = await openRing('caller', { sqEntries: 8, cqEntries: 128 })
  const { handle } = ring
  binding().closeFd(handle.geometry.ringFd)
  const nops = Array.from({ length: 40 }, async () => requestNop(handle))
  expect(new Set(await Promise.all(nops.map((nop) => settledWithin(nop))))).toEqual(new Set(['ERR_RING_LOST']))
  expect(await failure(Promise.resolve().then(() => requestNop(handle)))).toMatchObject({ code: 'ERR_RING_LOST' })
  await ring.close()
  expect(readFileSync(data)).toHaveLength(65536)
})

it('gives back all slots where the completions of a ring that is lost ask for cancellations', async () => {
  const ring = await openRing('caller')
  const { handle } = ring
  const abort = new AbortController()
  const raw = new RawRing(handle)
  const chain = raw.chain().link(op.timeout({ timeMs: 60_000 }))
  for (let left = 0; left < 10; left++) chain.link(op.nop())
  const ended = settledWithin(chain.submit({ signal: abort.signal }), 5000)
  await nextTurn()
  abort.abort()
  binding().closeFd(handle.geometry.ringFd)
  await ended // its steps are settled one by one, and each asks for the cancellation of the next
  expect({ inFlight: handle.client.inFlight, used: handle.client.slots.used }).toEqual({ inFlight: 0, used: 0 })
  await ring.close()
})
