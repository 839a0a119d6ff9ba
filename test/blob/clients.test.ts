// The blob service seen by programs that others wrote: clients, load generators, and slowhttptest's attacks, during which somebody else is
// answered all the time and after which nothing is left. What is missing is skipped, and the title says where to get it.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { patternBytes, sha256 } from '../http/clients.ts'
import { eventually, temporaryFolder } from '../services/harness.ts'
import { say, startObjects } from './objects.ts'
import type { Objects } from './objects.ts'
import { isThere, named, run } from './programs.ts'

const content = patternBytes(3_000_000)
const folder = temporaryFolder()
const local = join(folder.path, 'local')
const got = join(folder.path, 'got')
let service: Objects
let base = ''

const nothingLeft = ({ server, openFiles }: Pick<Objects, 'server' | 'openFiles'>): Promise<boolean> =>
  eventually(
    () =>
      server.connectionsOpen + server.requestsInFlight + server.bodyBuffersInUse + server.bodyBufferWaiters === 0 &&
      openFiles().length === 0,
  )

beforeAll(async () => {
  service = await startObjects({ durability: 'none' })
  base = `http://127.0.0.1:${service.port}`
  writeFileSync(local, content)
  writeFileSync(join(service.root, 'large'), content)
  writeFileSync(join(service.root, 'small'), content.subarray(0, 4096))
  mkdirSync(join(service.root, 'folder'))
})
afterAll(async () => {
  expect(await nothingLeft({ server: service.server, openFiles: () => service.openFiles() })).toBe(true)
  expect(service.log).toEqual([])
  await service[Symbol.asyncDispose]()
  folder.remove()
})

describe.skipIf(!isThere('curl'))(named('curl'), () => {
  const curl = (...args: string[]): Promise<string> => run('curl', '-sS', '--path-as-is', ...args)
  const status = async (...args: string[]): Promise<number> =>
    Number(await curl('-o', '/dev/null', '-w', '%{http_code}', ...args))

  it('puts a file of a length, after it was asked for it, and gets it back', async () => {
    const log = await curl('-v', '-H', 'Expect: 100-continue', '-T', local, `${base}/b/put/a`)
    expect(log).toMatch(/< HTTP\/1\.1 100 Continue[^]*< HTTP\/1\.1 201 Created/)
    expect(sha256(readFileSync(join(service.root, 'put', 'a')))).toBe(sha256(content))
    await curl('-o', got, `${base}/b/put/a`)
    expect(sha256(readFileSync(got))).toBe(sha256(content))
  })

  it('puts a file in chunks', async () => {
    expect(await status('-H', 'Transfer-Encoding: chunked', '-T', local, `${base}/b/put/chunked`)).toBe(201)
    expect(sha256(readFileSync(join(service.root, 'put', 'chunked')))).toBe(sha256(content))
  })

  it('gets ranges, goes on where it broke off, and does not get again what it has', async () => {
    expect(await curl('-r', '0-9', '-o', got, '-w', '%{http_code} %{size_download}', `${base}/b/large`)).toBe('206 10')
    writeFileSync(got, content.subarray(0, 1_234_567))
    await curl('-C', '-', '-o', got, `${base}/b/large`)
    expect(sha256(readFileSync(got))).toBe(sha256(content))
    expect(await status('-r', '0-9,20-29', `${base}/b/large`)).toBe(206)
    expect(await status('-z', join(service.root, 'large'), `${base}/b/large`)).toBe(304)
    expect(await status('-I', `${base}/b/large`)).toBe(200)
  })

  it.each([
    '/b/../../etc/passwd',
    '/b/%2e%2e/%2e%2e/etc/passwd',
    '/b/..%2f..%2fetc/passwd',
    '/b//etc/passwd',
    '/b/%00',
    '/b/folder/../../x',
  ])('gets nothing from outside by %s', async (path) => {
    expect([400, 404]).toContain(await status(`${base}${path}`))
    expect([400, 404]).toContain(await status('-X', 'DELETE', `${base}${path}`))
    expect([400, 404, 409]).toContain(await status('-T', local, `${base}${path}`))
  })

  it('asks for a hundred files on one connection', async () => {
    const said = await curl('-o', '/dev/null', '-w', '%{http_code} %{num_connects}\n', `${base}/b/small?[1-100]`)
    expect(
      said
        .trim()
        .split('\n')
        .filter((line) => line === '200 0'),
    ).toHaveLength(99)
  })
})

