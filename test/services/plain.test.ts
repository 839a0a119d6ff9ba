// Without the addon, for real: on a platform that has no io_uring, where the addon is left out, and where it cannot be compiled. Programs
// start, say what is missing, and read and write files as node:fs does.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { seededBytes, temporaryFolder } from './harness.ts'

const folder = temporaryFolder()
const data = join(folder.path, 'data')
const packageRoot = fileURLToPath(new URL('../../', import.meta.url))
const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex')

beforeAll(() => {
  writeFileSync(data, seededBytes(3_000_000, 21))
})
afterAll(() => {
  folder.remove()
})

interface Told {
  readonly poller: string
  readonly reason: string
  readonly result: unknown
}

/** A way to be without the addon: what is said before the library is imported, from where, and in which environment. */
interface Way {
  readonly before?: string
  readonly root?: string
  readonly env?: Readonly<Record<string, string>>
  readonly reason: RegExp
}

const pretend = (platform: string): string => `Object.defineProperty(process, 'platform', { value: '${platform}' })`

/** The package as it is installed where nothing compiles: no build, no compiler in sight. */
function uncompiled(): string {
  const root = join(folder.path, 'package')
  mkdirSync(join(root, 'native'), { recursive: true })
  cpSync(join(packageRoot, 'dist'), join(root, 'dist'), { recursive: true })
  const builder = ['binding.gyp', 'build-addon.mjs', 'node-gyp.mjs', 'prebuilt.mjs']
  for (const file of ['package.json', 'native/src', ...builder.map((name) => `native/${name}`)])
    cpSync(join(packageRoot, file), join(root, file), { recursive: true })
  symlinkSync(join(packageRoot, 'node_modules'), join(root, 'node_modules'))
  return root
}

const ways: Readonly<Record<string, () => Way>> = {
  'the addon is left out': () => ({ env: { RINGMASTER_ADDON: 'none' }, reason: /RINGMASTER_ADDON=none.*unset it/ }),
  'the addon is no addon': () => ({
    env: { RINGMASTER_ADDON: '/etc/passwd' },
    reason: /\/etc\/passwd cannot be loaded/,
  }),
  'nothing can compile it': () => ({
    root: uncompiled(),
    env: { PATH: '/nonexistent', CXX: '', PYTHON: '' },
    reason: /could not be compiled: a C\+\+ compiler \(g\+\+\), make, Python 3 not found \(Debian, Ubuntu: apt install/,
  }),
  'it is macOS': () => ({ before: pretend('darwin'), reason: /exists on Linux only, this is darwin/ }),
}

/** Runs a program that has `rings` and leaves `result`, in a process of its own. */
function run(way: Way, program: string, options: object = {}): { told: Told | null; stderr: string } {
  const library = JSON.stringify(`file://${join(way.root ?? packageRoot, 'dist/services/index.js')}`)
  const source = `
    ${way.before ?? ''}
    const { Ringmaster, capabilities } = await import(${library})
    const folder = ${JSON.stringify(folder.path)}, data = ${JSON.stringify(data)}
    const told = await (async () => {
      const rings = await Ringmaster.start(${JSON.stringify(options)})
      const [{ poller, reason }] = rings.stats().rings
      let result
      try { ${program} } finally { await rings.close() }
      return { poller, reason, result }
    })()
    console.log(JSON.stringify(told))`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', source], {
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...process.env, ...way.env },
  })
  return { told: stdout === '' ? null : (JSON.parse(stdout) as Told), stderr }
}

