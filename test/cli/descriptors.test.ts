// Few file descriptors: the daemon keeps some for probes and scrapes, whatever clients do; with too few to start it says so.
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { connectionsWithin } from '../../services/cli/connection-limit.ts'
import { exitCode, spawnCommand, startDaemon } from './command.ts'

const missing = spawnSync('prlimit', ['--version']).status === 0 ? '' : ' (skipped: prlimit is not installed)'
const patience = { timeout: 20_000, interval: 50 }
const limitedTo = (descriptors: number): string[] => ['prlimit', `--nofile=${descriptors}`]

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringmaster-cli-'))
  writeFileSync(join(folder, 'file'), 'content')
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

it.each([
  [Infinity, 4096, 128, 1024],
  [16_384, 4096, 128, 1024],
  [8400, 4096, 96, 192],
  [1024, 416, 88, 176],
  [230, 86, 21, 42],
  [32, 12, 2, 4],
])(
  'with %d descriptors left there are %d connections, and %d to %d for probes and scrapes',
  (left, files, idle, most) => {
    const { files: found, admin } = connectionsWithin(left)
    expect({ found, ...admin }).toEqual({ found: files, connectionsMax: idle, burstMax: most })
    expect(2 * found + admin.burstMax).toBeLessThan(left)
  },
)

it.each([31, 1, 0])('with %d the daemon does not start', (left) => {
  expect(() => connectionsWithin(left)).toThrow(/too few file descriptors: .* raise ulimit -n/)
})

describe.skipIf(missing !== '')(`with few descriptors${missing}`, () => {
  it('clients cannot take those of probes and scrapes, and who is refused is counted', async () => {
    await using daemon = await startDaemon(folder, [], {}, limitedTo(300))
    await vi.waitFor(() => {
      expect(daemon.stderr()).toContain('fewer connections than usual: raise RLIMIT_NOFILE')
    }, patience)
    const { hostname, port } = new URL(daemon.filesUrl)
    const sockets = Array.from({ length: 400 }, () => connect(Number(port), hostname).on('error', () => undefined))
    const admin = new URL(daemon.adminUrl)
    const idle = (): Socket => connect(Number(admin.port), admin.hostname).on('error', () => undefined)
    try {
      await Promise.all(sockets.map((socket) => once(socket, 'connect').catch(() => undefined)))
      for (let more = 0; more < 128; more++) sockets.push(idle())
      const metric = async (name: string): Promise<number> => {
        // Of a connection that is refused at once fetch() may never hear.
        const response = await fetch(`${daemon.adminUrl}/metrics`, { signal: AbortSignal.timeout(2_000) })
        return Number(new RegExp(`^${name} (\\d+)`, 'm').exec(await response.text())?.[1])
      }
      await vi.waitFor(async () => {
        expect(await metric('ringmaster_http_connections_refused_total')).toBeGreaterThan(250)
      }, patience)
      expect(await daemon.probe('livez')).toMatchObject({ status: 200 })
      expect(await daemon.probe('readyz')).toMatchObject({ status: 200 })
      // The kernel is asked from outside; a scrape has a descriptor or two of its own.
      await vi.waitFor(async () => {
        const told = await metric('process_open_fds')
        const open = readdirSync(`/proc/${daemon.child.pid}/fd`).length
        expect(Math.abs(told - open)).toBeLessThanOrEqual(5)
      }, patience)
    } finally {
      for (const socket of sockets) socket.destroy()
    }
    await vi.waitFor(async () => {
      expect(await (await fetch(`${daemon.filesUrl}file`)).text()).toBe('content')
    }, patience)
  })

  // With 45 it is a package that Node says it cannot find.
  it.each([45, 100])('%d are too few to start with: it ends with a line that says what to do', async (limit) => {
    const child = spawnCommand(['serve', folder, '--listen', ':0', '--admin', ':0'], {}, limitedTo(limit))
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
    expect({ code: await exitCode(child), stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^ringmaster: too few file descriptors to start \(EMFILE\): raise ulimit -n .*\n$/)
  })
})
