// The builder keeps its promises to whoever installs or first uses the package, shown on a tiny addon in a directory of its own.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const root = path.resolve(import.meta.dirname, '../..')
const hasCompiler = process.platform === 'linux' && spawnSync('g++', ['--version']).status === 0

const source = `
#include <node_api.h>
NAPI_MODULE_INIT() {
  napi_value answer;
  napi_create_int32(env, 42, &answer);
  napi_set_named_property(env, exports, "answer", answer);
  return exports;
}
`

let directory: string
let script: string
let built: string

beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'ringmaster-build-'))
  script = path.join(directory, 'native/build-addon.mjs')
  built = path.join(directory, 'native/build/Release/ringmaster.node')
  fs.mkdirSync(path.join(directory, 'native/src'), { recursive: true })
  fs.symlinkSync(path.join(root, 'node_modules'), path.join(directory, 'node_modules'))
  for (const file of ['build-addon.mjs', 'node-gyp.mjs', 'prebuilt.mjs', 'binding.gyp'].map(
    (name) => `native/${name}`,
  )) {
    fs.copyFileSync(path.join(root, file), path.join(directory, file))
  }
  write('native/src/addon.cc', source)
})

afterEach(() => {
  // Retried: the compiler of a builder that was killed may still be writing.
  fs.rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
})

function write(file: string, text: string): void {
  fs.writeFileSync(path.join(directory, file), text)
}

interface Outcome {
  status: number | null
  said: string
}

function build(options: string[], environment: NodeJS.ProcessEnv = {}): Outcome {
  const env = { ...process.env, ...environment }
  const { status, stderr } = spawnSync(process.execPath, [script, ...options], { encoding: 'utf8', env })
  return { status, said: stderr }
}

async function buildAside(options: string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [script, ...options], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const [status] = (await once(child, 'close')) as [number | null]
  return { status, said }
}

/** Loads what was built in a process of its own: a Node process never lets go of an addon. */
function loadBuilt(): number {
  const { stdout } = spawnSync(process.execPath, ['-p', `require(${JSON.stringify(built)}).answer`], {
    encoding: 'utf8',
  })
  return Number(stdout)
}

const entries = (): string[] => fs.readdirSync(path.join(directory, 'native')).sort()

describe('without a compiler', () => {
  const environment = { PATH: '/nowhere', CXX: undefined, PYTHON: undefined }

  test('the install succeeds and says in one line what is missing', () => {
    const { status, said } = build(['--install'], environment)
    expect(status).toBe(0)
    expect(said).toMatch(/^ringmaster: no native addon: a C\+\+ compiler \(g\+\+\), make.* not found .*\n$/)
  })

  test('first use and a build by hand exit with 2: not here', () => {
    expect(build(['--first-use'], environment).status).toBe(2)
    expect(build([], environment).status).toBe(2)
  })
})

describe.skipIf(!hasCompiler)('with a prebuilt addon', () => {
  // Whether the install would compile is told by what it complains of where there is no compiler.
  const environment = { PATH: '/nowhere', CXX: undefined, PYTHON: undefined }
  const name = `${process.platform}-${process.arch}`
  const file = (): string => path.join(directory, `native/prebuilds/${name}.node`)
  const wouldCompile = (more: NodeJS.ProcessEnv = {}): boolean => {
    const { status, said } = build(['--install'], { ...environment, ...more })
    expect(status).toBe(0)
    return said !== ''
  }
  beforeEach(() => {
    for (const script of ['build-prebuilds.mjs', 'libc-stub.mjs'])
      fs.copyFileSync(path.join(root, 'native', script), path.join(directory, 'native', script))
    const made = spawnSync(process.execPath, [path.join(directory, 'native/build-prebuilds.mjs'), name], {
      encoding: 'utf8',
    })
    expect(made).toMatchObject({ status: 0, stderr: expect.stringContaining(`${name}: built`) as string })
  })

  test('the install compiles nothing, unless npm is told to', () => {
    expect(wouldCompile()).toBe(false)
    expect(wouldCompile({ npm_config_build_from_source: 'true' })).toBe(true)
    expect(wouldCompile({ npm_config_build_from_source: 'sharp,ringmaster' })).toBe(true)
    expect(wouldCompile({ npm_config_build_from_source: 'sharp' })).toBe(false)
  })

  test('the install compiles where it is of other sources, cannot be loaded, crashes, or is not there', () => {
    write('native/src/addon.cc', source.replace('42', '43'))
    expect(wouldCompile()).toBe(true)
    write('native/src/addon.cc', source)
    expect(wouldCompile()).toBe(false)
    fs.truncateSync(file(), 5000) // a half file kills whoever loads it
    expect(wouldCompile()).toBe(true)
    fs.writeFileSync(file(), 'for another machine')
    expect(wouldCompile()).toBe(true)
    fs.rmSync(file())
    expect(wouldCompile()).toBe(true)
  })

  test('a second build has nothing to do, and a source that does not compile fails it and leaves no binary', () => {
    const rebuild = (): Outcome => {
      const script = path.join(directory, 'native/build-prebuilds.mjs')
      const { status, stderr } = spawnSync(process.execPath, [script, name], { encoding: 'utf8' })
      return { status, said: stderr }
    }
    expect(rebuild()).toMatchObject({ status: 0, said: expect.stringContaining(`${name}: up to date`) as string })
    write('native/src/addon.cc', 'int x = ;\n')
    const failed = rebuild()
    expect(failed.status).toBe(1)
    expect(failed.said).toMatch(/not built: .*addon\.cc:1:9: error: expected primary-expression/)
    expect(fs.existsSync(file())).toBe(false)
  })
})

