// What holds for every machine, however odd: a search for one on which placement breaks its own rules.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { place } from '../../../services/placement.ts'
import { chooseSpin } from '../../../services/placement/spin.ts'
import type { Placement, PlacementFacts, PlacementWishes } from '../../../services/placement/types.ts'
import { factsOf } from '../machine/simulated.ts'
import type { SimulatedMachine } from '../machine/simulated.ts'
import { testSeed } from '../harness.ts'

const parameters = { seed: testSeed('placement'), numRuns: 500 }
const auto: PlacementWishes = { rings: 'auto', poller: 'auto', sqThreads: 'auto' }
const denied = { ok: false, reason: 'permission', message: 'denied' } as const

const oneOf = <Value>(values: readonly Value[]): fc.Arbitrary<Value> => fc.constantFrom(...values)

/** Some of the CPUs, at least one. */
const someOf = (cpus: readonly number[]): fc.Arbitrary<number[]> =>
  fc.subarray([...cpus], { minLength: 1 }).map((some) => some.sort((a, b) => a - b))

const machines: fc.Arbitrary<SimulatedMachine> = fc
  .record({ cores: fc.integer({ min: 1, max: 128 }), smt: fc.boolean(), nodes: oneOf([1, 1, 2, 8]) })
  .chain(({ cores, smt, nodes }) => {
    const cpus = smt ? cores * 2 : cores
    const all = Array.from({ length: cpus }, (_, cpu) => cpu)
    return fc.oneof(fc.constant(all), someOf(all)).chain((cpuset) =>
      fc.oneof(fc.constant(cpuset), someOf(cpuset)).chain((affinity) =>
        fc.record(
          {
            cpus: fc.constant(cpus),
            smt: fc.constant(smt),
            nodes: fc.constant(Math.min(nodes, cores)),
            cpuset: fc.constant(cpuset),
            affinity: fc.constant(affinity),
            clientCpu: oneOf(affinity),
            quota: fc.oneof(fc.double({ min: 0.01, max: 64, noNaN: true }), fc.double({ min: 1, max: 4, noNaN: true })),
            memlock: fc.integer({ min: 0, max: 1 << 24 }),
            descriptors: fc.integer({ min: 7, max: 2000 }),
          },
          { requiredKeys: ['cpus', 'smt', 'nodes', 'cpuset', 'affinity', 'clientCpu'] },
        ),
      ),
    )
  })

const facts: fc.Arbitrary<PlacementFacts> = fc.record({ machine: machines, sqpoll: fc.boolean() }).map((drawn) => ({
  ...factsOf(drawn.machine),
  rings: { ok: true },
  sqpoll: drawn.sqpoll ? { ok: true } : denied,
}))

const pollers = ({ poller, sqThreads, rings }: Placement): number =>
  poller === 'caller' ? 0 : sqThreads === 'shared' ? 1 : rings

const pinned = ({ pins }: Placement): number[] => pins.filter((cpu) => cpu >= 0)

/** Asserts `holds` for every machine and what is chosen for it by `wishes`. */
const always = (holds: (facts: PlacementFacts, placement: Placement) => void, wishes = auto): void => {
  fc.assert(
    fc.property(facts, (machine) => {
      holds(machine, place(machine, wishes))
    }),
    parameters,
  )
}

describe('auto', () => {
  it('never lets more threads spin than there are CPUs', () => {
    always(({ effectiveCpus }, placement) => {
      if (pollers(placement) > 0) expect(1 + pollers(placement)).toBeLessThanOrEqual(effectiveCpus)
    })
  })

  it('never lets more spin either where rings were set by hand and two CPUs are there: they share', () => {
    fc.assert(
      fc.property(facts, fc.integer({ min: 1, max: 64 }), (machine, rings) => {
        fc.pre(machine.descriptorsLeft >= rings * 7)
        const placement = place(machine, { ...auto, rings })
        expect(placement.rings).toBe(rings)
        if (pollers(placement) > 0) expect(1 + pollers(placement)).toBeLessThanOrEqual(machine.effectiveCpus)
      }),
      parameters,
    )
  })

  it('pins within the affinity mask, each thread to a core of its own that is not the client’s', () => {
    always(({ affinity, cores, clientCpu }, placement) => {
      const pins = pinned(placement)
      for (const pin of pins) expect(affinity).toContain(pin)
      const taken = [clientCpu, ...pins].map((cpu) => cores.findIndex((core) => core.includes(cpu)))
      expect(new Set(taken).size).toBe(taken.length)
      expect([0, placement.rings]).toContain(pins.length)
    })
  })

  it('leaves a core to everybody else when it pins', () => {
    always(({ affinity, cores }, placement) => {
      const usable = cores.filter((core) => core.some((cpu) => affinity.includes(cpu)))
      if (pinned(placement).length > 0) expect(usable.length).toBeGreaterThanOrEqual(pinned(placement).length + 2)
    })
  })

  it('goes to another node only when the client’s has no core left', () => {
    always(({ nodes, cores, clientCpu, affinity }, placement) => {
      const home = nodes.find((node) => node.includes(clientCpu))!
      const pins = pinned(placement)
      if (pins.every((cpu) => home.includes(cpu))) return
      const near = cores.filter((core) => core.some((cpu) => home.includes(cpu) && affinity.includes(cpu)))
      expect(pins.filter((cpu) => home.includes(cpu)).length).toBe(near.length - 1)
    })
  })

  it('keeps within descriptors and the memory that may be locked', () => {
    always(({ descriptorsLeft, memlockBytes }, { rings, sqEntries, cqEntries }) => {
      expect(rings * 7).toBeLessThanOrEqual(descriptorsLeft)
      // Entries alone: 64 bytes in the SQ, 16 in the CQ. The smallest depth is tried in any case.
      if (sqEntries > 64) expect(rings * (sqEntries * 64 + cqEntries * 16)).toBeLessThanOrEqual(memlockBytes)
    })
  })

  it('chooses queues that the kernel takes', () => {
    always((_, { sqEntries, cqEntries }) => {
      for (const entries of [sqEntries, cqEntries]) expect(Math.log2(entries) % 1).toBe(0)
      expect(cqEntries).toBeGreaterThanOrEqual(sqEntries)
    })
  })

  it('says why, for every choice, in words that fit on a line', () => {
    always((_, { choices, reason }) => {
      const names = ['poller', 'rings', 'sqThreads', 'pinCpus', 'sqEntries', 'cqEntries', 'sqThreadIdleMs']
      expect(choices.map(({ name }) => name)).toEqual(names)
      for (const choice of choices) expect(choice.reason).toMatch(/^[^\n]{8,}$/)
      expect(choices[0]!.reason).toBe(reason)
    })
  })

  it('says the same about the same machine', () => {
    always((machine, placement) => {
      expect(place(structuredClone(machine), { ...auto })).toEqual(placement)
    })
  })
})

