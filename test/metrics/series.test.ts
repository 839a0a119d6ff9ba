// Labels are bounded: what is more than a rule allows is added up under `other`, and comes back when there is room.
import { Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { DurationHistogram } from '../../metrics/duration-histogram.ts'
import { registerPlane } from '../../metrics/exporter.ts'
import { atMost, oneOf, type LabelRule, type Plane } from '../../metrics/plane.ts'
import { renderMetrics } from '../../metrics/render.ts'
import { parseExposition } from './exposition.ts'

async function valuesOf(rule: LabelRule, ...scrapes: Record<string, number>[]): Promise<Record<string, number>> {
  let values: Record<string, number> = {}
  const plane: Plane<null> = {
    name: 'demo',
    subjectLabels: [],
    labelRules: { user: rule },
    rows: [
      {
        name: 'demo_total',
        type: 'counter',
        unit: 'count',
        labels: ['user'],
        help: 'Demo.',
        read: (_, sample) => {
          for (const [user, value] of Object.entries(values)) sample(value, user)
        },
      },
    ],
  }
  const registry = new Registry()
  registerPlane(registry, plane, () => [{ labels: [], reading: null }])
  let text = ''
  for (const scrape of scrapes) {
    values = scrape
    text = (await renderMetrics(registry)).body.toString()
  }
  const { samples } = parseExposition(text).get('demo_total')!
  return Object.fromEntries(samples.map(({ labels, value }) => [labels['user'] ?? '', value]))
}

describe('a label', () => {
  it('has at most so many values, and the rest added up as other', async () => {
    expect(await valuesOf(atMost(2), { a: 1, b: 2, c: 4, d: 8 })).toEqual({ a: 1, b: 2, other: 12 })
  })

  it('has a value that is still there in every scrape, and room again when one is gone', async () => {
    expect(await valuesOf(atMost(2), { a: 1, b: 2 }, { c: 4, a: 1, b: 2 })).toEqual({ a: 1, b: 2, other: 4 })
    expect(await valuesOf(atMost(2), { a: 1, b: 2 }, { b: 2 }, { b: 2, c: 4, d: 8 })).toEqual({ b: 2, c: 4, other: 8 })
  })

  it.each([
    ['info', 1, [1, 1, 1]],
    ['boolean', 0, [1, 1, 0]],
    ['timestamp', 7, [9, 8, 7]],
    ['count', 15, [9, 8, 7]],
  ] as const)('of a gauge (%s) has %d as other where %j are given', async (unit, expected, given) => {
    const plane: Plane<number> = {
      name: 'demo',
      subjectLabels: ['user'],
      labelRules: { user: atMost(1) },
      rows: [
        { name: 'demo', type: 'gauge', unit, labels: [], help: 'Demo.', read: (reading, sample) => sample(reading) },
      ],
    }
    const registry = new Registry()
    registerPlane(registry, plane, () => given.map((reading, user) => ({ labels: [`user${user}`], reading })))
    const { samples } = parseExposition((await renderMetrics(registry)).body.toString()).get('demo')!
    expect(samples.map(({ value }) => value)).toEqual([given[0], expected])
  })

  it('has one of its values, or other', async () => {
    expect(await valuesOf(oneOf('a', 'b'), { b: 2, c: 4, other: 8, a: 1 })).toEqual({ a: 1, b: 2, other: 12 })
  })

  it('is left out where it is empty', async () => {
    expect(await valuesOf(atMost(1), { '': 3, a: 1 })).toEqual({ '': 3, a: 1 })
  })

  it('has no series more than its bound after thousands of values', async () => {
    const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, user) => [`user${user}`, 1]))
    const others = Object.fromEntries(Array.from({ length: 10_000 }, (_, user) => [`another${user}`, 1]))
    expect(Object.keys(await valuesOf(atMost(3), many, others, many))).toHaveLength(4)
  })
})

describe('histograms that are folded', () => {
  it('are added up bucket by bucket', async () => {
    const durations = [1e6, 2e6, 4e6].map((valueNs) => {
      const histogram = new DurationHistogram()
      histogram.record(valueNs, null)
      return histogram
    })
    const plane: Plane<DurationHistogram> = {
      name: 'demo',
      subjectLabels: ['user'],
      labelRules: { user: atMost(1) },
      rows: [
        {
          name: 'demo_seconds',
          type: 'histogram',
          unit: 'seconds',
          labels: [],
          help: 'Demo.',
          readHistograms: ({ counts, sumNs }, sample) => sample(counts, sumNs, null),
        },
      ],
    }
    const registry = new Registry()
    registerPlane(registry, plane, () => durations.map((reading, user) => ({ labels: [`user${user}`], reading })))
    const { samples } = parseExposition((await renderMetrics(registry)).body.toString()).get('demo_seconds')!
    const value = (name: string, user: string): number | undefined =>
      samples.find((sample) => sample.name === name && sample.labels['user'] === user)?.value
    expect([value('demo_seconds_count', 'user0'), value('demo_seconds_count', 'other')]).toEqual([1, 2])
    expect(value('demo_seconds_sum', 'other')).toBeCloseTo(0.006, 12)
  })
})
