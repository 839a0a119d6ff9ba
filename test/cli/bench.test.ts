// `ringmaster bench` as a user runs it: for moments, so that what it prints and leaves can be checked and no figure means anything.
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, readdirSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { BenchReport } from '../../services/bench/model.ts'
import { contentsOf, fillFolder } from '../measure/harness.ts'
import { eventually, temporaryFolder } from '../services/harness.ts'
import { exitCode, runCommand, spawnCommand } from './command.ts'

const folder = temporaryFolder()
const moment = ['--rounds', '1', '--seconds', '0.05']

beforeAll(() => {
  fillFolder(folder.path)
})

afterAll(() => {
  folder.remove()
})

describe('ringmaster bench', () => {
  it('measures the files of a folder, leaves them as they are, and writes a report that needs nothing else', async () => {
    const before = contentsOf(folder.path)
    const out = temporaryFolder()
    const html = join(out.path, 'report.html')
    const workloads = ['random-read', 'small-files', 'durable-append', 'mixed']
    const some = ['--workloads', workloads.join(','), '--depth', '2', '--rate', '500', '--json', '--html', html]
    const { code, stdout, stderr } = await runCommand('bench', folder.path, ...some, ...moment)
    expect(code, stderr).toBe(0)
    expect(contentsOf(folder.path)).toEqual(before)
    const report = JSON.parse(stdout) as BenchReport
    expect(report.scenarios.map(({ scenario }) => scenario.workload)).toEqual(workloads)
    for (const { rows, verdict } of report.scenarios) {
      expect(rows.map(({ name }) => name)).toEqual(['ringmaster', 'fs.promises', 'fs.*Sync', 'C'])
      expect(verdict).toBe('inconclusive')
      for (const { name, rounds, missing } of rows) {
        if (name === 'C' && missing[0]?.includes('no C compiler') === true) continue
        expect(missing, name).toEqual([])
        expect(rounds[0]?.operationsPerSecond, name).toBeGreaterThan(0)
        expect(rounds[0]?.spectrum.length, name).toBe(9)
        expect(rounds[0]?.paced?.offeredPerSecond).toBe(500)
      }
    }
    const page = readFileSync(html, 'utf8')
    // Not the page as a message: it is long.
    expect(page.includes('<title>ringmaster bench</title>')).toBe(true)
    expect(page.includes(JSON.stringify(report.says).slice(1, -1))).toBe(true)
    expect(page.match(/<(?:script|link|img)[^>]*(?:src|href)=[^>]*>/g)).toBeNull()
    out.remove()
  })

  it('says in words and a table what it found; a file’s name cannot break out of the page', async () => {
    const wild = join(folder.path, 'x<script>')
    mkdirSync(wild)
    copyFileSync(join(folder.path, 'large'), join(wild, '<!--<script>alert(1)'))
    const html = join(wild, 'r.html')
    const { code, stdout } = await runCommand(
      'bench',
      join(wild, '<!--<script>alert(1)'),
      '--workloads',
      'random-read',
      '--html',
      html,
      ...moment,
    )
    expect(code).toBe(0)
    expect(stdout).toContain('random reads of 4 KiB, 64 in flight')
    expect(stdout).toMatch(/ringmaster +\d/)
    expect(stdout).toContain('Fewer than 3 rounds: nothing can be concluded.')
    expect(stdout).not.toContain('\u001b')
    const page = readFileSync(html, 'utf8')
    expect(page.includes('<!--<script>alert')).toBe(false)
    expect(page.includes('\\u003cscript\\u003ealert(1)')).toBe(true)
  })

  it('goes on without the C program where there is no compiler, and says why', async () => {
    const sparse = join(folder.path, 'sparse')
    writeFileSync(sparse, '')
    truncateSync(sparse, 1 << 20)
    const args = ['bench', sparse, '--workloads', 'random-read', '--verbose', ...moment]
    const child = spawnCommand(args, { PATH: '/nonexistent' })
    let stdout = ''
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    expect(await exitCode(child)).toBe(0)
    expect(stdout).toContain('no figure of C: there is no C compiler (cc): install')
    // Neither --verbose nor what a file of holes is worth costs a run of its own.
    expect(stderr).toMatch(/^random-read, round 1 of 1: ringmaster: .+ per s, p50 .+ µs/m)
    expect(stderr).toContain('round 1 of 1: C: no figure')
    expect(stdout).toContain('0 % of it are on the disk')
  })

  it('makes data where none is named, and removes it when it is interrupted: what there is is printed', async () => {
    const own = temporaryFolder()
    const args = ['bench', '--data-dir', own.path, '--data-mib', '8', '--seconds', '0.2', '--json']
    const child = spawnCommand(args)
    let stdout = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    expect(await eventually(() => readdirSync(own.path).length === 1 && childrenOf(child.pid!).length > 0)).toBe(true)
    child.kill('SIGINT')
    expect(await exitCode(child)).toBe(130)
    expect(readdirSync(own.path)).toEqual([])
    expect((JSON.parse(stdout) as BenchReport).interrupted).toBe(true)
    own.remove()
  })

  it('leaves nothing behind where there is no temporary folder, and says which variable names one', async () => {
    const own = temporaryFolder()
    const child = spawnCommand(['bench', '--data-dir', own.path, '--data-mib', '8'], {
      TMPDIR: join(own.path, 'absent'),
    })
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    expect(await exitCode(child)).toBe(1)
    expect(stderr).toMatch(/^ringmaster: nothing can be made in the temporary folder: ENOENT.* Set TMPDIR/)
    expect(readdirSync(own.path)).toEqual([])
    own.remove()
  })

  it('refuses what it cannot do, with what to do', async () => {
    const empty = temporaryFolder()
    writeFileSync(join(empty.path, 'nothing'), '')
    const failure = async (...args: string[]): Promise<[number | null, string]> => {
      const { code, stderr } = await runCommand('bench', ...args, ...moment)
      return [code, stderr]
    }
    expect(await failure(join(empty.path, 'absent'))).toEqual([1, expect.stringContaining('ENOENT')])
    expect(await failure(empty.path)).toEqual([1, expect.stringContaining('name another folder')])
    expect(await failure('--data-dir', empty.path, '--data-mib', '1048576')).toEqual([
      1,
      expect.stringContaining('less data'),
    ])
    expect(await failure('--html', join(empty.path, 'no', 'r.html'))).toEqual([
      1,
      expect.stringContaining('cannot write'),
    ])
    expect(await failure(join(empty.path, 'nothing'))).toEqual([1, expect.stringContaining('is empty: name a file')])
    for (const made of ['/proc', '/proc/self/maps', '/sys'])
      expect(await failure(made)).toEqual([1, expect.stringMatching(/is in (proc|sysfs), where the kernel makes up/)])
    const wild = join(empty.path, '\u001b[2J')
    expect(await failure(wild)).toEqual([1, expect.stringMatching(/\\x1b\[2J: ENOENT/)])
    const measured = join(folder.path, 'large')
    expect(await failure(measured, '--html', measured)).toEqual([
      1,
      expect.stringContaining('it is the file that is measured'),
    ])
    const pipe = join(empty.path, 'pipe')
    execFileSync('mkfifo', [pipe])
    expect(await failure(measured, '--html', pipe)).toEqual([1, expect.stringContaining('it is a pipe')])
    expect(await failure(pipe)).toEqual([1, expect.stringContaining('neither a file nor a folder')])
    expect(readdirSync(empty.path)).toEqual(['nothing', 'pipe'])
    const huge = await runCommand('bench', measured, '--block-bytes', '67108864', '--depth', '4096', ...moment)
    expect([huge.code, huge.stdout]).toEqual([1, expect.stringContaining('a quarter of the memory that is available')])
    expect(await failure('--workloads', 'sleeping')).toEqual([2, expect.stringContaining('there are random-read')])
    expect(await failure('--depth', '0')).toEqual([2, expect.stringContaining('from 1 to 4096')])
    empty.remove()
  })
})

/** Processes that a process has started. */
function childrenOf(pid: number): string[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1')
    .trim()
    .split(' ')
    .filter((id) => id !== '')
}
