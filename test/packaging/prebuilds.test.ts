// The prebuilt addons are what they are said to be: portable, hardened, of these sources. The oracle is readelf, not the build; that the
// check can fail is shown on binaries that must not be shipped.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import path from 'node:path'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { temporaryFolder } from '../services/harness.ts'
import { isLongRun, packageRoot, run, runWell, withoutCompiler } from './project.ts'

// Compilers and npm take their time on a machine that has other things to do.
vi.setConfig({ testTimeout: 180_000 })

const hasCompiler = process.platform === 'linux' && spawnSync('g++', ['--version']).status === 0
const name = `${process.platform}-${process.arch}`
const prebuilds = path.join(packageRoot, 'native/prebuilds')
const musl = ['/lib/ld-musl-x86_64.so.1', '/lib/ld-musl-aarch64.so.1'].find((file) => fs.existsSync(file))
const sha256 = (file: string): string => createHash('sha256').update(fs.readFileSync(file)).digest('hex')

/** What `npm run check:prebuilds` says, in a copy of native/ that `change` has changed. */
function check(change: (native: string) => void, ...options: string[]): { status: number | null; said: string } {
  const folder = temporaryFolder()
  const native = path.join(folder.path, 'native')
  fs.mkdirSync(native)
  for (const entry of ['src', 'prebuilds', 'binding.gyp', 'prebuilt.mjs', 'libc-stub.mjs', 'check-prebuilds.mjs'])
    fs.cpSync(path.join(packageRoot, 'native', entry), path.join(native, entry), { recursive: true })
  change(native)
  const { status, stderr } = run(process.execPath, ['native/check-prebuilds.mjs', ...options], folder.path)
  folder.remove()
  return { status, said: stderr }
}

/** Puts another binary into the place of the prebuilt one, and tells the manifest that it is the one. */
function replace(native: string, file: string): void {
  const place = path.join(native, 'prebuilds', `${name}.node`)
  fs.copyFileSync(file, place)
  const manifestFile = path.join(native, 'prebuilds/manifest.json')
  const manifest = JSON.parse(fs.readFileSync(manifestFile, 'utf8')) as { binaries: Record<string, { sha256: string }> }
  manifest.binaries[name]!.sha256 = sha256(place)
  fs.writeFileSync(manifestFile, JSON.stringify(manifest))
}

