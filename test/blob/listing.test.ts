// GET of a folder: its names in order, in pages, as lines, as JSON and as HTML.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { say, startObjects } from './objects.ts'
import type { Objects, Said } from './objects.ts'

const count = 25
let service: Objects
beforeAll(async () => {
  service = await startObjects()
  mkdirSync(join(service.root, 'many'))
  for (let index = 0; index < count; index++)
    writeFileSync(join(service.root, 'many', nameOf(index)), 'x'.repeat(index))
  mkdirSync(join(service.root, 'mixed', 'folder'), { recursive: true })
  writeFileSync(join(service.root, 'mixed', 'name with ä & %'), 'abc')
  writeFileSync(Buffer.concat([Buffer.from(`${service.root}/mixed/`), Buffer.from([0xff, 0x0a])]), '')
  symlinkSync('nowhere', join(service.root, 'mixed', 'link'))
  writeFileSync(join(service.root, 'mixed', '.ringmaster-0123456789abcdef.tmp'), 'of an upload')
})
afterAll(() => service[Symbol.asyncDispose]())

const nameOf = (index: number): string => `n${String(index).padStart(3, '0')}`
const list = (path: string, headers = {}): Promise<Said> => say(service.port, 'GET', path, undefined, headers)
const json = async (path: string): Promise<{ entries: Record<string, unknown>[]; next: string | null }> =>
  JSON.parse((await list(path, { Accept: 'application/json' })).body.toString()) as never

it('lists the root', async () => {
  const { status, headers, body } = await list('/b/')
  expect([status, headers['content-type']]).toEqual([200, 'text/plain; charset=utf-8'])
  expect(body.toString()).toBe('many/\nmixed/\n')
})

it('tells types, sizes and times, and names that are only bytes as targets', async () => {
  const { entries, next } = await json('/b/mixed/')
  expect(next).toBeNull()
  expect(entries.map(({ href, type, sizeBytes }) => [href, type, sizeBytes])).toEqual([
    ['folder/', 'folder', undefined],
    ['link', 'link', undefined],
    ['name%20with%20%C3%A4%20%26%20%25', 'file', 3],
    ['%FF%0A', 'file', 0],
  ])
  expect(entries[2]?.['name']).toBe('name with ä & %')
  for (const { href } of entries.slice(2)) expect((await list(`/b/mixed/${String(href)}`)).status).toBe(200)
})

it('comes in pages that leave nothing out', async () => {
  const names: unknown[] = []
  let pages = 0
  for (let next: string | null = ''; next !== null; pages++) {
    const page = await json(`/b/many/?limit=7&after=${next}`)
    names.push(...page.entries.map(({ name }) => name))
    next = page.next
  }
  expect(names).toEqual(Array.from({ length: count }, (_, index) => nameOf(index)))
  expect(pages).toBe(4)
  const { headers, body } = await list('/b/many/?limit=2')
  expect(headers['link']).toBe('<?limit=2&after=n001>; rel="next"')
  expect(body.toString()).toBe('n000\nn001\n')
})

describe('as HTML', () => {
  const browser = { Accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }
  const hrefs = (html: Buffer): string[] =>
    [...html.toString().matchAll(/href="([^"]*)"/g)].map(([, target]) => target!)

  it('is a page of links that lead to what they say', async () => {
    const { status, headers, body } = await list('/b/mixed/', browser)
    expect([status, headers['content-type'], headers['vary']]).toEqual([200, 'text/html; charset=utf-8', 'Accept'])
    expect(hrefs(body)).toEqual(['folder/', 'link', 'name%20with%20%C3%A4%20%26%20%25', '%FF%0A'])
    expect(body.toString()).toContain('>name with ä &#38; %</a>')
    expect((await list('/b/mixed/', { Accept: 'application/json, text/html;q=0.1' })).headers['content-type']).toBe(
      'application/json',
    )
  })

  it('has no name that is more than text', async () => {
    mkdirSync(join(service.root, 'evil'))
    const names = [
      '<script>alert(1)<',
      '"onclick="alert(1)',
      "'><img src=x>",
      'javascript:alert(1)',
      '&lt;',
      '?a=b',
      '#c',
      '%2e%2e',
    ]
    for (const name of names) writeFileSync(join(service.root, 'evil', name), name)
    const { headers, body } = await list('/b/evil/', browser)
    expect(headers).toMatchObject({
      'content-security-policy': "default-src 'none'",
      'x-content-type-options': 'nosniff',
    })
    const text = body.toString()
    expect(
      text
        .match(/<[^>]*>/g)
        ?.filter(
          (tag) => !/^<(!doctype html|meta charset="utf-8"|\/?title|\/?ul|li|a href="[\w%.~-]+"|\/a)>$/.test(tag),
        ),
    ).toEqual([])
    expect(
      hrefs(body)
        .map((target) => decodeURIComponent(target))
        .sort(),
    ).toEqual([...names].sort())
    for (const target of hrefs(body)) expect((await list(`/b/evil/${target}`)).status).toBe(200)
  })

  it('is whole or refused: who reads it knows no pages', async () => {
    const { headers, body } = await list('/b/many/?limit=2', browser)
    expect([hrefs(body), headers['link']]).toEqual([['n000', 'n001'], '<?limit=2&after=n001>; rel="next"'])
    expect(hrefs((await list('/b/many/', browser)).body).length).toBe(count)
    mkdirSync(join(service.root, 'crowded'))
    for (let index = 0; index <= 10_000; index++) writeFileSync(join(service.root, 'crowded', `${index}`), '')
    expect((await list('/b/crowded/', browser)).status).toBe(507)
    expect((await list('/b/crowded/')).body.toString().split('\n').length).toBe(1001)
  })
})

it.each(['limit=0', 'limit=x', 'limit=99999', 'after=%zz'])('refuses %s', async (query) => {
  expect((await list(`/b/many/?${query}`)).status).toBe(400)
})

it.each(['/b/missing/', '/b/mixed/name%20with%20%C3%A4%20%26%20%25/', '/b/../', '/b//etc/'])(
  '%s is not found',
  async (path) => {
    expect((await list(path)).status).toBe(404)
  },
)

it('HEAD tells the length', async () => {
  const { status, headers, body } = await say(service.port, 'HEAD', '/b/many/?limit=2')
  expect([status, headers['content-length'], body.length]).toEqual([200, '10', 0])
})
