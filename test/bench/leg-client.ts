// One client of a leg with several: a thread that prepares, waits for the others, measures, tells, and closes when all have ended. Started
// by clients.ts. Whatever fails ends the thread with the error, and so the leg.
import { once } from 'node:events'
import { parentPort, workerData } from 'node:worker_threads'
import type { ClientResult } from './clients.ts'
import { LatencyRecorder } from './latency.ts'
import { prepareLeg, type LegSettings } from './leg-driver.ts'
import { measure } from './measure.ts'

if (parentPort === null) throw new Error('this is a thread of clients.ts')
const settings = workerData as LegSettings
const prepared = await prepareLeg(settings)
const latency = new LatencyRecorder()

parentPort.postMessage('ready')
await once(parentPort, 'message')
const measured = await measure(prepared.loop, {
  seconds: settings.seconds,
  warmupSeconds: settings.warmup,
  enterCalls: prepared.enterCalls,
  latency,
})
const samplesMs = latency.samplesMs().slice()
const result: ClientResult = { measured, samplesMs, note: prepared.note ?? null }
parentPort.postMessage(result, [samplesMs.buffer])
await once(parentPort, 'message')
await prepared.close()
parentPort.close()