describe('load', () => {
  it.skipIf(!isThere('ab'))(`by ${named('ab')}, with and without keep-alive, as HTTP/1.0`, async () => {
    for (const more of [['-k'], []]) {
      const said = await run('ab', '-q', '-n', '2000', '-c', '32', ...more, `${base}/b/small`)
      expect(said).toMatch(/Complete requests: +2000\nFailed requests: +0\n/)
      expect(said).not.toContain('Non-2xx')
    }
    const uploads = await run('ab', '-q', '-n', '200', '-c', '8', '-k', '-u', local, `${base}/b/by-ab`)
    expect(uploads).toMatch(/Complete requests: +200\nFailed requests: +0\n/)
    expect(sha256(readFileSync(join(service.root, 'by-ab')))).toBe(sha256(content))
  })

  it.skipIf(!isThere('wrk'))(`by ${named('wrk')}`, async () => {
    const said = await run('wrk', '-t', '1', '-c', '64', '-d', '1', `${base}/b/small`)
    expect(said).toMatch(/[1-9]\d* requests in/)
    expect(said).not.toMatch(/Socket errors|Non-2xx/)
  })

  it.skipIf(!isThere('h2load'))(`by ${named('h2load')} in HTTP/1.1`, async () => {
    const said = await run('h2load', '--h1', '-n', '2000', '-c', '32', `${base}/b/small`)
    expect(said).toMatch(/2000 succeeded, 0 failed, 0 errored, 0 timeout/)
    expect(said).toMatch(/status codes: 2000 2xx/)
  })
})

describe.skipIf(!isThere('slowhttptest'))(`attacks of ${named('slowhttptest')}`, () => {
  it.concurrent.each<[string, string[]]>([
    ['slow headers', ['-H', '/b/small']],
    ['slow bodies', ['-B', '-t', 'PUT', '-s', '100000', '/b/attacked']],
    ['slow readers', ['-X', '-k', '5', '-w', '10', '-y', '20', '-z', '5', '/b/large']],
    ['many ranges', ['-R', '-t', 'HEAD', '-a', '1', '-b', '3000', '/b/large']],
  ])('%s: others are answered meanwhile, and nothing is left', async (_what, args) => {
    await using attacked = await startObjects({
      durability: 'none',
      limits: {
        ...{ headersMsMax: 1_000, stalledMsMax: 1_500, rateWindowMs: 1_500, lingerMsMax: 200, deadlineCheckMs: 50 },
        ...{ chunkBuffersMax: 8, smallBuffersMax: 8, uploadBytesPerSecondMin: 10_000 },
      },
    })
    writeFileSync(join(attacked.root, 'large'), content)
    writeFileSync(join(attacked.root, 'small'), content.subarray(0, 4096))
    let isOver = false
    let connectionsMax = 0
    const url = `http://127.0.0.1:${attacked.port}${args.at(-1)}`
    const load = ['-c', '200', '-r', '400', '-l', '3', '-i', '1', '-p', '3', '-v', '0']
    const attack = run('slowhttptest', ...args.slice(0, -1), ...load, '-u', url).finally(() => (isOver = true))
    const statuses = new Set<number>()
    let answered = 0
    while (!isOver) {
      statuses.add((await say(attacked.port, 'GET', '/b/small')).status)
      statuses.add((await say(attacked.port, 'PUT', '/b/other', 'x')).status)
      connectionsMax = Math.max(connectionsMax, attacked.server.connectionsOpen)
      answered++
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    await attack
    expect(sha256((await say(attacked.port, 'GET', '/b/large')).body)).toBe(sha256(content))
    expect([...statuses].sort()).toEqual([200, 201, 204])
    expect(answered).toBeGreaterThan(20)
    expect(connectionsMax).toBeGreaterThan(0)
    expect(existsSync(join(attacked.root, 'attacked'))).toBe(false)
    expect(await nothingLeft({ server: attacked.server, openFiles: () => attacked.openFiles() })).toBe(true)
  })
})
