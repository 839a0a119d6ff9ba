// Calls of a FileHandle's methods, each of which must end as it does with the one of node:fs/promises.
import type { Call, LooseHandle, NamedCall } from './harness.ts'
import { show, withHandle } from './harness.ts'

type Use = (handle: LooseHandle) => unknown

const on =
  (path: string, flags: string, use: Use): Call =>
  (fs, at) =>
    withHandle(fs, path.startsWith('/') ? path : at(path), flags, use)

/** Uses a handle, then looks at what it left. */
const changes =
  (flags: string, ...uses: readonly Use[]): Call =>
  async (fs, at) => {
    const outcomes: unknown[] = []
    await withHandle(fs, at('text'), flags, async (handle) => {
      for (const use of uses) outcomes.push(await outcome(() => use(handle)))
    })
    return [...outcomes, await fs['readFile']!(at('text'), 'latin1')]
  }

async function outcome(run: () => unknown): Promise<unknown> {
  try {
    return await run()
  } catch (error) {
    const { name, code, message } = error as Error & { code?: string }
    return { name, code, message }
  }
}

const eight = (): Buffer => Buffer.alloc(8, '.')
const offsets: readonly unknown[] = [undefined, null, 0, 3, 8, 9, -1, 1.5, '0', 2n, true, {}]
/** With anything else Node 20 ends the process. */
const lengths: readonly unknown[] = [undefined, null, 0, 3, 8, 9, -1]
const positions: readonly unknown[] = [
  undefined,
  null,
  0,
  5,
  100_000,
  -1,
  -2,
  1.5,
  5n,
  -1n,
  2n ** 70n,
  '5',
  {},
  2 ** 53,
]
const buffers: readonly (readonly [string, () => unknown])[] = [
  ['a Buffer', eight],
  ['a Uint16Array', () => new Uint16Array(4)],
  ['a DataView', () => new DataView(new ArrayBuffer(16), 3, 8)],
  ['shared memory', () => new Uint8Array(new SharedArrayBuffer(8))],
  ['no bytes', () => Buffer.alloc(0)],
  ['an ArrayBuffer', () => new ArrayBuffer(8)],
  ['nothing', () => undefined],
  ['null', () => null],
  ['a string', () => 'text'],
  ['a number', () => 5],
  ['an array', () => [eight()]],
  ['options', () => ({})],
  ['options with a buffer', () => ({ buffer: eight(), offset: 2, length: 3, position: 4 })],
  ['options with null', () => ({ buffer: null })],
  ['options with a string', () => ({ buffer: 'text' })],
  ['options with a bigint', () => ({ buffer: eight(), position: 4n })],
]

const read =
  (...args: readonly unknown[]): Use =>
  (handle) =>
    handle['read']!(...args)
const write =
  (...args: readonly unknown[]): Use =>
  (handle) =>
    handle['write']!(...args)

function* moves(): Generator<NamedCall> {
  for (const [name, buffer] of buffers)
    for (const flags of ['r+', 'w+', 'a+', 'r', 'w']) {
      yield [`${flags}: read(${name})`, (fs, at) => changes(flags, read(buffer()), read(eight()))(fs, at)]
      yield [`${flags}: write(${name})`, (fs, at) => changes(flags, write(buffer()), write(eight()))(fs, at)]
    }
  for (const offset of offsets) {
    for (const length of lengths) {
      const name = `${show(offset)}, ${show(length)}`
      yield [`read(buffer, ${name})`, (fs, at) => changes('r+', read(eight(), offset, length), read(eight()))(fs, at)]
      yield [`write(buffer, ${name})`, (fs, at) => changes('r+', write(eight(), offset, length), read(eight()))(fs, at)]
    }
    yield [
      `read({ offset: ${show(offset)} })`,
      changes('r', read({ offset }), read({ offset: 1, length: lengths.includes(offset) ? offset : 5 })),
    ]
    yield [
      `write(buffer, { offset: ${show(offset)} })`,
      changes('r+', write(eight(), { offset }), write(eight(), { length: offset })),
    ]
  }
  for (const position of positions) {
    const name = show(position)
    yield [`read(…, ${name})`, changes('r', read(eight(), 0, 8, position), read(eight()))]
    yield [`read({ position: ${name} })`, changes('r', read({ position }), read(eight(), { position }), read(eight()))]
    yield [`write(…, ${name})`, changes('r+', write(eight(), 0, 8, position), write('text'))]
    yield [`write({ position: ${name} })`, changes('r+', write(eight(), { position }), write('text'))]
    yield [`write(text, ${name})`, changes('r+', write('zażółć', position), write('more'))]
    yield [
      `readv(…, ${name})`,
      changes('r', (handle) => handle['readv']!([eight(), Buffer.alloc(3)], position), read(eight())),
    ]
    yield [
      `writev(…, ${name})`,
      changes('r+', (handle) => handle['writev']!([eight(), Buffer.alloc(3)], position), write('x')),
    ]
  }
  for (const encoding of ['utf8', 'latin1', 'hex', 'base64', 'utf16le', 'x', 'buffer', null, 5])
    for (const text of ['abcdef', 'abc', '', 'zażółć'])
      yield [
        `write(${text}, 0, ${show(encoding)})`,
        changes('r+', write(text, 0, encoding), write(text, null, encoding)),
      ]
  for (const vector of [
    [],
    [eight()],
    [eight(), 'x'],
    'x',
    null,
    undefined,
    [Buffer.alloc(0)],
    [Buffer.alloc(0), eight()],
    Array.from({ length: 1025 }, () => Buffer.alloc(1, 'v')),
  ])
    for (const method of ['readv', 'writev'])
      yield [
        `${method}(${show(vector).slice(0, 40)})`,
        changes('r+', (handle) => handle[method]!(vector), read(eight())),
      ]
}

