// How long reads of a disk take beside how much other work: the latency of 4 KiB reads for pairs of a read rate and a write bandwidth, as ScyllaDB's diskplorer
// draws it. Called by `ringmaster tune` once the disk's limits are known, which the rates are shares of.
//
// Both are offered by plan (open loop): a disk that is asked for more than it can do is shown to fall behind, and not waited for.
import { prepareData } from './data.ts'
import type { PreparedData } from './data.ts'
import { runLeg } from './leg.ts'
import type { LegOrder, WindowResult } from './order.ts'
import { Writer } from './disk-map-writer.ts'
import { plainLayout } from '../tune/plain-layout.ts'
import { LayoutImpossibleError } from '../tune/types.ts'

/** One pair: what was to be done, what was, and how long reads took from when they were due. */
export interface DiskMapCell {
  /** Planned, in reads of 4 KiB, and in bytes written 128 KiB at a time. */
  readonly readsPerSecond: number
  readonly writeBytesPerSecond: number
  readonly readsDonePerSecond: number
  /** By what the kernel counts of the process that writes; null where it does not. */
  readonly writeBytesDonePerSecond: number | null
  readonly p50Ns: number
  readonly p95Ns: number
  readonly p99Ns: number
  /** Whether reads and writes were done as planned: else the latencies say no more than that they grew for as long as it was measured. */
  readonly keepsUp: boolean
}

export interface DiskMap {
  /** Of each cell, about. */
  readonly cellSeconds: number
  /** Rows of one write bandwidth after the other, in ascending order; in each the read rates likewise. */
  readonly cells: readonly DiskMapCell[]
}

export interface DiskMapOptions {
  /** A folder on the disk. Two files are made there and removed. */
  readonly folder: string
  /** Of the file that is read; a quarter of it is written to. */
  readonly bytesMax: number
  /** What the disk can do, from measureLimits(). */
  readonly readsPerSecondMax: number
  readonly writeBytesPerSecondMax: number
  /** All of it, about, without making the files. */
  readonly seconds: number
  /** Of what the disk can do. Default: mapShares. */
  readonly shares?: MapShares
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: (share: number) => void
}

/** In ascending order; the first of the writes is none. */
interface MapShares {
  readonly reads: readonly number[]
  readonly writes: readonly number[]
}

const mapShares: MapShares = { reads: [0.1, 0.3, 0.5, 0.7, 0.9], writes: [0, 0.2, 0.4, 0.6, 0.8] }

const readBlockBytes = 4096
const writeBlockBytes = 128 << 10
/** Enough for what is planned; more would only let a queue grow that nobody wants to look at. */
const readDepth = 128
const writeDepth = 16
const warmupSeconds = 0.1
/** A fresh process until its first window, on a quiet machine. */
const startSeconds = 0.6
const writerSecondsMax = 3600
const cellSecondsMin = 0.1
/** A window that falls behind goes on for a quarter more (leg/loops.ts). */
const lateTimes = 1.25
/** With what is still under way when the window ends. */
const keepsUpShare = 0.9

/** @throws DataError (no room, no O_DIRECT), LegFailedError, the signal's reason */
export async function measureDiskMap(options: DiskMapOptions): Promise<DiskMap> {
  const { folder, bytesMax, signal } = options
  const request = { path: null, ownIn: folder, smallFiles: false, cache: 'direct' as const, signal }
  const toRead = await prepareData({ ...request, ownBytesMax: bytesMax })
  try {
    const toWrite = await prepareData({ ...request, ownBytesMax: Math.max(8 << 20, bytesMax / 4) })
    try {
      return await new MapRun(toRead, toWrite, options).all()
    } finally {
      await toWrite.remove()
    }
  } finally {
    await toRead.remove()
  }
}

class MapRun {
  readonly #toRead: PreparedData
  readonly #toWrite: PreparedData
  readonly #options: DiskMapOptions
  readonly #shares: MapShares
  readonly #cellSeconds: number
  #layout = plainLayout

