// What this process may do and, where it may not, why. Real causes throughout: system calls that fail, filters that deny, hide and
// kill, limits that are reached, each in a child process that asks and prints the answer.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { release } from 'node:os'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Feature, Op } from '../../native/abi.ts'
import { capabilities, explainSetupError, probeHere, probeInChild } from '../../native/capabilities.ts'
import type { Capabilities, Verdict } from '../../native/capabilities.ts'
import { compileC, hasCompiler, seccompFilterSource } from './support/c-program.ts'
import type { CProgram } from './support/c-program.ts'
import { canLimitMemlock, ringsAreCharged, underMemlock } from './support/memlock.ts'
import { descriptors, eventually, kernelThreads, ringMappings } from './support/process-state.ts'
import { runForResult } from './support/programs.ts'

const has = (command: string): boolean => spawnSync(command, ['--version']).status === 0
/** Tracing may be forbidden where strace is installed. */
const canTrace = has('strace') && spawnSync('strace', ['-f', '-o', '/dev/null', 'true']).status === 0

const ask = (under: readonly string[], env: Record<string, string> = {}): Promise<Capabilities> =>
  runForResult<Capabilities>('print-capabilities', { under, env })

const nothing = { memory: [], features: 0, opcodes: [], kernelRelease: release() }
const denied = (reason: string, message: RegExp): Verdict =>
  expect.objectContaining({ ok: false, reason, message: expect.stringMatching(message) as string }) as Verdict

describe('here, where rings work', () => {
  test('both kinds of memory, the SQ thread, and what the kernel has', async () => {
    const found = await capabilities()
    expect(found.rings).toEqual({ ok: true })
    expect(found.sqpoll).toEqual({ ok: true })
    expect(found.memory).toEqual(['user', 'mapped'])
    expect(found.features & Feature.NODROP).not.toBe(0)
    expect(found.kernelRelease).toBe(release())
    for (const opcode of [Op.NOP, Op.READ, Op.OPENAT2, Op.STATX]) expect(found.opcodes.includes(opcode)).toBe(true)
    expect(found.opcodes).toEqual([...found.opcodes].sort((one, other) => one - other))
  })

  test('is asked once', () => {
    expect(capabilities()).toBe(capabilities())
  })

  test('a child process has the same answer', async () => {
    expect(await probeInChild()).toEqual(probeHere())
  })

  // At its end a process has no main thread for a moment, as one whose main thread was killed: looked at often, it is met.
  test('a child process that is looked at while it ends has the same answer', { timeout: 180_000 }, async () => {
    const here = probeHere()
    for (let times = 0; times < 8; times++) {
      expect(await Promise.all([probeInChild(1), probeInChild(1), probeInChild(1)])).toEqual([here, here, here])
    }
  })

  test('asking leaves no descriptor, mapping or thread', async () => {
    const before = descriptors()
    for (let times = 0; times < 20; times++) probeHere()
    expect(descriptors()).toEqual(before)
    expect(ringMappings()).toEqual([])
    expect(await eventually(() => kernelThreads().length === 0)).toBe(true)
  })
})

describe.runIf(canTrace)('io_uring_setup fails (injected by strace)', () => {
  const inject = (error: string, when = ''): Promise<Capabilities> =>
    ask([
      'strace',
      '-f',
      '-o',
      '/dev/null',
      '-e',
      'trace=io_uring_setup',
      '-e',
      `inject=io_uring_setup:error=${error}${when}`,
    ])

  test.each([
    ['EPERM', 'permission', /EPERM.*security module \(SELinux, AppArmor\).*audit log/],
    ['EACCES', 'permission', /EACCES.*security module/],
    ['ENOSYS', 'kernel', /has no io_uring: it needs Linux 5\.13/],
    ['ENOMEM', 'memlock', /"Max locked memory" is \d+ bytes\): raise it with ulimit -l/],
    ['EMFILE', 'descriptors', /EMFILE.*ulimit -n/],
    ['ENFILE', 'descriptors', /ENFILE/],
    ['EINVAL', 'kernel', /too old for what was asked/],
    ['EIO', 'unknown', /failed with EIO/],
  ])('with %s: %s', async (error, reason, message) => {
    const rings = denied(reason, message)
    expect(await inject(error)).toEqual({ ...nothing, rings, sqpoll: rings })
  })

  // User memory, mapped memory and the SQ thread are tried in this order; where the third is denied, the first two were not.
  test('only for the SQ thread: rings work and SQPOLL is denied, with a reason of its own', async () => {
    const found = await inject('EPERM', ':when=3')
    expect(found.rings).toEqual({ ok: true })
    expect(found.memory).toEqual(['user', 'mapped'])
    expect(found.sqpoll).toEqual(denied('permission', /SQPOLL is denied \(EPERM\).*before 5\.13/))
  })

  test('only for user memory: rings work, mapped', async () => {
    const found = await inject('ENOMEM', ':when=1')
    expect(found.rings).toEqual({ ok: true })
    expect(found.sqpoll).toEqual({ ok: true })
    expect(found.memory).toEqual(['mapped'])
  })
})

