// Who may read and write what `ringmaster serve` serves: --write, --durability, --tokens, --anonymous, --public, by real clients.
import { execFile } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, temporaryFolder } from '../services/harness.ts'
import { exitCode, runCommand, startDaemon, type Daemon } from './command.ts'

const reader = 'reader-token-0123456789'
const writer = 'writer-token-0123456789'

let folder: ReturnType<typeof temporaryFolder>
let root: string
let tokens: string
beforeAll(() => {
  folder = temporaryFolder()
  root = join(folder.path, 'root')
  mkdirSync(root)
  writeFileSync(join(root, 'file'), 'content')
  tokens = tokenFile('tokens', `# who\nread-only ${reader}\nread-write ${writer}\n`)
})
afterAll(() => {
  folder.remove()
})

function tokenFile(name: string, text: string, mode = 0o600): string {
  const path = join(folder.path, name)
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}

/** The status of a request with curl's arguments. */
async function curl(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('curl', ['-sS', '-o', '/dev/null', '-w', '%{http_code}', ...args])
  return stdout
}

const bearer = (token: string): string[] => ['-H', `Authorization: Bearer ${token}`]

describe.skipIf(!existsSync('/usr/bin/curl'))('without --write', () => {
  it('nothing is written, removed or listed', async () => {
    await using daemon = await startDaemon(root)
    expect(await curl('-T', '/etc/hostname', `${daemon.filesUrl}new`)).toBe('405')
    expect(await curl('-X', 'DELETE', `${daemon.filesUrl}file`)).toBe('405')
    expect(await curl(daemon.filesUrl)).toBe('404')
    expect(existsSync(join(root, 'new'))).toBe(false)
    expect(readFileSync(join(root, 'file'), 'utf8')).toBe('content')
    expect(daemon.stdout()).not.toContain('PUT')
  })
})

describe.skipIf(!existsSync('/usr/bin/curl'))('--write', () => {
  it('stores, lists and removes, and says so at the start', async () => {
    await using daemon = await startDaemon(root, ['--write'])
    expect(daemon.stdout()).toMatch(/^PUT and DELETE, durability full; without tokens: everybody$/m)
    const response = await fetch(`${daemon.filesUrl}sub/new`, { method: 'PUT', body: 'stored' })
    expect([response.status, response.headers.get('x-durability')]).toEqual([201, 'full'])
    expect(readFileSync(join(root, 'sub', 'new'), 'utf8')).toBe('stored')
    expect(await curl('-T', '/etc/hostname', `${daemon.filesUrl}sub/new`)).toBe('204')
    expect(readFileSync(join(root, 'sub', 'new'))).toEqual(readFileSync('/etc/hostname'))
    const list = await (await fetch(`${daemon.filesUrl}sub/`, { headers: { Accept: 'application/json' } })).text()
    expect(list).toContain('"new"')
    expect(await curl('-X', 'DELETE', `${daemon.filesUrl}sub/new`)).toBe('204')
    expect(existsSync(join(root, 'sub', 'new'))).toBe(false)
    expect((await daemon.probe('readyz')).body).toContain('writing: ok')
  })

  it.each(['data', 'none'])('--durability %s is what the answer says', async (durability) => {
    await using daemon = await startDaemon(root, ['--write', '--durability', durability])
    const response = await fetch(`${daemon.filesUrl}durable`, { method: 'PUT', body: 'x' })
    expect(response.headers.get('x-durability')).toBe(durability)
  })

  it('without rings files are only read, and the start says so', async () => {
    await using daemon = await startDaemon(root, ['--write'], { RINGMASTER_ADDON: 'none' })
    expect(daemon.stdout()).toMatch(/^files are only read, at \/b\/ alone, by node:http: .*threadpool/m)
    expect(daemon.stdout()).not.toContain('PUT and DELETE')
    expect(await curl('-T', '/etc/hostname', `${daemon.filesUrl}new`)).toBe('405')
    expect(await eventually(() => daemon.stderr().includes('files are only read'))).toBe(true)
  })
})