describe.skipIf(!hasCompiler)('the prebuilt addon', () => {
  beforeAll(() => {
    runWell(process.execPath, ['native/build-prebuilds.mjs', ...(isLongRun ? [] : [name])], packageRoot)
  }, 600_000)

  it('may be shipped', () => {
    expect(check(() => undefined)).toEqual({ status: 0, said: expect.stringContaining(`${name} is shipped`) as string })
  })

  it('is refused where it is of other sources, was changed, is not listed, or is missing and all are wanted', () => {
    const ofOthers = check((native) => {
      fs.appendFileSync(path.join(native, 'src/addon.cc'), '\n')
    })
    expect(ofOthers).toMatchObject({ status: 1, said: expect.stringContaining('are of other sources') as string })
    const changed = check((native) => {
      fs.appendFileSync(path.join(native, 'prebuilds', `${name}.node`), '\0')
    })
    expect(changed).toMatchObject({ status: 1, said: expect.stringContaining('not the one that was built') as string })
    const unlisted = check((native) => {
      fs.writeFileSync(path.join(native, 'prebuilds/linux-mips.node'), '')
    })
    expect(unlisted).toMatchObject({
      status: 1,
      said: expect.stringContaining('linux-mips.node is not in the manifest') as string,
    })
    const missing = check((native) => {
      const file = path.join(native, 'prebuilds/manifest.json')
      const manifest = JSON.parse(fs.readFileSync(file, 'utf8')) as object
      fs.writeFileSync(file, JSON.stringify({ ...manifest, missing: { 'linux-mips': 'no compiler' } }))
    }, '--all')
    expect(missing).toMatchObject({
      status: 1,
      said: expect.stringContaining('linux-mips is missing: no compiler') as string,
    })
  })

  describe('that was damaged on its way is not loaded, which would end the process or run anything:', () => {
    const cut = (bytes: number) => (native: string) => {
      fs.truncateSync(path.join(native, 'prebuilds', `${name}.node`), bytes)
    }
    const flip = (native: string): void => {
      const file = path.join(native, 'prebuilds', `${name}.node`)
      const content = fs.readFileSync(file)
      for (let index = 0x5000; index < 0x5400; index++) content[index]! ^= 0x5a
      fs.writeFileSync(file, content)
    }
    const unlist = (native: string): void => {
      fs.rmSync(path.join(native, 'prebuilds/manifest.json'))
    }
    it.each<[string, (native: string) => void, RegExp]>([
      ['cut off early', cut(5_000), /it is damaged: it has 5000 bytes, and had \d+/],
      ['cut off in its code', cut(64_000), /it is damaged: it has 64000 bytes/],
      ['cut off late', cut(150_000), /it is damaged: it has 150000 bytes/],
      ['empty', cut(0), /it is damaged: it has 0 bytes/],
      ['other code', flip, /it is damaged: its SHA-256 is another/],
      ['no manifest', unlist, /it is damaged: \S+manifest\.json does not say what it must be/],
    ])('%s', (_title, damage, reason) => {
      const folder = temporaryFolder()
      const native = path.join(folder.path, 'native')
      fs.mkdirSync(native)
      for (const entry of ['src', 'prebuilds', 'binding.gyp', 'prebuilt.mjs', 'build-addon.mjs', 'node-gyp.mjs'])
        fs.cpSync(path.join(packageRoot, 'native', entry), path.join(native, entry), { recursive: true })
      fs.cpSync(path.join(packageRoot, 'dist/native'), path.join(folder.path, 'dist/native'), { recursive: true })
      fs.symlinkSync(path.join(packageRoot, 'node_modules'), path.join(folder.path, 'node_modules'))
      fs.writeFileSync(path.join(folder.path, 'package.json'), '{ "type": "module" }')
      const source = `import { addonOrigin } from './dist/native/binding.js'; console.log(JSON.stringify(addonOrigin()))`
      const start = (): ReturnType<typeof run> =>
        run(process.execPath, ['--input-type=module', '-e', source], folder.path, withoutCompiler(process.execPath))
      expect(JSON.parse(start().stdout)).toMatchObject({ origin: 'prebuilt', reason: '' })
      damage(native)
      const { status, stdout, stderr } = start()
      expect(status).toBe(0)
      expect(JSON.parse(stdout)).toMatchObject({ origin: 'none', reason: expect.stringMatching(reason) as string })
      expect(stderr.split('\n')[0]).toMatch(reason)
      // At install neither: it compiles, or says that it cannot.
      const installer = ['native/build-addon.mjs', '--install']
      const installed = run(process.execPath, installer, folder.path, withoutCompiler(process.execPath))
      expect(installed).toMatchObject({ status: 0, stderr: expect.stringContaining('no native addon: ') as string })
      folder.remove()
    })
  })

  it('is refused where it is the one compiled for this machine alone, each reason named', () => {
    const { status, said } = check((native) => {
      replace(native, path.join(packageRoot, 'native/build/Release/ringmaster.node'))
    })
    expect(status).toBe(1)
    expect(said).toContain('it needs libstdc++.so.6, libc.so.6, not just libc.so.6')
    expect(said).toContain('it is not stripped')
    expect(said).toMatch(/it needs the symbol \w+@GLIBCXX_3/)
  })

  it.skipIf(musl === undefined)(
    'finds all it asks of a libc in musl, too (skipped where musl is not installed)',
    () => {
      // As ldd, musl's loader names what is missing: Node's own symbols, since there is no Node, and nothing else.
      const { stderr } = spawnSync(musl!, ['--list', path.join(prebuilds, `${name}.node`)], { encoding: 'utf8' })
      const unknown = [...stderr.matchAll(/: (\w+): symbol not found/g)].map(([, symbol]) => symbol!)
      expect(unknown.length).toBeGreaterThan(20)
      expect(unknown.filter((symbol) => !/^(napi|uv)_/.test(symbol))).toEqual([])
    },
  )

  it.runIf(isLongRun)(
    'comes out the same, byte for byte, when it is built in another place',
    () => {
      const folder = temporaryFolder()
      fs.mkdirSync(path.join(folder.path, 'native'))
      fs.symlinkSync(path.join(packageRoot, 'node_modules'), path.join(folder.path, 'node_modules'))
      const builder = ['build-prebuilds.mjs', 'libc-stub.mjs', 'node-gyp.mjs', 'prebuilt.mjs']
      for (const entry of ['src', 'binding.gyp', ...builder])
        fs.cpSync(path.join(packageRoot, 'native', entry), path.join(folder.path, 'native', entry), { recursive: true })
      runWell(process.execPath, ['native/build-prebuilds.mjs', name], folder.path)
      const other = sha256(path.join(folder.path, 'native/prebuilds', `${name}.node`))
      folder.remove()
      expect(other).toBe(sha256(path.join(prebuilds, `${name}.node`)))
    },
    300_000,
  )
})
