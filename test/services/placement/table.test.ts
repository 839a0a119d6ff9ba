// Machine → what is chosen, and why. Each row is a machine that does not exist, shown to placement through its files; the figures are
// what ARCHITECTURE.md's rules give.
import { describe, expect, it } from 'vitest'
import { describeChoices, place } from '../../../services/placement.ts'
import type { Placement, PlacementWishes } from '../../../services/placement/types.ts'
import { readMachine } from '../../../services/machine/facts.ts'
import type { SimulatedMachine } from '../machine/simulated.ts'
import { simulate } from '../machine/simulated.ts'

const allowed = { ok: true } as const
const denied = { ok: false, reason: 'permission', message: 'SQPOLL is denied (EPERM)' } as const

const placeOn = (machine: SimulatedMachine, wishes: Partial<PlacementWishes> = {}, sqpoll = true): Placement => {
  using folder = simulate(machine)
  const facts = { ...readMachine(folder.root), rings: allowed, sqpoll: sqpoll ? allowed : denied }
  return place(facts, { rings: 'auto', poller: 'auto', sqThreads: 'auto', ...wishes })
}

const why = ({ choices }: Placement, name: string): string => choices.find((choice) => choice.name === name)!.reason

interface Row {
  readonly machine: string
  readonly is: SimulatedMachine
  readonly sqpoll?: false
  readonly gets: Partial<Placement>
  /** Choice → what its reason says. */
  readonly because: Readonly<Record<string, RegExp>>
}

const none = [-1]
const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, index) => from + index)

