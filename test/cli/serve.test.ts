// `ringmaster serve` as its users see it: what it prints, what it serves, and how it ends.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { getResponse, patternBytes, readAll, sha256 } from '../http/clients.ts'
import { commandLine, exitCode, filesUrlOf, spawnCommand, startDaemon } from './command.ts'

const large = patternBytes(24 * 1024 * 1024)
let root: string
beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'ringmaster-serve-')))
  mkdirSync(join(root, 'dir'))
  writeFileSync(join(root, 'dir', 'small.txt'), 'a small file')
  writeFileSync(join(root, 'large.bin'), large)
})
afterAll(() => {
  rmSync(root, { recursive: true })
})

describe('a running daemon', () => {
  it('says where it is, and which poller each ring has and why', async () => {
    await using daemon = await startDaemon(root, ['--rings', '2'])
    const lines = daemon.stdout().trimEnd().split('\n')
    expect(lines[0]).toMatch(new RegExp(`^serving ${root} at http://127\\.0\\.0\\.1:\\d+/b/$`))
    expect(lines[1]).toMatch(/^metrics at http:\/\/127\.0\.0\.1:\d+\/metrics$/)
    expect(lines[2]).toMatch(/^ring 0: poller (kernel|worker|caller) — \S.*$/)
    expect(lines[3]).toMatch(/^ring 1: poller (kernel|worker|caller) — \S.*$/)
    expect(lines[4]).toMatch(/^the rings as they turn: http:\/\/127\.0\.0\.1:\d+\/ in a browser$/)
    expect(lines).toHaveLength(5)
  })

  it.each(['kernel', 'worker', 'caller'])('serves with the poller %s', async (poller) => {
    await using daemon = await startDaemon(root, ['--poller', poller])
    expect(daemon.stdout()).toContain(`ring 0: poller ${poller} — `)
    expect(await (await fetch(`${daemon.filesUrl}dir/small.txt`)).text()).toBe('a small file')
    expect(sha256(await readAll(await getResponse(`${daemon.filesUrl}large.bin`)))).toBe(sha256(large))
  })

  it('serves without the addon, and says why', async () => {
    await using daemon = await startDaemon(root, [], { RINGMASTER_ADDON: 'none' })
    expect(daemon.stdout()).toMatch(
      /ring 0: poller threadpool — plain Node.js, node:fs instead of io_uring: RINGMASTER_ADDON=none/,
    )
    expect(await (await fetch(`${daemon.filesUrl}dir/small.txt`)).text()).toBe('a small file')
    expect(sha256(await readAll(await getResponse(`${daemon.filesUrl}large.bin`)))).toBe(sha256(large))
    expect((await fetch(`${daemon.filesUrl}../etc/passwd`)).status).toBe(404)
  })

  it('answers probes, and metrics of HTTP and rings', async () => {
    await using daemon = await startDaemon(root)
    await readAll(await getResponse(`${daemon.filesUrl}dir/small.txt`))
    expect((await daemon.probe('readyz')).status).toBe(200)
    expect((await daemon.probe('livez')).status).toBe(200)
    const metrics = await (await fetch(`${daemon.adminUrl}/metrics`)).text()
    expect(metrics).toContain('ringmaster_http_requests_total{method="GET",code="200"} 1')
    expect(metrics).toMatch(/^ringmaster_ring_info\{.*poller=/m)
    expect(await (await fetch(`${daemon.adminUrl}/`)).text()).toContain('ring 0: poller')
  })

  it('logs JSON to stderr', async () => {
    await using daemon = await startDaemon(root, ['--log-level', 'debug'])
    await fetch(`${daemon.filesUrl}missing`)
    await expect.poll(() => daemon.stderr(), { timeout: 10_000 }).toContain('/b/missing')
    const lines = daemon.stderr().trimEnd().split('\n')
    const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(entries.find((entry) => entry['msg'] === 'started')).toMatchObject({ name: 'ringmaster', root })
    expect(entries.find((entry) => entry['target'] === '/b/missing')).toMatchObject({ status: 404, code: 'ENOENT' })
  })

  it.skipIf(!existsSync('/usr/bin/curl'))('curl gets files, ranges and paths as they are', async () => {
    await using daemon = await startDaemon(root)
    const output = join(root, 'curl-output')
    const curl = async (...args: string[]): Promise<string> =>
      (await promisify(execFile)('curl', ['-sS', '--path-as-is', '-w', '%{http_code}', '-o', output, ...args])).stdout
    expect(await curl(`${daemon.filesUrl}large.bin`)).toBe('200')
    expect(sha256(readFileSync(output))).toBe(sha256(large))
    expect(await curl('-r', '1000-1999', `${daemon.filesUrl}large.bin`)).toBe('206')
    expect(readFileSync(output).equals(large.subarray(1000, 2000))).toBe(true)
    expect(await curl(`${daemon.filesUrl}../../../../etc/passwd`)).toBe('404')
    expect(await curl('-I', `${daemon.filesUrl}dir/small.txt`)).toBe('200')
    expect(await curl('-T', '/etc/hostname', `${daemon.filesUrl}new`)).toBe('405')
  })

  it('goes on when nobody reads its output', async () => {
    const child = spawnCommand(['serve', root, '--listen', '[::1]:0', '--admin', ':0', '--log-level', 'debug'])
    child.stderr.destroy()
    const url = await filesUrlOf(child.stdout)
    child.stdout.destroy()
    expect(url).toMatch(/^http:\/\/\[::1\]:\d+\/b\/$/)
    for (let round = 0; round < 5; round++) {
      expect(await (await fetch(`${url}dir/small.txt`)).text()).toBe('a small file')
    }
    child.kill('SIGTERM')
    expect(await exitCode(child)).toBe(0)
  })

  it('does not mind that its output was closed before it spoke', async () => {
    const child = spawnCommand(['serve', root, '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0'])
    child.stdout.destroy()
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk))
    await expect.poll(() => stderr, { timeout: 10_000 }).toContain('"started"')
    child.kill('SIGTERM')
    expect(await exitCode(child)).toBe(0)
  })
})

