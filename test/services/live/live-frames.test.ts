// Frames of the live page from real rings: they say what stats() and the kernel's own words say, and stay small.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bucketCount } from '../../../metrics/exponential-histogram.ts'
import {
  bucketsMax,
  bufferGroupsMax,
  errorRowsMax,
  frameBytesMax,
  jobsMax,
  liveCounters,
  ringsDetailedMax,
  ringsMax,
  slotKind,
  slotsMax,
  sqCell,
  windowEntriesMax,
  type LiveFrame,
  type LiveRing,
  type LiveSlot,
} from '../../../metrics/live-protocol.ts'
import { RingMetrics, Stage, ringMetricsSizeBytes } from '../../../metrics/ring-metrics.ts'
import { Op } from '../../../native/abi.ts'
import { parseRingTables } from '../../../native/fdinfo.ts'
import { HistogramChanges } from '../../../services/live/histogram-changes.ts'
import { op, timeoutStream } from '../../../services/raw/index.ts'
import { Ringmaster } from '../../../services/ringmaster.ts'
import { pollers } from '../harness.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringmaster-live-'))
  writeFileSync(join(folder, 'file'), 'x'.repeat(10_000))
})
afterEach(() => rmSync(folder, { recursive: true }))

const counter = ({ counters }: LiveRing, name: (typeof liveCounters)[number]): number =>
  counters[liveCounters.indexOf(name)]!

/** The opcodes of a window's cells, the latest last. */
const opsOf = (cells: string): number[] => [...cells.matchAll(/(..)../g)].map(([, op]) => parseInt(op!, 16))
const flagsOf = (cells: string): number[] => [...cells.matchAll(/..(..)/g)].map(([, flags]) => parseInt(flags!, 16))

describe.each(pollers)('a frame of a ring with the poller %s', (poller) => {
  let rings: Ringmaster
  beforeEach(async () => {
    rings = await Ringmaster.start({ rings: 1, poller, sqEntries: 128 })
  })
  afterEach(() => rings.close())

  it('has the counters of stats()', async () => {
    const live = rings.live('test')
    const file = await rings.open(join(folder, 'file'), 'r')
    for (let at = 0; at < 10; at++) await file.read(Buffer.alloc(100), 0, 100, at * 100)
    await rings.open(join(folder, 'missing'), 'r').catch(() => undefined)
    const before = rings.stats().rings[0]!
    const [ring] = live.frame().rings
    const after = rings.stats().rings[0]!
    expect(ring).toMatchObject({ ring: 0, client: 0, poller, state: 'open', workerState: 'well', sqEntries: 128 })
    for (const name of ['requests', 'completions', 'errors', 'publishedBatches', 'sqWakeups', 'sleeps'] as const) {
      expect(counter(ring!, name), name).toBeGreaterThanOrEqual(before[name])
      expect(counter(ring!, name), name).toBeLessThanOrEqual(after[name])
    }
    expect(ring!.operations.find(([, name]) => name === 'read')).toMatchObject([Op.READ, 'read', 10, 10, 0, 1000, 0])
    expect(ring!.errors).toEqual([['openat', 'ENOENT', 1]])
    await file.close()
  })

  it('shows the latest entries of both queues, and chains', async () => {
    const live = rings.live('test')
    const raw = rings.raw()
    const file = await rings.open(join(folder, 'file'), 'r+')
    const chain = raw.chain().link(op.write({ fd: file.fd, buffer: Buffer.from('x'), position: 0 }))
    await chain.link(op.fsync({ fd: file.fd })).submit()
    const [ring] = live.frame().rings
    const { sq, cq } = ring!
    expect(sq!.tail).toBe(counter(ring!, 'publishedEntries'))
    expect(sq!.head).toBe(sq!.tail)
    expect(sq!.cells).toHaveLength(windowEntriesMax * 4)
    expect(opsOf(sq!.cells).slice(-2)).toEqual([Op.WRITE, Op.FSYNC])
    expect(
      flagsOf(sq!.cells)
        .map((flags) => (flags & sqCell.link) !== 0)
        .slice(-2),
    ).toEqual([true, false])
    expect(opsOf(cq!.cells).slice(-2)).toEqual([Op.WRITE, Op.FSYNC])
    // What was never written is not an operation.
    expect(opsOf(sq!.cells)[0]).toBe(255)
    await file.close()
  })

  it('shows what is in flight, multishot among it, and what that gave', async () => {
    const live = rings.live('test')
    const raw = rings.raw()
    const stream = raw.stream(timeoutStream({ intervalMs: 5 }))
    const stop = new AbortController()
    const waits = raw.submit(op.timeout({ timeMs: 60_000 }), { signal: stop.signal }).catch(() => 'aborted')
    await stream.next()
    live.frame()
    let slots: readonly LiveSlot[] = []
    let given = 0
    // Some of those that are taken here may have come before the first frame.
    for (let shots = 0; shots < 500 && given < 3; shots++) {
      await stream.next()
      slots = live.frame().rings[0]!.slots!
      const found = slots.find(([, , , kind]) => kind === slotKind.multishot)!
      expect(found[1]).toBe(Op.TIMEOUT)
      given += found[4]
    }
    expect(given).toBeGreaterThanOrEqual(3)
    const timeout = live.frame().rings[0]!.operations.find(([op]) => op === Op.TIMEOUT)!
    expect(timeout[6]).toBeGreaterThanOrEqual(given)
    const single = slots.find(([, , , kind]) => kind === slotKind.single)!
    expect(single[1]).toBe(Op.TIMEOUT)
    expect(single[2]).toBeGreaterThan(0)
    stop.abort()
    expect(await waits).toBe('aborted')
    await stream.return()
  })

  it('tells histograms as what was added since the frame before', async () => {
    const live = rings.live('test')
    const file = await rings.open(join(folder, 'file'), 'r')
    const observations = (): number => {
      let sum = 0
      for (const [op, stage, , ...pairs] of live.frame().rings[0]!.histograms) {
        if (op !== Op.READ || stage !== Stage.kernel) continue
        for (let at = 1; at < pairs.length; at += 2) sum += pairs[at]!
      }
      return sum
    }
    await file.read(Buffer.alloc(10), 0, 10, 0)
    expect(observations()).toBe(0) // the first frame only remembers
    for (let at = 0; at < 7; at++) await file.read(Buffer.alloc(10), 0, 10, 0)
    expect(observations()).toBe(7)
    expect(observations()).toBe(0)
    await file.close()
  })
})

