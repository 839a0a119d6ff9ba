// io_uring denied for real: by filters that deny, hide and kill, and by a tracer that answers in the kernel's place. `ringmaster doctor` names who it was.
import { spawnSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compileC, hasCompiler, seccompFilterOver, seccompFilterOverArgument } from '../native/support/c-program.ts'
import type { CProgram } from '../native/support/c-program.ts'
import { temporaryFolder } from '../services/harness.ts'
import { examine, finding, mayLockMemory } from './examination.ts'
import type { Examination } from './examination.ts'

const folder = temporaryFolder()
afterAll(() => {
  folder.remove()
})

/** io_uring_setup, io_uring_enter and io_uring_register, on every architecture. */
const [first, last] = [425, 427]
const prctl = process.arch === 'x64' ? 157 : 167

/** Of a denial there is one cause: whoever speaks of it says that one. */
function expectAgreement(found: Examination): void {
  const { have, why } = found.find('rings.make')
  const seccomp = found.find('policy.seccomp')
  if (have === 'denied: seccomp') expect(seccomp).toMatchObject({ verdict: 'broken' })
  else expect(seccomp.have).not.toMatch(/denying|killing/)
  expect(found.find('layout.start').why).toContain(why.replace(/; system calls on threads are used instead$/, ''))
}

