// Warm-up, then the timed window, of one loop. Called by leg-process.ts and leg-client.ts, so for every leg that runs in Node.
import { readFileSync } from 'node:fs'
import { LatencyRecorder, quantilesOf } from './latency.ts'
import type { Loop } from './loops.ts'
import type { Measurement } from './model.ts'

export interface MeasureOptions {
  readonly seconds: number
  readonly warmupSeconds: number
  /** System calls of the client so far, where the leg can tell. */
  readonly enterCalls: (() => number) | null
  /** Where somebody else wants the latencies, too. */
  readonly latency?: LatencyRecorder
}

const unknown = { p50Us: null, p99Us: null, p999Us: null } as const

export async function measure(loop: Loop, options: MeasureOptions): Promise<Omit<Measurement, 'note'>> {
  const latency = options.latency ?? new LatencyRecorder()
  if (options.warmupSeconds > 0) await loop(performance.now() + options.warmupSeconds * 1000, latency)
  latency.reset()

  const entersBefore = options.enterCalls?.() ?? 0
  const deviceBytesBefore = deviceBytesRead()
  const utilizationBefore = performance.eventLoopUtilization()
  const cpuBefore = process.cpuUsage()
  const startedMs = performance.now()
  const operations = await loop(startedMs + options.seconds * 1000, latency)
  const seconds = (performance.now() - startedMs) / 1000
  // getrusage of the process: the kernel's SQ and io-wq threads are in its thread group and so in this figure.
  const cpu = process.cpuUsage(cpuBefore)
  const loopUtilization = performance.eventLoopUtilization(utilizationBefore).utilization
  const deviceBytes = deviceBytesRead()
  const enters = (options.enterCalls?.() ?? 0) - entersBefore
  const recorded = latency.samplesMs()
  return {
    operations,
    seconds,
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    ...(recorded.length === 0 ? unknown : quantilesOf(recorded)),
    loopUtilization,
    entersPerOperation: options.enterCalls === null ? null : enters / operations,
    deviceBytes: deviceBytes === null || deviceBytesBefore === null ? null : deviceBytes - deviceBytesBefore,
  }
}

/** Null where the kernel keeps no task I/O accounting. */
function deviceBytesRead(): number | null {
  try {
    const line = /^read_bytes: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))
    return line === null ? null : Number(line[1])
  } catch {
    return null
  }
}
