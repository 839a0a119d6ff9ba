// A recording as Chrome's JSON, read by a reader of its own: pairs match, times ascend, and nothing is missing that stats() has counted.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { chromeTrace } from '../../metrics/trace-chrome.ts'
import type { TraceEvent, TraceRecording } from '../../metrics/trace-event.ts'
import { op, pollStream } from '../../services/raw/index.ts'
import { recordTrace } from '../../services/record-trace.ts'
import { Ringmaster } from '../../services/ringmaster.ts'
import { allPollers, temporaryFolder } from '../services/harness.ts'
import { readChromeTrace } from './chrome-trace.ts'

const folder = temporaryFolder()
const data = join(folder.path, 'data')
fs.writeFileSync(data, 'x')
afterAll(() => {
  folder.remove()
})

const textOf = (recording: TraceRecording): string => [...chromeTrace(recording, { about: 'a test' })].join('')
const operationStages = ['queued', 'kernel', 'delivered']

describe.each(allPollers)('of a ring with poller %s', (poller) => {
  it('each completion is there in each stage, on the track of that stage', async () => {
    await using rings = await Ringmaster.start({ rings: 2, poller })
    const before = rings.stats().rings.map(({ completions }) => completions)
    const enough = new AbortController()
    const recording = recordTrace(rings, { seconds: 60, sampleEvery: 1, eventsMax: 10_000 }, enough.signal)
    for (let round = 0; round < 5; round++) {
      await Promise.all(Array.from({ length: 40 }, () => rings.stat(data)))
      await rings.raw(1).chain().link(op.nop()).hardlink(op.nop()).link(op.nop()).submit()
    }
    enough.abort()
    const trace = readChromeTrace(textOf(await recording))
    const completions = rings.stats().rings.map((ring, index) => ring.completions - before[index]!)
    const steps = trace.slices.filter(({ name }) => !name.startsWith('chain'))
    for (const stage of operationStages) {
      for (const ring of [0, 1]) {
        const track = `ring ${ring} ${stage}`
        expect(steps.filter((slice) => slice.track === track)).toHaveLength(completions[ring]!)
        expect(steps.filter((slice) => slice.track === track && !slice.name.endsWith(` ${stage}`))).toEqual([])
      }
      const chains = trace.slices.filter(({ name }) => name === `chain ${stage}`)
      expect(chains).toHaveLength(5)
      for (const chain of chains) {
        const inside = steps.filter(({ id, track }) => id === chain.id && track === chain.track)
        expect(inside).toHaveLength(3)
        expect(
          inside.every(({ depth, startUs, endUs }) => depth > 0 && startUs >= chain.startUs && endUs <= chain.endUs),
        ).toBe(true)
      }
    }
    expect(trace.processes).toEqual(['ringmaster'])
    expect(new Set(trace.tracks).size).toBe(trace.tracks.length)
    expect([...trace.counters.keys()].sort()).toEqual(['ring 0 in flight', 'ring 1 in flight'])
    for (const values of trace.counters.values()) expect(values.at(-1)).toBe(0)
    expect(trace.otherData).toMatchObject({ about: 'a test', dropped: 0, sampleEvery: 1 })
  })
})

it('a multishot operation is one slice in the kernel, with its shots in it and a delivery for each', async () => {
  const path = join(folder.path, 'pipe')
  execFileSync('mkfifo', [path])
  const fd = fs.openSync(path, fs.constants.O_RDWR)
  await using rings = await Ringmaster.start({ rings: 1, poller: 'caller' })
  using trace = rings.trace()
  const startedMs = performance.timeOrigin + performance.now()
  const stream = rings.raw().stream(pollStream({ fd, events: ['POLLIN'] }))
  for (let shot = 0; shot < 3; shot++) {
    const next = stream.next()
    fs.writeSync(fd, 'x')
    await next
  }
  await stream.return()
  const events = trace.read().filter(({ operation }) => operation === 'poll_add')
  const recording = {
    startedMs,
    endedMs: startedMs + 1000,
    dropped: 0,
    sampleEvery: 1,
    inFlight: [],
    events,
    wakeups: [],
  }
  const { slices, instants } = readChromeTrace(textOf(recording))
  const operations = new Set(events.map(({ id }) => id)).size
  expect(slices.filter(({ name }) => name === 'poll_add kernel')).toHaveLength(operations)
  expect(slices.filter(({ name }) => name === 'poll_add delivered')).toHaveLength(events.length)
  expect(instants).toEqual(new Array<string>(events.length - operations).fill('poll_add completion'))
  fs.closeSync(fd)
})

