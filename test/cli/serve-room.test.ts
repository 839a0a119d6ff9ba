// How much may be stored below ROOT of `ringmaster serve`: --size-max, --when-full, --quota, from the command line to the answer.
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { exitCodes } from '../../services/cli/exit.ts'
import { parseQuota } from '../../services/cli/room-rules.ts'
import { temporaryFolder } from '../services/harness.ts'
import { runCommand, startDaemon } from './command.ts'

const folder = temporaryFolder()
afterAll(() => {
  folder.remove()
})
let root: string
let count = 0
beforeEach(() => {
  root = join(folder.path, String(count++))
  mkdirSync(root)
})

const put = async (url: string, name: string): Promise<number> =>
  (await fetch(`${url}${name}`, { method: 'PUT', body: Buffer.alloc(4096) })).status

describe('--size-max', () => {
  it('refuses what does not fit, says so at the start, and is in the metrics', async () => {
    await using daemon = await startDaemon(root, ['--write', '--size-max', '8K'])
    expect(daemon.stdout()).toMatch(/^at most 8192 bytes in all, then 507$/m)
    expect([await put(daemon.filesUrl, 'a'), await put(daemon.filesUrl, 'b')]).toEqual([201, 201])
    expect(await put(daemon.filesUrl, 'c')).toBe(507)
    const metrics = await (await fetch(`${daemon.adminUrl}/metrics`)).text()
    expect(metrics).toMatch(/^ringmaster_blob_stored_bytes\{folder="\/"\} 8192$/m)
    expect(metrics).toMatch(/^ringmaster_blob_refusals_total\{folder="\/"\} 1$/m)
  })

  it('makes room with --when-full evict', async () => {
    await using daemon = await startDaemon(root, ['--write', '--size-max', '40K', '--when-full', 'evict'])
    expect(daemon.stdout()).toMatch(/^at most 40960 bytes in all, then what nobody has read for longest is removed$/m)
    for (let index = 0; index < 20; index++) expect(await put(daemon.filesUrl, String(index))).toBe(201)
    expect(readdirSync(root)).toContain('19')
    await expect.poll(() => readdirSync(root).length).toBeLessThanOrEqual(10)
  })
})

describe('--quota', () => {
  it('is of its folder alone', async () => {
    await using daemon = await startDaemon(root, ['--write', '--quota', 'a=4K', '--quota', 'b=1objects'])
    const statuses = []
    for (const name of ['a/1', 'a/2', 'b/1', 'b/2', 'c/1']) statuses.push(await put(daemon.filesUrl, name))
    expect(statuses).toEqual([201, 507, 201, 507, 201])
  })

  it('is read as it is said', () => {
    const [first, second] = parseQuota('x=1=10G,5000objects,evict', parseQuota('a b=2T'))
    expect(first).toEqual({ folder: 'a b', sizeBytesMax: 2 ** 41, objectsMax: null, whenFull: 'refuse' })
    expect(second).toEqual({ folder: 'x=1', sizeBytesMax: 10 * 2 ** 30, objectsMax: 5000, whenFull: 'evict' })
  })
})

it.each([
  [['--size-max', '1G'], '--size-max: nothing is stored without --write'],
  [['--write', '--when-full', 'evict'], 'say how much may be stored with --size-max'],
  [['--write', '--size-max', '0'], 'Expected a number of bytes'],
  [['--write', '--quota', 'a'], 'Expected FOLDER=SIZE'],
  [['--write', '--quota', '../a=1G'], "a quota's folder is names with / between them"],
  [['--write', '--quota', 'a=evict'], 'says neither how many bytes nor how many objects'],
  [['--write', '--quota', 'a=1G', '--quota', 'a=2G'], 'has two quotas'],
])('refused at the start: %s', async (options, message) => {
  const { code, stderr } = await runCommand('serve', root, '--listen', ':0', '--admin', ':0', ...options)
  expect(code).toBe(exitCodes.usage)
  expect(stderr).toContain(message)
})
