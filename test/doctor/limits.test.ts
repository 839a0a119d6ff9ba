// Limits that are reached for real: memory that may be locked, descriptors, CPUs, quotas. Alone: what may be locked is counted for each user.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { canLimitMemlock, ringsAreCharged, underMemlock } from '../native/support/memlock.ts'
import { temporaryFolder } from '../services/harness.ts'
import { canBeSomebodyElse, examine, finding, somebodyElse } from './examination.ts'

const folder = temporaryFolder()
afterAll(() => {
  folder.remove()
})

const has = (command: string): boolean => spawnSync(command, ['--version']).status === 0

describe.runIf(canLimitMemlock && ringsAreCharged)('memory that may be locked', () => {
  it('is none: ENOMEM is traced to the limit', async () => {
    const found = await examine([folder.path], { under: underMemlock(0) })
    expect(found.find('rings.make')).toMatchObject(
      finding('broken', /^denied: memlock$/, /RLIMIT_MEMLOCK is 0 bytes/, /memlock|ulimit -l|MEMLOCK|IPC_LOCK/),
    )
    // What the rings would have taken, and not the nothing that they take.
    expect(found.find('memory.memlock')).toMatchObject({
      ...finding('degraded', /^0 bytes$/, /would not lock/, /./),
      need: expect.stringMatching(/^[1-9]\S* [KM]iB \(rings\)$/) as string,
    })
  })

  it('is none, for a plan that locks none: nothing is the matter with that', async () => {
    const found = await examine([folder.path, '--poller', 'threadpool'], { under: underMemlock(0) })
    expect(found.find('memory.memlock')).toMatchObject({
      ...finding('ok', /^0 bytes$/, /nothing is locked/, null),
      need: '0 bytes (rings)',
    })
  })

  it('is none by the soft limit alone: that the hard one suffices is tried', async () => {
    const found = await examine([folder.path], { under: underMemlock('0:') })
    expect(found.find('rings.make')).toMatchObject(
      finding('broken', /^denied: memlock$/, /with the hard limit, .+, the same ring can be made/, /./),
    )
  })

  it('is little: rings are shallower, and buffers are not registered', async () => {
    const found = await examine([folder.path, '--buffers', '4M'], { under: underMemlock(2 ** 18) })
    expect(found.find('memory.memlock')).toMatchObject(
      finding('degraded', /^256 KiB$/, /buffers were not registered.*Max locked memory/, /./),
    )
    const shallow = await examine([folder.path], { under: underMemlock(2 ** 17) })
    expect(shallow.find('memory.memlock')).toMatchObject(
      finding('degraded', /^128 KiB$/, /queues have \d+ entries instead of 1024/, /./),
    )
  })

  it('is enough', async () => {
    const found = await examine([folder.path, '--buffers', '1M'], { under: underMemlock(2 ** 22) })
    expect(found.find('memory.memlock')).toMatchObject(finding('ok', /^4 MiB$/, /buffers: registered on 1 ring$/, null))
  })
})

const inUserNamespace = ['unshare', '--user', '--map-root-user']
const canUnshare = spawnSync('unshare', [...inUserNamespace.slice(1), 'true']).status === 0

it.runIf(canUnshare && has('prlimit'))('capabilities of a user namespace lift no limit of the kernel', async () => {
  const found = await examine([folder.path], { under: ['prlimit', `--memlock=${2 ** 22}`, ...inUserNamespace] })
  expect(found.find('memory.memlock').have).toBe('4 MiB')
  expect(found.find('policy.sysctl').why).not.toMatch(/CAP_SYS_ADMIN$/)
})

describe.runIf(has('prlimit') && canBeSomebodyElse)('threads', () => {
  it('may be too few for Node.js: that is told before it aborts of it', async () => {
    // Enough for the doctor and what it tries, one after the other.
    const under = [...somebodyElse, 'prlimit', '--nproc=34']
    const found = await examine(['/tmp'], { under })
    expect(found.find('layout.threads')).toMatchObject(
      finding('degraded', /^\d+ of 34 may still be started$/, /RLIMIT_NPROC is 34/, /^ulimit -u |LimitNPROC|nproc=/),
    )
  })
})

describe.runIf(has('prlimit') && has('taskset'))('descriptors and CPUs', () => {
  it('are too few for what is planned', async () => {
    const under = ['prlimit', '--nofile=400', 'taskset', '-c', '0']
    const found = await examine([folder.path, '--rings', '64', '--poller', 'worker'], { under })
    expect(found.find('layout.start')).toMatchObject(
      finding('broken', /^refused$/, /is too many.*each ring takes 7/, null),
    )
    expect(found.find('layout.descriptors')).toMatchObject(
      finding('broken', /^\d+ may still be opened$/, /is too many/, /nofile|ulimit -n|NOFILE/),
    )
    const fewer = await examine([folder.path, '--rings', '2', '--poller', 'worker'], { under })
    expect(fewer.find('layout.start')).toMatchObject(
      finding('ok', /^2 with poller worker$/, /3 threads may spin on 1 CPU/, null),
    )
    expect(fewer.find('cpu.effective')).toMatchObject(
      finding(
        'degraded',
        /^1 CPU\b/,
        /3 threads that spin take 1 CPU from each other/,
        /^--poller caller, or more CPUs: taskset -c 0-\d+/,
      ),
    )
    expect(fewer.find('layout.descriptors')).toMatchObject(
      finding('info', /may still be opened/, /takes \d+ connections instead of 4096/, /./),
    )
  })
})

