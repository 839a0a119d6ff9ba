// Legs that run in Node: Ringmaster by poller and API, and fs in all its ways. Listed by legs/index.ts.
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { dataFor } from '../data.ts'
import { parseMeasurement } from '../measurement.ts'
import type { Api, BenchContext, Leg, LegPlan, LegSkip, Scenario, Workload } from '../model.ts'
import { ringmasterRows, usesApi } from './ringmaster-rows.ts'

interface FsRow {
  readonly name: string
  readonly title: string
  readonly driver: 'fs-promises' | 'fs-callback' | 'fs-sync'
  readonly api: Api
  readonly env: Readonly<Record<string, string>>
  /** Why this leg makes no sense here, if it does not. */
  readonly unavailable?: () => string | null
}

const DEFAULT_POOL = 4
/** From this libuv on the variable no longer reaches file operations. */
const LIBUV_WITHOUT_RING = [1, 49] as const

const cpus = availableParallelism()
const poolOf = (threads: number): Record<string, string> => ({ UV_THREADPOOL_SIZE: String(threads) })
const workloads: readonly Workload[] = ['read', 'mixed', 'append', 'statx', 'readfile', 'idle']

const ringmasterLegs: readonly Leg[] = ringmasterRows.map((row) => ({
  name: row.name,
  title: row.title,
  applies: (scenario) => usesApi(row.poller, row.api, scenario),
  plan: (scenario, context, value) => plan({ ...row, env: {} }, scenario, context, value),
}))

const pooledRows = (['fs-promises', 'fs-callback'] as const).flatMap((driver): FsRow[] => {
  const common = { driver, api: 'promise' } as const
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

const fsRows: readonly FsRow[] = [
  ...pooledRows,
  {
    name: 'fs-promises-4-group',
    title: 'fs-promises, thread pool of 4: many writes at once, then one fdatasync',
    driver: 'fs-promises',
    api: 'group',
    env: poolOf(DEFAULT_POOL),
  },
  { name: 'fs-sync', title: 'fs.*Sync in a loop: blocks the thread', driver: 'fs-sync', api: 'promise', env: {} },
  {
    name: 'fs-sync-group',
    title: 'fs.*Sync: many writes in a loop, then one fdatasync',
    driver: 'fs-sync',
    api: 'group',
    env: {},
  },
]

const fsLegs: readonly Leg[] = fsRows.map((row) => ({
  name: row.name,
  title: row.title,
  // Memory that is aligned and not registered is all that fs has.
  applies: ({ workload, apis }) =>
    workloads.includes(workload) && (apis.includes(row.api) || (row.api === 'promise' && apis.includes('plain'))),
  plan: (scenario, context, value) => {
    const unavailable = row.unavailable?.() ?? null
    return unavailable === null ? plan({ ...row, poller: '' }, scenario, context, value) : { skip: unavailable }
  },
}))

export const nodeLegs: readonly Leg[] = [...ringmasterLegs, ...fsLegs]

interface Row {
  readonly driver: string
  readonly api: Api
  readonly poller: string
  readonly env: Readonly<Record<string, string>>
}

function plan(row: Row, scenario: Scenario, context: BenchContext, value: number | null): LegPlan | LegSkip {
  const { file, directory, stamped } = dataFor(scenario.workload, context.data)
  const options = {
    driver: row.driver,
    scenario: scenario.name,
    api: row.api,
    poller: row.poller,
    file,
    dir: directory,
    seconds: String(context.seconds),
    warmup: String(context.warmupSeconds),
  }
  const flags = Object.entries(options).map(([name, text]) => `--${name}=${text}`)
  if (stamped) flags.push('--stamped')
  if (value !== null) flags.push(`--at=${value}`)
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
