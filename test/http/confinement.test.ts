// Nothing outside of ROOT can be read, whatever the path says, and nothing that is no file is opened for long.
import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rawGet, statusOf } from './clients.ts'
import { startService, type Service } from './service.ts'

const secret = 'the secret outside'
let service: Service
let outside: string

beforeAll(async () => {
  service = await startService()
  outside = realpathSync(mkdtempSync(join(tmpdir(), 'ringmaster-outside-')))
  writeFileSync(join(outside, 'secret.txt'), secret)
  const at = (...names: string[]): string => join(service.root, ...names)
  mkdirSync(at('dir'))
  writeFileSync(at('dir', 'inside.txt'), 'inside')
  writeFileSync(at('name with ä.txt'), 'utf-8 name')
  writeFileSync(Buffer.concat([Buffer.from(at('/')), Buffer.from([0xff, 0xfe])]), 'name of bytes')
  symlinkSync('dir/inside.txt', at('link-inside'))
  symlinkSync('../dir/inside.txt', at('dir', 'link-up-and-inside'))
  symlinkSync('dir', at('link-directory'))
  symlinkSync(join(outside, 'secret.txt'), at('link-absolute'))
  symlinkSync(at('dir', 'inside.txt'), at('link-absolute-inside'))
  symlinkSync(`../${outside.split('/').pop() ?? ''}/secret.txt`, at('link-relative'))
  symlinkSync(outside, at('link-outside-directory'))
  symlinkSync('nowhere', at('link-dangling'))
  symlinkSync('/nonexistent/nowhere', at('link-dangling-outside'))
  symlinkSync('link-loop', at('link-loop'))
  symlinkSync('/proc/self/environ', at('link-proc'))
  linkSync(at('dir', 'inside.txt'), at('hard-link'))
  execFileSync('mknod', [at('fifo'), 'p'])
})
afterAll(async () => {
  await service[Symbol.asyncDispose]()
  rmSync(outside, { recursive: true })
})

describe('files inside', () => {
  it.each([
    ['/b/dir/inside.txt', 'inside'],
    ['/b/dir/./inside.txt', 'inside'],
    ['/b/dir/../dir/inside.txt', 'inside'],
    ['/b/dir//inside.txt', 'inside'],
    ['/b/%64ir/inside.txt', 'inside'],
    ['/b/link-inside', 'inside'],
    ['/b/dir/link-up-and-inside', 'inside'],
    ['/b/link-directory/inside.txt', 'inside'],
    ['/b/hard-link', 'inside'],
    ['/b/name%20with%20%C3%A4.txt', 'utf-8 name'],
    ['/b/%ff%fe', 'name of bytes'],
  ])('%s is served', async (target, text) => {
    const answer = await rawGet(service.port, target)
    expect(statusOf(answer)).toBe(200)
    expect(answer.endsWith(`\r\n\r\n${text}`)).toBe(true)
  })
})

describe('what leads out, or is not there, looks the same', () => {
  const name = (): string => outside.split('/').pop() ?? ''
  it.each<[string | (() => string)]>([
    ['/b/missing'],
    ['/b/dir/missing'],
    ['/b/dir/inside.txt/below-a-file'],
    ['/b/dir/inside.txt/'],
    [`/b/${'n'.repeat(256)}`],
    ['/b/..'],
    ['/b/../'],
    ['/b/../../../../etc/passwd'],
    ['/b/dir/../../../../etc/passwd'],
    ['/b/%2e%2e/%2e%2e/etc/passwd'],
    ['/b/.%2e/etc/passwd'],
    ['/b//etc/passwd'],
    ['/b///etc/passwd'],
    ['/b/./../etc/passwd'],
    ['/b/..%c0%af..%c0%afetc/passwd'],
    ['/b/..\\..\\etc\\passwd'],
    [() => `/b/../${name()}/secret.txt`],
    [() => `/b/${outside}/secret.txt`],
    ['/b/link-absolute'],
    ['/b/link-relative'],
    ['/b/link-outside-directory/secret.txt'],
    ['/b/link-outside-directory/missing'],
    ['/b/link-dangling'],
    ['/b/link-dangling-outside'],
    ['/b/link-loop'],
    ['/b/link-proc'],
    // An absolute link is refused even if it points inside: it would be a way out when ROOT is moved or mounted elsewhere.
    ['/b/link-absolute-inside'],
  ])('%s', async (target) => {
    const answer = await rawGet(service.port, typeof target === 'string' ? target : target())
    expect(statusOf(answer)).toBe(404)
    expect(answer).not.toContain(secret)
    const [, body] = answer.split('\r\n\r\n')
    expect(body).toBe('404 Not Found\n')
  })
})

describe('what is no regular file is not found, at once', () => {
  it.each(['/b/dir', '/b/dir/', '/b/.', '/b/', '/b/link-directory', '/b/fifo'])('%s', async (target) => {
    expect(statusOf(await rawGet(service.port, target))).toBe(404)
    expect(service.openFiles()).toEqual([])
  })

  it('a socket', async () => {
    const listener = createServer().listen(join(service.root, 'socket'))
    expect(statusOf(await rawGet(service.port, '/b/socket'))).toBe(404)
    listener.close()
  })

  it.skipIf(process.getuid?.() !== 0)('a device', async () => {
    execFileSync('mknod', [join(service.root, 'zero'), 'c', '1', '5'])
    expect(statusOf(await rawGet(service.port, '/b/zero'))).toBe(404)
    expect(service.openFiles()).toEqual([])
  })

  it('a hundred FIFOs do not keep a file from being served', async () => {
    const fifos = Array.from({ length: 100 }, () => rawGet(service.port, '/b/fifo'))
    expect(statusOf(await rawGet(service.port, '/b/dir/inside.txt'))).toBe(200)
    expect(new Set((await Promise.all(fifos)).map(statusOf))).toEqual(new Set([404]))
  })
})
