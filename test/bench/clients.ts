// A leg with several clients: threads of one process that do the same workload at the same time, each with rings of its own. Called by
// leg-process.ts. Clients that share rings would get them here, before they are told to go.
import { once } from 'node:events'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { quantilesOf } from './latency.ts'
import type { LegSettings } from './leg-driver.ts'
import type { Measurement } from './model.ts'

/** What leg-client.ts tells at its end. */
export interface ClientResult {
  readonly measured: Measurement
  readonly samplesMs: Float64Array
  readonly note: string | null
}

export async function measureClients(settings: LegSettings, count: number): Promise<Measurement> {
  const file = join(import.meta.dirname, 'leg-client.js')
  const workers = Array.from({ length: count }, () => new Worker(file, { workerData: settings }))
  const exits = workers.map((worker) => once(worker, 'exit'))
  // An error of any client rejects here, and ends the process with it.
  await Promise.all(workers.map((worker) => once(worker, 'message')))
  const results = workers.map(async (worker) => ((await once(worker, 'message')) as [ClientResult])[0])
  for (const worker of workers) worker.postMessage('go')
  const measured = mergeClients(await Promise.all(results))
  for (const worker of workers) worker.postMessage('close')
  await Promise.all(exits)
  return measured
}

/** What all did together. Their windows are the same but for milliseconds, so CPU and device bytes, which are the process's, are too. */
export function mergeClients(results: readonly ClientResult[]): Measurement {
  const all = results.map(({ measured }) => measured)
  const mean = (read: (one: Measurement) => number): number => sum(all.map(read)) / all.length
  const meanOrNull = (read: (one: Measurement) => number | null): number | null => {
    const values = all.map(read).filter((value) => value !== null)
    return values.length === all.length ? sum(values) / values.length : null
  }
  const operations = sum(all.map((one) => one.operations))
  const enters = all.map(({ entersPerOperation, operations: own }) =>
    entersPerOperation === null ? null : entersPerOperation * own,
  )
  const note = results[0]?.note ?? null
  return {
    operations,
    seconds: mean((one) => one.seconds),
    cpuSeconds: mean((one) => one.cpuSeconds),
    ...quantilesOf(concatenate(results.map(({ samplesMs }) => samplesMs))),
    loopUtilization: meanOrNull((one) => one.loopUtilization),
    entersPerOperation: enters.includes(null) ? null : sum(enters.map((calls) => calls ?? 0)) / operations,
    deviceBytes: meanOrNull((one) => one.deviceBytes),
    ...(note === null ? {} : { note }),
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function concatenate(parts: readonly Float64Array[]): Float64Array {
  const whole = new Float64Array(sum(parts.map(({ length }) => length)))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