const call =
  (method: string, ...args: readonly unknown[]): Use =>
  (handle) =>
    handle[method]!(...args)

function* whole(): Generator<NamedCall> {
  for (const path of ['text', 'empty', 'folder', '/proc/self/limits', '/dev/null', '/dev/zero'])
    for (const options of [
      undefined,
      null,
      'utf8',
      'x',
      {},
      { encoding: 'latin1' },
      { encoding: 'x' },
      { signal: AbortSignal.abort() },
      5,
      { flag: 'w' },
    ]) {
      if (path === '/dev/zero' && show(options) !== '{"signal":{}}') continue
      yield [`${path}: readFile(${show(options)})`, on(path, 'r', call('readFile', options))]
    }
  yield ['readFile() after read()', changes('r', read(eight()), call('readFile'), call('readFile'))]
  yield [
    'readFile() twice at once',
    changes('r', (handle) => Promise.all([call('readFile')(handle), call('stat')(handle)])),
  ]
  for (const method of ['writeFile', 'appendFile'])
    for (const flags of ['r+', 'w', 'a', 'r'])
      for (const [name, data, options] of [
        ['text', 'written', undefined],
        ['hex', 'abcd', 'hex'],
        ['x', 'abcd', 'x'],
        ['bytes', Buffer.from('bytes'), null],
        ['large', Buffer.alloc(600_000, 'large'), {}],
        ['list', ['one', Buffer.from('two')], undefined],
        ['number', 5, undefined],
        ['aborted', 'text', { signal: AbortSignal.abort() }],
        ['flush', 'text', { flush: true }],
        ['flush 1', 'text', { flush: 1 }],
      ] as const)
        yield [`${flags}: ${method}(${name})`, changes(flags, call(method, data, options), write('behind'))]
  for (const length of [undefined, 0, 5, 5000, -1, 1.5, '5', null, 5n, 2 ** 53, 2 ** 52])
    for (const flags of ['r+', 'r'])
      yield [`${flags}: truncate(${show(length)})`, changes(flags, call('truncate', length), call('sync'))]
  for (const options of [undefined, {}, { bigint: true }, { bigint: 1 }, null, 5])
    yield [`stat(${show(options)})`, on('text', 'r', call('stat', options))]
  for (const path of ['text', 'folder', '/dev/null', '/proc/self/limits'])
    for (const method of ['sync', 'datasync', 'read', 'write', 'truncate', 'stat'])
      yield [
        `${path}: ${method}()`,
        on(path, 'r', async (handle) =>
          method === 'stat' ? Object.keys((await call(method)(handle)) as object) : call(method)(handle),
        ),
      ]
  yield ['chmod()', changes('r', call('chmod', 0o600), call('chmod', 'x'))]
  yield ['utimes()', changes('r', call('utimes', 1, 2), call('utimes', {}, 2))]
}

const methods = [
  'read',
  'readv',
  'write',
  'writev',
  'readFile',
  'writeFile',
  'appendFile',
  'stat',
  'sync',
  'datasync',
  'truncate',
  'chmod',
  'close',
]

function* ends(): Generator<NamedCall> {
  for (const method of methods)
    yield [
      `${method}() of a closed one`,
      async (fs, at) => {
        const handle: LooseHandle = await fs['open']!(at('text'), 'r+')
        await handle['close']!()
        return handle[method]!(Buffer.alloc(3))
      },
    ]
  yield [
    'close() waits, and says so once',
    async (fs, at) => {
      const handle: LooseHandle & { on(event: string, listener: () => void): void; fd: number } = await fs['open']!(
        at('text'),
        'r',
      )
      const seen: unknown[] = []
      handle.on('close', () => seen.push('close'))
      const reading = handle['read']!(eight(), 0, 8, 0).then(() => seen.push('read'))
      const closing = [handle['close']!(), handle['close']!()].map((each) => each.then(() => seen.push('closed')))
      await Promise.all([reading, ...closing])
      return [seen, handle.fd]
    },
  ]
  yield [
    'one position for all',
    async (fs, at) => {
      await fs['writeFile']!(at('new'), Buffer.from(Array.from({ length: 256 }, (_, index) => index)))
      return withHandle(fs, at('new'), 'r', async (handle) => {
        const all = (await Promise.all(Array.from({ length: 32 }, () => handle['read']!(eight())))) as {
          buffer: Buffer
        }[]
        return Buffer.concat(all.map(({ buffer }) => buffer).sort((one, other) => Buffer.compare(one, other)))
      })
    },
  ]
}

export const handleCalls: Readonly<Record<string, readonly NamedCall[]>> = {
  'that move bytes': [...moves()],
  'of whole contents': [...whole()],
  'about its end': [...ends()],
}
