// Whether the machine's limits agree with each other, and whose figures they are. A broken run once recorded IOPS that were the bandwidth divided by
// 256 KiB (scylla-machine-image#961), and fleets were configured by it. Called by limits.ts; pure.
import type { LimitFigures, RampLimit } from './limit-figures.ts'

export interface LimitCheck {
  readonly name: string
  readonly ok: boolean
  /** What it says about the figures, for people. */
  readonly says: string
}

const randomBlockBytes = 4096
/** Two figures that were taken one after the other on a shared machine. */
const slack = 1.3
/** Below this no device has written anything: flash takes 50 µs at least, unless its cache is protected against power loss. */
const plausibleSyncNs = 30_000
/** As no medium is. */
const writeReadRatioMax = 1.5
/** Of what O_DIRECT moved, according to /proc/self/io. */
const leastDeviceShare = 0.5

const gigabytes = (bytesPerSecond: number): string => `${(bytesPerSecond / 1e9).toFixed(2)} GB/s`

export function limitChecks(figures: LimitFigures): LimitCheck[] {
  const { sequentialRead, sequentialWrite, randomRead, randomWrite } = figures
  return [
    smallWithin('reads', randomRead, sequentialRead),
    smallWithin('writes', randomWrite, sequentialWrite),
    notDerived('reads', randomRead, sequentialRead),
    notDerived('writes', randomWrite, sequentialWrite),
    belowMemory('sequential read', sequentialRead.perSecond, figures),
    belowMemory('sequential write', sequentialWrite.perSecond, figures),
    device('read', sequentialRead, figures.direct),
    device('write', sequentialWrite, figures.direct),
    writeCache(figures),
    durable(figures),
  ]
}

function smallWithin(what: string, small: RampLimit, large: RampLimit): LimitCheck {
  const bytes = small.perSecond * randomBlockBytes
  const ok = bytes <= large.perSecond * slack
  const says = ok
    ? `${what} of 4 KiB move ${gigabytes(bytes)}, of 1 MiB ${gigabytes(large.perSecond)}`
    : `${what} of 4 KiB move ${gigabytes(bytes)}, more than those of 1 MiB (${gigabytes(large.perSecond)}): something disturbed the larger ones; measure again`
  return { name: `4 KiB ${what} within the bandwidth`, ok, says }
}

function notDerived(what: string, small: RampLimit, large: RampLimit): LimitCheck {
  const blocks = [4, 8, 16, 32, 64, 128, 256, 512, 1024].map((kib) => kib * 1024)
  const block = blocks.find(
    (bytes) => small.perSecond > 0 && Math.abs(large.perSecond / bytes / small.perSecond - 1) < 1e-4,
  )
  const ok = block === undefined
  return {
    name: `4 KiB ${what} have a limit of their own`,
    ok,
    says: ok
      ? `${Math.round(small.perSecond)} ${what} of 4 KiB per second`
      : `${what} per second are the bandwidth divided by ${block / 1024} KiB, to four digits: a limit on bytes (a quota of the provider's?) was measured twice`,
  }
}

function belowMemory(what: string, perSecond: number, { memoryCopyPerSecond, direct }: LimitFigures): LimitCheck {
  const ok = perSecond <= memoryCopyPerSecond * slack
  return {
    name: `${what} not above memory`,
    ok,
    says: ok
      ? `${gigabytes(perSecond)}; one thread copies ${gigabytes(memoryCopyPerSecond)} in memory`
      : `${gigabytes(perSecond)} is more than one thread copies in memory (${gigabytes(memoryCopyPerSecond)})${direct ? ': no disk was asked' : ''}`,
  }
}

function device(what: 'read' | 'write', { deviceShare }: RampLimit, direct: boolean): LimitCheck {
  const name = `${what}s reach the device`
  if (!direct)
    return {
      name,
      ok: false,
      says: `the file system has no O_DIRECT: ${what} figures are the page cache's, not the device's`,
    }
  if (deviceShare === null) return { name, ok: true, says: 'the kernel keeps no account of it (/proc/self/io)' }
  const percent = `${Math.round(Math.min(1, deviceShare) * 100)} %`
  return deviceShare >= leastDeviceShare
    ? {
        name,
        ok: true,
        says: `${percent} of the bytes, by /proc/self/io; a cache inside or below the device (a host's) cannot be seen from here`,
      }
    : { name, ok: false, says: `only ${percent} of the bytes, by /proc/self/io: ${what} figures are a cache's` }
}

/** Writes that are much faster than reads are not on the medium yet. */
function writeCache({ sequentialRead, sequentialWrite }: LimitFigures): LimitCheck {
  const times = sequentialWrite.perSecond / sequentialRead.perSecond
  const ok = !(times > writeReadRatioMax)
  const says = ok
    ? 'writes are not much faster than reads'
    : `writes are ${times.toFixed(1)} times as fast as reads: a cache in or below the device takes them, and a longer run may find its end`
  return { name: "writes are the device's", ok, says }
}

function durable({ datasyncP50Ns }: LimitFigures): LimitCheck {
  const micros = `${(datasyncP50Ns / 1000).toFixed(0)} µs`
  const ok = datasyncP50Ns >= plausibleSyncNs
  const says = ok
    ? `fdatasync takes ${micros} (median)`
    : `fdatasync takes ${micros} (median), less than a device needs: a cache acknowledges it (memory file system, a lying write cache, or one with power-loss protection)`
  return { name: 'fdatasync is plausible', ok, says }
}