describe.runIf(hasCompiler)('a seccomp filter over io_uring_setup', () => {
  let filter: CProgram
  beforeAll(() => {
    filter = compileC(seccompFilterSource)
  })
  afterAll(() => {
    filter.remove()
  })

  test.each([
    ['denies it (EPERM): as Docker and containerd do', ['errno', '1'], /a seccomp filter denies it \(EPERM\); Docker/],
    ['hides it (ENOSYS): as others do', ['errno', '38'], /a seccomp filter hides io_uring \(ENOSYS\)/],
    ['kills the process', ['kill-process'], /kills whoever asks for io_uring \(SIGSYS\)/],
    ['kills the thread, and leaves a process without its main thread', ['kill-thread'], /kills whoever asks/],
  ])('%s: told apart from every other cause, and the process that asked lives', async (_, action, message) => {
    const rings = denied('seccomp', message)
    expect(await ask([filter.file, ...action])).toEqual({ ...nothing, rings, sqpoll: rings })
  })

  test('that denies something else does not stand in the way', async () => {
    // Errno 0 is success with the result 0: no descriptor. Any other system call is allowed as before.
    const found = await ask([filter.file, 'errno', '95'])
    expect(found.rings).toEqual(denied('unknown', /EOPNOTSUPP|ENOTSUP/))
  })
})

describe('limits', () => {
  test.runIf(has('prlimit'))('no descriptor is left', async () => {
    const found = await runForResult<Capabilities>('print-capabilities', {
      under: ['prlimit', '--nofile=64'],
      args: ['without-descriptors'],
    })
    const rings = denied('descriptors', /no file descriptor is left \(EMFILE\): raise ulimit -n/)
    expect(found).toEqual({ ...nothing, rings, sqpoll: rings })
  })

  test.runIf(canLimitMemlock && ringsAreCharged)(
    'no memory may be locked (a limit of 0, without CAP_IPC_LOCK)',
    async () => {
      const found = await ask(underMemlock(0))
      expect(found.rings).toEqual(denied('memlock', /ENOMEM, "Max locked memory" is 0 bytes/))
    },
  )
})

describe('the addon', () => {
  test('is not where RINGMASTER_ADDON says: that is the reason, and the file is named', async () => {
    const rings = denied('addon', /\/nowhere\/ringmaster\.node cannot be loaded/)
    expect(await ask([], { RINGMASTER_ADDON: '/nowhere/ringmaster.node' })).toEqual({
      ...nothing,
      rings,
      sqpoll: rings,
    })
  })

  test('is no addon', async () => {
    const rings = denied('addon', /cannot be loaded/)
    expect(await ask([], { RINGMASTER_ADDON: '/etc/passwd' })).toEqual({ ...nothing, rings, sqpoll: rings })
  })
})

describe('explainSetupError()', () => {
  test('always says what is the matter, whatever the errno', () => {
    for (let errno = -1; errno > -140; errno--) {
      for (const sqpoll of [false, true]) expect(explainSetupError(errno, sqpoll).message).not.toBe('')
    }
  })

  const disabled = readFileSync('/proc/sys/kernel/io_uring_disabled', 'latin1').trim()
  test.runIf(disabled === '0')('does not blame the sysctl where it allows everything', () => {
    expect(explainSetupError(-1, false).reason).not.toBe('sysctl')
  })
})
