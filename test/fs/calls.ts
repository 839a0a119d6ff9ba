// Calls of the functions that take paths, each of which must end as it does with node:fs/promises: the same value, or an error with the same code,
// number, names and words.
import { pathToFileURL } from 'node:url'
import { show } from './harness.ts'
import type { Call, NamedCall } from './harness.ts'

const aborted = (): AbortSignal => AbortSignal.abort('because')

/** What no path is, nor anything else. */
const nonsense: readonly unknown[] = [
  undefined,
  null,
  5,
  true,
  {},
  [],
  Symbol('s'),
  10n,
  () => undefined,
  new Date(0),
  '',
  'a\0b',
]

const call =
  (name: string, ...args: readonly unknown[]): Call =>
  (fs, at) =>
    fs[name]!(...args.map((arg) => (typeof arg === 'string' && arg.startsWith('@') ? at(arg.slice(1)) : arg)))

/** Then looks at what it left. */
const then =
  (first: Call, ...next: readonly Call[]): Call =>
  async (fs, at) => {
    const results: unknown[] = [await first(fs, at)]
    for (const each of next) results.push(await each(fs, at))
    return results
  }
const bytesOf = (name: string): Call => call('readFile', name, 'latin1')
const buffer =
  (name: string, ...rest: readonly unknown[]): Call =>
  (fs, at) =>
    fs[name]!(Buffer.from(at('text')), ...rest)
const url =
  (name: string, ...rest: readonly unknown[]): Call =>
  (fs, at) =>
    fs[name]!(pathToFileURL(at('text')), ...rest)
const names = ['@text', '@missing', '@folder', '@link', '@dangling', '@loop', '@text/below', '@missing/below', '@fifo']
const long = `@${'x'.repeat(300)}`
const longer = `@${'y/'.repeat(3000)}`

const onePath = [
  'stat',
  'lstat',
  'access',
  'unlink',
  'rmdir',
  'rm',
  'mkdir',
  'readdir',
  'readlink',
  'realpath',
] as const

function* onPaths(): Generator<NamedCall> {
  for (const name of onePath) {
    for (const path of [...names, long, longer]) yield [`${name}(${path.slice(0, 20)})`, call(name, path)]
    for (const path of nonsense) yield [`${name}(${String(path)})`, call(name, path)]
    yield [`${name}(Buffer)`, buffer(name)]
    yield [`${name}(URL)`, url(name)]
    yield [`${name}(URL of http)`, (fs) => fs[name]!(new URL('http://example.org/x'))]
    yield [`${name}(URL with a NUL)`, (fs) => fs[name]!(new URL('file:///x%00y'))]
    yield [`${name}(URL with a slash)`, (fs) => fs[name]!(new URL('file:///x%2Fy'))]
    yield [`${name}(Uint8Array)`, (fs, at) => fs[name]!(new Uint8Array(Buffer.from(at('text'))))]
    yield [`${name}(empty Buffer)`, (fs) => fs[name]!(Buffer.alloc(0))]
    yield [`${name}(Buffer with a NUL)`, (fs) => fs[name]!(Buffer.from('a\0b'))]
    yield [
      `${name}(Buffer that is no UTF-8)`,
      (fs, at) => fs[name]!(Buffer.concat([Buffer.from(at('x')), Buffer.from([0xff, 0xfe])])),
    ]
    yield [`${name}(lone surrogate)`, call(name, '@\ud800')]
  }
  for (const name of ['rename', 'link', 'symlink', 'copyFile']) {
    for (const from of ['@text', '@missing', '@folder', '@dangling'])
      for (const to of ['@new', '@text', '@folder', '@missing/new', '@empty', '@folder/new', ''])
        yield [`${name}(${from}, ${to})`, then(call(name, from, to), call('readdir', '@'), call('readdir', '@folder'))]
    for (const path of nonsense) {
      yield [`${name}(${String(path)}, @new)`, call(name, path, '@new')]
      yield [`${name}(@text, ${String(path)})`, call(name, '@text', path)]
    }
    yield [`${name}(Buffer, …)`, buffer(name, '/nowhere/at/all')]
    yield [`${name}(URL, …)`, url(name, '/nowhere/at/all')]
  }
}

