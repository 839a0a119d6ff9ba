// This machine, with the user's files or data of our own, as something to tune. Called by services/cli/tune.ts.
import { resolve } from 'node:path'
import { capabilities } from '../../native/capabilities.ts'
import type { Capabilities } from '../../native/capabilities.ts'
import { readMachine } from '../machine/facts.ts'
import { prepareData } from '../measure/data.ts'
import type { PreparedData } from '../measure/data.ts'
import { measureDiskMap } from '../measure/disk-map.ts'
import { measureLimits } from '../measure/limits.ts'
import type { LegData, LegLoad } from '../measure/order.ts'
import { DataError, mib } from '../measure/own-data.ts'
import { fitReplay } from '../measure/replay-data.ts'
import { machineSubject } from '../measure/subject.ts'
import { usual } from '../measure/usual.ts'
import { place } from '../placement.ts'
import { takeFingerprint } from '../profile/fingerprint.ts'
import type { Fingerprint } from '../profile/schema.ts'
import type { Recording } from '../recording/format.ts'
import { describeRecording, writesIn } from '../recording/read.ts'
import type { DeniedPollers, TunedMachine } from './knobs.ts'
import { defaultLayout } from './layouts.ts'
import type { Tuned } from './tune.ts'
import type { Layout, Subject, TunedWorkload } from './types.ts'

export interface MachineRequest {
  /** The user's file or folder; null: data of ours, in `dataFolder`. */
  readonly path: string | null
  readonly dataFolder: string
  readonly dataBytes: number
  readonly workload: TunedWorkload
  readonly cache: 'cached' | 'direct'
  /** Of the workload `recorded`: what is replayed. */
  readonly recording?: Recording | null
}

/** What is known before anything is measured. */
export type Inspected = Pick<Tuned, 'machine' | 'fingerprint' | 'path' | 'current'>

/** Of what a layout can do: latencies of a machine at its limit say how long the queue is, and nothing else. */
const latencyLoad: LegLoad = { kind: 'paced', share: 0.7 }
const limitsFileBytes = { short: 64 << 20, usual: 256 << 20 } as const
const shortLimitsSeconds = 5

export async function inspectMachine(request: MachineRequest): Promise<Inspected> {
  const facts = readMachine()
  const found = await capabilities()
  const { rings, sqpoll, memory } = found
  const placement = place({ ...facts, rings, sqpoll, memory }, { rings: 'auto', poller: 'auto' })
  const current: Layout = defaultLayout(placement, depthOf(request))
  const fingerprint = takeFingerprint(request.path ?? request.dataFolder)
  return {
    machine: { ...facts, storage: storageOf(request, fingerprint), denied: deniedBy(found) },
    fingerprint,
    path: request.path === null ? null : resolve(request.path),
    current,
  }
}

/** A leg of its own for each, to be told what is known already, would only cost time. */
export function deniedBy({ rings, sqpoll }: Pick<Capabilities, 'rings' | 'sqpoll'>): DeniedPollers {
  const why = 'it is denied'
  if (!rings.ok) {
    const reason = rings.message ?? why
    return { kernel: reason, worker: reason, caller: reason }
  }
  return sqpoll.ok ? {} : { kernel: sqpoll.message ?? why }
}

