// What can be turned: one row for each knob, in the order of what it is expected to matter. Adding a knob is a field of Layout (types.ts) and a row
// here. Used by the search, which tries the candidates, and by reports, which use the words.
import type { MachineFacts } from '../machine/facts.ts'
import { fileWorkloads, tunedWorkloads } from './types.ts'
import type { Layout, TunedWorkload } from './types.ts'

/** What candidates depend on. */
export interface TunedMachine extends Pick<
  MachineFacts,
  'affinity' | 'pinnable' | 'cores' | 'nodes' | 'quotaCpus' | 'effectiveCpus' | 'clientCpu'
> {
  /** Where the data is: a disk that turns gains little from depth, the page cache (or tmpfs) nothing. */
  readonly storage: 'cache' | 'flash' | 'rotational'
  /** Pollers that this process cannot have, each with why: io_uring, or SQPOLL alone, is denied or missing. They are not tried. */
  readonly denied?: DeniedPollers
}

export type DeniedPollers = Readonly<Partial<Record<Layout['poller'], string>>>

export type KnobName = keyof Layout
export type KnobValue = Layout[KnobName]

export interface Knob {
  readonly name: KnobName
  /** What it is called in tables. */
  readonly title: string
  /** What it decides, for people. */
  readonly says: string
  /** Whether the candidates are a scale, on which the best is not between two that are worse: then neighbours are tried first. */
  readonly scale: boolean
  /** What is worth a try on this machine. */
  readonly candidates: (machine: TunedMachine) => readonly KnobValue[]
  /** What would be, and cannot be had here. */
  readonly impossible: (machine: TunedMachine) => readonly { readonly value: KnobValue; readonly reason: string }[]
  /** The workloads it can matter to. */
  readonly workloads: readonly TunedWorkload[]
  /** Why it makes no difference in this layout; null where it may. It then has the value `rest`, so that no layout is measured under two names. */
  readonly moot: (layout: Layout) => string | null
  /** Why other values than `rest` cannot be had together with what else this layout has; null where they can. Reports say it. */
  readonly clash: (layout: Layout) => string | null
  readonly rest: KnobValue
  readonly format: (value: KnobValue) => string
}

/** A row: values typed by the knob's name. */
interface Row<Name extends KnobName> {
  readonly name: Name
  readonly title: string
  readonly says: string
  readonly scale?: true
  readonly candidates: (machine: TunedMachine) => readonly Layout[Name][]
  readonly impossible?: (machine: TunedMachine) => readonly { readonly value: Layout[Name]; readonly reason: string }[]
  readonly workloads?: readonly TunedWorkload[]
  readonly moot?: (layout: Layout) => string | null
  readonly clash?: (layout: Layout) => string | null
  readonly rest: Layout[Name]
  readonly format?: (value: KnobValue) => string
}

/** A daemon has one thread that asks, and buffers of its own: what it cannot be given is not tried. */
const ofPrograms: readonly TunedWorkload[] = fileWorkloads
const ofLargeFiles = fileWorkloads.filter((name) => name !== 'small-files')
const plain = (value: KnobValue): string => String(value)

function knob<Name extends KnobName>(row: Row<Name>): Knob {
  const usual = { impossible: () => [], moot: () => null, clash: () => null, format: plain }
  return { scale: false, workloads: tunedWorkloads, ...usual, ...row }
}

const pollers: readonly Layout['poller'][] = ['kernel', 'worker', 'caller', 'threadpool']
const upTo = (max: number, ...values: readonly number[]): number[] => values.filter((value) => value <= max)
const kernelOnly = ({ poller }: Layout): string | null =>
  poller === 'kernel' ? null : `poller ${poller} has no SQ thread`
const ringsOnly = ({ poller }: Layout): string | null =>
  poller === 'threadpool' ? 'poller threadpool does without io_uring' : null