const statOptions: readonly unknown[] = [
  undefined,
  null,
  {},
  { bigint: true },
  { bigint: 1 },
  { bigint: false },
  5,
  'x',
]
const modes: readonly unknown[] = [0o700, '700', '0700', 'rwx', -1, 1.5, 2 ** 32, null, NaN, {}, true]
const encodings: readonly unknown[] = [
  'utf8',
  'UTF-8',
  'latin1',
  'hex',
  'base64',
  'utf16le',
  'buffer',
  'x',
  null,
  '',
  5,
  true,
]

function* withOptions(): Generator<NamedCall> {
  for (const name of ['stat', 'lstat']) {
    for (const options of statOptions)
      yield [`${name}(@text, ${JSON.stringify(options)})`, call(name, '@text', options)]
    for (const throwIfNoEntry of [true, false, undefined, null, 0])
      yield [`${name}(@missing, throwIfNoEntry ${String(throwIfNoEntry)})`, call(name, '@missing', { throwIfNoEntry })]
    yield [
      `${name}(function with bigint)`,
      call(
        name,
        '@text',
        Object.assign(() => undefined, { bigint: true }),
      ),
    ]
  }
  for (const mode of [0, 1, 4, 7, 8, -1, 1.5, '0', null, undefined, {}]) {
    yield [`access(@text, ${show(mode)})`, call('access', '@text', mode)]
    yield [`access(@missing, ${show(mode)})`, call('access', '@missing', mode)]
  }
  for (const mode of modes) {
    yield [`mkdir(@new, ${show(mode)})`, then(call('mkdir', '@new', mode), call('stat', '@new'))]
    yield [`mkdir(@new, mode ${show(mode)})`, then(call('mkdir', '@new', { mode }), call('stat', '@new'))]
    yield [`open(@new, w, ${show(mode)})`, then(opened('@new', 'w', mode), call('stat', '@new'))]
    yield [`writeFile(@new, mode ${show(mode)})`, then(call('writeFile', '@new', 'x', { mode }), call('stat', '@new'))]
  }
  for (const path of [
    '@a/b/c',
    '@a//b/',
    '@./a/../b',
    '@folder',
    '@folder/',
    '@text',
    '@text/a/b',
    '@dangling/a',
    '@to-folder/a/b',
    '@loop/a',
    '@a/./b',
    '@dangling',
    '@to-folder',
    '',
    '.',
    '/',
    long,
  ])
    for (const recursive of [true, false, 1, null])
      yield [
        `mkdir(${path.slice(0, 20)}, recursive ${String(recursive)})`,
        then(call('mkdir', path, { recursive }), tree),
      ]
  yield ['mkdir(Buffer, recursive)', (fs, at) => fs['mkdir']!(Buffer.from(at('a/b')), { recursive: true })]
  yield ['mkdir(URL, recursive)', (fs, at) => fs['mkdir']!(pathToFileURL(at('a/b')), { recursive: true })]
  for (const encoding of encodings) yield [`mkdtemp(@tmp-, ${String(encoding)})`, madeTemporary(encoding)]
  for (const prefix of ['@missing/tmp-', '@text/tmp-', ...nonsense.filter((each) => each !== '')])
    yield [`mkdtemp(${String(prefix)})`, call('mkdtemp', prefix)]
  for (const type of ['dir', 'file', 'junction', 'x', null, 5, {}])
    yield [
      `symlink(…, ${show(type)})`,
      then(call('symlink', 'text', '@new', type), bytesOf('@new'), call('readlink', '@new')),
    ]
  for (const options of [
    {},
    { force: true },
    { recursive: true },
    { force: 1 },
    { recursive: true, force: true },
    { maxRetries: -1 },
    null,
    5,
    'x',
  ])
    for (const path of [
      '@text',
      '@missing',
      '@folder',
      '@folder/inner/file',
      '@link',
      '@to-folder',
      '@to-folder/',
      '@text/x',
    ])
      yield [`rm(${path}, ${JSON.stringify(options)})`, then(call('rm', path, options), tree)]
  for (const options of [{}, { maxRetries: 1 }, null, 5])
    yield [`rmdir(@folder/inner, ${JSON.stringify(options)})`, call('rmdir', '@folder/inner', options)]
}

