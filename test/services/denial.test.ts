// Where io_uring is denied, missing or out of means, for real: the program starts, says why it runs without, and reads and writes files right.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compileC, hasCompiler, seccompFilterSource } from '../native/support/c-program.ts'
import type { CProgram } from '../native/support/c-program.ts'
import { canLimitMemlock, ringsAreCharged, underMemlock } from '../native/support/memlock.ts'
import { seededBytes, temporaryFolder } from './harness.ts'

const folder = temporaryFolder()
const data = join(folder.path, 'data')
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
beforeAll(() => {
  writeFileSync(data, seededBytes(300_000, 11))
})
afterAll(() => {
  folder.remove()
})

interface Told {
  readonly rings: readonly { readonly poller: string; readonly reason: string }[]
  readonly sha256: string
  readonly copied: boolean
}

const library = JSON.stringify(new URL('../../dist/services/index.js', import.meta.url).href)
const raw = JSON.stringify(new URL('../../dist/services/raw/index.js', import.meta.url).href)
const program = (options: object): string => `
  import { createHash } from 'node:crypto'
  import { Ringmaster } from ${library}
  const rings = await Ringmaster.start(${JSON.stringify(options)})
  const bytes = await rings.readFile(${JSON.stringify(data)})
  const copy = ${JSON.stringify(join(folder.path, 'copy'))}
  await rings.writeFile(copy, bytes)
  const copied = (await rings.readFile(copy)).equals(bytes) && (await rings.stat(copy)).size === bytes.length
  const told = rings.stats().rings.map(({ poller, reason }) => ({ poller, reason }))
  console.log(JSON.stringify({ rings: told, sha256: createHash('sha256').update(bytes).digest('hex'), copied }))
  await rings.close()`

/** Runs the program under a command, in a process of its own. */
function run(under: readonly string[], options: object = {}): { told: Told | null; stderr: string } {
  const [command, ...args] = [...under, process.execPath, '--input-type=module', '-e', program(options)]
  const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: 60_000 })
  return { told: stdout === '' ? null : (JSON.parse(stdout) as Told), stderr }
}

function expectFallback(under: readonly string[], reason: RegExp): void {
  const { told, stderr } = run(under)
  expect(stderr).toBe('')
  expect(told).toEqual({
    rings: [{ poller: 'threadpool', reason: expect.stringMatching(reason) as string }],
    sha256: sha256(readFileSync(data)),
    copied: true,
  })
}

const has = (command: string): boolean => spawnSync(command, ['--version']).status === 0
/** Tracing may be forbidden where strace is installed. */
const canTrace = has('strace') && spawnSync('strace', ['-f', '-o', '/dev/null', 'true']).status === 0
const inject = (error: string, call = 'io_uring_setup'): string[] => [
  ...['strace', '-f', '-o', '/dev/null', '-e', `trace=${call}`],
  ...['-e', `inject=${call}:error=${error}`],
]