describe.skipIf(!hasCompiler)('with a compiler', () => {
  test('builds once, then sees that nothing changed, then that something did', () => {
    expect(build([])).toMatchObject({ status: 0, said: expect.stringContaining('addon compiled in') as string })
    expect(loadBuilt()).toBe(42)
    expect(build([])).toEqual({ status: 0, said: 'ringmaster: addon is up to date\n' })
    write('native/src/addon.cc', source.replace('42', '43'))
    expect(build(['--quiet'])).toEqual({ status: 0, said: '' })
    expect(loadBuilt()).toBe(43)
  })

  test('three processes that need it at once: one compiles, all have it, nothing is left over', async () => {
    const outcomes = await Promise.all([1, 2, 3].map(() => buildAside(['--first-use'])))
    expect(outcomes.map(({ status }) => status)).toEqual([0, 0, 0])
    expect(outcomes.filter(({ said }) => said.includes('compiling its native addon, once'))).toHaveLength(1)
    expect(loadBuilt()).toBe(42)
    expect(entries()).toEqual(['binding.gyp', 'build', 'build-addon.mjs', 'node-gyp.mjs', 'prebuilt.mjs', 'src'])
  })

  test('a builder that was killed holds nobody up', async () => {
    const child = spawn(process.execPath, [script, '--first-use'], { stdio: ['ignore', 'ignore', 'pipe'] })
    await once(child.stderr, 'data') // it has the lock and begins
    child.kill('SIGKILL')
    await once(child, 'close')
    expect(entries()).toContain('build-lock')
    expect(build(['--first-use']).status).toBe(0)
    expect(loadBuilt()).toBe(42)
    expect(entries()).not.toContain('build-lock')
  })

  test('a source that does not compile: the install succeeds, names the error and the log, and first use does not try again', () => {
    write('native/src/broken.cc', 'int x = ;\n')
    const installed = build(['--install'])
    expect(installed.status).toBe(0)
    expect(installed.said).toContain('broken.cc:1:9: error: expected primary-expression')
    const log = /output: ([^;]*);/.exec(installed.said)?.[1]
    expect(fs.readFileSync(log!, 'utf8')).toContain('broken.cc')

    const used = build(['--first-use'])
    expect(used.status).toBe(1)
    expect(used.said).toContain('did not compile last time')

    const byHand = build([])
    expect(byHand.status).toBe(1)
    expect(byHand.said).toContain('int x = ;')

    fs.rmSync(path.join(directory, 'native/src/broken.cc'))
    expect(build(['--first-use']).status).toBe(0)
  })

  test.skipIf(process.getuid?.() === 0)('a package that another user owns: says who must build it', () => {
    fs.chmodSync(path.join(directory, 'native'), 0o555)
    const { status, said } = build(['--first-use'])
    fs.chmodSync(path.join(directory, 'native'), 0o755)
    expect(status).toBe(2)
    expect(said).toContain('run npm rebuild ringmaster as its owner')
  })
})