const statuses = async ({ filesUrl }: Daemon, name: string): Promise<string[]> => [
  await curl(`${filesUrl}file`),
  await curl(...bearer('not-a-token-0123456789'), `${filesUrl}file`),
  await curl(...bearer(reader), `${filesUrl}file`),
  await curl(...bearer(writer), `${filesUrl}file`),
  await curl('-T', '/etc/hostname', `${filesUrl}${name}`),
  await curl(...bearer(reader), '-T', '/etc/hostname', `${filesUrl}${name}`),
  await curl(...bearer(writer), '-T', '/etc/hostname', `${filesUrl}${name}`),
]

describe.skipIf(!existsSync('/usr/bin/curl'))('--tokens', () => {
  it('each may do what its line says, and who has none nothing; no token is in the log', async () => {
    await using daemon = await startDaemon(root, ['--write', '--tokens', tokens, '--log-level', 'debug'])
    expect(daemon.stdout()).toContain('PUT and DELETE, durability full; tokens: 1 read-only, 1 read-write\n')
    expect(await statuses(daemon, 'by-token')).toEqual(['401', '401', '200', '200', '401', '403', '201'])
    expect(await eventually(() => daemon.stderr().includes('/b/file'))).toBe(true)
    expect(daemon.stderr()).not.toMatch(/0123456789|every user/)
  })

  it('--anonymous read-only: who has none may read; who says one that is not known may not', async () => {
    await using daemon = await startDaemon(root, ['--write', '--tokens', tokens, '--anonymous', 'read-only'])
    expect(daemon.stdout()).toContain('; without one: read-only\n')
    expect(await statuses(daemon, 'by-writer')).toEqual(['200', '401', '200', '200', '401', '403', '201'])
  })

  it('are asked for without rings, too', async () => {
    await using daemon = await startDaemon(root, ['--tokens', tokens], { RINGMASTER_ADDON: 'none' })
    expect(await statuses(daemon, 'never')).toEqual(['401', '401', '200', '200', '401', '405', '405'])
    const metrics = await (await fetch(`${daemon.adminUrl}/metrics`)).text()
    expect(metrics).toContain('ringmaster_http_requests_total{method="GET",code="401"} 2')
  })

  it('SIGHUP reads them anew, in every ring; what is no file of tokens leaves the old ones, and the log says why', async () => {
    const path = tokenFile('changing', `read-only ${reader}`)
    await using daemon = await startDaemon(root, ['--tokens', path, '--rings', '2'])
    const reads = async (token: string): Promise<string[]> =>
      Promise.all(Array.from({ length: 8 }, () => curl(...bearer(token), `${daemon.filesUrl}file`)))
    expect(new Set(await reads(reader))).toEqual(new Set(['200']))
    writeFileSync(path, `read-only ${writer}`)
    daemon.child.kill('SIGHUP')
    expect(await eventually(() => daemon.stderr().includes('reloaded: tokens are read anew'))).toBe(true)
    expect(new Set(await reads(reader))).toEqual(new Set(['401']))
    expect(new Set(await reads(writer))).toEqual(new Set(['200']))
    writeFileSync(path, 'read-only short')
    daemon.child.kill('SIGHUP')
    expect(await eventually(() => daemon.stderr().includes('reload failed: the old tokens are known'))).toBe(true)
    expect(daemon.stderr()).toContain('changing: the token in line 1 must have')
    expect(new Set(await reads(writer))).toEqual(new Set(['200']))
    expect((await daemon.probe('readyz')).status).toBe(200)
  })

  it('that every user of the machine can read are complained about', async () => {
    await using daemon = await startDaemon(root, ['--tokens', tokenFile('open', `read-only ${reader}`, 0o644)])
    expect(await eventually(() => daemon.stderr().includes('every user of this machine can read the tokens'))).toBe(
      true,
    )
  })
})

