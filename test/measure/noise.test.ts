// What disturbs: counted from /proc texts, and with the causes produced for real: a busy process, a CPU quota.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { watchNoise } from '../../services/measure/noise.ts'
import type { NoiseReading } from '../../services/tune/types.ts'
import { tasks } from '../bench/process-facts.ts'
import { temporaryFolder } from '../services/harness.ts'

const module = new URL('../../dist/services/measure/noise.js', import.meta.url).href

describe('the noise of a window', () => {
  it('is read from /proc/stat, /proc/pressure and cpu.stat, in shares of the CPUs there are', async () => {
    const root = temporaryFolder()
    const write = (path: string, text: string): void => {
      mkdirSync(join(root.path, path, '..'), { recursive: true })
      writeFileSync(join(root.path, path), text)
    }
    const state = (busyTicks: number, stealTicks: number, pressureUs: number, throttledUs: number): void => {
      write('proc/stat', `cpu  ${busyTicks} 0 0 1000 50 0 0 ${stealTicks} 0 0\ncpu0 1\ncpu1 1\nintr 5\n`)
      write('proc/pressure/cpu', `some avg10=0.00 avg60=0.00 avg300=0.00 total=${pressureUs}\n`)
      write('sys/fs/cgroup/mine/cpu.stat', `usage_usec 5\nthrottled_usec ${throttledUs}\n`)
    }
    write('proc/thread-self/cgroup', '0::/mine\n')
    write('proc/thread-self/mountinfo', '30 20 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n')
    state(1000, 100, 0, 0)
    const startedMs = performance.now()
    const read = watchNoise(root.path)
    await sleep(50)
    // A second's worth of figures in whatever time goes by: what counts is how they compare.
    state(1002, 101, 10_000, 4_000)
    const noise = read(10e6)
    const elapsedNs = (performance.now() - startedMs) * 1e6
    const unit = 10e6 / (2 * elapsedNs)
    expect(noise.stealShare / unit).toBeCloseTo(1, 0)
    expect(noise.otherShare / unit).toBeCloseTo(1, 0)
    expect(noise.throttledShare / (4e6 / (2 * elapsedNs))).toBeCloseTo(1, 0)
    expect(noise.cpuPressureShare! / (10e6 / elapsedNs)).toBeCloseTo(1, 0)
    expect(noise.ioPressureShare).toBeNull()
    root.remove()
  })

  it('has the CPU time of another process, and not what was ours', async () => {
    const busy = spawn(process.execPath, ['-e', 'for (;;) ;'], { stdio: 'ignore' })
    const cpuOf = (pid: number): number => tasks(pid).reduce((sum, { cpuNs }) => sum + cpuNs, 0)
    try {
      const startedMs = performance.now()
      const read = watchNoise()
      const before = { other: cpuOf(busy.pid!), own: process.cpuUsage() }
      const spinUntilMs = startedMs + 300
      while (performance.now() < spinUntilMs);
      await sleep(700)
      const other = cpuOf(busy.pid!) - before.other
      const own = process.cpuUsage(before.own)
      const ownNs = (own.user + own.system) * 1000
      const [withOwn, withoutOwn] = [read(0), read(ownNs)]
      const cpus = spawnSync('grep', ['-c', '^cpu[0-9]', '/proc/stat'], { encoding: 'utf8' })
      const capacityNs = (performance.now() - startedMs) * 1e6 * Number(cpus.stdout)
      expect(other).toBeGreaterThan(0)
      // Both are counted in ticks of 10 ms.
      expect(withoutOwn.otherShare).toBeGreaterThanOrEqual((other - 40e6) / capacityNs)
      expect(withOwn.otherShare - withoutOwn.otherShare).toBeGreaterThan((ownNs / capacityNs) * 0.5)
    } finally {
      busy.kill('SIGKILL')
    }
  })

  const group = `/sys/fs/cgroup/cpu/ringmaster-noise-${process.pid}`
  const hasQuota = ((): boolean => {
    try {
      mkdirSync(group)
      writeFileSync(`${group}/cpu.cfs_quota_us`, '10000')
      return true
    } catch {
      if (existsSync(group)) rmdirSync(group)
      return false // version 2 of cgroups, or no right to make one
    }
  })()

  it.skipIf(!hasQuota)('says how much a CPU quota withheld', () => {
    const script = `import { watchNoise } from '${module}'
      import { writeFileSync } from 'node:fs'
      writeFileSync('${group}/cgroup.procs', String(process.pid))
      const read = watchNoise()
      const endMs = performance.now() + 800
      while (performance.now() < endMs);
      console.log(JSON.stringify(read(0)))`
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
    rmdirSync(group)
    const noise = JSON.parse(stdout || stderr) as NoiseReading
    expect(noise.throttledShare).toBeGreaterThan(0)
    expect(noise.throttledShare).toBeLessThanOrEqual(1)
  })
})
