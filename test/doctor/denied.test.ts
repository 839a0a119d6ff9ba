// io_uring denied for real: by filters that deny, hide and kill, and by a tracer that answers in the kernel's place. `ringmaster doctor` names who it was.
import { spawnSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compileC, hasCompiler, seccompFilterOver } from '../native/support/c-program.ts'
import type { CProgram } from '../native/support/c-program.ts'
import { temporaryFolder } from '../services/harness.ts'
import { examine, finding } from './examination.ts'

const folder = temporaryFolder()
afterAll(() => {
  folder.remove()
})

/** io_uring_setup, io_uring_enter and io_uring_register, on every architecture. */
const [first, last] = [425, 427]

describe.runIf(hasCompiler)('a seccomp filter', () => {
  let overAll: CProgram
  let overSetup: CProgram
  let overOthers: CProgram
  beforeAll(() => {
    overAll = compileC(seccompFilterOver(first, last))
    overSetup = compileC(seccompFilterOver(first, first))
    overOthers = compileC(seccompFilterOver(900, 999))
  })
  afterAll(() => {
    for (const program of [overAll, overSetup, overOthers]) program.remove()
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
  })

  it('denies io_uring_setup alone: the filter is named, and a security module where that could be it as well', async () => {
    const found = await examine([folder.path], { under: [overSetup.file, 'errno', '1'] })
    const rings = found.find('rings.make')
    expect(rings.have).toMatch(/^denied: seccomp$|^denied, by an unknown cause$/)
    expect(rings.why).toMatch(/seccomp filter/)
    expect(rings.verdict).toBe('broken')
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