/** `close` removes what was made. @throws DataError; the signal's reason */
export async function openMachine(
  request: MachineRequest,
  signal: AbortSignal,
  onData: (share: number) => void,
): Promise<Tuned & { close(): Promise<void> }> {
  const { dataBytes, workload } = request
  const inspected = await inspectMachine(request)
  const data = await prepare(request, signal, onData)
  try {
    const { legData, description } = await fit(request, data)
    const { blockBytes } = usual[workload]
    const subject = machineSubject({ workload, data: legData, blockBytes, latency: latencyLoad })
    return {
      ...inspected,
      data: description,
      subject: explainingDisk(subject, legData.scratchFolder),
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

function prepare(
  request: MachineRequest,
  signal?: AbortSignal,
  onProgress?: (share: number) => void,
): Promise<PreparedData> {
  const { path, dataFolder, dataBytes, cache } = request
  const own = { ownIn: dataFolder, ownBytesMax: dataBytes, ownSizes: ownSizes(request) }
  return prepareData({ path, ...own, cache, signal, ...(onProgress && { onProgress }) })
}

interface Fitted {
  readonly legData: LegData
  /** For people. */
  readonly description: string
}

/** What legs of the workload get. @throws DataError where there is nothing for it */
async function fit(request: MachineRequest, data: PreparedData): Promise<Fitted> {
  const { workload, recording = null } = request
  const found = data.for(workload, usual[workload].blockBytes)
  if (recording === null)
    return { legData: found, description: describeData(request, data.description, found.paths.length, 0) }
  const { data: legData, named } = await fitReplay(found, recording)
  return { legData, description: describeData(request, data.description, legData.paths.length, named) }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** How the disk says that nothing more can be written. */
const diskRefusals = /\b(ENOSPC|EDQUOT|EROFS|EFBIG)\b/

/** A leg says what the kernel said; where it was writing, and what to do, is said here. */
export function explainingDisk(subject: Subject, folder: string): Subject {
  return {
    measure: (...leg) =>
      subject.measure(...leg).catch((error: unknown) => {
        const reason = messageOf(error)
        if (!diskRefusals.test(reason)) throw error
        const elsewhere = 'name a PATH (or --data-dir) on another disk'
        const advice = reason.includes('EROFS')
          ? elsewhere
          : `free some space there (64 MiB for each thread that sends requests), or ${elsewhere}`
        throw new DataError(
          `nothing more can be written to the file without a name in ${folder}: ${reason}: ${advice}`,
          {
            cause: error,
          },
        )
      }),
  }
}

const depthMax = 256

/** Of a recording as many as were under way when any were. */
function depthOf({ workload, recording = null }: MachineRequest): number {
  if (recording === null) return usual[workload].depth
  return Math.min(depthMax, Math.max(1, Math.ceil(recording.inFlight)))
}

const webFiles = { count: 1000, bytesMin: 512, bytesMax: 64 << 10 } as const

/** What is made where there is no PATH: files of 512 bytes to 64 KiB, each octave as often; or files as large as those of the recording. */
function ownSizes({ workload, recording = null }: MachineRequest): readonly number[] | undefined {
  if (recording !== null) return recording.files.map(({ bytes }) => bytes)
  if (workload !== 'http') return undefined
  const { count, bytesMin, bytesMax } = webFiles
  // The golden ratio spreads them, the same each time.
  return Array.from({ length: count }, (_, index) =>
    Math.round(bytesMin * (bytesMax / bytesMin) ** ((index * 0.6180339887) % 1)),
  )
}

/** For --dry-run: what would be read. PATH is looked at as before a run. @throws DataError */
export async function plannedData(request: MachineRequest): Promise<string> {
  const { path, dataFolder, dataBytes } = request
  if (path !== null) return (await fit(request, await prepare(request))).description
  const sizes = ownSizes(request)
  const bytes =
    sizes === undefined
      ? dataBytes
      : Math.min(
          dataBytes,
          sizes.reduce((sum, size) => sum + size, 0),
        )
  const files = sizes === undefined ? '' : ` in ${sizes.length} ${sizes.length === 1 ? 'file' : 'files'}`
  return `${mib(bytes)}${files} of its own in ${resolve(dataFolder)}, removed afterwards`
}

function describeData(
  { path, workload, recording = null }: MachineRequest,
  data: string,
  asked: number,
  named: number,
): string {
  if (workload === 'http')
    return `${data}; ${asked} of these files served over loopback as by ringmaster serve, and asked for by another process, whose CPU is not counted`
  if (recording === null) return data
  const isNamed = recording.files.some((file) => file.path !== null)
  const files =
    path === null || !isNamed
      ? ''
      : `; ${named} of ${recording.files.length} files are there by name${named < recording.files.length ? ', others take the place of the rest' : ''}`
  return `${describeRecording(recording)}; on ${data}${files}`
}

/** By the device below the file system; what has none (tmpfs, network) is taken for a cache. */
function storageOf(
  { cache, workload, recording = null }: MachineRequest,
  { device }: Fingerprint,
): TunedMachine['storage'] {
  const readsAlone =
    workload !== 'durable-append' && workload !== 'mixed' && !(recording !== null && writesIn(recording))
  if (device === null || (cache === 'cached' && readsAlone)) return 'cache'
  return device.rotational === true ? 'rotational' : 'flash'
}
