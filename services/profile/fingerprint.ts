// By what a machine is known again: what decides which layout is best there. Taken by the tuner, and again where a profile is loaded, and compared.
// Used by load.ts, `ringmaster doctor` and `ringmaster tune`.
import { realpathSync } from 'node:fs'
import { readVersion } from '../cli/version.ts'
import { readMachine } from '../machine/facts.ts'
import { readText } from '../machine/text.ts'
import type { DeviceFingerprint, Fingerprint, Profile } from './schema.ts'
import { readStorage } from './storage.ts'

/**
 * The fingerprint of this machine and of where `path` is stored; null, or a path that is not there: without a file system. `root` is where /proc and
 * /sys are.
 */
export function takeFingerprint(path: string | null, root = '/'): Fingerprint {
  const { affinity, quotaCpus } = readMachine(root)
  const real = path === null ? null : realPath(path)
  const storage = real === null ? { fileSystem: null, device: null } : readStorage(real, root)
  const cpuinfo = readText(root, 'proc/cpuinfo')
  return {
    kernel: readText(root, 'proc/sys/kernel/osrelease'),
    // Arm names no model, and numbers its parts.
    cpuModel: (/^(?:model name|cpu model|CPU part)\s*:\s*(.+)$/m.exec(cpuinfo)?.[1] ?? process.arch).trim(),
    cpus: Math.max(1, affinity.length),
    quotaCpus: Number.isFinite(quotaCpus) ? quotaCpus : null,
    memoryBytes: Number(/^MemTotal:\s*(\d+) kB/m.exec(readText(root, 'proc/meminfo'))?.[1] ?? 0) * 1024,
    ...storage,
    ringmaster: readVersion(),
    date: new Date().toISOString(),
  }
}

function realPath(path: string): string | null {
  try {
    return realpathSync(path)
  } catch {
    return null
  }
}

/**
 * How this machine differs from the one a profile was made on, a phrase each. Storage counts where the profile names what is on it: data of the tuner's
 * own is gone, and where it was says nothing about what is read now.
 */
export function differencesNow({ fingerprint, path }: Pick<Profile, 'fingerprint' | 'path'>): string[] {
  if (path !== null && realPath(path) !== null) return compareFingerprints(fingerprint, takeFingerprint(path))
  const differences = compareFingerprints({ ...fingerprint, fileSystem: null, device: null }, takeFingerprint(null))
  return path === null ? differences : [`what it was measured with: ${path} is not there now`, ...differences]
}

/** What the kernel keeps for itself differs a little from boot to boot. */
const memoryShareIgnored = 0.05

/** How two machines differ, a phrase each, as "CPUs: 2 now, 8 when the profile was made". Empty: they do not. The dates do not count. */
export function compareFingerprints(made: Fingerprint, now: Fingerprint): string[] {
  const differences: string[] = []
  const compare = (
    what: string,
    before: string | number | boolean | null,
    after: string | number | boolean | null,
  ): void => {
    if (before !== after) differences.push(`${what}: ${said(after)} now, ${said(before)} when the profile was made`)
  }
  compare('kernel', made.kernel, now.kernel)
  compare('CPU', made.cpuModel, now.cpuModel)
  compare('CPUs', made.cpus, now.cpus)
  compare('CPU quota', made.quotaCpus, now.quotaCpus)
  const memory = Math.abs(made.memoryBytes - now.memoryBytes) / Math.max(1, made.memoryBytes)
  if (memory > memoryShareIgnored) compare('memory', gibibytes(made.memoryBytes), gibibytes(now.memoryBytes))
  compare('file system', made.fileSystem?.type ?? null, now.fileSystem?.type ?? null)
  if (made.fileSystem !== null && now.fileSystem !== null) {
    const [before, after] = [made.fileSystem.mountOptions, now.fileSystem.mountOptions]
    const only = (some: readonly string[], others: readonly string[]): string | null =>
      some.filter((option) => !others.includes(option)).join(',') || null
    compare('mount options that differ', only(before, after), only(after, before))
  }
  compareDevices(made.device, now.device, compare)
  compare('Ringmaster', made.ringmaster, now.ringmaster)
  return differences
}

type Compare = (what: string, before: string | number | boolean | null, after: string | number | boolean | null) => void

/** Not by its name: disks are numbered anew with every boot. */
function compareDevices(made: DeviceFingerprint | null, now: DeviceFingerprint | null, compare: Compare): void {
  if (made === null || now === null) {
    compare('device', made?.name ?? null, now?.name ?? null)
    return
  }
  compare("device's model", made.model, now.model)
  compare('device that turns', made.rotational, now.rotational)
  compare("device's scheduler", made.scheduler, now.scheduler)
  compare("device's nomerges", made.nomerges, now.nomerges)
  compare("device's write cache", made.writeCache, now.writeCache)
}

const said = (value: string | number | boolean | null): string =>
  value === null ? 'none' : typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value)

const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`