/** A group of version 1 or 2 with this in its files, for as long as the test runs; null where none may be made. */
function controlGroup(
  controller: string,
  files: Readonly<Record<string, string>>,
): (Disposable & { procs: string }) | null {
  const mount = existsSync(`/sys/fs/cgroup/${controller}`) ? `/sys/fs/cgroup/${controller}` : '/sys/fs/cgroup'
  const path = join(mount, `ringmaster-doctor-${process.pid}`)
  const remove = (): void => {
    if (existsSync(path)) rmdirSync(path)
  }
  try {
    mkdirSync(path)
    for (const [name, value] of Object.entries(files)) {
      if (existsSync(join(path, name))) writeFileSync(join(path, name), value)
    }
    if (!Object.keys(files).some((name) => existsSync(join(path, name)))) throw new Error(`no controller ${controller}`)
    return { procs: join(path, 'cgroup.procs'), [Symbol.dispose]: remove }
  } catch {
    remove()
    return null
  }
}

const inGroup = (procs: string): string[] => ['sh', '-c', `echo $$ > ${procs} && exec "$@"`, 'sh']

describe('control groups', () => {
  it('grant too little CPU time, and too little memory for what is planned', async ({ skip }) => {
    using cpu = controlGroup('cpu', { 'cpu.max': '80000 100000', 'cpu.cfs_quota_us': '80000' })
    using memory = controlGroup('memory', { 'memory.max': String(2 ** 31), 'memory.limit_in_bytes': String(2 ** 31) })
    if (cpu === null || memory === null) return skip('this process may not make control groups')
    const under = [...inGroup(cpu.procs), ...inGroup(memory.procs)]
    const found = await examine([folder.path, '--poller', 'worker', '--buffers', '4G'], { under })
    expect(found.find('cpu.quota')).toMatchObject(
      finding('degraded', /^0\.8 CPUs of \d/, /once the quota is spent/, /./),
    )
    expect(found.find('cpu.effective')).toMatchObject(finding('degraded', /^0\.8 CPUs/, /./, /./))
    expect(found.find('memory.cgroup')).toMatchObject(finding('degraded', /^2 GiB$/, /OOM/, /./))
  })
})

const groupFixes = JSON.stringify(new URL('../../dist/services/doctor/group-fixes.js', import.meta.url).href)

it('limits of control groups are raised by the commands that are printed', ({ skip }) => {
  using cpu = controlGroup('cpu', { 'cpu.max': '80000 100000', 'cpu.cfs_quota_us': '80000' })
  using memory = controlGroup('memory', { 'memory.max': String(2 ** 28), 'memory.limit_in_bytes': String(2 ** 28) })
  if (cpu === null || memory === null) return skip('this process may not make control groups')
  const source = `const { raiseCpus, raiseMemory } = await import(${groupFixes})
for (const line of [raiseMemory(2 ** 29), raiseCpus(2)]) if (line !== null) console.log(line)`
  const script = `told=$("$@") && echo "$told" && eval "$told" && echo then && "$@"`
  const node = [process.execPath, '--input-type=module', '-e', source]
  const [command = '', ...args] = [...inGroup(cpu.procs), ...inGroup(memory.procs), 'sh', '-c', script, 'sh', ...node]
  const { stdout } = spawnSync(command, args, { encoding: 'utf8' })
  expect(stdout).toMatch(/^echo 536870912 > \S*\/memory\.\S+\necho 200000( 100000)? > \S*\/cpu\.\S+\nthen\n$/)
})

const canMount = process.getuid?.() === 0 && spawnSync('unshare', ['-m', 'true']).status === 0
const clock = '/sys/devices/system/clocksource/clocksource0/current_clocksource'

// The machine's own is not for tests to change: in a mount namespace of its own the process reads another one.
it.runIf(canMount && existsSync(clock))(
  'a clock that takes a system call and a slow register is told, and the better one',
  async () => {
    const file = join(folder.path, 'clock')
    writeFileSync(file, 'hpet\n')
    const under = ['unshare', '-m', 'sh', '-c', `mount --bind ${file} ${clock} && exec "$@"`, 'sh']
    const found = await examine([folder.path], { under, env: { KUBERNETES_SERVICE_HOST: '10.0.0.1' } })
    expect(found.find('cpu.clock')).toMatchObject(
      finding('degraded', /^hpet$/, /each look at the clock is a system call/, /./),
    )
    expect(found.find('surroundings.kubernetes')).toMatchObject(finding('info', /^yes$/, /deploy\/helm/, null))
  },
)
