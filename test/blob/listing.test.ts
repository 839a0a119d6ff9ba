// GET of a folder: its names in order, in pages, as lines and as JSON.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
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
  const { status, headers, body } = await say(service.port, 'HEAD', '/b/')
  expect([status, headers['content-length'], body.length]).toEqual([200, '13', 0])
})
