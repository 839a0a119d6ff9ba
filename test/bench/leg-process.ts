// The fresh process of one round of one leg: prepares, warms up, measures, prints one line of JSON. Started by runner.ts with
// the arguments that legs/node-legs.ts makes. Anything unexpected ends it with a non-zero code and the reason on stderr.
import { parseArgs } from 'node:util'
import { measureClients } from './clients.ts'
import { prepareLeg, scenarioOf, type LegSettings } from './leg-driver.ts'
import { measure } from './measure.ts'
import type { Measurement } from './model.ts'
import { tasks } from './process-facts.ts'

/** An unused SQ thread of libuv takes a hundredth of this before it sleeps. */
const SQ_THREAD_CPU_MS_MIN = 5

const { values } = parseArgs({
  options: {
    driver: { type: 'string', default: '' },
    scenario: { type: 'string', default: '' },
    at: { type: 'string', default: '' },
    api: { type: 'string', default: 'promise' },
    poller: { type: 'string', default: '' },
    file: { type: 'string', default: '' },
    dir: { type: 'string', default: '' },
    stamped: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '3' },
    warmup: { type: 'string', default: '1' },
  },
})
const settings: LegSettings = { ...values, seconds: Number(values.seconds), warmup: Number(values.warmup) }

const { clients } = scenarioOf(settings)
const measurement = clients === undefined ? await measureHere() : await measureClients(settings, clients)
process.stdout.write(`${JSON.stringify(measurement)}\n`)

async function measureHere(): Promise<Measurement> {
  const prepared = await prepareLeg(settings)
  const measured = await measure(prepared.loop, {
    seconds: settings.seconds,
    warmupSeconds: settings.warmup,
    enterCalls: prepared.enterCalls,
  })
  requireLibuvRing()
  await prepared.close()
  return prepared.note === undefined ? measured : { ...measured, note: prepared.note }
}

/** A leg that asks libuv for io_uring and silently gets its thread pool would be a lie in the table. */
function requireLibuvRing(): void {
  if (process.env['UV_USE_IO_URING'] !== '1') return
  const sqThreads = tasks('self').filter(({ name }) => name.startsWith('iou-sqp-'))
  const cpuMs = sqThreads.reduce((sum, { cpuNs }) => sum + cpuNs, 0) / 1e6
  if (cpuMs < SQ_THREAD_CPU_MS_MIN)
    throw new Error(`UV_USE_IO_URING=1 is set and libuv's SQ threads worked ${cpuMs} ms`)
}
