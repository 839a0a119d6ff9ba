// Legs that run in Node, as rows: Ringmaster by poller and API, and fs in all its ways. Listed by legs/index.ts.
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseMeasurement } from '../measurement.ts'
import type { Api, BenchContext, Leg, LegPlan, LegSkip, Scenario, Workload } from '../model.ts'

interface NodeLegRow {
  readonly name: string
  readonly title: string
  readonly driver:
    | 'ringmaster'
    | 'raw-fd'
    | 'raw-direct'
    | 'plain-buffers'
    | 'arena-buffers'
    | 'fs-promises'
    | 'fs-callback'
    | 'fs-sync'
  readonly workloads: readonly Workload[]
  readonly api: Api
  readonly poller?: string
  readonly env: Readonly<Record<string, string>>
  /** Why this leg makes no sense here, if it does not. */
  readonly unavailable?: () => string | null
}

const DEFAULT_POOL = 4
/** From this libuv on the variable no longer reaches file operations. */
const LIBUV_WITHOUT_RING = [1, 49] as const

const pollers = ['kernel', 'worker', 'caller', 'auto'] as const
const cpus = availableParallelism()
const poolOf = (threads: number): Record<string, string> => ({ UV_THREADPOOL_SIZE: String(threads) })
const reading: readonly Workload[] = ['read', 'readfile']

const ringmasterRows = pollers.flatMap((poller): NodeLegRow[] => [
  {
    name: poller,
    title: `Ringmaster, poller ${poller}, one promise per operation`,
    driver: 'ringmaster',
    workloads: ['nop', 'read', 'readfile', 'receive', 'send', 'chain-read', 'chain-write'],
    api: 'promise',
    poller,
    env: {},
  },
  {
    name: `${poller}-batch`,
    title: `Ringmaster, poller ${poller}, one promise per batch; latencies are those of whole batches`,
    driver: 'ringmaster',
    workloads: ['nop', 'read'],
    api: 'batch',
    poller,
    env: {},
  },
  {
    name: `${poller}-chain`,
    title: `Ringmaster, poller ${poller}, one promise per chain`,
    driver: 'ringmaster',
    workloads: ['chain-read', 'chain-write'],
    api: 'chain',
    poller,
    env: {},
  },
])

const rawRows = pollers
  .filter((poller) => poller !== 'auto')
  .flatMap((poller): NodeLegRow[] => {
    const common = { workloads: reading, api: 'promise', poller, env: {} } as const
    const title = `ringmaster/raw, poller ${poller}`
    return [
      { ...common, name: `fd-${poller}`, title: `${title}, descriptors of the process`, driver: 'raw-fd' },
      { ...common, name: `direct-${poller}`, title: `${title}, direct descriptors`, driver: 'raw-direct' },
    ]
  })

const socketRows = pollers.flatMap((poller): NodeLegRow[] => {
  const common = { driver: 'ringmaster', poller, env: {} } as const
  return [
    {
      ...common,
      name: `${poller}-multishot`,
      title: `Ringmaster, poller ${poller}, one multishot receive into provided buffers`,
      workloads: ['receive'],
      api: 'stream',
    },
    {
      ...common,
      name: `${poller}-zero-copy`,
      title: `Ringmaster, poller ${poller}, send_zc; a promise settles when the kernel has let go of the buffer`,
      workloads: ['send'],
      api: 'zero-copy',
    },
    {
      ...common,
      name: `${poller}-sender`,
      title: `Ringmaster, poller ${poller}, raw.sender(), which decides`,
      workloads: ['send'],
      api: 'sender',
    },
  ]
})

const bufferRows = (['kernel', 'worker', 'caller'] as const).flatMap((poller): NodeLegRow[] =>
  (['plain', 'arena'] as const).map((buffers) => ({
    name: `${poller}-${buffers}`,
    title: `Ringmaster, poller ${poller}, ${buffers === 'arena' ? 'buffers of a registered arena' : 'the same memory, not registered'}`,
    driver: `${buffers}-buffers`,
    workloads: ['blocks'],
    api: 'promise',
    poller,
    env: {},
  })),
)

const fsRows = (['fs-promises', 'fs-callback'] as const).flatMap((driver): NodeLegRow[] => {
  const common = { driver, workloads: reading, api: 'promise' } as const
  return [
    { ...common, name: `${driver}-4`, title: `${driver}, thread pool of 4, the default`, env: poolOf(DEFAULT_POOL) },
    {
      ...common,
      name: `${driver}-cpus`,
      title: `${driver}, thread pool of ${cpus}, as many as CPUs`,
      env: poolOf(cpus),
      unavailable: () => (cpus === DEFAULT_POOL ? `${cpus} CPUs: the same as ${driver}-4` : null),
    },
    {
      ...common,
      name: `${driver}-uring`,
      title: `${driver}, UV_USE_IO_URING=1: libuv's own SQPOLL ring, which takes reads, opens and closes off the pool`,
      env: { ...poolOf(DEFAULT_POOL), UV_USE_IO_URING: '1' },
      unavailable: libuvRingUnavailable,
    },
    {
      ...common,
      name: `${driver}-uring-cpus`,
      title: `${driver}, UV_USE_IO_URING=1 and a thread pool of ${cpus} for what the ring does not take`,
      env: { ...poolOf(cpus), UV_USE_IO_URING: '1' },
      unavailable: () => libuvRingUnavailable() ?? (cpus === DEFAULT_POOL ? `the same as ${driver}-uring` : null),
    },
  ]
})

const syncRow: NodeLegRow = {
  name: 'fs-sync',
  title: 'fs.*Sync in a loop: blocks the thread',
  driver: 'fs-sync',
  workloads: reading,
  api: 'promise',
  env: {},
}

export const nodeLegs: readonly Leg[] = [
  ...ringmasterRows,
  ...rawRows,
  ...socketRows,
  ...bufferRows,
  ...fsRows,
  syncRow,
].map((row) => ({
  name: row.name,
  title: row.title,
  applies: (scenario) =>
    row.workloads.includes(scenario.workload) &&
    row.driver.startsWith('raw-') === (scenario.raw === true) &&
    (row.api !== 'batch' || scenario.batch !== undefined),
  plan: (scenario, context) => plan(row, scenario, context),
}))

function plan(row: NodeLegRow, scenario: Scenario, context: BenchContext): LegPlan | LegSkip {
  const unavailable = row.unavailable?.() ?? null
  if (unavailable !== null) return { skip: unavailable }
  const options = {
    driver: row.driver,
    scenario: scenario.name,
    api: row.api,
    poller: row.poller ?? '',
    file: context.dataFile,
    dir: context.dataDirectory,
    seconds: String(context.seconds),
    warmup: String(context.warmupSeconds),
  }
  const flags = Object.entries(options).map(([name, value]) => `--${name}=${value}`)
  if (context.stamped.has(scenario.workload)) flags.push('--stamped')
  return {
    command: process.execPath,
    args: [join(import.meta.dirname, '../leg-process.js'), ...flags],
    env: row.env,
    parse: parseMeasurement,
  }
}

function libuvRingUnavailable(): string | null {
  const [major = 0, minor = 0] = process.versions.uv.split('.').map(Number)
  const [lastMajor, lastMinor] = LIBUV_WITHOUT_RING
  const gone = major > lastMajor || (major === lastMajor && minor >= lastMinor)
  return gone ? `libuv ${process.versions.uv} no longer uses io_uring for files by this variable` : null
}