const madeTemporary =
  (encoding: unknown): Call =>
  async (fs, at) => {
    const made: unknown = await fs['mkdtemp']!(at('tmp-'), encoding)
    return typeof made
  }
const tree: Call = async (fs, at) =>
  (await (fs['readdir'] as (...args: readonly unknown[]) => Promise<string[]>)(at(''), { recursive: true })).sort()
const opened =
  (...args: readonly unknown[]): Call =>
  async (fs, at) => {
    const [path, ...rest] = args
    const handle: { close(): Promise<void>; fd: number } = await fs['open']!(
      typeof path === 'string' && path.startsWith('@') ? at(path.slice(1)) : path,
      ...rest,
    )
    const isOpen = handle.fd > 2
    await handle.close()
    return [isOpen, handle.fd]
  }

const flags: readonly unknown[] = [
  'r',
  'r+',
  'rs',
  'rs+',
  'w',
  'wx',
  'w+',
  'a',
  'ax',
  'a+',
  'as',
  'sr',
  'xw',
  'rw',
  '',
  'R',
  0,
  1,
  2,
  0o101,
  0o1101,
  -1,
  1.5,
  2 ** 31,
  null,
  undefined,
  {},
  true,
  5n,
]

function* wholeFiles(): Generator<NamedCall> {
  for (const flag of flags) {
    for (const path of ['@text', '@missing', '@folder']) {
      yield [`open(${path}, ${String(flag)})`, opened(path, flag)]
      yield [`readFile(${path}, flag ${String(flag)})`, call('readFile', path, { flag })]
      yield [`writeFile(${path}, flag ${String(flag)})`, then(call('writeFile', path, 'new', { flag }), bytesOf(path))]
      yield [
        `appendFile(${path}, flag ${String(flag)})`,
        then(call('appendFile', path, 'new', { flag }), bytesOf(path)),
      ]
    }
  }
  for (const path of nonsense)
    for (const name of ['open', 'readFile', 'truncate'])
      yield [`${name}(${String(path)})`, name === 'open' ? opened(path) : call(name, path)]
  for (const path of nonsense) yield [`writeFile(${String(path)})`, call('writeFile', path, 'x')]
  for (const path of [
    ...names.filter((each) => each !== '@fifo'),
    '@empty',
    long,
    '/proc/self/limits',
    '/proc/self/mem',
    '/sys/kernel/mm/transparent_hugepage/enabled',
    '/dev/null',
  ]) {
    yield [`readFile(${path.slice(0, 30)})`, call('readFile', path)]
    for (const encoding of encodings)
      yield [`readFile(${path.slice(0, 30)}, ${String(encoding)})`, call('readFile', path, encoding)]
  }
  for (const encoding of encodings) {
    yield [`readFile(@text, encoding ${String(encoding)})`, call('readFile', '@text', { encoding })]
    yield [
      `writeFile(@new, …, ${String(encoding)})`,
      then(call('writeFile', '@new', 'abcdef01', encoding), bytesOf('@new')),
    ]
    yield [
      `appendFile(@text, …, ${String(encoding)})`,
      then(call('appendFile', '@text', 'abcdef01', encoding), bytesOf('@text')),
    ]
  }
  for (const options of [
    5,
    true,
    [],
    () => undefined,
    { signal: 5 },
    { signal: null },
    { signal: aborted() },
    { signal: AbortSignal.abort() },
    { flush: true },
    { flush: 1 },
    { flush: null },
  ]) {
    yield [`readFile(@text, ${show(options)})`, call('readFile', '@text', options)]
    yield [`writeFile(@new, x, ${show(options)})`, then(call('writeFile', '@new', 'x', options), bytesOf('@new'))]
    yield [`appendFile(@text, x, ${show(options)})`, then(call('appendFile', '@text', 'x', options), bytesOf('@text'))]
  }
  for (const [name, data] of datas) {
    yield [`writeFile(@new, ${name})`, then((fs, at) => fs['writeFile']!(at('new'), data()), bytesOf('@new'))]
    yield [`appendFile(@text, ${name})`, then((fs, at) => fs['appendFile']!(at('text'), data()), bytesOf('@text'))]
  }
  for (const path of ['@text', '@missing', '@folder', '@read-only', '@missing/below', '@dangling']) {
    yield [`writeFile(${path})`, then(call('writeFile', path, 'written'), bytesOf(path))]
    yield [`appendFile(${path})`, then(call('appendFile', path, 'written'), bytesOf(path))]
    for (const length of [undefined, 0, 3, 5000, -5, 1.5, NaN, '3', null, 3n, 2 ** 62])
      yield [`truncate(${path}, ${String(length)})`, then(call('truncate', path, length), call('stat', path))]
  }
  yield ['readFile(Buffer)', buffer('readFile', 'utf8')]
  yield ['readFile(URL)', url('readFile', 'utf8')]
  yield ['writeFile(URL)', then(url('writeFile', 'x'), bytesOf('@text'))]
  yield ['writeFile(Buffer)', then(buffer('writeFile', 'x'), bytesOf('@text'))]
}