describe('wrong usage is exit code 2', () => {
  const serve = (...args: string[]): Promise<{ code: number | null; stderr: string }> =>
    runCommand('serve', root, '--admin', ':0', ...args)

  it.each<[string, string[], RegExp]>([
    [
      'other machines without tokens',
      ['--public', '--listen', '0.0.0.0:0'],
      /0\.0\.0\.0:0 without tokens.*--tokens.*--anonymous read-only/,
    ],
    ['other machines and nobody', ['--public', '--listen', '[::]:0', '--anonymous', 'none'], /without tokens/],
    [
      'tokens that are not there',
      ['--tokens', '/no/such/file'],
      /--tokens \/no\/such\/file: it cannot be read: ENOENT/,
    ],
    ['a folder of tokens', ['--tokens', '/'], /--tokens \/: it is no file/],
    ['an endless file', ['--tokens', '/dev/zero'], /it is no file/],
    ['no tokens', ['--tokens', '/dev/null'], /it is no file/],
    ['an empty name', ['--tokens', ''], /--tokens.*path of a file/],
    ['nobody at all', ['--anonymous', 'none'], /without --tokens nobody could read/],
    ['nobody who writes', ['--anonymous', 'read-only', '--write'], /nobody could write.*--tokens/],
    ['a durability that there is not', ['--durability', 'some'], /'some' is invalid.*full, data, none/],
    ['a dialect that there is not', ['--dialects', 'raw,ftp'], /no ftp; there are raw, turbo, nx/],
  ])('%s', async (_, args, message) => {
    const { code, stderr } = await serve('--listen', ':0', ...args)
    expect(stderr).toMatch(message)
    expect(stderr).not.toMatch(/^ {4}at /m)
    expect(code).toBe(2)
  })

  it('a file without a token, and one whose lines are none, of which nothing is said', async () => {
    const empty = await serve('--listen', ':0', '--tokens', tokenFile('empty', '# nobody\n'))
    expect([empty.code, empty.stderr]).toEqual([2, expect.stringMatching(/empty: it has no token: write a line/)])
    const wrong = await serve('--listen', ':0', '--tokens', tokenFile('wrong', `\n\nadmin ${writer}`))
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringMatching(/wrong: line 3 of the tokens is not/)])
    expect(wrong.stderr).not.toContain(writer)
  })
})

it.skipIf(!existsSync('/usr/bin/curl'))('other machines are served where everybody may read', async () => {
  await using daemon = await startDaemon(root, ['--public', '--listen', '0.0.0.0:0', '--anonymous', 'read-only'])
  const { port } = new URL(daemon.filesUrl)
  expect(await curl(`http://127.0.0.1:${port}/b/file`)).toBe('200')
  daemon.child.kill('SIGTERM')
  expect(await exitCode(daemon.child)).toBe(0)
})

it('--precompressed: a neighbour is served to who takes it', async () => {
  writeFileSync(join(root, 'page.js'), 'plain text')
  writeFileSync(join(root, 'page.js.gz'), 'as if compressed')
  await using daemon = await startDaemon(root, ['--precompressed'])
  const [with_, without] = await Promise.all(
    ['gzip', 'identity'].map((encoding) => curlText('-H', `Accept-Encoding: ${encoding}`, `${daemon.filesUrl}page.js`)),
  )
  expect([with_, without]).toEqual(['as if compressed', 'plain text'])
})

const curlText = async (...args: string[]): Promise<string> =>
  (await promisify(execFile)('curl', ['-sS', ...args])).stdout

it('--dialects: the caches that are named are served, beside files or alone', async () => {
  await using daemon = await startDaemon(root, ['--write', '--dialects', 'turbo,nx'])
  const base = new URL('/', daemon.filesUrl).href
  const stored = await fetch(`${base}v1/cache/abc123`, { method: 'PUT', body: 'artifact' })
  expect(stored.status).toBe(200)
  expect(await (await fetch(`${base}v1/cache/abc123`)).text()).toBe('artifact')
  expect((await fetch(`${base}v8/artifacts/status`)).status).toBe(200)
  expect((await fetch(`${daemon.filesUrl}file`)).status).toBe(404)
})