  constructor(toRead: PreparedData, toWrite: PreparedData, options: DiskMapOptions) {
    this.#toRead = toRead
    this.#toWrite = toWrite
    this.#options = options
    this.#shares = options.shares ?? mapShares
    const perRow = options.seconds / this.#shares.writes.length - startSeconds * 2
    this.#cellSeconds = Math.max(cellSecondsMin, perRow / this.#shares.reads.length / lateTimes)
  }

  async all(): Promise<DiskMap> {
    const cells: DiskMapCell[] = []
    for (const [row, share] of this.#shares.writes.entries()) {
      this.#options.onProgress?.(row / this.#shares.writes.length)
      cells.push(...(await this.#row(share * this.#options.writeBytesPerSecondMax)))
    }
    return { cellSeconds: this.#cellSeconds, cells }
  }

  /** All read rates beside one bandwidth of writes. */
  async #row(writeBytesPerSecond: number): Promise<DiskMapCell[]> {
    if (writeBytesPerSecond === 0) return (await this.#readsAlone()).map((window) => cellOf(window, 0, 0))
    await using writer = await Writer.start(this.#writes(writeBytesPerSecond), this.#options.signal)
    const onStep = (step: 'warmup' | 'window'): void => {
      if (step === 'window') writer.mark()
    }
    const { windows } = await runLeg(this.#reads(), { signal: writer.signal, onStep })
    writer.mark()
    const done = writer.bytesPerSecond()
    return windows.map((window, at) => cellOf(window, writeBytesPerSecond, done[at] ?? null))
  }

  async #readsAlone(): Promise<readonly WindowResult[]> {
    const { signal } = this.#options
    try {
      return (await runLeg(this.#reads(), { signal })).windows
    } catch (error) {
      if (!(error instanceof LayoutImpossibleError)) throw error
      this.#layout = { ...plainLayout, poller: 'threadpool' } // no io_uring here
      return (await runLeg(this.#reads(), { signal })).windows
    }
  }

  #reads(): LegOrder {
    const windows = this.#shares.reads.map((share) => {
      const operationsPerSecond = Math.max(1, share * this.#options.readsPerSecondMax)
      return { seconds: this.#cellSeconds, load: { kind: 'open' as const, operationsPerSecond }, depth: readDepth }
    })
    return { ...this.#order(this.#toRead, readBlockBytes), workload: 'random-read', windows }
  }

  /** Longer than any row of reads: it is ended by who started it. */
  #writes(bytesPerSecond: number): LegOrder {
    const load = { kind: 'open' as const, operationsPerSecond: bytesPerSecond / writeBlockBytes }
    const windows = [{ seconds: writerSecondsMax, load, depth: writeDepth }]
    return { ...this.#order(this.#toWrite, writeBlockBytes), workload: 'sequential-write', windows }
  }

  #order(data: PreparedData, blockBytes: number): Omit<LegOrder, 'workload' | 'windows'> {
    const legData = data.for('random-read', blockBytes)
    const fixed = { api: 'rings' as const, batch: 1, clients: 1, warmupSeconds, untilFlat: false }
    return { ...fixed, layout: this.#layout, blockBytes, data: legData }
  }
}

function cellOf(read: WindowResult, writeBytesPerSecond: number, writeBytesDonePerSecond: number | null): DiskMapCell {
  const { offeredPerSecond, operations, seconds, overdue, p50Ns, p99Ns, spectrum } = read
  const readsPerSecond = offeredPerSecond ?? 0
  const readsDonePerSecond = operations / seconds
  const isRead = overdue === 0 && readsDonePerSecond >= readsPerSecond * keepsUpShare
  const isWritten = (writeBytesDonePerSecond ?? writeBytesPerSecond) >= writeBytesPerSecond * keepsUpShare
  return {
    ...{ readsPerSecond, writeBytesPerSecond, readsDonePerSecond, writeBytesDonePerSecond },
    ...{ p50Ns, p95Ns: spectrum.find(([percentile]) => percentile === 95)?.[1] ?? p99Ns, p99Ns },
    keepsUp: isRead && isWritten,
  }
}