it('a log on a full disk does not stop it, and does not keep it from stopping', async () => {
  const full = openSync('/dev/full', 'w')
  const [file, ...args] = commandLine('serve', root, '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0')
  const child = spawn(file, [...args, '--log-level', 'debug'], { stdio: ['ignore', 'pipe', full] })
  closeSync(full)
  const url = await filesUrlOf(child.stdout)
  for (let round = 0; round < 5; round++) expect((await fetch(`${url}missing`)).status).toBe(404)
  child.kill('SIGTERM')
  const [code] = (await once(child, 'exit')) as [number | null]
  expect(code).toBe(0)
})

it.skipIf(!existsSync('/usr/bin/strace'))(
  'serves by ordinary system calls where there is no io_uring, and says why',
  async () => {
    // -D: the daemon stays our own child, strace watches from aside.
    const denied = ['-D', '-f', '-qq', '-o', '/dev/null', '-e', 'trace=io_uring_setup']
    const inject = ['-e', 'inject=io_uring_setup:error=ENOSYS']
    const command = commandLine('serve', root, '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0')
    const child = spawn('strace', [...denied, ...inject, ...command], { stdio: ['ignore', 'pipe', 'ignore'] })
    const serving = filesUrlOf(child.stdout)
    let stdout = ''
    child.stdout.on('data', (chunk: string) => (stdout += chunk))
    const answer = await fetch(`${await serving}large.bin`)
    expect(sha256(Buffer.from(await answer.arrayBuffer()))).toBe(sha256(large))
    await expect.poll(() => stdout, { timeout: 10_000 }).toMatch(/ring 0: poller threadpool — .*kernel/)
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
  },
  60_000,
)

describe('a signal', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('%s ends an idle daemon with exit code 0', async (signal) => {
    await using daemon = await startDaemon(root)
    daemon.child.kill(signal)
    expect(await exitCode(daemon.child)).toBe(0)
  })

  it('lets a download finish, while /readyz sends others away', async () => {
    await using daemon = await startDaemon(root, ['--drain-seconds', '60'])
    const response = await getResponse(`${daemon.filesUrl}large.bin`)
    daemon.child.kill('SIGTERM')
    await expect.poll(() => daemon.probe('readyz'), { timeout: 10_000 }).toMatchObject({ status: 503 })
    expect((await daemon.probe('readyz')).body).toMatch(/^stopping\n/)
    expect((await daemon.probe('livez')).status).toBe(200)
    await expect(getResponse(daemon.filesUrl, { agent: false })).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    expect(sha256(await readAll(response))).toBe(sha256(large))
    expect(await exitCode(daemon.child)).toBe(0)
    expect(daemon.stderr()).toContain('"stopped"')
  })

  it('cuts downloads off after --drain-seconds, and still ends with exit code 0', async () => {
    await using daemon = await startDaemon(root, ['--drain-seconds', '0.05'])
    const response = await getResponse(`${daemon.filesUrl}large.bin`)
    daemon.child.kill('SIGTERM')
    expect(await exitCode(daemon.child)).toBe(0)
    await expect(readAll(response)).rejects.toThrow('aborted')
    expect(daemon.stderr()).toContain('requests in flight were cut off')
  })

  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('a second %s does not wait: exit code %d', async (signal, code) => {
    await using daemon = await startDaemon(root, ['--drain-seconds', '60'])
    const response = await getResponse(`${daemon.filesUrl}large.bin`)
    response.on('error', () => undefined)
    daemon.child.kill('SIGTERM')
    await expect.poll(() => daemon.probe('readyz'), { timeout: 10_000 }).toMatchObject({ status: 503 })
    daemon.child.kill(signal)
    expect(await exitCode(daemon.child)).toBe(code)
  })
})

describe('an error that nobody handled', () => {
  const onSignal = (code: string): Record<string, string> => ({
    NODE_OPTIONS: `--import "data:text/javascript,process.on('SIGUSR2',()=>{${encodeURIComponent(code)}})"`,
  })

  it.each([
    ['exception', "throw new Error('of a test')"],
    ['rejection', "Promise.reject(new Error('of a test'))"],
  ])('%s is logged and ends the daemon with exit code 1', async (_title, code) => {
    await using daemon = await startDaemon(root, [], onSignal(code))
    daemon.child.kill('SIGUSR2')
    expect(await exitCode(daemon.child)).toBe(1)
    expect(daemon.stderr()).toMatch(/"level":60.*of a test/)
    expect(daemon.stderr()).toContain('"stopped"')
  })
})
