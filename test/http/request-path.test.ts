// Which request targets name a file, and which bytes the name has.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { pathBytesMax, targetBytesMax } from '../../services/http/limits.ts'
import { parseRequestTarget } from '../../services/http/request-path.ts'

describe('a request target', () => {
  it.each([
    ['/', 'home'],
    ['/?x=1', 'home'],
    ['http://example.org', 'home'],
    ['http://example.org/', 'home'],
    ['HTTPS://example.org:443/?', 'home'],
  ])('%s is the home page', (target, kind) => {
    expect(parseRequestTarget(target)).toEqual({ kind })
  })

  it.each([
    ['/b/a.txt', 'a.txt'],
    ['/b/dir/a.txt?version=2', 'dir/a.txt'],
    ['/b/a%20b', 'a b'],
    ['/b/a+b', 'a+b'],
    ['/b/%c3%a4', '\xc3\xa4'],
    ['/b/%FF', '\xff'],
    ['/b/100%25', '100%'],
    ['/b/%2500', '%00'],
    ['/b/[a]|{b}', '[a]|{b}'],
    ['http://other.example/b/a.txt', 'a.txt'],
    // These reach the kernel as they are: it is what confines them.
    ['/b/../etc/passwd', '../etc/passwd'],
    ['/b/%2e%2e/etc/passwd', '../etc/passwd'],
    ['/b//etc/passwd', '/etc/passwd'],
    ['/b/a/', 'a/'],
    ['/b/..\\..\\etc', '..\\..\\etc'],
    // Overlong UTF-8 for '/' and NUL: odd bytes and nothing more.
    ['/b/..%c0%afetc', '..\xc0\xafetc'],
    ['/b/a%c0%80', 'a\xc0\x80'],
  ])('%s is the file %j', (target, name) => {
    expect(parseRequestTarget(target)).toEqual({ kind: 'file', path: Buffer.from(name, 'latin1') })
  })

  it.each([
    ['/b', 404],
    ['/b/', 404],
    ['/B/a', 404],
    ['/%62/a', 404],
    ['/metrics', 404],
    ['/b/%', 400],
    ['/b/%2', 400],
    ['/b/%zz', 400],
    ['/b/%+1', 400],
    ['/b/a%00.txt', 400],
    ['/b/..%2f..%2fetc/passwd', 400],
    ['/b/..%2Fetc', 400],
    ['/b/a#b', 400],
    ['/b/ä', 400],
    ['/b/a b', 400],
    ['b/a', 400],
    ['*', 400],
    ['ftp://example.org/b/a', 400],
    [`/b/${'a'.repeat(pathBytesMax + 1)}`, 414],
    [`/${'a'.repeat(targetBytesMax)}`, 414],
  ])('%.40s is refused with %d', (target, status) => {
    expect(parseRequestTarget(target)).toEqual({ kind: 'refused', status })
  })

  it('gives back every name that a file can have', () => {
    const nameByte = fc.integer({ min: 1, max: 255 }).filter((byte) => byte !== 0x2f)
    fc.assert(
      fc.property(fc.array(nameByte, { minLength: 1, maxLength: 255 }), (bytes) => {
        const encoded = bytes.map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
        expect(parseRequestTarget(`/b/${encoded}`)).toEqual({ kind: 'file', path: Buffer.from(bytes) })
      }),
    )
  })
})