/** In the order of expected effect: what decides most is decided first, so that little time still finds the most. */
export const knobs: readonly Knob[] = [
  knob({
    name: 'poller',
    title: 'poller',
    says: 'who turns queue entries into I/O: an SQ thread of the kernel, a ring worker, the caller itself, or threads with system calls',
    candidates: ({ denied = {} }) => pollers.filter((poller) => denied[poller] === undefined),
    impossible: ({ denied = {} }) =>
      pollers.flatMap((value) => {
        const reason = denied[value]
        return reason === undefined ? [] : [{ value, reason }]
      }),
    rest: 'caller',
    format: (value) => (value === 'kernel' ? 'kernel (SQPOLL)' : String(value)),
  }),
  knob({
    name: 'depth',
    title: 'depth',
    says: 'requests in flight: more keep a device busy, and each waits longer',
    scale: true,
    candidates: ({ storage }) => upTo(storage === 'flash' ? 1024 : 256, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024),
    rest: 32,
  }),
  knob({
    name: 'clients',
    title: 'threads that send requests',
    says: 'JavaScript threads that ask for I/O, the main thread among them',
    scale: true,
    candidates: ({ effectiveCpus }) => upTo(Math.max(1, effectiveCpus), 1, 2, 4, 8, 16),
    workloads: ofPrograms,
    rest: 1,
  }),
  knob({
    name: 'rings',
    title: 'rings',
    says: 'rings, each with a poller of its own where the poller polls',
    scale: true,
    candidates: ({ effectiveCpus }) => upTo(Math.max(1, effectiveCpus), 1, 2, 4, 8, 16, 32, 64),
    rest: 1,
  }),
  knob({
    name: 'batch',
    title: 'batch',
    says: 'requests handed over at once (readBatch): fewer promises and fewer calls for each',
    scale: true,
    candidates: () => [1, 4, 16, 64],
    workloads: ['random-read', 'sequential-read'],
    rest: 1,
  }),
  knob({
    name: 'blockBytes',
    title: 'block',
    says: 'bytes asked for at once, where the workload leaves it open',
    candidates: () => [null, 65_536, 262_144, 1_048_576],
    workloads: ['sequential-read'],
    rest: null,
    format: (value) => (typeof value === 'number' ? `${value / 1024} KiB` : "the workload's own"),
  }),
  knob({
    name: 'ioWorkersMax',
    title: 'io-wq workers',
    says: "the kernel's threads, of each ring, for what would block",
    candidates: () => [null, 4, 16, 64],
    workloads: ['durable-append', 'mixed', 'http', 'recorded'],
    moot: ringsOnly,
    rest: null,
    format: (value) => (value === null ? "the kernel's default" : String(value)),
  }),
  knob({
    name: 'sqThreads',
    title: 'SQ threads',
    says: 'whether each ring has an SQ thread of its own, or all share one',
    candidates: () => ['own', 'shared'],
    moot: (layout) => kernelOnly(layout) ?? (layout.rings === 1 ? 'one ring has nothing to share' : null),
    rest: 'own',
  }),
  knob({
    name: 'buffers',
    title: 'buffers',
    says: 'whether buffers are registered with the kernel beforehand, instead of pinned for each request',
    candidates: () => ['plain', 'registered'],
    workloads: ofLargeFiles,
    moot: ringsOnly,
    rest: 'plain',
  }),
  knob({
    name: 'sqThreadIdleMs',
    title: 'SQ thread idle',
    says: 'how long an SQ thread looks for work before it sleeps and has to be woken',
    scale: true,
    candidates: () => [1, 10, 50, 200],
    moot: kernelOnly,
    rest: 50,
    format: (value) => `${String(value)} ms`,
  }),
  knob({
    name: 'sqThreadCpu',
    title: 'SQ thread CPU',
    says: 'the CPU that the SQ thread is pinned to',
    candidates: (machine) => [null, ...pinnable(machine)],
    moot: (layout) =>
      kernelOnly(layout) ??
      (layout.rings > 1 && layout.sqThreads === 'own' ? 'several SQ threads would be pinned to one CPU' : null),
    rest: null,
    format: (value) => (value === null ? 'not pinned' : `CPU ${String(value)}`),
  }),
  knob({
    name: 'files',
    title: 'files',
    says: "whether files have a place in the ring's own table (direct descriptors), instead of being looked up for each request",
    candidates: () => ['plain', 'direct'],
    workloads: ofLargeFiles,
    moot: ringsOnly,
    clash: ({ batch }) =>
      batch === 1 ? null : `not with batch ${batch}: batches (readBatch) are for descriptors of the process`,
    rest: 'plain',
  }),
  knob({
    name: 'spinNs',
    title: 'spin',
    says: 'how long a client looks for completions before it sleeps',
    candidates: () => [null, 0, 20_000, 200_000],
    moot: ringsOnly,
    rest: null,
    format: (value) => (typeof value === 'number' ? `${value / 1000} µs` : 'as measured at start'),
  }),
]

/** Whether nothing but the knob's resting value is to be tried with the rest of the layout. */
export function isHeld({ moot, clash }: Knob, layout: Layout): boolean {
  return moot(layout) !== null || clash(layout) !== null
}

export function knobNamed(name: KnobName): Knob {
  return knobs.find((row) => row.name === name)!
}

/** One CPU of another core near the client, and one on another NUMA node: those are the two cases. */
function pinnable({ cores, nodes, pinnable: allowed, clientCpu, effectiveCpus }: TunedMachine): number[] {
  if (effectiveCpus < 2) return []
  const near = nodes.find((cpus) => cpus.includes(clientCpu)) ?? allowed
  const own = cores.find((cpus) => cpus.includes(clientCpu)) ?? [clientCpu]
  const others = allowed.filter((cpu) => !own.includes(cpu))
  const candidates = [others.find((cpu) => near.includes(cpu)), others.find((cpu) => !near.includes(cpu))]
  return candidates.filter((cpu) => cpu !== undefined)
}