async function* pieces(): AsyncGenerator<string> {
  await Promise.resolve()
  yield 'one'
  yield 'two'
}
const datas: readonly (readonly [string, () => unknown])[] = [
  ['an empty string', () => ''],
  ['an empty Buffer', () => Buffer.alloc(0)],
  ['a Buffer', () => Buffer.from('bytes')],
  ['a part of a Uint16Array', () => new Uint16Array([1, 2, 3, 4]).subarray(1, 3)],
  ['a DataView', () => new DataView(new ArrayBuffer(5), 1, 3)],
  ['an ArrayBuffer', () => new ArrayBuffer(3)],
  ['1 MB', () => Buffer.alloc(1_000_003, 'abc')],
  ['an async iterable', () => pieces()],
  ['an array', () => ['one', Buffer.from('two')]],
  ['an array of numbers', () => [1, 2]],
  ['a number', () => 5],
  ['null', () => null],
  ['nothing', () => undefined],
  ['an object', () => ({})],
  ['an object with toString', () => ({ toString: () => 'x' })],
]

const others: readonly NamedCall[] = [
  ['statfs', async (fs, at) => Object.keys(await fs['statfs']!(at('')))],
  [
    'opendir',
    async (fs, at) => {
      const dir: { close(): Promise<void>; path: string } = await fs['opendir']!(at('folder'))
      await dir.close()
      return dir.path
    },
  ],
  ['chmod', then(call('chmod', '@text', 0o600), call('stat', '@text'))],
  ['chown', call('chown', '@missing', 1, 1)],
  ['utimes', call('utimes', '@text', 1, 2)],
  ['lutimes', call('lutimes', '@link', 1, 2)],
  ['cp', then(call('cp', '@folder', '@copy', { recursive: true }), tree)],
]

export const calls: Readonly<Record<string, readonly NamedCall[]>> = {
  'with paths of every kind': [...onPaths()],
  'with options of every kind': [...withOptions()],
  'of whole files': [...wholeFiles()],
  'that are left to Node': others,
}
