// This machine, with the user's files or data of our own, as something to tune. Called by services/cli/tune.ts.
import { resolve } from 'node:path'
import { capabilities } from '../../native/capabilities.ts'
import { readMachine } from '../machine/facts.ts'
import { prepareData } from '../measure/data.ts'
import { measureDiskMap } from '../measure/disk-map.ts'
import { measureLimits } from '../measure/limits.ts'
import type { LegLoad } from '../measure/order.ts'
import { machineSubject } from '../measure/subject.ts'
import { place } from '../placement.ts'
import { takeFingerprint } from '../profile/fingerprint.ts'
import type { Fingerprint } from '../profile/schema.ts'
import type { TunedMachine } from './knobs.ts'
import { defaultLayout } from './layouts.ts'
import type { Tuned } from './tune.ts'
import type { Layout, WorkloadName } from './types.ts'

export interface MachineRequest {
  /** The user's file or folder; null: data of ours, in `dataFolder`. */
  readonly path: string | null
  readonly dataFolder: string
  readonly dataBytes: number
  readonly workload: WorkloadName
  readonly cache: 'cached' | 'direct'
}

/** What is known before anything is measured. */
export type Inspected = Pick<Tuned, 'machine' | 'fingerprint' | 'path' | 'current'>

/** A request, and how many a program is taken to have in flight that does not think about it. */
const usual: Readonly<Record<WorkloadName, { readonly blockBytes: number; readonly depth: number }>> = {
  'random-read': { blockBytes: 4096, depth: 32 },
  'sequential-read': { blockBytes: 128 << 10, depth: 8 },
  'small-files': { blockBytes: 0, depth: 32 },
  'durable-append': { blockBytes: 4096, depth: 8 },
  mixed: { blockBytes: 4096, depth: 32 },
}

/** Of what a layout can do: latencies of a machine at its limit say how long the queue is, and nothing else. */
const latencyLoad: LegLoad = { kind: 'paced', share: 0.7 }
const limitsFileBytes = { short: 64 << 20, usual: 256 << 20 } as const
const shortLimitsSeconds = 5

export async function inspectMachine(request: MachineRequest): Promise<Inspected> {
  const { workload } = request
  const facts = readMachine()
  const { rings, sqpoll, memory } = await capabilities()
  const placement = place({ ...facts, rings, sqpoll, memory }, { rings: 'auto', poller: 'auto' })
  const current: Layout = defaultLayout(placement, usual[workload].depth)
  const fingerprint = takeFingerprint(request.path ?? request.dataFolder)
  return {
    machine: { ...facts, storage: storageOf(request, fingerprint) },
    fingerprint,
    path: request.path === null ? null : resolve(request.path),
    current,
  }
}

/** `close` removes what was made. @throws DataError; the signal's reason */
export async function openMachine(
  request: MachineRequest,
  signal: AbortSignal,
  onData: (share: number) => void,
): Promise<Tuned & { close(): Promise<void> }> {
  const { path, dataFolder, dataBytes, workload, cache } = request
  const inspected = await inspectMachine(request)
  const own = { ownIn: dataFolder, ownBytesMax: dataBytes }
  const data = await prepareData({ path, ...own, cache, signal, onProgress: onData })
  try {
    const { blockBytes } = usual[workload]
    const legData = data.for(workload, blockBytes)
    return {
      ...inspected,
      data: data.description,
      subject: machineSubject({ workload, data: legData, blockBytes, latency: latencyLoad }),
      measureLimits: (seconds, onProgress, stop) => {
        const most = seconds < shortLimitsSeconds ? limitsFileBytes.short : limitsFileBytes.usual
        const bytesMax = Math.min(dataBytes, most)
        return measureLimits({ folder: legData.scratchFolder, bytesMax, seconds, signal: stop, onProgress })
      },
      measureMap: (seconds, limits, onProgress, stop) => {
        const bytesMax = Math.min(dataBytes, limitsFileBytes.usual)
        return measureDiskMap({ ...limits, folder: legData.scratchFolder, bytesMax, seconds, signal: stop, onProgress })
      },
      close: () => data.remove(),
    }
  } catch (error) {
    await data.remove()
    throw error
  }
}

/** By the device below the file system; what has none (tmpfs, network) is taken for a cache. */
function storageOf({ cache, workload }: MachineRequest, { device }: Fingerprint): TunedMachine['storage'] {
  const readsAlone = workload !== 'durable-append' && workload !== 'mixed'
  if (device === null || (cache === 'cached' && readsAlone)) return 'cache'
  return device.rotational === true ? 'rotational' : 'flash'
}
