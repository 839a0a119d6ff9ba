// What disturbs the machine while something is measured: steal, other load, pressure, throttling. Read before and after, by leg/main.ts inside the
// leg's process; tune and bench name it where figures are not worth concluding from.
import { cgroupFolders } from '../machine/cgroup.ts'
import { readText } from '../machine/text.ts'
import type { NoiseReading } from '../tune/types.ts'

/** Running totals since boot, ns. */
interface Totals {
  readonly atNs: number
  readonly cpus: number
  readonly busyNs: number
  readonly stealNs: number
  readonly throttledNs: number
  readonly cpuPressureNs: number | null
  readonly ioPressureNs: number | null
}

/** USER_HZ: 100 on every architecture that Node runs on. */
const nsPerTick = 1e7

/**
 * /proc/stat, first line: user nice system idle iowait irq softirq steal guest guest_nice. Guests are in user and nice already (proc_stat(5)).
 * Waiting for I/O is idle.
 */
function cpuTotals(root: string): Pick<Totals, 'cpus' | 'busyNs' | 'stealNs'> {
  const lines = readText(root, 'proc/stat').split('\n')
  const ticks = (lines[0] ?? '').split(/\s+/).slice(1).map(Number)
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = ticks
  return {
    cpus: Math.max(1, lines.filter((line) => /^cpu\d/.test(line)).length),
    busyNs: (user + nice + system + irq + softirq) * nsPerTick,
    stealNs: steal * nsPerTick,
  }
}

/** `some avg10=0.00 avg60=0.00 avg300=0.00 total=MICROSECONDS` (Documentation/accounting/psi.rst). */
function pressureNs(root: string, resource: 'cpu' | 'io'): number | null {
  const total = /^some .*total=(\d+)/m.exec(readText(root, `proc/pressure/${resource}`))?.[1]
  return total === undefined ? null : Number(total) * 1000
}

/** Of this process's groups, the one that was held up longest: throttled_usec of version 2, throttled_time (ns) of version 1. */
function throttledNs(root: string): number {
  const { unified, legacy } = cgroupFolders(root, 'cpu')
  const times = [...unified, ...legacy].map((folder) => {
    const text = readText(root, `${folder}/cpu.stat`)
    const usec = /^throttled_usec (\d+)$/m.exec(text)?.[1]
    const nsec = /^throttled_time (\d+)$/m.exec(text)?.[1]
    return usec === undefined ? Number(nsec ?? 0) : Number(usec) * 1000
  })
  return Math.max(0, ...times)
}

function readTotals(root: string): Totals {
  return {
    atNs: performance.now() * 1e6,
    ...cpuTotals(root),
    throttledNs: throttledNs(root),
    cpuPressureNs: pressureNs(root, 'cpu'),
    ioPressureNs: pressureNs(root, 'io'),
  }
}

const clamped = (share: number): number => Math.min(1, Math.max(0, share))

/** Begins to watch; what it returns is called with the CPU time that was ours, and tells. `root`: where /proc and /sys are. */
export function watchNoise(root = '/'): (ownCpuNs: number) => NoiseReading {
  const before = readTotals(root)
  return (ownCpuNs) => {
    const after = readTotals(root)
    const elapsedNs = Math.max(1, after.atNs - before.atNs)
    const capacityNs = elapsedNs * after.cpus
    const pressure = (was: number | null, is: number | null): number | null =>
      was === null || is === null ? null : clamped((is - was) / elapsedNs)
    return {
      stealShare: clamped((after.stealNs - before.stealNs) / capacityNs),
      otherShare: clamped((after.busyNs - before.busyNs - ownCpuNs) / capacityNs),
      cpuPressureShare: pressure(before.cpuPressureNs, after.cpuPressureNs),
      ioPressureShare: pressure(before.ioPressureNs, after.ioPressureNs),
      throttledShare: clamped((after.throttledNs - before.throttledNs) / capacityNs),
    }
  }
}
