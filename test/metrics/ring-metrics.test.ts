// A ring's counters: nothing lost, nothing written next door, nothing shared between two writers' cache lines.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bucketIndex } from '../../metrics/exponential-histogram.ts'
import { Op, zeroCopyCopied } from '../../native/abi.ts'
import {
  ClientCounter,
  errnoMax,
  operationCount,
  otherErrno,
  otherOperation,
  RingMetrics,
  ringMetricsSizeBytes,
  Stage,
  WorkerCounter,
} from '../../metrics/ring-metrics.ts'

const stages = Object.values(Stage)
const allOperations = Array.from({ length: operationCount + 1 }, (_, op) => op)
const make = (): RingMetrics => new RingMetrics(new SharedArrayBuffer(ringMetricsSizeBytes), 0)
/**
 * How timeouts and link timeouts end when all is well: -ETIME, and -ECANCELED where the limit was not needed; and cancellations (7, 12, 14) of what was
 * over, -ENOENT, or too far, -EALREADY.
 */
const expected = (op: number, errno: number): boolean =>
  (errno === 62 && (op === 11 || op === 15)) ||
  (errno === 125 && op === 15) ||
  ((errno === 2 || errno === 114) && [7, 12, 14].includes(op))
const expectedErrnos = (op: number): number =>
  Array.from({ length: errnoMax + 1 }, (_, errno) => errno).filter((errno) => expected(op, errno)).length
const written = (buffer: SharedArrayBuffer): number[] =>
  [...new Float64Array(buffer).entries()].filter(([, value]) => value !== 0).map(([index]) => index)

describe('the layout', () => {
  it('keeps every element apart from every other', () => {
    const buffer = new SharedArrayBuffer(ringMetricsSizeBytes)
    const metrics = new RingMetrics(buffer, 0)
    let elements = 0
    for (const counter of Object.values(ClientCounter)) elements += metrics.client[counter] = 1
    for (const counter of Object.values(WorkerCounter)) elements += metrics.worker[counter] = 1
    for (const op of allOperations) {
      metrics.countRequest(op)
      metrics.countBytes(op, 1)
      elements += 2
      for (let errno = 0; errno <= errnoMax; errno++) metrics.countCompletion(op, errno === 0 ? -1_000 : -errno)
      elements += 2 + errnoMax + 1 - expectedErrnos(op)
      for (const stage of stages) {
        const { counts } = metrics.histogram(stage, op)
        for (let bucket = 0; bucket < counts.length; bucket++) metrics.recordBucket(stage, op, bucket, 1, 1)
        elements += counts.length + 1
      }
    }
    expect(written(buffer)).toHaveLength(elements)
    for (const op of allOperations) {
      expect(metrics.requests(op)).toBe(1)
      expect(metrics.errorsByErrno(op)).toHaveLength(errnoMax + 1 - expectedErrnos(op))
      for (const stage of stages) expect(new Set(metrics.histogram(stage, op).counts)).toEqual(new Set([1]))
    }
  })

  it('gives each counter of a list a slot of its own', () => {
    for (const counters of [ClientCounter, WorkerCounter]) {
      const slots: readonly number[] = Object.values(counters)
      expect(new Set(slots).size).toBe(slots.length)
      expect(slots.every((slot) => Number.isInteger(slot) && slot >= 0)).toBe(true)
      const { client, worker } = make()
      expect(Math.max(...slots)).toBeLessThan((counters === ClientCounter ? client : worker).length)
    }
  })

  it('keeps what the worker writes two cache lines away from what the client writes', () => {
    const metrics = make()
    const { client, worker } = metrics
    expect(worker.byteOffset - (client.byteOffset + client.byteLength)).toBeGreaterThanOrEqual(128)
    const rowOffsetBytes = metrics.histogram(Stage.queued, 0).counts.byteOffset
    expect(rowOffsetBytes % 128).toBe(0)
    const buffer = new SharedArrayBuffer(ringMetricsSizeBytes)
    new RingMetrics(buffer, 0).countRequest(0)
    expect(written(buffer)[0]! * 8 - (worker.byteOffset + worker.byteLength)).toBeGreaterThanOrEqual(128)
  })

  it('puts several rings into one buffer', () => {
    const buffer = new SharedArrayBuffer(3 * ringMetricsSizeBytes)
    const rings = [0, 1, 2].map((ring) => new RingMetrics(buffer, ring * ringMetricsSizeBytes))
    for (const [ring, metrics] of rings.entries()) {
      for (const op of allOperations) for (let i = 0; i <= ring; i++) metrics.countRequest(op)
      metrics.recordStage(Stage.delivered, otherOperation, 1e18, ring + 1)
    }
    for (const [ring, metrics] of rings.entries()) {
      for (const op of allOperations) expect(metrics.requests(op)).toBe(ring + 1)
      expect(metrics.histogram(Stage.delivered, otherOperation).count).toBe(ring + 1)
      expect([...metrics.client, ...metrics.worker].every((value) => value === 0)).toBe(true)
    }
  })

  it('refuses memory that is misaligned or too small, with the numbers', () => {
    const buffer = new SharedArrayBuffer(ringMetricsSizeBytes)
    for (const offsetBytes of [-128, 8, 64, 1.5, NaN]) {
      expect(() => new RingMetrics(buffer, offsetBytes)).toThrow(`offsetBytes=${offsetBytes}`)
    }
    expect(() => new RingMetrics(buffer, 128)).toThrow(`byteLength=${ringMetricsSizeBytes}`)
  })
})

