// The fresh process of one leg: starts the rings, warms the cache and the code, runs the windows, says what came of it. Started by ../leg.ts, which
// writes the order to its stdin; prints a line of JSON for each step (LegAnswer). Ends when its stdin does: then the parent is no more.
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, readSync, rmSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Ringmaster } from '../../ringmaster.ts'
import { LayoutImpossibleError } from '../../tune/types.ts'
import type { NoiseReading } from '../../tune/types.ts'
import { watchNoise } from '../noise.ts'
import { legOrder, windowWarmupSeconds } from '../order.ts'
import type { LegAnswer, LegOrder, LegWindow, WindowResult } from '../order.ts'
import { Team } from './clients.ts'
import type { TeamResult } from './clients.ts'
import type { StationWindow } from './station.ts'

const lines = createInterface({ input: process.stdin })
const [line] = (await once(lines, 'line')) as [string]
const order = legOrder.parse(JSON.parse(line))
lines.on('close', orphaned)
process.stdin.on('error', orphaned).unref()

function orphaned(): void {
  if (order.data.ownFolder !== null) rmSync(order.data.ownFolder, { recursive: true, force: true })
  process.exit(1)
}

function say(answer: LegAnswer): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}

const chunkBytes = 1 << 20

/** As every leg finds it: in the page cache, since the kernel may have reclaimed it meanwhile. */
function warmCache({ file, spanBytes, paths, cache }: LegOrder['data']): void {
  if (cache !== 'cached') return
  let leftBytes = spanBytes > 0 ? spanBytes : Infinity
  for (const path of paths) leftBytes -= warmFile(path, leftBytes)
  if (file !== null) warmFile(file, spanBytes)
}

/** Its first bytes; returns how many there were. */
function warmFile(path: string, bytesMax: number): number {
  const buffer = new Uint8Array(chunkBytes)
  const descriptor = openSync(path, 'r')
  let warmBytes = 0
  try {
    while (warmBytes < bytesMax) {
      const readBytes = readSync(descriptor, buffer, 0, chunkBytes, warmBytes)
      if (readBytes === 0) break
      warmBytes += readBytes
    }
    return warmBytes
  } finally {
    closeSync(descriptor)
  }
}

/** /proc/self/io. Null where the kernel keeps no account. */
function deviceBytes(name: 'read_bytes' | 'write_bytes'): number | null {
  try {
    const text = new RegExp(`^${name}: (\\d+)$`, 'm').exec(readFileSync('/proc/self/io', 'latin1'))?.[1]
    return text === undefined ? null : Number(text)
  } catch {
    return null
  }
}

const difference = (before: number | null, after: number | null): number | null =>
  before === null || after === null ? null : after - before

const percentiles = [50, 75, 90, 95, 99, 99.5, 99.9, 99.99, 100]

/** What does the windows: threads on files, or a server with a process that asks it. */
interface Performers {
  run(window: StationWindow): Promise<TeamResult>
  close(): Promise<void>
}

async function startPerformers(rings: Ringmaster | null): Promise<Performers> {
  if (order.workload !== 'http') return Team.start(order, rings)
  if (rings === null) throw new Error('the workload http is for rings')
  // On demand: no other leg has loaded a server.
  return (await import('./http-team.ts')).HttpTeam.start(order, rings)
}