describe.each(Object.entries(ways))('where %s', (_, make) => {
  let way: Way
  beforeAll(() => {
    way = make()
  })

  it('files are read and written, whole and in parts, and the reason is told', () => {
    const { told, stderr } = run(
      way,
      `const { createHash } = await import('node:crypto')
       const sum = (bytes) => createHash('sha256').update(bytes).digest('hex')
       const copy = folder + '/copy', parts = folder + '/parts'
       const bytes = await rings.readFile(data)
       await rings.writeFile(copy, bytes, { flush: true })
       const from = await rings.open(data), to = await rings.open(parts, 'w+')
       const size = (await from.stat()).size
       const batch = Array.from({ length: 46 }, () => Buffer.alloc(65536))
       const positions = batch.map((_, index) => index * 65536)
       const read = await from.readBatch(batch, positions)
       const views = batch.map((buffer, index) => buffer.subarray(0, read[index]))
       await to.writeBatch(views, positions)
       await to.sync()
       const [head, tail] = await Promise.all([
         from.read(Buffer.alloc(10), 0, 10, 0), from.read({ buffer: Buffer.alloc(10), position: size - 5 })])
       const missing = await rings.stat(folder + '/missing').catch(({ code, errno, syscall, path }) => ({ code, errno, syscall, path }))
       const aborted = await rings.readFile(data, { signal: AbortSignal.abort() }).catch(({ code }) => code)
       await from.close(); await to.close()
       result = { size, sum: sum(bytes), head: head.bytesRead, tail: tail.bytesRead, missing, aborted }`,
    )
    expect(stderr).toMatch(/^(ringmaster: no native addon: .*\n)?$/) // the compiler that was tried and is not there
    expect(told).toEqual({
      poller: 'threadpool',
      reason: expect.stringMatching(way.reason) as string,
      result: {
        size: 3_000_000,
        sum: sha256(data),
        head: 10,
        tail: 5,
        missing: { code: 'ENOENT', errno: -2, syscall: 'stat', path: join(folder.path, 'missing') },
        aborted: 'ABORT_ERR',
      },
    })
    expect(['copy', 'parts'].map((name) => sha256(join(folder.path, name)))).toEqual([sha256(data), sha256(data)])
  }, 60_000)

  it('capabilities() says so, before anything was started', () => {
    const { told } = run(way, 'result = (await capabilities()).rings')
    expect(told?.result).toMatchObject({ ok: false, message: expect.stringMatching(way.reason) as string })
  }, 60_000)

  it.each([{ poller: 'kernel' }, { poller: 'caller' }, { fallback: false }])(
    'with %o nothing else is done instead: start() fails with the reason',
    (options) => {
      const { told, stderr } = run(way, '', options)
      expect(told).toBeNull()
      expect(stderr).toMatch(/RingUnavailableError/)
      expect(stderr).toMatch(way.reason)
    },
    60_000,
  )

  it('openBeneath() leads out of a directory by no path and no link', () => {
    mkdirSync(join(folder.path, 'top/sub'), { recursive: true })
    writeFileSync(join(folder.path, 'top/sub/inside'), 'inside')
    const links = {
      up: '../../data',
      absolute: join(folder.path, 'top/sub/inside'),
      good: '../sub/./inside',
      loop: 'loop',
    }
    for (const [name, target] of Object.entries(links)) {
      const path = join(folder.path, 'top/sub', name)
      if (!readdirSync(join(folder.path, 'top/sub')).includes(name)) symlinkSync(target, path)
    }
    const paths = [
      'sub/inside',
      './sub//inside',
      'sub/../sub/inside',
      'sub/good',
      '../data',
      'sub/up',
      'sub/absolute',
      data,
    ]
    const more = ['sub/loop', 'sub/missing', 'sub/inside/', 'sub/inside/..', '']
    const { told } = run(
      way,
      `const top = await rings.open(folder + '/top')
       result = []
       for (const path of ${JSON.stringify([...paths, ...more])}) {
         try {
           const file = await rings.openBeneath(top, path)
           const { buffer, bytesRead } = await file.read()
           result.push(buffer.toString('utf8', 0, bytesRead))
           await file.close()
         } catch ({ code }) { result.push(code) }
       }
       await top.close()`,
    )
    expect(told?.result).toEqual([
      ...['inside', 'inside', 'inside', 'inside'],
      ...['EXDEV', 'EXDEV', 'EXDEV', 'EXDEV'],
      ...['ELOOP', 'ENOENT', 'ENOTDIR', 'ENOTDIR', 'ENOENT'],
    ])
  }, 60_000)

  it('close() leaves nothing behind, and the process ends by itself', () => {
    const { told } = run(
      way,
      `const { readdirSync, openSync, closeSync } = await import('node:fs')
       const before = readdirSync('/proc/self/fd').length
       const another = await Ringmaster.start({ rings: 2 })
       const file = await another.open(data)
       await Promise.all(Array.from({ length: 100 }, () => file.read()))
       await file.close()
       await another.close()
       result = readdirSync('/proc/self/fd').length - before`,
    )
    expect(told?.result).toBe(0)
  }, 60_000)
})

describe('raw operations in plain Node.js', () => {
  const way: Way = { env: { RINGMASTER_ADDON: 'none' }, reason: /none/ }
  const raw = `const { op } = await import(${JSON.stringify(`file://${join(packageRoot, 'dist/services/raw/index.js')}`)})
    const raw = rings.raw()`

  it('files, paths, timeouts and chains work', () => {
    const { told } = run(
      way,
      `${raw}
       const path = folder + '/raw', moved = folder + '/raw-moved'
       const slot = { direct: 3 }
       const buffer = Buffer.from('by a chain')
       const steps = await raw.chain()
         .link(op.openat({ path, flags: 'w+', mode: 0o644, direct: 3 }))
         .link(op.write({ fd: slot, buffer, offset: 0 }))
         .link(op.close({ fd: slot }))
         .submit()
       await raw.submit(op.renameat({ oldPath: path, newPath: moved }))
       const started = performance.now()
       await raw.submit(op.timeout({ timeMs: 20 }))
       result = { steps: steps.map(({ status }) => status), late: performance.now() - started >= 20, text: await rings.readFile(moved, 'utf8') }
       await raw.submit(op.unlinkat({ path: moved }))`,
    )
    expect(told?.result).toEqual({ steps: ['done', 'done', 'done'], late: true, text: 'by a chain' })
    expect(readdirSync(folder.path)).not.toContain('raw-moved')
  }, 60_000)

  it('what node:fs cannot do is refused with the reason', () => {
    const { told } = run(
      way,
      `${raw}
       const refused = async (operation) => {
         try { await raw.submit(operation()); return 'done' } catch ({ code, message }) { return code + ': ' + message }
       }
       result = [
         await refused(() => op.socket({ family: 'AF_INET', type: 'SOCK_STREAM' })),
         await refused(() => op.fallocate({ fd: 0, offset: 0, length: 1 })),
         await refused(() => op.pollAdd({ fd: 0, events: 1 })),
       ]`,
    )
    const refusal = expect.stringMatching(/^ERR_RING_OPERATION_UNSUPPORTED: .*node:fs.* has no such call/) as string
    expect(told?.result).toEqual([refusal, refusal, refusal])
  }, 60_000)
})