describe('the counters', () => {
  it('are seen by every other view of the same memory', () => {
    const buffer = new SharedArrayBuffer(ringMetricsSizeBytes)
    const [writer, reader] = [new RingMetrics(buffer, 0), new RingMetrics(buffer, 0)]
    writer.client[ClientCounter.publishedBatches]! += 2
    writer.worker[WorkerCounter.heartbeats]! += 3
    writer.countRequest(22)
    writer.countRequest(22)
    writer.countCompletion(22, 4096)
    writer.countBytes(22, 4096)
    expect(reader.client[ClientCounter.publishedBatches]).toBe(2)
    expect(reader.worker[WorkerCounter.heartbeats]).toBe(3)
    expect([reader.requests(22), reader.completions(22), reader.errors(22), reader.bytes(22)]).toEqual([2, 1, 0, 4096])
    expect(reader.inFlight(22)).toBe(1)
  })

  it('go on where those of another ring have got to, and take what it still counts', () => {
    const [old, next] = [make(), make()]
    const work = (metrics: RingMetrics): void => {
      metrics.client[ClientCounter.sleeps]! += 3
      metrics.worker[WorkerCounter.enterCalls]! += 5
      metrics.countRequest(22)
      metrics.countCompletion(22, -5)
      metrics.countBytes(22, 100)
      metrics.recordStage(Stage.kernel, 22, 1000, 1)
    }
    const counted = (metrics: RingMetrics): unknown => ({
      sleeps: metrics.client[ClientCounter.sleeps],
      enterCalls: metrics.ofWorker(WorkerCounter.enterCalls),
      own: metrics.worker[WorkerCounter.enterCalls],
      operations: [metrics.requests(22), metrics.completions(22), metrics.errors(22), metrics.bytes(22)],
      errors: metrics.errorsByErrno(22),
      times: [metrics.histogram(Stage.kernel, 22).count, metrics.histogram(Stage.kernel, 22).sumNs],
      inFlight: metrics.client[ClientCounter.inFlight],
    })
    const times = (n: number, own: number): unknown => ({
      sleeps: 3 * n,
      enterCalls: 5 * n,
      own: 5 * own,
      operations: [n, n, n, 100 * n],
      errors: [{ errno: 5, count: n }],
      times: [n, 1000 * n],
      inFlight: 7,
    })
    old.client[ClientCounter.inFlight] = 2
    next.client[ClientCounter.inFlight] = 7
    old.worker[WorkerCounter.heartbeatTimestampMs] = 1e12
    work(old)
    work(old)
    next.takeOver(old)
    expect(counted(next)).toEqual(times(2, 0))
    work(next)
    work(old)
    next.takeOver(old)
    next.takeOver(old)
    expect(counted(next)).toEqual(times(4, 1))
    expect(next.ofWorker(WorkerCounter.heartbeatTimestampMs)).toBe(0)
    const third = make()
    third.takeOver(next)
    expect(third.ofWorker(WorkerCounter.enterCalls)).toBe(20)
    expect(third.requests(22)).toBe(4)
  })

  it('count far beyond 32 bits without losing one', () => {
    const metrics = make()
    metrics.countBytes(23, 2 ** 53 - 2)
    metrics.countBytes(23, 1)
    expect(metrics.bytes(23)).toBe(Number.MAX_SAFE_INTEGER)
  })

  it('tell errors apart by errno, and only negative results are errors', () => {
    const metrics = make()
    for (const result of [0, 1, 2 ** 31 - 1]) metrics.countCompletion(18, result)
    for (const result of [-2, -2, -5, -errnoMax, -(errnoMax + 1), -4095]) metrics.countCompletion(18, result)
    expect(metrics.completions(18)).toBe(9)
    expect(metrics.errors(18)).toBe(6)
    expect(metrics.errorsByErrno(18)).toEqual([
      { errno: otherErrno, count: 2 },
      { errno: 2, count: 2 },
      { errno: 5, count: 1 },
      { errno: errnoMax, count: 1 },
    ])
    expect(metrics.errorsByErrno(17)).toEqual([])
  })

  it('do not take for an error how an operation ends when all is well', () => {
    const metrics = make()
    metrics.countCompletion(Op.TIMEOUT, -62)
    metrics.countCompletion(Op.LINK_TIMEOUT, -62)
    metrics.countCompletion(Op.LINK_TIMEOUT, -125)
    metrics.countCompletion(Op.SEND_ZC, zeroCopyCopied)
    for (const op of [Op.TIMEOUT, Op.LINK_TIMEOUT, Op.SEND_ZC]) expect(metrics.errorsByErrno(op)).toEqual([])
    for (const op of [Op.ASYNC_CANCEL, Op.POLL_REMOVE, Op.TIMEOUT_REMOVE]) {
      metrics.countCompletion(op, -2) // what was to be cancelled was over
      metrics.countCompletion(op, -114) // or could not be stopped any more
      expect(metrics.errorsByErrno(op)).toEqual([])
      metrics.countCompletion(op, -22)
      expect(metrics.errorsByErrno(op)).toEqual([{ errno: 22, count: 1 }])
    }
    expect(metrics.completions(Op.LINK_TIMEOUT)).toBe(2)
    metrics.countCompletion(Op.TIMEOUT, -125)
    metrics.countCompletion(Op.READ, -62)
    expect(metrics.errorsByErrno(Op.TIMEOUT)).toEqual([{ errno: 125, count: 1 }])
    expect(metrics.errorsByErrno(Op.READ)).toEqual([{ errno: 62, count: 1 }])
  })

  it('count the error of a request that is not over yet, once', () => {
    const metrics = make()
    metrics.countEarlyError(Op.SEND_ZC, -32)
    metrics.countCompletion(Op.SEND_ZC, 0)
    expect([metrics.completions(Op.SEND_ZC), metrics.errors(Op.SEND_ZC)]).toEqual([1, 1])
  })

  it('share one row among opcodes newer than the table', () => {
    const metrics = make()
    for (const op of [64, 65, 255, -1]) {
      metrics.countRequest(op)
      metrics.countCompletion(op, -22)
      metrics.recordStage(Stage.kernel, op, 1_000, 1)
    }
    expect(metrics.requests(otherOperation)).toBe(4)
    expect(metrics.errorsByErrno(otherOperation)).toEqual([{ errno: 22, count: 4 }])
    expect(metrics.histogram(Stage.kernel, otherOperation).count).toBe(4)
    for (const op of allOperations.slice(0, -1)) {
      expect([metrics.requests(op), metrics.completions(op), metrics.errors(op)]).toEqual([0, 0, 0])
      for (const stage of stages) expect(metrics.histogram(stage, op).count).toBe(0)
    }
  })

  it('add up, whatever the order of events', () => {
    const event = fc.record({ op: fc.integer({ min: 0, max: 70 }), result: fc.integer({ min: -200, max: 1 << 20 }) })
    fc.assert(
      fc.property(fc.array(event, { maxLength: 300 }), (events) => {
        const metrics = make()
        for (const { op, result } of events) {
          metrics.countRequest(op)
          metrics.countCompletion(op, result)
        }
        for (const op of allOperations) {
          const own = events.filter((event) => Math.min(event.op, otherOperation) === op)
          const failed = own.filter(({ result }) => result < 0 && !expected(op, -result))
          expect(metrics.requests(op)).toBe(own.length)
          expect(metrics.completions(op)).toBe(own.length)
          expect(metrics.errors(op)).toBe(failed.length)
          expect(metrics.errorsByErrno(op).reduce((sum, { count }) => sum + count, 0)).toBe(failed.length)
        }
      }),
      { numRuns: 30 },
    )
  })
})

