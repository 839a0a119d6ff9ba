// Native histograms in protobuf hold what was counted, whatever was counted: read back by the rules of prometheus.io/docs/specs/native_histograms, with
// random counts. That Prometheus reads them the same is prometheus.test.ts' business.
import fc from 'fast-check'
import { PbfReader } from 'pbf'
import { Registry } from 'prom-client'
import { expect, it } from 'vitest'
import { bucketCount, bucketUpperBoundSeconds, totalCount } from '../../metrics/exponential-histogram.ts'
import { registerPlane } from '../../metrics/exporter.ts'
import type { Plane } from '../../metrics/plane.ts'
import { renderMetrics } from '../../metrics/render.ts'

const accept = 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited'

const plane: Plane<Float64Array> = {
  name: 'demo',
  subjectLabels: [],
  labelRules: {},
  rows: [
    {
      name: 'demo_seconds',
      type: 'histogram',
      unit: 'seconds',
      labels: [],
      help: 'Demo.',
      readHistograms: (counts, sample) => sample(counts, 1e9, null),
    },
  ],
}

interface Native {
  schema: number
  zeroThreshold: number
  zeroCount: number
  sampleCount: number
  spans: { offset: number; length: number }[]
  deltas: number[]
}

function readNative(body: Buffer): Native {
  const native: Native = { schema: NaN, zeroThreshold: 0, zeroCount: 0, sampleCount: 0, spans: [], deltas: [] }
  const reader = new PbfReader(body)
  const inMessage = (read: (field: number) => void): void => {
    reader.readMessage(read, null)
  }
  const histogram = (field: number): void => {
    if (field === 1) native.sampleCount = reader.readVarint()
    else if (field === 5) native.schema = reader.readSVarint()
    else if (field === 6) native.zeroThreshold = reader.readDouble()
    else if (field === 7) native.zeroCount = reader.readVarint()
    else if (field === 12) {
      const span = { offset: 0, length: 0 }
      inMessage((part) => {
        if (part === 1) span.offset = reader.readSVarint()
        if (part === 2) span.length = reader.readVarint()
      })
      native.spans.push(span)
    } else if (field === 13) reader.readPackedSVarint(native.deltas)
  }
  const end = reader.readVarint() + reader.pos
  reader.readFields(
    (field) => {
      if (field === 4) inMessage((part) => part === 7 && inMessage(histogram))
    },
    null,
    end,
  )
  return native
}

/** By upper bound in seconds: how many. */
function bucketsOf({ schema, spans, deltas }: Native): Map<number, number> {
  const found = new Map<number, number>()
  let [index, count, at] = [0, 0, 0]
  for (const { offset, length } of spans) {
    index += offset
    for (let i = 0; i < length; i++, index++) {
      count += deltas[at++]!
      expect(count).toBeGreaterThanOrEqual(0)
      if (count > 0) found.set(2 ** (index / 2 ** schema), count)
    }
  }
  expect(at).toBe(deltas.length)
  return found
}

it('native histograms hold every count in its bucket', async () => {
  const count = fc.oneof(
    { weight: 3, arbitrary: fc.constant(0) },
    fc.integer({ min: 1, max: 200 }),
    fc.integer({ min: 1, max: 2 ** 40 }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(count, { minLength: bucketCount, maxLength: bucketCount }), async (counted) => {
      const counts = Float64Array.from(counted)
      const registry = new Registry()
      registerPlane(registry, plane, () => [{ labels: [], reading: counts }])
      const native = readNative((await renderMetrics(registry, { accept })).body)
      expect([native.schema, native.zeroThreshold]).toEqual([3, 2 ** -23])
      expect([native.zeroCount, native.sampleCount]).toEqual([counted[0], totalCount(counts)])
      const found = [...bucketsOf(native)]
      const inUse = counted
        .map((value, index) => [index, value] as const)
        .slice(1)
        .filter(([, value]) => value > 0)
      expect(found.map(([, value]) => value)).toEqual(inUse.map(([, value]) => value))
      for (const [place, [index]] of inUse.entries()) {
        // What is above 64 s is in the bucket that begins there.
        const upper = index === bucketCount - 1 ? 2 ** (6 + 1 / 8) : bucketUpperBoundSeconds(index)
        expect(found[place]![0] / upper).toBeCloseTo(1, 12)
      }
    }),
    { numRuns: 100 },
  )
})