it('shows provided buffers, registered buffers and direct descriptors as they are', async () => {
  await using rings = await Ringmaster.start({ rings: 1, poller: 'caller' })
  const live = rings.live('test')
  const before = live.frame().rings[0]!
  expect(before.groups).toEqual([])
  const buffers = rings.raw().provideBuffers({ count: 8, sizeBytes: 512 })
  rings.arena({ slabs: 2 })
  let ring = before
  // The kernel is asked about a ring in one frame of five.
  for (let frames = 0; frames < 5; frames++) ring = live.frame().rings[0]!
  expect(ring.groups).toEqual([[buffers.group, 8, 8]])
  expect(ring.buffers![0]).toBe(before.buffers![0] + 1)
  buffers.close()
  expect(live.frame().rings[0]!.groups).toEqual([])
})

it('shows rings of other threads, as far as shared memory tells', async () => {
  await using rings = await Ringmaster.start({ rings: 1, poller: 'caller' })
  const service = join(folder, 'service.mjs')
  writeFileSync(
    service,
    `export default async ({ rings }) => { const file = await rings.open(${JSON.stringify(join(folder, 'file'))}, 'r'); await file.read(Buffer.alloc(10)); return { stop: () => file.close() } }`,
  )
  const resident = await rings.startService(service)
  const frame = rings.live('test').frame()
  expect(frame.rings.map(({ ring, client }) => [ring, client > 0])).toEqual([
    [0, false],
    [0, true],
  ])
  const [, attached] = frame.rings
  expect(attached!.slots).toBeNull()
  expect(counter(attached!, 'completions')).toBeGreaterThanOrEqual(2)
  expect(opsOf(attached!.sq!.cells)).toContain(Op.READ)
  expect(frame.jobs).toEqual([
    { kind: 'service', name: 'service.mjs', state: 'running', detail: '1 of 1 instances', progress: -1 },
  ])
  await resident.stop()
  expect(rings.live('test').frame().jobs).toEqual([])
})

it('a plane that cannot say what it does hides nobody else', async () => {
  await using rings = await Ringmaster.start({ rings: 1, poller: 'caller' })
  const live = rings.live('test')
  live.jobs.add(() => {
    throw new Error('broken')
  })
  const job = { kind: 'scrub', name: 'disk', state: 'running', detail: '', progress: 0.5 }
  live.jobs.add(() => [job])
  expect(live.frame().jobs).toEqual([job])
})