describe('the histograms', () => {
  const observation = fc.record({
    stage: fc.constantFrom(...stages),
    op: fc.integer({ min: 0, max: operationCount }),
    valueNs: fc.integer({ min: 0, max: 2 ** 40 }),
    count: fc.integer({ min: 1, max: 512 }),
  })

  it('hold every observation in its bucket, and the exact sum', () => {
    fc.assert(
      fc.property(fc.array(observation, { maxLength: 100 }), (observations) => {
        const metrics = make()
        for (const { stage, op, valueNs, count } of observations) metrics.recordStage(stage, op, valueNs, count)
        for (const stage of stages) {
          for (const op of new Set(observations.map((seen) => seen.op))) {
            const own = observations.filter((seen) => seen.stage === stage && seen.op === op)
            const { counts, sumNs, count } = metrics.histogram(stage, op)
            expect(count).toBe(own.reduce((sum, seen) => sum + seen.count, 0))
            expect(sumNs).toBe(own.reduce((sum, seen) => sum + seen.count * seen.valueNs, 0))
            const expected = new Float64Array(counts.length)
            for (const seen of own) expected[bucketIndex(seen.valueNs)]! += seen.count
            expect(Float64Array.from(counts)).toEqual(expected)
          }
        }
      }),
      { numRuns: 50 },
    )
  })

  it('do not drift: a million times 1 ns more is a million ns more', () => {
    const metrics = make()
    metrics.recordStage(Stage.kernel, 22, 2 ** 36, 2 ** 16)
    for (let i = 0; i < 1_000_000; i++) metrics.recordStage(Stage.kernel, 22, 1, 1)
    expect(metrics.histogram(Stage.kernel, 22).sumNs).toBe(2 ** 52 + 1_000_000)
  })

  it('take a clock that stepped back, or none at all, as zero: the sum never falls', () => {
    const metrics = make()
    metrics.recordStage(Stage.queued, 1, 500, 1)
    for (const valueNs of [-1, -1e15, NaN, 0]) metrics.recordStage(Stage.queued, 1, valueNs, 2)
    const { counts, sumNs, count } = metrics.histogram(Stage.queued, 1)
    expect([counts[0], sumNs, count]).toEqual([8, 500, 9])
  })

  it('are live views: what is recorded later shows', () => {
    const metrics = make()
    const { counts } = metrics.histogram(Stage.kernel, 4)
    metrics.recordStage(Stage.kernel, 4, 1_000, 5)
    expect(counts[bucketIndex(1_000)]).toBe(5)
  })
})