describe.runIf(hasCompiler)('a seccomp filter', () => {
  let overAll: CProgram
  let overSetup: CProgram
  let overOthers: CProgram
  let overPrctl: CProgram
  let overLarge: CProgram
  let overMost: CProgram
  beforeAll(() => {
    overAll = compileC(seccompFilterOver(first, last))
    overSetup = compileC(seccompFilterOver(first, first))
    overOthers = compileC(seccompFilterOver(900, 999))
    overPrctl = compileC(seccompFilterOver(prctl, prctl))
    overLarge = compileC(seccompFilterOverArgument(first, 0, 512))
    overMost = compileC(seccompFilterOverArgument(first, 0, 16))
  })
  afterAll(() => {
    for (const program of [overAll, overSetup, overOthers, overPrctl, overLarge, overMost]) program.remove()
  })

  it.each([
    ['denies all three calls, as container engines do', ['errno', '1'], /1 filter, denying/, /Seccomp: 2/],
    ['hides them', ['errno', '38'], /1 filter, denying/, /the kernel has io_uring .*ENOSYS/],
    [
      'kills the process that asks',
      ['kill-process'],
      /1 filter, killing/,
      /kills whoever calls io_uring_enter \(SIGSYS/,
    ],
    ['kills the thread that asks', ['kill-thread'], /1 filter, killing/, /kills whoever calls io_uring_enter \(SIGSYS/],
  ])('%s: it is the filter, and files are read without rings', async (_, action, have, why) => {
    const found = await examine([folder.path], { under: [overAll.file, ...action] })
    expect(found.verdict).toBe('broken')
    expect(found.find('rings.make')).toMatchObject(
      finding('broken', /^denied: seccomp$/, why, /seccomp|SystemCallFilter|filter/),
    )
    expect(found.find('policy.seccomp')).toMatchObject(finding('broken', have, /./, /./))
    expect(found.find('layout.start')).toMatchObject(
      finding('degraded', /1 with poller threadpool/, /no io_uring/, null),
    )
    expect(found.find('storage.path').verdict).toBe('ok')
    expectAgreement(found)
  })

  it('denies io_uring_setup alone, as a security module could: it is the filter', async () => {
    const found = await examine([folder.path], { under: [overSetup.file, 'errno', '1'] })
    expect(found.find('rings.make')).toMatchObject(
      finding('broken', /^denied: seccomp$/, /io_uring_setup is denied \(EPERM\)/, /./),
    )
    expect(found.find('policy.seccomp')).toMatchObject(finding('broken', /^1 filter, denying$/, /./, /./))
    expectAgreement(found)
  })

  it('and does not let itself be tried: both are named, and how to tell; nobody guesses', async () => {
    const found = await examine([folder.path], {
      under: [overSetup.file, 'errno', '1', overPrctl.file, 'errno', '1'],
    })
    const rings = found.find('rings.make')
    // Where modules can be read, and none could deny it, only the filter is left.
    if (rings.have !== 'denied: seccomp') {
      expect(rings).toMatchObject(
        finding(
          'broken',
          /unknown cause$/,
          /both could be it: a seccomp filter, or a security module/,
          /^to tell: run it/,
        ),
      )
      expect(found.find('policy.seccomp')).toMatchObject(finding('unknown', /^2 filters$/, /not for certain/, null))
      expect(found.find('policy.modules').verdict).toBe('unknown')
    }
    expectAgreement(found)
  })

  it('answers ENOMEM: it is not the memory', async () => {
    const found = await examine([folder.path], { under: [overSetup.file, 'errno', '12'] })
    expect(found.find('rings.make')).toMatchObject(finding('broken', /^denied: seccomp$/, /ENOMEM before/, /./))
    expect(found.find('memory.memlock')).toMatchObject({ verdict: 'ok', fix: null })
    expect(found.findings.map(({ id }) => id)).not.toContain('memory.rings')
    expectAgreement(found)
  })

  // For the kernel has memory: this is as near as a test comes to one that has none.
  it.runIf(mayLockMemory).each([
    ['for deep rings', (): CProgram => overLarge, /^1 with fewer entries$/],
    ['for any but the smallest', (): CProgram => overMost, /^1 refused$/],
  ])('answers ENOMEM %s: that is not memlock where CAP_IPC_LOCK holds', async (_, program, have) => {
    const found = await examine([folder.path, '--rings', '1'], { under: [program().file, 'errno', '12'] })
    expect(found.find('rings.make').verdict).toBe('ok')
    expect(found.find('memory.memlock')).toMatchObject(finding('ok', /^no limit \(CAP_IPC_LOCK\)$/, /./, null))
    expect(found.find('memory.rings')).toMatchObject({
      verdict: 'degraded',
      have: expect.stringMatching(have) as string,
      why: expect.stringMatching(/ENOMEM, and no memlock limit holds.*CAP_IPC_LOCK.*or a seccomp filter/) as string,
    })
    const { why } = found.find('layout.start')
    expect(why).not.toMatch(/Max locked memory|ulimit -l/)
    expect(why).toMatch(/no memlock limit holds/)
  })

  it('denies it to who plans without rings: nothing is wrong', async () => {
    const found = await examine([folder.path, '--poller', 'threadpool'], { under: [overAll.file, 'errno', '1'] })
    expect(found.find('rings.make')).toMatchObject(finding('info', /^denied: seccomp$/, /no ring is planned/, /./))
    expect(found.find('policy.seccomp').verdict).toBe('info')
    expect(found.find('layout.start')).toMatchObject(finding('ok', /1 with poller threadpool/, /set by option/, null))
  })

  it('is over something else: it is seen, and stands in nobody’s way', async () => {
    const found = await examine([folder.path], { under: [overOthers.file, 'errno', '1'] })
    expect(found.find('policy.seccomp')).toMatchObject(finding('ok', /^1 filter$/, /answers all three/, null))
    expect(found.find('rings.make').verdict).toBe('ok')
  })
})

/** Tracing may be forbidden where strace is installed. */
const canTrace = spawnSync('strace', ['-f', '-o', '/dev/null', 'true']).status === 0

it.runIf(canTrace)('a tracer that answers in the place of the kernel is named, not the kernel', async () => {
  const inject = ['-e', 'trace=io_uring_setup', '-e', 'inject=io_uring_setup:error=ENOSYS']
  const found = await examine([folder.path], { under: ['strace', '-f', '-o', '/dev/null', ...inject] })
  expect(found.find('rings.make')).toMatchObject(
    finding('broken', /^denied: tracer$/, /process \d+ traces this one/, /run it without/),
  )
})
