// How many CPUs this process really has: what its affinity allows, cut down to what its cgroup may use. Used by placement.
import { readFileSync } from 'node:fs'
import { binding } from '../native/binding.ts'

const read = (path: string): string => {
  try {
    return readFileSync(path, 'latin1').trim()
  } catch {
    return ''
  }
}

/** CPUs' worth of time a cgroup grants, Infinity where it sets no quota. v2: "max 100000" or "50000 100000". */
export function parseQuota(cpuMax: string): number {
  const [quota, period] = cpuMax.split(/\s+/)
  const cpus = Number(quota) / Number(period)
  return Number.isFinite(cpus) && cpus > 0 ? cpus : Infinity
}

function cgroupQuota(): number {
  const groups = read('/proc/self/cgroup')
  const unified = /^0::(.*)$/m.exec(groups)?.[1] ?? '/'
  // A quota on any level above limits this one too.
  let quota = Infinity
  for (let path = unified; ; path = path.slice(0, path.lastIndexOf('/'))) {
    quota = Math.min(quota, parseQuota(read(`/sys/fs/cgroup${path}/cpu.max`)))
    if (path === '' || path === '/') break
  }
  const legacy = /^\d+:(?:[^:]*,)?cpu(?:,[^:]*)?:(.*)$/m.exec(groups)?.[1]
  if (legacy !== undefined) {
    const base = `/sys/fs/cgroup/cpu${legacy === '/' ? '' : legacy}`
    quota = Math.min(quota, parseQuota(`${read(`${base}/cpu.cfs_quota_us`)} ${read(`${base}/cpu.cfs_period_us`)}`))
  }
  return quota
}

/** Effective CPUs, possibly a fraction. */
export function effectiveCpus(): number {
  return Math.min(binding().affinity().length, cgroupQuota())
}
