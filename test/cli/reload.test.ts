// SIGHUP, and a drain that begins later: what stays reachable while things change.
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { Agent } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { getResponse, patternBytes, readAll, sha256 } from '../http/clients.ts'
import { eventually, temporaryFolder } from '../services/harness.ts'
import { exitCode, startDaemon } from './command.ts'
import { openNotifySocket } from './notify-socket.ts'

let folder: ReturnType<typeof temporaryFolder>
const large = patternBytes(24 * 1024 * 1024)
beforeAll(() => {
  folder = temporaryFolder()
})
afterAll(() => {
  folder.remove()
})

/** ROOT is a symbolic link to `old`, and there is `new`. */
function swappable(name: string): { root: string; point: (to: string) => void } {
  const base = join(folder.path, name)
  for (const each of ['old', 'new']) {
    mkdirSync(join(base, each), { recursive: true })
    writeFileSync(join(base, each, 'which'), each)
  }
  const root = join(base, 'current')
  const point = (to: string): void => {
    symlinkSync(to, `${root}.next`)
    renameSync(`${root}.next`, root)
  }
  point('old')
  return { root, point }
}

describe('SIGHUP', () => {
  it('opens ROOT anew, while downloads from the old one go on', async () => {
    const { root, point } = swappable('swap')
    writeFileSync(join(root, 'large.bin'), large)
    const NOTIFY_SOCKET = join(folder.path, 'notify')
    await using manager = await openNotifySocket(NOTIFY_SOCKET)
    await using daemon = await startDaemon(root, [], { NOTIFY_SOCKET })
    const which = async (): Promise<string> => (await fetch(`${daemon.filesUrl}which`)).text()
    const download = await getResponse(`${daemon.filesUrl}large.bin`)
    point('new')
    expect(await which()).toBe('old')

    const beforeUs = process.hrtime.bigint() / 1000n
    daemon.child.kill('SIGHUP')
    expect(await eventually(() => manager.count('READY') === 2)).toBe(true)
    expect(await which()).toBe('new')
    expect(sha256(await readAll(download))).toBe(sha256(large))
    const [, reloading, ready] = manager.messages
    expect(reloading).toMatchObject({ RELOADING: '1' })
    // The same clock as everybody's on this machine, so that a manager can compare.
    const reloadingUs = BigInt(reloading?.['MONOTONIC_USEC'] ?? 0)
    expect(reloadingUs >= beforeUs && reloadingUs <= process.hrtime.bigint() / 1000n).toBe(true)
    expect(ready).toMatchObject({ READY: '1', STATUS: expect.not.stringContaining('reload failed') as string })
  })

  it('keeps the folder that was open where the new one cannot be opened, and says why', async () => {
    const { root, point } = swappable('broken')
    const NOTIFY_SOCKET = join(folder.path, 'notify-broken')
    await using manager = await openNotifySocket(NOTIFY_SOCKET)
    await using daemon = await startDaemon(root, [], { NOTIFY_SOCKET })
    expect(await eventually(() => manager.count('READY') === 1)).toBe(true)
    for (const [target, reason] of [
      ['missing', /^reload failed: ROOT \S+ does not exist, serving the old ROOT; /],
      ['old/which', /^reload failed: ROOT \S+ is not a directory, serving the old ROOT; /],
    ] as const) {
      const before = manager.count('READY')
      point(target)
      daemon.child.kill('SIGHUP')
      expect(await eventually(() => manager.count('READY') > before)).toBe(true)
      expect(manager.messages.at(-1)?.['STATUS']).toMatch(reason)
      // Another channel than the manager's: it may come later.
      expect(await eventually(() => daemon.stderr().includes('reload failed: serving the old ROOT'))).toBe(true)
      expect(await (await fetch(`${daemon.filesUrl}which`)).text()).toBe('old')
      expect((await daemon.probe('readyz')).status).toBe(200)
    }
    point('new')
    daemon.child.kill('SIGHUP')
    await expect.poll(async () => (await fetch(`${daemon.filesUrl}which`)).text(), { timeout: 20_000 }).toBe('new')
  })

  it('in any number leaves nothing open and nothing unanswered', async () => {
    const { root } = swappable('many')
    const NOTIFY_SOCKET = join(folder.path, 'notify-many')
    await using manager = await openNotifySocket(NOTIFY_SOCKET)
    await using daemon = await startDaemon(root, [], { NOTIFY_SOCKET })
    for (let round = 0; round < 20; round++) {
      daemon.child.kill('SIGHUP')
      expect(await (await fetch(`${daemon.filesUrl}which`)).text()).toBe('old')
    }
    // A signal that came while a reload was under way may have one more begin behind its end.
    const answered = (): boolean =>
      manager.count('READY') >= 2 && manager.count('READY') === manager.count('RELOADING') + 1
    expect(await eventually(answered)).toBe(true)
    rmSync(root)
    daemon.child.kill('SIGTERM')
    expect(await exitCode(daemon.child)).toBe(0)
  })
})

describe('--drain-delay-seconds', () => {
  it('goes on accepting while /readyz says that it stops, one answer for each connection', async () => {
    const { root } = swappable('delay')
    const args = ['--drain-delay-seconds', '600', '--drain-seconds', '1']
    await using daemon = await startDaemon(root, args)
    const before = await getResponse(`${daemon.filesUrl}which`, { agent: new Agent({ keepAlive: true }) })
    expect(before.headers.connection).not.toBe('close')
    await readAll(before)
    daemon.child.kill('SIGTERM')
    await expect.poll(() => daemon.probe('readyz'), { timeout: 10_000 }).toMatchObject({ status: 503 })
    expect((await daemon.probe('readyz')).body).toBe('stopping\nrings: ok\naccepting: stopping\n')
    expect((await daemon.probe('livez')).status).toBe(200)
    const agent = new Agent({ keepAlive: true })
    const response = await getResponse(`${daemon.filesUrl}which`, { agent })
    expect(response.headers.connection).toBe('close')
    expect((await readAll(response)).toString()).toBe('old')
    // A second signal does not wait for it.
    daemon.child.kill('SIGTERM')
    expect(await exitCode(daemon.child)).toBe(143)
  })

  it('is over after that time: the daemon ends by itself', async () => {
    const { root } = swappable('short')
    await using daemon = await startDaemon(root, ['--drain-delay-seconds', '0.2'])
    daemon.child.kill('SIGTERM')
    expect(await exitCode(daemon.child)).toBe(0)
  })
})