/** Asserts that `grows` never falls when a machine gets more of something. */
const monotone = (
  more: (machine: PlacementFacts, factor: number) => Partial<PlacementFacts>,
  grows: (placement: Placement) => number,
  wishes = auto,
): void => {
  fc.assert(
    fc.property(facts, fc.double({ min: 1, max: 100, noNaN: true }), (machine, factor) => {
      const richer = { ...machine, ...more(machine, factor) }
      expect(grows(place(richer, wishes))).toBeGreaterThanOrEqual(grows(place(machine, wishes)))
    }),
    parameters,
  )
}

describe('more of', () => {
  const quota = (machine: PlacementFacts, factor: number): Partial<PlacementFacts> => {
    const quotaCpus = machine.quotaCpus * factor
    return { quotaCpus, effectiveCpus: Math.min(machine.affinity.length, quotaCpus) }
  }

  it('a quota never takes away rings, nor the SQ thread', () => {
    monotone(quota, ({ rings }) => rings)
    monotone(quota, ({ poller }) => (poller === 'kernel' ? 1 : 0))
  })

  it('descriptors never takes away rings', () => {
    monotone(
      ({ descriptorsLeft }, factor) => ({ descriptorsLeft: descriptorsLeft * factor }),
      ({ rings }) => rings,
    )
  })

  it('memory to lock never makes fewer or shallower rings', () => {
    const memlock = ({ memlockBytes }: PlacementFacts, factor: number): Partial<PlacementFacts> => ({
      memlockBytes: memlockBytes * factor,
    })
    monotone(memlock, ({ rings }) => rings)
    monotone(memlock, ({ sqEntries }) => sqEntries, { ...auto, rings: 1 })
  })

  it('permission never takes away rings', () => {
    monotone(
      () => ({ sqpoll: { ok: true } }),
      ({ rings }) => rings,
    )
  })
})

describe('the spin budget', () => {
  const budget = (machine: PlacementFacts, wakeCostNs: number): ReturnType<typeof chooseSpin> =>
    chooseSpin(place(machine, auto), 'auto', wakeCostNs)

  it('is a whole number within its limits, and grows with what a wake-up costs', () => {
    const costs = fc.integer({ min: 0, max: 10_000_000 })
    fc.assert(
      fc.property(facts, costs, costs, (machine, one, other) => {
        const [less, more] = [budget(machine, Math.min(one, other)), budget(machine, Math.max(one, other))]
        for (const { value } of [less, more]) {
          expect(Number.isInteger(value)).toBe(true)
          expect(value).toBeGreaterThanOrEqual(5_000)
          expect(value).toBeLessThanOrEqual(machine.effectiveCpus < 2 ? 5_000 : 200_000)
        }
        expect(more.value).toBeGreaterThanOrEqual(less.value)
      }),
      parameters,
    )
  })

  it.each([
    [2, 35_000, 35_000, /^a wake-up takes 35\.0 µs here$/],
    [2, 650_000, 200_000, /^a wake-up takes 650\.0 µs here; longer would hold up the event loop$/],
    [2, 3_000, 5_000, /^a wake-up takes 3\.0 µs here; less would not outlast one turn of the event loop$/],
    [1, 35_000, 5_000, /^a wake-up takes 35\.0 µs here; spinning would take the CPU/],
    [1, 3_000, 5_000, /; less would not outlast/],
  ])('of %d CPUs with wake-ups of %d ns is %d ns', (cpus, wakeCostNs, spinNs, reason) => {
    const machine = { ...factsOf({ cpus }), rings: { ok: true }, sqpoll: { ok: true } }
    const choice = budget(machine, wakeCostNs)
    expect(choice).toMatchObject({ name: 'spinNs', value: spinNs })
    expect(choice.reason).toMatch(reason)
  })

  it('is what was set by hand', () => {
    const machine = { ...factsOf({ cpus: 1 }), rings: { ok: true }, sqpoll: { ok: true } }
    expect(chooseSpin(place(machine, auto), 77, 35_000)).toEqual({ name: 'spinNs', value: 77, reason: 'set by option' })
  })
})