async function measureWindow(
  team: Performers,
  seconds: number,
  depth: number,
  rate: number | null,
): Promise<WindowResult> {
  const noise = watchNoise()
  const readBefore = deviceBytes('read_bytes')
  const writtenBefore = deviceBytes('write_bytes')
  const cpuBefore = process.cpuUsage()
  const { latency, helperCpuNs, ...done } = await team.run({ seconds, depth, operationsPerSecond: rate })
  helpersCpuNs += helperCpuNs
  // getrusage(2) of the process: the kernel's SQ and io-wq threads are in its thread group, and so in this.
  const cpu = process.cpuUsage(cpuBefore)
  const cpuNs = (cpu.user + cpu.system) * 1000
  return {
    depth,
    ...done,
    offeredPerSecond: rate,
    p50Ns: latency.quantileNs(0.5),
    p99Ns: latency.quantileNs(0.99),
    spectrum: percentiles.map((percentile) => [percentile, latency.quantileNs(percentile / 100)]),
    cpuNs,
    deviceReadBytes: difference(readBefore, deviceBytes('read_bytes')),
    deviceWriteBytes: difference(writtenBefore, deviceBytes('write_bytes')),
    // Who asks is part of what is measured here, and no neighbour's noise.
    noise: noise(cpuNs + helperCpuNs),
  }
}

/** Of processes that only ask, in all windows and warm-ups. */
let helpersCpuNs = 0

interface Measured {
  readonly windows: WindowResult[]
  readonly noise: NoiseReading
}

/** Two windows in a row that bring less than a twentieth more than the best before. */
function isFlat(windows: readonly WindowResult[]): boolean {
  const rates = windows.map(({ operations, seconds }) => operations / seconds)
  const bestBefore = Math.max(0, ...rates.slice(0, -2))
  return rates.length > 2 && rates.slice(-2).every((rate) => rate < bestBefore * 1.05)
}

/** What the load of a window is to come to; null: closed loop, and where there is nothing to pace by. */
function rateOf({ load }: LegWindow, before: WindowResult | undefined): number | null {
  if (load.kind === 'open') return load.operationsPerSecond
  if (load.kind === 'closed' || before === undefined) return null
  return Math.max(1, (before.operations / before.seconds) * load.share)
}

async function measureAll(rings: Ringmaster | null): Promise<Measured> {
  const team = await startPerformers(rings)
  const results: WindowResult[] = []
  const first = order.windows[0]
  say({ kind: 'warmup' })
  // Of no seconds, too: files are opened and buffers made before the first window.
  if (first !== undefined)
    await team.run({ seconds: order.warmupSeconds, depth: first.depth, operationsPerSecond: null })
  const noise = watchNoise()
  const cpuBefore = process.cpuUsage()
  for (const [index, window] of order.windows.entries()) {
    const { seconds, depth } = window
    const rate = rateOf(window, results.at(-1))
    const warmup = windowWarmupSeconds(order, index)
    // What runs first is not compiled yet, and a queue from that time would still be there when the window is half over.
    if (rate !== null && warmup > 0) {
      const warmed = await team.run({ seconds: warmup, depth, operationsPerSecond: rate })
      helpersCpuNs += warmed.helperCpuNs
    }
    say({ kind: 'window' })
    results.push(await measureWindow(team, seconds, depth, rate))
    if (order.untilFlat && isFlat(results)) break
  }
  const cpu = process.cpuUsage(cpuBefore)
  const reading = noise((cpu.user + cpu.system) * 1000 + helpersCpuNs)
  await team.close()
  return { windows: results, noise: reading }
}

async function runOrder(): Promise<void> {
  warmCache(order.data)
  if (order.api !== 'rings') {
    say({ kind: 'result', used: order.api, ...(await measureAll(null)) })
    return
  }
  // Loaded on demand, so that the legs of node:fs run in a process that never saw the library.
  const { describeRings, startLayout } = await import('./layout-rings.ts')
  const depthMax = Math.max(...order.windows.map(({ depth }) => depth))
  const rings = await startLayout(order.layout, depthMax, order.clients)
  const measured = await measureAll(rings)
  const used = describeRings(rings)
  await rings.close()
  say({ kind: 'result', used, ...measured })
}

try {
  await runOrder()
} catch (error) {
  const reason = error instanceof Error ? error.message : String(error)
  say({ kind: error instanceof LayoutImpossibleError ? 'impossible' : 'failed', reason })
}
// Whatever a leg that failed has left open, or one that did not has not closed yet: the process is its end.
process.exit(0)
