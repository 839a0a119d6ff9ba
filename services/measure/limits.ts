// The machine's own limits, before anything of ours is judged by them: iotune's four numbers (Seastar, apps/iotune), what fdatasync takes, and what
// memory and the page cache give. Called by `ringmaster tune` and by bench's report. Figures of a cache are said to be that (limit-checks.ts).
import { setImmediate as turn } from 'node:timers/promises'
import { prepareData } from './data.ts'
import type { PreparedData } from './data.ts'
import { runLeg } from './leg.ts'
import { DataError } from './own-data.ts'
import { plainLayout } from '../tune/plain-layout.ts'
import { LayoutImpossibleError } from '../tune/types.ts'
import { limitChecks } from './limit-checks.ts'
import type { LimitCheck } from './limit-checks.ts'
import type { LimitFigures, RampLimit } from './limit-figures.ts'
import type { LegData, LegOrder, LegWorkload, WindowResult } from './order.ts'

export interface MachineLimits extends LimitFigures {
  readonly checks: readonly LimitCheck[]
}

export interface LimitsOptions {
  /** A folder on the disk in question. A file is made there and removed. */
  readonly folder: string
  /** Of that file. Default 256 MiB. */
  readonly bytesMax?: number
  /** All of it, about; at least 2. Default 20. */
  readonly seconds?: number
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: (share: number, what: string) => void
}

const sequentialBlockBytes = 1 << 20
const randomBlockBytes = 4096
const sequentialDepths = [1, 2, 4, 8, 16, 32]
const randomDepths = [1, 4, 16, 64, 128, 256]
const secondsUsual = 20
const bytesUsual = 256 << 20
const copyBytes = 64 << 20

/** Of four ramps with six windows each, and three single windows as long as four of those. */
const windowsInAll = 4 * 6 + 3 * 4

/** @throws DataError (no room, no such folder), LegFailedError, the signal's reason */
export async function measureLimits(options: LimitsOptions): Promise<MachineLimits> {
  const { folder, seconds = secondsUsual, signal, onProgress } = options
  const ownBytesMax = options.bytesMax ?? bytesUsual
  const request = { path: null, ownIn: folder, ownBytesMax, smallFiles: false, signal }
  onProgress?.(0, 'making a file')
  const data = await prepareData({ ...request, cache: 'direct' }).catch((error: unknown) => {
    if (!(error instanceof DataError)) throw error
    return prepareData({ ...request, cache: 'cached' }) // no O_DIRECT; what else was wrong is still wrong, and thrown
  })
  try {
    const figures = await new LimitRun(data, Math.max(2, seconds) / windowsInAll, options).all()
    return { ...figures, checks: limitChecks(figures) }
  } finally {
    await data.remove()
  }
}

class LimitRun {
  private readonly data: PreparedData
  private readonly windowSeconds: number
  private readonly options: LimitsOptions
  private layout = plainLayout
  private step = 0

  constructor(data: PreparedData, windowSeconds: number, options: LimitsOptions) {
    this.data = data
    this.windowSeconds = windowSeconds
    this.options = options
  }

  async all(): Promise<LimitFigures> {
    const data = this.data.for('random-read', sequentialBlockBytes)
    const sequential = (workload: LegWorkload): Promise<RampLimit> =>
      this.ramp(workload, data, sequentialBlockBytes, sequentialDepths, ({ bytes }) => bytes)
    const random = (workload: LegWorkload): Promise<RampLimit> =>
      this.ramp(workload, data, randomBlockBytes, randomDepths, ({ operations }) => operations)
    const sequentialWrite = await sequential('sequential-write')
    const sequentialRead = await sequential('sequential-read')
    const randomWrite = await random('random-write')
    const randomRead = await random('random-read')
    const sync = await this.single('durable-append', { ...data, cache: 'cached' }, randomBlockBytes)
    const cached = await this.single('sequential-read', { ...data, cache: 'cached' }, sequentialBlockBytes)
    this.tell('memory')
    return {
      ...{ sequentialRead, sequentialWrite, randomRead, randomWrite },
      datasyncP50Ns: sync.p50Ns,
      datasyncP99Ns: sync.p99Ns,
      cachedReadPerSecond: cached.bytes / cached.seconds,
      memoryCopyPerSecond: await memoryCopyRate(this.windowSeconds * 2, this.options.signal),
      direct: data.cache === 'direct',
    }
  }

  /** More and more in flight until it brings no more. */
  private async ramp(
    workload: LegWorkload,
    data: LegData,
    blockBytes: number,
    depths: readonly number[],
    amount: (window: WindowResult) => number,
  ): Promise<RampLimit> {
    this.tell(workload)
    const windows = depths.map((depth) => ({ seconds: this.windowSeconds, load: { kind: 'closed' as const }, depth }))
    const results = await this.leg({ workload, data, blockBytes, windows, untilFlat: true })
    const points = results.map((window) => ({ depth: window.depth, perSecond: amount(window) / window.seconds }))
    const best = points.reduce((most, point) => (point.perSecond > most.perSecond ? point : most))
    return { ...best, points, deviceShare: deviceShare(results, workload.endsWith('write')) }
  }

  private async single(workload: LegWorkload, data: LegData, blockBytes: number): Promise<WindowResult> {
    this.tell(workload)
    const windows = [{ seconds: this.windowSeconds * 4, load: { kind: 'closed' as const }, depth: 1 }]
    const api = workload === 'sequential-read' ? 'fs-sync' : 'rings'
    return (await this.leg({ workload, data, blockBytes, windows, untilFlat: false, api }))[0]!
  }

  private async leg(
    part: Pick<LegOrder, 'workload' | 'data' | 'blockBytes' | 'windows' | 'untilFlat'> & { api?: LegOrder['api'] },
  ): Promise<readonly WindowResult[]> {
    const order = (): LegOrder => {
      return { api: 'rings', ...part, layout: this.layout, batch: 1, clients: 1, warmupSeconds: this.windowSeconds / 2 }
    }
    const { signal } = this.options
    try {
      return (await runLeg(order(), { signal })).windows
    } catch (error) {
      if (!(error instanceof LayoutImpossibleError) || this.layout.poller === 'threadpool') throw error
      this.layout = { ...plainLayout, poller: 'threadpool' } // no io_uring here
      return (await runLeg(order(), { signal })).windows
    }
  }

  private tell(what: string): void {
    const steps = 7
    this.options.onProgress?.(this.step++ / steps, what)
  }
}

function deviceShare(windows: readonly WindowResult[], writes: boolean): number | null {
  let moved = 0
  let ofDevice = 0
  for (const { bytes, deviceReadBytes, deviceWriteBytes } of windows) {
    const counted = writes ? deviceWriteBytes : deviceReadBytes
    if (counted === null) return null
    moved += bytes
    ofDevice += counted
  }
  return moved === 0 ? null : ofDevice / moved
}

/** The best of the windows: what disturbs only takes away. */
async function memoryCopyRate(seconds: number, signal: AbortSignal | undefined): Promise<number> {
  const from = Buffer.alloc(copyBytes, 1)
  const to = Buffer.alloc(copyBytes, 2)
  const endMs = performance.now() + seconds * 1000
  let best = 0
  do {
    signal?.throwIfAborted()
    const startedMs = performance.now()
    from.copy(to)
    best = Math.max(best, copyBytes / ((performance.now() - startedMs) / 1000))
    await turn()
  } while (performance.now() < endMs)
  return best
}