describe.runIf(canTrace)('io_uring_setup fails (injected by strace)', () => {
  it.each([
    ['EPERM', /no io_uring.*denied \(EPERM of.*security module/],
    ['ENOSYS', /no io_uring.*has no io_uring: it needs Linux/],
    ['ENOMEM', /no io_uring.*Max locked memory.*ulimit -l/],
    ['EMFILE', /no io_uring.*no file descriptor is left/],
  ])(
    'with %s: system calls instead, and the reason is told',
    (error, reason) => {
      expectFallback(inject(error), reason)
    },
    60_000,
  )

  it.each(['io_uring_enter', 'io_uring_register'])(
    'and so where %s alone is denied',
    (call) => {
      expectFallback(inject('EPERM', call), /no io_uring.*denied \(EPERM of.*io_uring_register\)/)
    },
    60_000,
  )

  it('and a poller that needs it was asked for: start() fails with the reason', () => {
    const { told, stderr } = run(inject('EPERM'), { poller: 'caller' })
    expect(told).toBeNull()
    expect(stderr).toMatch(/RingUnavailableError[^]*denied \(EPERM of/)
  }, 60_000)
})

describe.runIf(hasCompiler)('a seccomp filter over io_uring_setup', () => {
  let filter: CProgram
  beforeAll(() => {
    filter = compileC(seccompFilterSource)
  })
  afterAll(() => {
    filter.remove()
  })

  it.each([
    ['denies it, as containers do', ['errno', '1'], /a seccomp filter denies it \(EPERM\)/],
    ['hides it', ['errno', '38'], /a seccomp filter hides io_uring \(ENOSYS\)/],
    ['kills whoever asks', ['kill-process'], /kills whoever asks for io_uring/],
  ])(
    '%s: system calls instead, and the reason is told',
    (_, action, reason) => {
      expectFallback([filter.file, ...action], reason)
    },
    60_000,
  )
})

describe.runIf(canLimitMemlock && ringsAreCharged)('memory that may be locked', () => {
  it('is none: system calls instead, and the reason is told', () => {
    expectFallback(underMemlock(0), /"Max locked memory" is 0 bytes/)
  }, 60_000)

  it('is none, and some later: it is asked again', () => {
    const source = `
        import { spawnSync } from 'node:child_process'
        import { capabilities } from ${library}
        const before = (await capabilities()).rings.reason
        spawnSync('prlimit', ['--pid', String(process.pid), '--memlock=1048576:'])
        console.log(JSON.stringify([before, (await capabilities()).rings.ok]))`
    const [command, ...args] = underMemlock('0:')
    const node = [process.execPath, '--input-type=module', '-e', source]
    const { stdout } = spawnSync(command, [...args, ...node], { encoding: 'utf8', timeout: 60_000 })
    expect(JSON.parse(stdout)).toEqual(['memlock', true])
  }, 60_000)

  it('is enough for some of the rings: those work, the others alone do without', () => {
    const { told } = run(underMemlock(1 << 20), { rings: 16, sqEntries: 1024 })
    const pollers = told?.rings.map(({ poller }) => poller) ?? []
    expect(told).toMatchObject({ sha256: sha256(readFileSync(data)), copied: true })
    expect(new Set(pollers).size).toBe(2)
    expect(pollers).toContain('threadpool')
    const refused = told!.rings.find(({ poller }) => poller === 'threadpool')
    expect(refused?.reason).toMatch(/Max locked memory/)
  }, 60_000)
})

// The value 1 denies io_uring to processes without CAP_SYS_ADMIN. 2 would deny it to everything else on the machine meanwhile.
const sysctl = '/proc/sys/kernel/io_uring_disabled'
const allowed = existsSync(sysctl) && readFileSync(sysctl, 'latin1').trim() === '0'
const canSet = process.getuid?.() === 0 && allowed && (statSync(sysctl).mode & 0o200) !== 0

describe.runIf(canSet && has('setpriv'))('the sysctl kernel.io_uring_disabled', () => {
  afterAll(() => {
    writeFileSync(sysctl, '0')
  })

  it('turns it off: system calls instead, and the reason is told', () => {
    writeFileSync(sysctl, '1')
    try {
      expectFallback(
        ['setpriv', '--bounding-set', '-all', '--inh-caps', '-all'],
        /kernel\.io_uring_disabled=1 turns io_uring off/,
      )
    } finally {
      writeFileSync(sysctl, '0')
    }
  }, 60_000)
})

describe('file descriptors', () => {
  it.each([
    ['but for one', true, 1],
    ['to the last', true, 0],
    ['to the last before the addon was loaded', false, 0],
  ])(
    'that are exhausted, %s, are what start() fails with, and once there are some again it starts',
    (_, before, left) => {
      const source = `
      import { closeSync, openSync } from 'node:fs'
      import { Ringmaster } from ${library}
      if (${before}) await (await Ringmaster.start({ poller: 'threadpool' })).close() // loads what start() loads
      const taken = []
      try { for (;;) taken.push(openSync('/dev/null')) } catch {}
      for (let left = 0; left < ${left}; left++) closeSync(taken.pop())
      const failed = await Ringmaster.start().then(() => null, ({ code, reason, message }) => ({ code, reason, message }))
      for (const fd of taken) closeSync(fd)
      const rings = await Ringmaster.start()
      const { op } = await import(${raw})
      const nop = await rings.raw().submit(op.nop())
      const bytes = await rings.readFile(${JSON.stringify(data)})
      await rings.close()
      const { poller } = rings.stats().rings[0]
      console.log(JSON.stringify({ failed, length: bytes.length, nop, poller }))`
      // Node opens all modules of a package at once: below some 150 the import itself fails, before there is a pool.
      const args = ['--nofile=256', process.execPath, '--input-type=module', '-e', source]
      const { stdout, stderr } = spawnSync('prlimit', args, { encoding: 'utf8', timeout: 60_000 })
      expect(stderr).toBe('')
      expect(JSON.parse(stdout)).toEqual({
        failed: {
          code: 'ERR_RING_UNAVAILABLE',
          reason: 'descriptors',
          message: expect.stringMatching(/raise ulimit -n or close some/) as string,
        },
        length: 300_000,
        nop: 0,
        poller: expect.stringMatching(/^(kernel|worker|caller)$/) as string,
      })
    },
    60_000,
  )
})

// In front of syscall(3): refuses one io_uring_setup of those that make rings of 512 entries, which probes do not.
const refusingSource = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>

static atomic_int rings;

long syscall(long number, ...) {
  static long (*next)(long, ...);
  long a[6];
  va_list rest;
  va_start(rest, number);
  for (int i = 0; i < 6; i++) a[i] = va_arg(rest, long);
  va_end(rest);
  if (number == 425 && a[0] == 512 && atomic_fetch_add(&rings, 1) == atoi(getenv("REFUSED_RING"))) {
    errno = EPERM;
    return -1;
  }
  if (next == NULL) next = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
  return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}`

describe.runIf(hasCompiler)('one ring of three is refused', () => {
  let shim: CProgram
  beforeAll(() => {
    shim = compileC(refusingSource, ['-shared', '-fPIC', '-ldl'])
  })
  afterAll(() => {
    shim.remove()
  })

  it.each([0, 1, 2])(
    'ring %i: it alone does without, and files are right',
    (refused) => {
      const under = ['env', `LD_PRELOAD=${shim.file}`, `REFUSED_RING=${refused}`]
      const { told, stderr } = run(under, { rings: 3, sqEntries: 512 })
      expect(stderr).toBe('')
      expect(told).toMatchObject({ sha256: sha256(readFileSync(data)), copied: true })
      const alone = told!.rings.map(({ poller }) => poller === 'threadpool')
      expect(alone).toEqual([0, 1, 2].map((ring) => ring === refused))
      expect(told!.rings[refused]!.reason).toMatch(/no io_uring.*denied \(EPERM of io_uring_setup/)
    },
    60_000,
  )
})