it('tracks have the order of rings, whichever completed first', () => {
  const event = (ring: number, client: number | null): TraceEvent => ({
    ...{ ring, client, operation: 'nop', id: 0, chain: null, link: null, more: false, slot: 0, result: 0, flags: 0 },
    ...{ buffer: null, openedMs: 1, publishedMs: 1, seenMs: 2, settledMs: 2 },
  })
  const events = [event(10, null), event(1, 3), event(2, null), event(1, null)]
  const recording = { startedMs: 1, endedMs: 2, dropped: 0, sampleEvery: 1, inFlight: [], events, wakeups: [] }
  const { traceEvents } = JSON.parse(textOf(recording)) as {
    traceEvents: { name: string; tid: number; args: { name?: string; sort_index?: number } }[]
  }
  const order = new Map(
    traceEvents.filter(({ name }) => name === 'thread_sort_index').map(({ tid, args }) => [tid, args.sort_index!]),
  )
  const tracks = traceEvents
    .filter(({ name }) => name === 'thread_name')
    .sort((one, other) => order.get(one.tid)! - order.get(other.tid)!)
    .map(({ args }) => args.name)
    .filter((name) => name!.endsWith('queued'))
  expect(tracks).toEqual(['ring 1 queued', 'ring 1, client 3 queued', 'ring 2 queued', 'ring 10 queued'])
})

it('nothing was traced: a file with nothing in it', () => {
  const { slices, tracks, processes } = readChromeTrace(
    textOf({ startedMs: 1, endedMs: 2, dropped: 0, sampleEvery: 1, inFlight: [], events: [], wakeups: [] }),
  )
  expect({ slices, tracks, processes }).toEqual({ slices: [], tracks: [], processes: ['ringmaster'] })
})

it('whatever was recorded, pairs match, and wake-ups and shots are where they belong', () => {
  const milliseconds = fc.double({ min: 0, max: 50, noNaN: true })
  const step = fc.record({
    id: fc.nat(50),
    ring: fc.nat(2),
    shots: fc.integer({ min: 1, max: 3 }),
    chained: fc.boolean(),
    waits: fc.tuple(milliseconds, milliseconds, milliseconds),
  })
  fc.assert(
    fc.property(
      fc.uniqueArray(step, { selector: ({ id }) => id, maxLength: 40 }),
      fc.array(milliseconds),
      (steps, woken) => {
        const events = steps.flatMap(({ id, ring, shots, chained, waits: [queued, kernel, delivered] }): TraceEvent[] =>
          Array.from({ length: shots }, (_, shot) => {
            // Steps of one chain are opened and published together, as they are in a ring.
            const openedMs = 1e12 + (chained ? 0 : id)
            const publishedMs = openedMs + (chained ? 5 : queued)
            const seenMs = publishedMs + kernel + shot * 100
            const settledMs = seenMs + delivered
            const common = {
              ring,
              client: null,
              operation: 'read',
              id,
              chain: chained ? 0 : null,
              link: null,
              slot: id,
            }
            return {
              ...common,
              more: shot + 1 < shots,
              openedMs,
              publishedMs,
              seenMs,
              settledMs,
              result: 0,
              flags: 0,
              buffer: null,
            }
          }),
        )
        const wakeups = woken.map((ms) => ({ ring: 0, client: null, atMs: 1e12 + ms, count: 1 }))
        const trace = readChromeTrace(
          textOf({ startedMs: 1e12, endedMs: 1e12 + 1000, dropped: 0, sampleEvery: 1, inFlight: [], events, wakeups }),
        )
        const count = (name: string): number => trace.slices.filter((slice) => slice.name === name).length
        expect(count('read queued')).toBe(steps.length)
        expect(count('read kernel')).toBe(steps.length)
        expect(count('read delivered')).toBe(events.length)
        expect(trace.instants.filter((name) => name === 'wake-up')).toHaveLength(wakeups.length)
      },
    ),
  )
})
