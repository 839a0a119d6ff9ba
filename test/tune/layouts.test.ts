// Knobs and layouts: every row can be turned, and what makes no difference has one name.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isHeld, knobNamed, knobs } from '../../services/tune/knobs.ts'
import {
  defaultLayout,
  describeDifference,
  describeLayout,
  differingKnobs,
  distance,
  knobsFor,
  layoutKey,
  normaliseLayout,
  withValue,
} from '../../services/tune/layouts.ts'
import type { Layout } from '../../services/tune/types.ts'
import { machines } from './machines.ts'
import { facts } from './simulated-machine.ts'

const base = defaultLayout({ poller: 'kernel', rings: 2, sqThreads: 'own', sqThreadIdleMs: 50 })
const large = facts(machines.at(-1)!)

/** Any layout that the candidates of a large machine allow. */
const anyLayout: fc.Arbitrary<Layout> = fc
  .tuple(...knobs.map((knob) => fc.constantFrom(...knob.candidates(large))))
  .map((values) => knobs.reduce((layout, { name }, index) => withValue(layout, name, values[index]!), base))

describe('every knob', () => {
  it.each(knobs.map((knob) => [knob.name, knob] as const))(
    '%s has words, and different candidates on any machine',
    (_, knob) => {
      expect(knob.title).not.toBe('')
      expect(knob.says.length).toBeGreaterThan(20)
      for (const machine of machines) {
        const candidates = knob.candidates(facts(machine))
        expect(new Set(candidates).size).toBe(candidates.length)
        expect(candidates.length).toBeGreaterThan(0)
        for (const value of candidates) expect(knob.format(value)).not.toContain('undefined')
      }
    },
  )

  it('is a field of the layout, and every field is a knob', () => {
    expect(knobs.map(({ name }) => name).sort()).toEqual(Object.keys(base).sort())
  })

  it('offers no more than the machine has: CPUs under a quota are those of the quota', () => {
    const quota = facts(machines.find(({ quotaCpus }) => quotaCpus === 1.5)!)
    expect(knobNamed('clients').candidates(quota)).toEqual([1])
    expect(knobNamed('rings').candidates(quota)).toEqual([1])
    expect(knobNamed('sqThreadCpu').candidates(quota)).toEqual([null])
  })

  it('pins SQ threads to another core than the client: one near it, one on another node', () => {
    expect(knobNamed('sqThreadCpu').candidates(large)).toEqual([null, 1, 64])
  })

  it('is left out where it cannot matter to the workload', () => {
    const names = (workload: 'random-read' | 'small-files'): string[] =>
      knobsFor(workload, undefined).map(({ name }) => name)
    expect(names('random-read')).not.toContain('blockBytes')
    expect(names('small-files')).not.toContain('buffers')
    expect(knobsFor('mixed', undefined).map(({ name }) => name)).not.toContain('batch')
    expect(knobsFor('random-read', ['rings', 'blockBytes']).map(({ name }) => name)).toEqual(['rings'])
  })
})

describe('a layout', () => {
  it('without an SQ thread has none of its knobs turned', () => {
    const turned = { ...base, poller: 'caller', sqThreads: 'shared', sqThreadCpu: 3, sqThreadIdleMs: 1 } as const
    expect(layoutKey(normaliseLayout(turned))).toBe(layoutKey(normaliseLayout({ ...base, poller: 'caller' })))
  })

  it('with one ring shares no SQ thread, and with several of their own pins none', () => {
    expect(normaliseLayout({ ...base, rings: 1, sqThreads: 'shared' }).sqThreads).toBe('own')
    expect(normaliseLayout({ ...base, rings: 4, sqThreadCpu: 3 }).sqThreadCpu).toBeNull()
    expect(normaliseLayout({ ...base, rings: 4, sqThreads: 'shared', sqThreadCpu: 3 }).sqThreadCpu).toBe(3)
  })

  it('hands over no more at once than may be in flight', () => {
    expect(normaliseLayout({ ...base, depth: 8, batch: 64, clients: 2 })).toMatchObject({
      depth: 8,
      batch: 4,
      clients: 2,
    })
    expect(normaliseLayout({ ...base, depth: 2, clients: 8 })).toMatchObject({ clients: 2, batch: 1 })
  })

  it('has no direct descriptors with batches, which are for descriptors of the process', () => {
    expect(normaliseLayout({ ...base, depth: 64, batch: 16, files: 'direct' }).files).toBe('plain')
    expect(normaliseLayout({ ...base, depth: 64, batch: 1, files: 'direct' }).files).toBe('direct')
    expect(knobNamed('files').clash({ ...base, batch: 16 })).toContain('batch 16')
  })

  it('is in its final form at once', () => {
    fc.assert(
      fc.property(anyLayout, (layout) => {
        const normal = normaliseLayout(layout)
        expect(normaliseLayout(normal)).toEqual(normal)
        for (const knob of knobs) if (isHeld(knob, normal)) expect(normal[knob.name]).toBe(knob.rest)
      }),
    )
  })

  it('is told in words, and by what it differs', () => {
    const other = normaliseLayout({ ...base, poller: 'caller', depth: 64 })
    expect(describeDifference(other, base)).toBe('poller caller, depth 64')
    expect(describeDifference(base, base)).toBe('the same')
    expect(distance(other, base)).toBe(2)
    expect(differingKnobs(other, base).map(({ name }) => name)).toEqual(['poller', 'depth'])
    expect(describeLayout(base)).toContain('poller kernel (SQPOLL), depth 32')
    expect(describeLayout(other)).not.toContain('SQ thread')
  })

  it('is told for a workload by the knobs that it has', () => {
    const other = normaliseLayout({ ...base, clients: 2, batch: 4 })
    expect(describeLayout(other, 'random-read')).toMatch(/threads that send requests 2.*batch 4/)
    for (const workload of ['http', 'recorded'] as const) {
      expect(describeLayout(other, workload)).toContain('poller kernel (SQPOLL), depth 32')
      expect(describeLayout(other, workload)).not.toMatch(/threads that send|batch|block|buffers|files/)
    }
  })
})