describe('the size of a frame', () => {
  it('is bounded: the longest form of every part together is below frameBytesMax', () => {
    const big = 2 ** 53
    const text = 'x'.repeat(40)
    const queue = {
      entries: 65536,
      head: 2 ** 32,
      tail: 2 ** 32,
      from: 2 ** 32,
      cells: 'ffff'.repeat(windowEntriesMax),
    }
    const numbers = {
      ...{ ring: 1000, client: 1000, poller: 'threadpool', reason: text.repeat(5), state: 'closing' },
      ...{ workerState: 'replacing', memory: 'mapped', sqEntries: 65536, cqEntries: 65536 },
      ...{ inFlightMax: 65536, backlogMax: 1e6, asleep: false, overflowed: false },
      counters: liveCounters.map(() => 1e12),
      gauges: [65536, 65536, 65536, 65536, 65536, 65536],
      factsAtMs: 1e12,
      sqThread: { tid: 4194304, cpu: 1000, busyNs: 1e15, totalNs: 1e15 },
      times: { clientRunNs: 1e15, clientWaitNs: 1e15, pollerRunNs: 1e15, pollerWaitNs: 1e15 },
      groups: Array.from({ length: bufferGroupsMax }, () => [65535, 32768, 32768] as const),
      files: [65536, 65536] as const,
      buffers: [16384, 16384] as const,
      operations: Array.from({ length: 65 }, (_, op) => [op, 'read_multishot', 1e12, 1e12, 1e6, 1e15, 1e12] as const),
      errors: Array.from({ length: errorRowsMax }, () => ['read_multishot', 'EADDRNOTAVAIL', 1e6] as const),
      histograms: [],
      advice: { poller: 'threadpool', cause: 'contended', reason: text.repeat(5) },
    }
    const plain: LiveRing = { ...numbers, operations: [], errors: [], groups: [], sq: null, cq: null, slots: null }
    const detailed: LiveRing = {
      ...numbers,
      sq: queue,
      cq: queue,
      slots: Array.from({ length: slotsMax }, (_, slot) => [slot, 255, 123456.789, 0, 1000] as const),
    }
    const frame: LiveFrame = {
      ...{ sequence: big, atMs: big, spanMs: 123.4567890123456, ringsLeftOut: 1000, histogramsLeftOut: 1000 },
      rings: Array.from({ length: ringsMax }, (_, ring) => (ring < ringsDetailedMax ? detailed : plain)),
      arenas: Array.from({ length: 16 }, () => ({
        ...{ slabs: 65536, slabBytes: 65536, leased: 65536, waiters: 1024, registered: true },
      })),
      jobs: Array.from({ length: jobsMax }, () => ({
        ...{ kind: 'checksum', name: text, state: 'running', detail: text, progress: 0.123456 },
      })),
    }
    const histograms = JSON.stringify(Array.from({ length: bucketsMax }, () => [233, 100_000])).length
    expect(JSON.stringify(frame).length + histograms).toBeLessThan(frameBytesMax)
  })

  it('leaves histograms that find no room for the next frame, and loses nothing', () => {
    const metrics = new RingMetrics(new SharedArrayBuffer(ringMetricsSizeBytes), 0)
    const changes = new HistogramChanges(metrics)
    changes.take([Op.READ, Op.WRITE], { left: bucketsMax, histogramsLeftOut: 0 })
    for (const op of [Op.READ, Op.WRITE]) {
      metrics.countRequest(op)
      metrics.countCompletion(op, 1)
      for (let bucket = 0; bucket < bucketCount; bucket++) metrics.recordBucket(Stage.kernel, op, bucket, 1, 2)
    }
    const small = { left: bucketCount, histogramsLeftOut: 0 }
    expect(changes.take([Op.READ, Op.WRITE], small).map(([op]) => op)).toEqual([Op.READ])
    expect(small).toEqual({ left: 0, histogramsLeftOut: 3 })
    const next = changes.take([Op.READ, Op.WRITE], { left: bucketsMax, histogramsLeftOut: 0 })
    expect(next.map(([op, stage]) => [op, stage])).toEqual([[Op.WRITE, Stage.kernel]])
    expect(next[0]).toHaveLength(3 + 2 * bucketCount)
  })
})

it('reads tables of fdinfo as the kernel prints them', () => {
  const text =
    'SqThread:\t7\nUserFiles:\t3\n    0: /some/file\n    2: /other: file\nUserBufs:\t2\n    0: <none>\n    1: 0x7f00/4096\nPollList:\n'
  expect(parseRingTables(text)).toEqual({ files: 3, filesUsed: 2, buffers: 2, buffersUsed: 1 })
  expect(parseRingTables('SqMask:\t0x3ff\n')).toBeNull()
})
