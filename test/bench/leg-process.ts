// The fresh process of one round of one leg: prepares, warms up, measures, prints one line of JSON. Started by runner.ts with
// the arguments that legs/node-legs.ts makes. Anything unexpected ends it with a non-zero code and the reason on stderr.
import { parseArgs } from 'node:util'
import type { Prepare } from './drivers/driver.ts'
import { measure } from './measure.ts'
import type { Api, Measurement } from './model.ts'
import { tasks } from './process-facts.ts'
import { scenarioByName } from './scenarios/index.ts'

/** An unused SQ thread of libuv takes a hundredth of this before it sleeps. */
const SQ_THREAD_CPU_MS_MIN = 5

/** Loaded on demand, so that the legs of `fs` run in a process that never saw the library. */
const drivers: Readonly<Record<string, () => Promise<{ prepare: Prepare }>>> = {
  ringmaster: () => import('./drivers/ringmaster.ts'),
  'raw-fd': async () => ({ prepare: (await import('./drivers/raw-files.ts')).prepareFd }),
  'raw-direct': async () => ({ prepare: (await import('./drivers/raw-files.ts')).prepareDirect }),
  'plain-buffers': async () => ({ prepare: (await import('./drivers/buffers.ts')).preparePlain }),
  'arena-buffers': async () => ({ prepare: (await import('./drivers/buffers.ts')).prepareArena }),
  'fs-promises': () => import('./drivers/fs-promises.ts'),
  'fs-callback': () => import('./drivers/fs-callback.ts'),
  'fs-sync': () => import('./drivers/fs-sync.ts'),
}

const apis: readonly Api[] = ['promise', 'batch', 'chain', 'stream', 'zero-copy', 'sender']

const { values } = parseArgs({
  options: {
    driver: { type: 'string' },
    scenario: { type: 'string' },
    api: { type: 'string', default: 'promise' },
    poller: { type: 'string', default: '' },
    file: { type: 'string', default: '' },
    dir: { type: 'string', default: '' },
    stamped: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '3' },
    warmup: { type: 'string', default: '1' },
  },
})

const load = drivers[values.driver ?? '']
if (load === undefined) throw new Error(`there is no driver '${values.driver ?? ''}'`)
const { prepare } = await load()
const prepared = await prepare({
  scenario: scenarioByName(values.scenario ?? ''),
  api: apiOf(values.api),
  poller: values.poller,
  dataFile: values.file,
  dataDirectory: values.dir,
  stamped: values.stamped,
})
const measured = await measure(prepared.loop, {
  seconds: Number(values.seconds),
  warmupSeconds: Number(values.warmup),
  enterCalls: prepared.enterCalls,
})
requireLibuvRing()
await prepared.close()
const measurement: Measurement = prepared.note === undefined ? measured : { ...measured, note: prepared.note }
process.stdout.write(`${JSON.stringify(measurement)}\n`)

function apiOf(name: string): Api {
  const api = apis.find((known) => known === name)
  if (api !== undefined) return api
  throw new Error(`there is no API '${name}'`)
}

/** A leg that asks libuv for io_uring and silently gets its thread pool would be a lie in the table. */
function requireLibuvRing(): void {
  if (process.env['UV_USE_IO_URING'] !== '1') return
  const sqThreads = tasks('self').filter(({ name }) => name.startsWith('iou-sqp-'))
  const cpuMs = sqThreads.reduce((sum, { cpuNs }) => sum + cpuNs, 0) / 1e6
  if (cpuMs < SQ_THREAD_CPU_MS_MIN)
    throw new Error(`UV_USE_IO_URING=1 is set and libuv's SQ threads worked ${cpuMs} ms`)
}
