// Where io_uring is denied, missing or out of means, for real: the program starts, says why it runs without, and reads and writes files right.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { release } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compileC, hasCompiler, seccompFilterSource } from '../native/support/c-program.ts'
import type { CProgram } from '../native/support/c-program.ts'
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
const inject = (error: string): string[] => [
  ...['strace', '-f', '-o', '/dev/null', '-e', 'trace=io_uring_setup'],
  ...['-e', `inject=io_uring_setup:error=${error}`],
]

describe.runIf(canTrace)('io_uring_setup fails (injected by strace)', () => {
  it.each([
    ['EPERM', /no io_uring.*denied \(EPERM\).*security module/],
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

  it('and a poller that needs it was asked for: start() fails with the reason', () => {
    const { told, stderr } = run(inject('EPERM'), { poller: 'caller' })
    expect(told).toBeNull()
    expect(stderr).toMatch(/RingUnavailableError[^]*denied \(EPERM\)/)
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

// Kernels from 5.12 to 6.13 charge rings to the cgroup and not to this limit; root without its capabilities is bound by it.
const [major, minor] = release().split('.').map(Number) as [number, number]
const charges = major > 6 || (major === 6 && minor >= 14)
const limited = (bytes: number): string[] => [
  ...['prlimit', `--memlock=${bytes}`],
  ...['setpriv', '--bounding-set', '-all', '--inh-caps', '-all'],
]

describe.runIf(process.getuid?.() === 0 && charges && has('setpriv') && has('prlimit'))(
  'memory that may be locked',
  () => {
    it('is none: system calls instead, and the reason is told', () => {
      expectFallback(limited(0), /"Max locked memory" is 0 bytes/)
    }, 60_000)

    it('is enough for some of the rings: those work, the others alone do without', () => {
      const { told } = run(limited(1 << 20), { rings: 16, sqEntries: 1024 })
      const pollers = told?.rings.map(({ poller }) => poller) ?? []
      expect(told).toMatchObject({ sha256: sha256(readFileSync(data)), copied: true })
      expect(new Set(pollers).size).toBe(2)
      expect(pollers).toContain('threadpool')
      const refused = told!.rings.find(({ poller }) => poller === 'threadpool')
      expect(refused?.reason).toMatch(/Max locked memory/)
    }, 60_000)
  },
)
