// What formats keep from scrape to scrape changes nothing but the time a scrape takes: after any sequence of changes a scrape is, byte by byte, what
// one would be that keeps nothing. That those bytes are right is render.test.ts' and native-histograms.test.ts' business.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { CollectorFailures } from '../../metrics/collector-failures.ts'
import type { Exemplar } from '../../metrics/exemplar.ts'
import { bucketCount } from '../../metrics/exponential-histogram.ts'
import { Output } from '../../metrics/formats/output.ts'
import { writeProtobuf } from '../../metrics/formats/protobuf.ts'
import { writeFamilies } from '../../metrics/formats/text.ts'
import { PlaneCollector } from '../../metrics/plane-collector.ts'
import { atMost, type Plane, type Subject } from '../../metrics/plane.ts'

interface Thing {
  readonly name: string
  isThere: boolean
  value: number
  exemplar: Exemplar | null
  readonly counts: Float64Array
  sumNs: number
}

const plane: Plane<Thing> = {
  name: 'demo',
  subjectLabels: ['thing'],
  labelRules: { thing: atMost(10) },
  rows: [
    {
      name: 'demo_total',
      type: 'counter',
      unit: 'count',
      labels: [],
      help: 'Demo.',
      readWithExemplars: ({ value, exemplar }, sample) => {
        sample(value, exemplar)
      },
    },
    {
      name: 'demo_level',
      type: 'gauge',
      unit: 'count',
      labels: [],
      help: 'Demo.',
      read: ({ value }, sample) => {
        sample(value)
      },
    },
    {
      name: 'demo_seconds',
      type: 'histogram',
      unit: 'seconds',
      labels: [],
      help: 'Demo.',
      readHistograms: ({ counts, sumNs }, sample) => {
        sample(counts, sumNs, null)
      },
    },
  ],
}

const writers: readonly ((output: Output, families: PlaneCollector<Thing>['families']) => void)[] = [
  (output, families) => {
    writeFamilies(output, 'text', families, [])
  },
  (output, families) => {
    writeFamilies(output, 'openmetrics', families, [])
  },
  (output, families) => {
    writeProtobuf(output, families, [])
  },
]

const subjects = (things: readonly Thing[]): Subject<Thing>[] =>
  things.filter(({ isThere }) => isThere).map((thing) => ({ labels: [thing.name], reading: thing }))

function collectorOf(things: readonly Thing[]): PlaneCollector<Thing> {
  const collector = new PlaneCollector(
    plane,
    new CollectorFailures(),
    () => undefined,
    () => ({}),
  )
  collector.add(() => subjects(things))
  return collector
}

const names = ['a', 'ä"\\', '日本', 'rather long a name', '', 'f']
const index = fc.nat({ max: names.length - 1 })
const whole = fc.oneof(fc.nat({ max: 12 }), fc.nat(), fc.integer({ min: 2 ** 31 - 5, max: 2 ** 34 }), fc.maxSafeNat())
const anyNumber = fc.oneof(
  whole,
  fc.double(),
  fc.constantFrom(0, -0, -1, NaN, Infinity, -Infinity, 1e21, 0.1, 1e-7, 9.5, 9_007_199_254_740_992),
)
const change = fc.oneof(
  fc.record({ kind: fc.constant('set' as const), index, value: anyNumber }),
  fc.record({ kind: fc.constant('add' as const), index, value: whole }),
  fc.record({ kind: fc.constant('count' as const), index, bucket: fc.nat({ max: bucketCount - 1 }), value: whole }),
  fc.record({ kind: fc.constant('sum' as const), index, value: fc.oneof(whole, fc.double({ min: 0, noNaN: true })) }),
  fc.record({ kind: fc.constant('reset' as const), index }),
  fc.record({ kind: fc.constant('exemplar' as const), index }),
  fc.record({ kind: fc.constant('come or go' as const), index }),
)
type Change = typeof change extends fc.Arbitrary<infer Value> ? Value : never

function apply(things: readonly Thing[], one: Change): void {
  const thing = things[one.index]!
  if (one.kind === 'set') thing.value = one.value
  else if (one.kind === 'add') thing.value += one.value
  else if (one.kind === 'count') {
    // A count is a whole number up to 2^53, and so are their sums.
    const counts = thing.counts.reduce((total, count) => total + count, 0)
    thing.counts[one.bucket]! += Math.min(one.value, Number.MAX_SAFE_INTEGER - counts)
  } else if (one.kind === 'sum') thing.sumNs += one.value
  else if (one.kind === 'exemplar') thing.exemplar = { labels: { trace_id: 'f' }, value: 1, timestampMs: 1 }
  else if (one.kind === 'come or go') thing.isThere = !thing.isThere
  else {
    thing.counts.fill(0)
    thing.sumNs = 0
    thing.exemplar = null
  }
}

it('a scrape that writes over the last one is the scrape that begins anew', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(change, { maxLength: 12 }), { minLength: 2, maxLength: 8 }), async (scrapes) => {
      const things = names.map((name): Thing => {
        return { name, isThere: true, value: 0, exemplar: null, counts: new Float64Array(bucketCount), sumNs: 0 }
      })
      const keeping = collectorOf(things)
      for (const changes of [[], ...scrapes]) {
        for (const one of changes) apply(things, one)
        for (const write of writers) {
          const [kept, anew] = [new Output(), new Output()]
          write(kept, keeping.families)
          write(anew, collectorOf(things).families)
          expect(kept.written.toString('latin1')).toBe(anew.written.toString('latin1'))
        }
        await Promise.resolve() // the next scrape asks anew who is there
      }
    }),
    { numRuns: 300 },
  )
})