// prettier-ignore
const rows: readonly Row[] = [
  // How many CPUs.
  { machine: '1 CPU', is: { cpus: 1 },
    gets: { poller: 'caller', rings: 1, sqThreads: 'none', pins: none, spinNsMax: 5_000 },
    because: { poller: /^1 CPU: another thread would take turns/, rings: /batches smaller/, pinCpus: /no thread that polls/ } },
  { machine: '2 CPUs', is: { cpus: 2 },
    gets: { poller: 'worker', rings: 1, sqThreads: 'none', pins: none, spinNsMax: 200_000 },
    because: { poller: /^an SQ thread would keep one of 2 CPUs; a ring worker sleeps while there is little to do$/, rings: /^one for every 4 of 2 CPUs, at least one$/, sqThreads: /poller worker has no SQ thread/ } },
  { machine: '3 CPUs', is: { cpus: 3 },
    gets: { poller: 'kernel', rings: 1, sqThreads: 'own', pins: none, spinNsMax: 200_000, sqThreadIdleMs: 50 },
    because: { poller: /^SQPOLL is allowed and there are 3 CPUs$/, rings: /^one for every 4 of 3 CPUs, at least one$/, sqThreads: /nothing to share/ } },
  { machine: '2 CPUs that are one core', is: { cpus: 2, smt: true },
    gets: { poller: 'worker', rings: 1, pins: none }, because: { poller: /one of 2 CPUs/ } },
  { machine: '4 CPUs', is: { cpus: 4 }, gets: { poller: 'kernel', rings: 1 }, because: { rings: /4 of 4 CPUs/ } },
  { machine: '7 CPUs', is: { cpus: 7 }, gets: { poller: 'kernel', rings: 1 }, because: { rings: /4 of 7 CPUs/ } },
  { machine: '8 CPUs', is: { cpus: 8 },
    gets: { poller: 'kernel', rings: 2, sqThreads: 'own', pins: [-1, -1] },
    because: { rings: /4 of 8 CPUs/, sqThreads: /8 CPUs have room for each/, pinCpus: /open to every process/ } },
  { machine: '8 CPUs, 4 cores', is: { cpus: 8, smt: true }, gets: { rings: 2 }, because: { rings: /4 of 8 CPUs/ } },
  { machine: '32 CPUs', is: { cpus: 32 }, gets: { rings: 8 }, because: { rings: /4 of 32 CPUs/ } },
  { machine: '64 CPUs', is: { cpus: 64 }, gets: { rings: 8 }, because: { rings: /no more than 8 rings/ } },
  { machine: '256 CPUs', is: { cpus: 256, smt: true }, gets: { poller: 'kernel', rings: 8, sqEntries: 1024, cqEntries: 4096 },
    because: { rings: /^256 CPUs.*no more than 8/, sqEntries: /the default/ } },

  // What a quota leaves of them.
  { machine: '64 CPUs, a quota of half a CPU', is: { cpus: 64, quota: 0.5 },
    gets: { poller: 'caller', rings: 1, spinNsMax: 5_000 }, because: { poller: /^0.5 CPUs: another thread/ } },
  { machine: '64 CPUs, a quota of 1', is: { cpus: 64, quota: 1 }, gets: { poller: 'caller' }, because: { poller: /^1 CPU:/ } },
  { machine: '64 CPUs, a quota of 1.99', is: { cpus: 64, quota: 1.99 }, gets: { poller: 'caller' }, because: { poller: /^1.99 CPUs:/ } },
  { machine: '64 CPUs, a quota of 2', is: { cpus: 64, quota: 2 },
    gets: { poller: 'worker', rings: 1, pins: none, sqThreadIdleMs: 10 },
    because: { poller: /one of 2 CPUs/, pinCpus: /a CPU quota says that others/, sqThreadIdleMs: /paid for out of a quota of 2 CPUs/ } },
  { machine: '64 CPUs, a quota of 9.5', is: { cpus: 64, quota: 9.5 }, gets: { rings: 2 }, because: { rings: /of 9.5 CPUs/ } },
  { machine: '64 CPUs, a quota of 64', is: { cpus: 64, quota: 64 },
    gets: { rings: 8, sqThreadIdleMs: 50 }, because: { sqThreadIdleMs: /the default/ } },
  { machine: '4 CPUs, a quota of 64', is: { cpus: 4, quota: 64 }, gets: { rings: 1, poller: 'kernel' }, because: { poller: /4 CPUs$/ } },
  { machine: '16 CPUs, a quota of 8 within one of 1.5', is: { cpus: 16, quota: [8, 1.5] },
    gets: { poller: 'caller' }, because: { poller: /^1.5 CPUs/ } },
  { machine: '16 CPUs, a quota of 1 in cgroup v1', is: { cpus: 16, quota: 1, cgroup: 'v1' },
    gets: { poller: 'caller' }, because: { poller: /^1 CPU:/ } },
  { machine: '16 CPUs, nested quotas in cgroup v1', is: { cpus: 16, quota: [12, 8], cgroup: 'v1' },
    gets: { poller: 'kernel', rings: 2, sqThreadIdleMs: 10 }, because: { rings: /of 8 CPUs/ } },

  // What SQPOLL's denial changes.
  { machine: '2 CPUs, SQPOLL denied', is: { cpus: 2 }, sqpoll: false,
    gets: { poller: 'worker', rings: 1, sqThreads: 'none' }, because: { poller: /^no SQ thread: SQPOLL is denied/ } },
  { machine: '64 CPUs, SQPOLL denied', is: { cpus: 64 }, sqpoll: false,
    gets: { poller: 'worker', rings: 8, spinNsMax: 200_000 }, because: { poller: /^no SQ thread/, rings: /no more than 8 rings/ } },
  { machine: '1 CPU, SQPOLL denied', is: { cpus: 1 }, sqpoll: false, gets: { poller: 'caller' }, because: { poller: /^1 CPU:/ } },

  // CPUs that are set aside: cpusets, taskset.
  { machine: '1 of 64 CPUs', is: { cpus: 64, cpuset: [7] }, gets: { poller: 'caller' }, because: { poller: /^1 CPU:/ } },
  { machine: '2 of 64 CPUs', is: { cpus: 64, cpuset: [4, 5] },
    gets: { poller: 'worker', pins: none }, because: { pinCpus: /^2 cores: the client and 1 poller would leave none/ } },
  { machine: '4 of 64 CPUs, the client on the first', is: { cpus: 64, cpuset: [4, 5, 6, 7], clientCpu: 4 },
    gets: { poller: 'kernel', rings: 1, pins: [5] }, because: { pinCpus: /^CPUs 4-7 are set aside/ } },
  { machine: '4 of 64 CPUs, the client on the last', is: { cpus: 64, cpuset: [4, 5, 6, 7], clientCpu: 7 },
    gets: { pins: [4] }, because: { pinCpus: /cores of their own/ } },
  { machine: '4 CPUs that are 2 cores of 64', is: { cpus: 64, smt: true, cpuset: [4, 5, 36, 37] },
    gets: { rings: 1, pins: none }, because: { pinCpus: /^2 cores/ } },
  { machine: '12 CPUs that are 6 cores of 64, the client on a sibling',
    is: { cpus: 64, smt: true, cpuset: [...range(4, 6), ...range(36, 6)], clientCpu: 37 },
    gets: { rings: 3, pins: [6, 7, 8] }, because: { pinCpus: /set aside/ } },
  { machine: 'a cpuset in cgroup v1', is: { cpus: 64, cpuset: range(8, 8), cgroup: 'v1', clientCpu: 9 },
    gets: { rings: 2, pins: [10, 11] }, because: { pinCpus: /^CPUs 8-15/ } },
  { machine: 'taskset to 4 of 8 CPUs', is: { cpus: 8, affinity: [0, 1, 2, 3], clientCpu: 2 },
    gets: { rings: 1, pins: [3] }, because: { pinCpus: /^CPUs 0-3/ } },
  { machine: 'taskset to 1 of 8 CPUs', is: { cpus: 8, affinity: [3] }, gets: { poller: 'caller' }, because: { poller: /^1 CPU/ } },
  { machine: '8 of 64 CPUs with a quota of 4', is: { cpus: 64, cpuset: range(0, 8), quota: 4 },
    gets: { rings: 1, pins: none }, because: { pinCpus: /quota/ } },

  // NUMA: pollers stay on the client's node.
  { machine: '16 CPUs on 2 nodes, the client on the second', is: { cpus: 16, nodes: 2, clientCpu: 9 },
    gets: { rings: 4, pins: [10, 11, 12, 13] }, because: { pinCpus: /^2 NUMA nodes/ } },
  { machine: '16 CPUs on 2 nodes with SMT: 4 cores are near', is: { cpus: 16, smt: true, nodes: 2, clientCpu: 0 },
    gets: { rings: 3, pins: [1, 2, 3] }, because: { rings: /^4 cores on the client's NUMA node, one of them its own/ } },
  { machine: '64 CPUs on 8 nodes with SMT', is: { cpus: 64, smt: true, nodes: 8, clientCpu: 9 },
    gets: { rings: 3, pins: [10, 11, 8] }, because: { rings: /^4 cores/ } },
  { machine: '256 CPUs on 2 nodes with SMT, the client on a sibling', is: { cpus: 256, smt: true, nodes: 2, clientCpu: 192 },
    gets: { rings: 8, pins: range(65, 8) }, because: { rings: /no more than 8/ } },
  { machine: '4 CPUs on 4 nodes', is: { cpus: 4, nodes: 4, clientCpu: 1 },
    gets: { rings: 1, pins: [2] }, because: { pinCpus: /where it has enough/ } },

  // What little memory or few descriptors leave.
  { machine: '64 KiB to lock', is: { cpus: 2, memlock: 64 << 10 },
    gets: { rings: 1, sqEntries: 128, cqEntries: 512 }, because: { sqEntries: /^half of the 65536 bytes.*raise ulimit -l/ } },
  { machine: '64 KiB to lock and 32 CPUs', is: { cpus: 32, memlock: 64 << 10 },
    gets: { rings: 2, sqEntries: 64, cqEntries: 256 }, because: { rings: /^65536 bytes may be locked: raise ulimit -l/ } },
  { machine: '1 KiB to lock', is: { cpus: 8, memlock: 1024 }, gets: { rings: 1, sqEntries: 64 }, because: { rings: /1024 bytes/ } },
  { machine: '8 MiB to lock and 256 CPUs', is: { cpus: 256, memlock: 8 << 20 },
    gets: { rings: 8, sqEntries: 1024, cqEntries: 4096 }, because: { sqEntries: /the default/ } },
  { machine: '100 descriptors left and 32 CPUs', is: { cpus: 32, descriptors: 100 },
    gets: { rings: 5 }, because: { rings: /^100 descriptors may still be opened.*ulimit -n/ } },
  { machine: '7 descriptors left', is: { cpus: 32, descriptors: 7 }, gets: { rings: 1 }, because: { rings: /^7 descriptors/ } },
]

describe.each(rows)('$machine', ({ is, sqpoll, gets, because }) => {
  const placement = placeOn(is, {}, sqpoll ?? true)

  it(`gets ${JSON.stringify(gets)}`, () => {
    expect(placement).toMatchObject(gets)
  })

  it.each(Object.entries(because))('has its %s because %s', (name, reason) => {
    expect(why(placement, name)).toMatch(reason)
  })
})

describe('by hand', () => {
  const machine: SimulatedMachine = { cpus: 8, clientCpu: 0 }

  // prettier-ignore
  it.each<[string, SimulatedMachine, Partial<PlacementWishes>, Partial<Placement>, Record<string, RegExp>]>([
    ['everything', machine,
      { rings: 3, poller: 'kernel', sqThreads: 'own', pinCpus: [5, 6], sqEntries: 64, cqEntries: 512, sqThreadIdleMs: 7 },
      { rings: 3, poller: 'kernel', sqThreads: 'own', pins: [5, 6, 5], sqEntries: 64, cqEntries: 512, sqThreadIdleMs: 7 },
      { rings: /^set by option$/, poller: /^set by option$/, sqThreads: /^set by option$/, pinCpus: /^set by option$/,
        sqEntries: /^set by option$/, cqEntries: /^set by option$/, sqThreadIdleMs: /^set by option$/ }],
    ['kernel on one CPU', { cpus: 1 }, { poller: 'kernel' }, { poller: 'kernel' },
      { poller: /^set by option; 2 threads may spin on 1 CPU: expect them/ }],
    ['more rings than CPUs: they share an SQ thread', { cpus: 2 }, { rings: 5 },
      { rings: 5, poller: 'kernel', sqThreads: 'shared' },
      { poller: /2 CPUs$/, sqThreads: /^6 threads would spin on 2 CPUs$/ }],
    ['more rings than CPUs, nothing about SQ threads', { cpus: 2 }, { rings: 5, sqThreads: undefined },
      { rings: 5, poller: 'caller' }, { poller: /^an SQ thread would keep one of 2 CPUs, and 5 workers would crowd 2 CPUs$/ }],
    ['two rings on three CPUs', { cpus: 3 }, { rings: 2, sqThreads: undefined }, { poller: 'kernel', sqThreads: 'own' }, {}],
    ['more rings than CPUs, each with its own', { cpus: 2 }, { rings: 5, sqThreads: 'own' }, { rings: 5, sqThreads: 'own', poller: 'kernel' },
      { poller: /sqThreads speaks of it; 6 threads may spin on 2 CPUs/ }],
    ['SQ threads, on two CPUs', { cpus: 2 }, { sqThreads: 'shared' }, { poller: 'kernel' }, { poller: /^SQPOLL is allowed, and sqThreads speaks of it$/ }],
    ['a CPU for SQ threads, on two CPUs', { cpus: 2 }, { sqThreadCpu: 1 }, { poller: 'kernel', pins: [1] }, { poller: /sqThreadCpu speaks of it$/ }],
    ['how long SQ threads look, on two CPUs', { cpus: 2 }, { sqThreadIdleMs: 1 }, { poller: 'kernel' }, { poller: /sqThreadIdleMs speaks of it$/ }],
    ['how long SQ threads look, on one CPU', { cpus: 1 }, { sqThreadIdleMs: 1 }, { poller: 'caller' }, { poller: /^1 CPU/ }],
    ['rings that share stand on one CPU', { cpus: 64, cpuset: [4, 5, 6, 7] }, { rings: 5 },
      { sqThreads: 'shared', pins: [5, 5, 5, 5, 5] }, { pinCpus: /set aside/ }],
    ['nothing about SQ threads', { cpus: 4 }, { rings: 5, sqThreads: undefined }, { sqThreads: 'own' },
      { sqThreads: /^the default: chains stay whole$/ }],
    ['shared SQ threads where there are none', { cpus: 1 }, { sqThreads: 'shared' }, { poller: 'caller', sqThreads: 'none' },
      { sqThreads: /^poller caller has no SQ thread$/ }],
    ['worker', { cpus: 1 }, { poller: 'worker', rings: 1 }, { poller: 'worker', sqThreads: 'none' }, { poller: /2 threads may spin/ }],
    ['worker on CPUs set aside', { cpus: 64, cpuset: range(8, 8), clientCpu: 8 }, { poller: 'worker' },
      { rings: 2, pins: [9, 10] }, { pinCpus: /set aside/ }],
    ['three callers', { cpus: 4 }, { poller: 'caller', rings: 3 }, { rings: 3, pins: [-1, -1, -1] }, { poller: /^set by option$/ }],
    ['one CPU for all SQ threads', machine, { rings: 2, sqThreadCpu: 3 }, { pins: [3, 3] }, { pinCpus: /^set by option$/ }],
    ['a CPU for SQ threads that worker has not', machine, { poller: 'worker', sqThreadCpu: 3 }, { pins: [-1, -1] },
      { pinCpus: /^sqThreadCpu says nothing about poller worker$/ }],
    ['pins that caller has no use for', machine, { poller: 'caller', pinCpus: [1] }, { pins: none },
      { pinCpus: /^poller caller has no thread that polls: pinCpus is not used$/ }],
    ['no pins where there would be some', { cpus: 64, cpuset: [4, 5, 6, 7] }, { pinCpus: [] }, { pins: none }, { pinCpus: /^set by option$/ }],
    ['a CPU outside of the mask, but not of the cpuset', { cpus: 8, affinity: [0] }, { poller: 'kernel', pinCpus: [1] },
      { pins: [1] }, { pinCpus: /^set by option$/ }],
    ['one depth, the other follows', machine, { sqEntries: 8 }, { sqEntries: 8, cqEntries: 128 }, { cqEntries: /^set by option$/ }],
    ['depths that the memlock limit would not give', { cpus: 2, memlock: 65536 }, { sqEntries: 1024 }, { sqEntries: 1024, cqEntries: 4096 },
      { sqEntries: /^set by option$/ }],
  ])('%s', (_, is, wishes, gets, because) => {
    const placement = placeOn(is, wishes)
    expect(placement).toMatchObject(gets)
    for (const [name, reason] of Object.entries(because)) expect(why(placement, name)).toMatch(reason)
  })
})

describe('what cannot come true is refused', () => {
  const unavailable = 'ERR_RING_UNAVAILABLE'
  const invalid = 'ERR_INVALID_ARG_VALUE'

  // prettier-ignore
  it.each<[string, SimulatedMachine, Partial<PlacementWishes>, string, RegExp]>([
    ['poller kernel where SQPOLL is denied', { cpus: 8 }, { poller: 'kernel' }, unavailable, /poller 'kernel' was asked for: SQPOLL is denied/],
    ['shared SQ threads with worker', { cpus: 8 }, { poller: 'worker', sqThreads: 'shared' }, invalid,
      /options\.sqThreads' means SQ threads, which poller 'worker' does not have: choose poller 'kernel'/],
    ['an SQ thread on a CPU that is off', { cpus: 8 }, { sqThreadCpu: 8 }, invalid,
      /options\.sqThreadCpu' names a CPU that is not online: choose one of 0-7\. Received type number \(8\)/],
    ['a pin to a CPU that is off', { cpus: 8 }, { pinCpus: [0, 99] }, invalid, /options\.pinCpus'.*not online: choose one of 0-7.*99/],
    ['a pin outside of the cpuset', { cpus: 8, cpuset: [2, 3, 5] }, { pinCpus: [4] }, invalid, /cpuset: choose one of 2-3,5, or have/],
    ['two words about one thing', { cpus: 8 }, { sqThreadCpu: 1, pinCpus: [2] }, invalid, /options\.pinCpus say different things/],
    ['more rings than descriptors', { cpus: 8, descriptors: 40 }, { rings: 6 }, invalid,
      /options\.rings' is too many: this process may open 40 more descriptors and each ring takes 7\. Ask for at most 5 rings, or raise ulimit -n/],
    ['one ring where there is no descriptor left', { cpus: 8, descriptors: 6 }, { rings: 1 }, unavailable, /6 more descriptors.*raise ulimit -n/],
    ['rings at all without descriptors', { cpus: 8, descriptors: 0 }, {}, unavailable, /0 more descriptors/],
  ])('%s', (_, machine, wishes, code, message) => {
    const refused = (): Placement => placeOn(machine, wishes, false)
    expect(refused).toThrow(message)
    expect(refused).toThrow(expect.objectContaining({ code }) as Error)
  })

  it('ring memory that the kernel does not have, before anything falls back', () => {
    using folder = simulate({ cpus: 8 })
    const facts = { ...readMachine(folder.root), rings: allowed, sqpoll: allowed, memory: ['mapped'] as const }
    const wishes = { rings: 'auto', poller: 'auto', memory: 'user' } as const
    expect(() => place(facts, wishes)).toThrow(/options\.memory'.*Linux 6\.5.*choose 'mapped'/)
    expect(() => place(facts, wishes)).toThrow(expect.objectContaining({ code: invalid }) as Error)
    expect(place(facts, { ...wishes, memory: 'mapped' }).poller).toBe('kernel')
  })

  it('restrictions with a poller that has no ring to keep them', () => {
    const refused = (): Placement => placeOn({ cpus: 8 }, { poller: 'threadpool', restrictions: {} })
    expect(refused).toThrow(/options\.restrictions' are kept by the kernel's rings, and poller 'threadpool' has none/)
    expect(refused).toThrow(expect.objectContaining({ code: invalid }) as Error)
  })
})

describe('where io_uring is denied', () => {
  const seccomp = { ok: false, reason: 'seccomp', message: 'a seccomp filter denies it' } as const
  const placeWithout = (machine: SimulatedMachine, wishes: Partial<PlacementWishes> = {}): Placement => {
    using folder = simulate(machine)
    const facts = { ...readMachine(folder.root), rings: seccomp, sqpoll: seccomp }
    return place(facts, { rings: 'auto', poller: 'auto', sqThreads: 'auto', ...wishes })
  }

  it.each<[string, SimulatedMachine, Partial<PlacementWishes>, Partial<Placement>]>([
    ['one CPU', { cpus: 1 }, {}, { rings: 1 }],
    ['eight CPUs', { cpus: 8 }, {}, { rings: 2, pins: [-1, -1] }],
    ['CPUs set aside', { cpus: 64, cpuset: range(8, 8), clientCpu: 8 }, {}, { rings: 2, pins: [-1, -1] }],
    ['more rings than CPUs', { cpus: 2 }, { rings: 5 }, { rings: 5 }],
    ['nothing may be locked', { cpus: 32, memlock: 0 }, {}, { rings: 8, sqEntries: 1024, cqEntries: 4096 }],
  ])('%s: system calls on threads, nobody spins or is pinned', (_, machine, wishes, gets) => {
    const placement = placeWithout(machine, wishes)
    expect(placement).toMatchObject({ poller: 'threadpool', sqThreads: 'none', spinNsMax: 0, ...gets })
    expect(placement.reason).toBe('no io_uring, system calls on threads instead: a seccomp filter denies it')
    expect(why(placement, 'sqThreads')).toBe('poller threadpool has no SQ thread')
    expect(why(placement, 'pinCpus')).toBe('poller threadpool has no thread that polls')
  })

  it.each<[string, Partial<PlacementWishes>, RegExp]>([
    ['a poller that needs it', { poller: 'caller' }, /poller 'caller' was asked for: a seccomp filter denies it/],
    [
      'restrictions',
      { restrictions: {} },
      /restrictions were asked for, which only the kernel's.*a seccomp filter denies/,
    ],
  ])('%s: refused with the reason of the denial', (_, wishes, message) => {
    const refused = (): Placement => placeWithout({ cpus: 8 }, wishes)
    expect(refused).toThrow(message)
    expect(refused).toThrow(expect.objectContaining({ code: 'ERR_RING_UNAVAILABLE', reason: 'seccomp' }) as Error)
  })

  it('the poller can be asked for where io_uring is there too', () => {
    const placement = placeOn({ cpus: 1 }, { poller: 'threadpool', rings: 2 })
    expect(placement).toMatchObject({ poller: 'threadpool', rings: 2, reason: 'set by option', spinNsMax: 0 })
  })
})

it('a placement is told on one line', () => {
  expect(describeChoices(placeOn({ cpus: 4 }).choices)).toBe(
    'poller=kernel (SQPOLL is allowed and there are 4 CPUs) ' +
      'rings=1 (one for every 4 of 4 CPUs, at least one) ' +
      'sqThreads=own (one ring has nothing to share) ' +
      'pinCpus=none (the whole machine is open to every process: the scheduler knows which CPU is free) ' +
      'sqEntries=1024 (the default: room for bursts, and what is not used costs nothing) ' +
      'cqEntries=4096 (the default: room for bursts, and what is not used costs nothing) ' +
      'sqThreadIdleMs=50 (the default: longer than most pauses between requests)',
  )
})
