// The package as users get it: the tarball of `npm pack`, installed into an empty project, on several Nodes. Nothing here imports the sources.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { builtinModules } from 'node:module'
import path from 'node:path'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { filesUrlOf } from '../cli/command.ts'
import { temporaryFolder } from '../services/harness.ts'
import {
  findNode,
  findTypeScript,
  installInto,
  isLongRun,
  otherNodes,
  outsideNpm,
  pack,
  packageRoot,
  readText,
  run,
  withoutCompiler,
} from './project.ts'

// Compilers and npm take their time on a machine that has other things to do.
vi.setConfig({ testTimeout: 180_000 })

const prebuilt = `native/prebuilds/${process.platform}-${process.arch}.node`
const folder = temporaryFolder()
afterAll(() => {
  folder.remove()
})

const packed = pack(folder.path)
const paths = packed.files.map((file) => file.path)
const isBuilt = paths.includes(prebuilt)
const installed = isBuilt ? installInto(folder.path, packed.tarball) : { missing: 'no compiler made a prebuilt addon' }
const project = typeof installed === 'string' ? installed : ''
const missing = typeof installed === 'string' ? '' : ` (skipped: ${installed.missing})`
const inPackage = (...names: string[]): string => path.join(project, 'node_modules/ringmaster', ...names)

describe('the tarball', () => {
  it('holds what runs, what compiles it, and what to read; no tests, no maps, nothing whose source is gone', () => {
    const known =
      /^(dist\/(metrics|native|services|workers)\/.+|native\/(src\/\w+\.(cc|h)|prebuilds\/(linux-\w+\.node|manifest\.json)|binding\.gyp|(build-addon|node-gyp|prebuilt)\.mjs)|services\/measure\/c\/[\w-]+\.[ch]|deploy\/.+|package\.json|LICENSE|(ARCHITECTURE|CHANGELOG|CONTRIBUTING|README|SECURITY)\.md)$/
    expect(paths.filter((file) => !known.test(file))).toEqual([])
    expect(paths.filter((file) => /\.map$|\.tsbuildinfo$|\.test\.|\bnode_modules\b/.test(file))).toEqual([])
    for (const file of [
      'LICENSE',
      'README.md',
      'dist/services/cli/main.js',
      'dist/services/index.d.ts',
      ...(isBuilt ? [prebuilt] : []),
    ])
      expect(paths).toContain(file)
    const modules = paths.filter((file) => /^dist\/.*\.js$/.test(file))
    expect(modules.length).toBeGreaterThan(200)
    const hasSource = (file: string): boolean =>
      fs.existsSync(path.join(packageRoot, file.replace(/^dist\//, '').replace(/\.js$/, '.ts')))
    expect(modules.filter((file) => /^dist\/metrics\/page\//.test(file) || hasSource(file))).toEqual(modules)
    expect(modules.filter((file) => readText(path.join(packageRoot, file)).includes('sourceMappingURL'))).toEqual([])
    // Prebuilt binaries are 0.2 MB each; what makes it a fifth larger than now should be known.
    expect(packed.unpackedSize).toBeLessThan(5_000_000)
  })

  it('says of each file that users import or run where it is, and depends on all that it imports', () => {
    const { bin, exports, dependencies } = JSON.parse(readText(path.join(packageRoot, 'package.json'))) as {
      bin: Record<string, string>
      exports: Record<string, string | Record<string, string>>
      dependencies: Record<string, string>
    }
    const named = [bin, ...Object.values(exports)].flatMap((entry) =>
      typeof entry === 'string' ? [entry] : Object.values(entry),
    )
    expect(named.map((file) => file.replace(/^\.\//, '')).filter((file) => !paths.includes(file))).toEqual([])
    const imported = new Set<string>()
    for (const file of paths.filter((name) => /^dist\/.*\.js$/.test(name)))
      for (const [, name] of readText(path.join(packageRoot, file)).matchAll(
        /^(?:import|export|\}) .*\bfrom '([^'.][^'\n]*)';?$/gm,
      ))
        imported.add(name!.startsWith('@') ? name!.split('/', 2).join('/') : name!.split('/', 1)[0]!)
    const known = [...Object.keys(dependencies), ...builtinModules]
    expect([...imported].filter((name) => !name.startsWith('node:') && !known.includes(name))).toEqual([])
  })
})

describe.skipIf(project === '')(`in an empty project${missing}`, () => {
  it('brings its dependencies and none for development', () => {
    const { devDependencies } = JSON.parse(readText(inPackage('package.json'))) as { devDependencies: object }
    const there = fs.readdirSync(path.join(project, 'node_modules'))
    expect(there.filter((name) => name in devDependencies)).toEqual([])
    expect(there.length).toBeLessThan(45) // node-gyp alone would bring 20 more
  })

  it('its install script has nothing to do and compiles nothing, where there is no compiler either', () => {
    const { status, stdout, stderr } = run(
      process.execPath,
      [inPackage('native/build-addon.mjs'), '--install'],
      inPackage(),
      withoutCompiler(process.execPath),
    )
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' })
    const rebuilt = run('npm', ['rebuild', '--offline', '--foreground-scripts', '--loglevel=error'], project)
    expect(rebuilt.stdout).toContain('node native/build-addon.mjs --install')
    expect(rebuilt).toMatchObject({ status: 0, stderr: '' })
    expect(fs.existsSync(inPackage('native/build'))).toBe(false)
  })

  it('imports nothing by the name of a source', () => {
    const inDist = fs.readdirSync(inPackage('dist'), { recursive: true, encoding: 'utf8' })
    const modules = inDist.filter((name) => name.endsWith('.js'))
    const named = modules.filter((name) =>
      /import\(['"][.][^'"]*[.]ts['"]\)|from ['"][.][^'"]*[.]ts['"]/.test(
        fs.readFileSync(inPackage('dist', name), 'utf8'),
      ),
    )
    expect(modules.length).toBeGreaterThan(100)
    expect(named).toEqual([])
  })

  it.for([
    ['nodenext', 'ours'],
    ['bundler', 'ours'],
    ['nodenext', '5.2'],
  ] as const)(
    'its types hold in a strict program, resolved as %s, with TypeScript %s',
    ([resolution, version], { skip }) => {
      const types = path.join(project, 'node_modules/@types')
      if (!fs.existsSync(types)) fs.symlinkSync(path.join(packageRoot, 'node_modules/@types'), types)
      fs.writeFileSync(
        path.join(project, 'program.ts'),
        `import { Ringmaster, addonOrigin, type AddonOrigin } from 'ringmaster'
       import { op } from 'ringmaster/raw'
       await using rings = await Ringmaster.start({ rings: 1 })
       const from: AddonOrigin['origin'] = addonOrigin().origin
       const fd: number = await rings.raw().submit(op.openat({ path: from }))
       export const wrong: string = fd\n`,
      )
      const options = [
        '--strict',
        '--noEmit',
        '--target',
        'es2022',
        '--lib',
        'es2022,esnext.disposable',
        '--types',
        'node',
      ]
      const module = resolution === 'bundler' ? 'esnext' : 'nodenext'
      // The oldest that has `await using` reads every declaration, not only what the program uses.
      const isOurs = version === 'ours'
      const others = isOurs ? ['--ignoreConfig'] : ['--skipLibCheck', 'false']
      const compiler = isOurs ? path.join(packageRoot, 'node_modules/typescript/bin/tsc') : findTypeScript(version)
      if (typeof compiler !== 'string') return skip(compiler.missing)
      const { stdout } = run(
        process.execPath,
        [compiler, ...others, ...options, '--module', module, '--moduleResolution', resolution, 'program.ts'],
        project,
      )
      expect(stdout.trim().split('\n')).toEqual([expect.stringMatching(/^program\.ts.*TS2322/)])
    },
  )

  it('its command prints its help and serves a file', async () => {
    const command = path.join(project, 'node_modules/.bin/ringmaster')
    const help = run(command, ['--help'], project)
    expect(help).toMatchObject({ status: 0, stderr: '' })
    expect(help.stdout).toContain('serve')
    fs.mkdirSync(path.join(project, 'public'), { recursive: true })
    fs.writeFileSync(path.join(project, 'public/hello.txt'), 'hello')
    const daemon = spawn(command, ['serve', 'public', '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0'], {
      cwd: project,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const ended = once(daemon, 'exit')
    try {
      const response = await fetch(`${await filesUrlOf(daemon.stdout)}hello.txt`)
      expect(await response.text()).toBe('hello')
    } finally {
      daemon.kill('SIGTERM')
    }
    expect(await ended).toEqual([0, null])
  })

  it('says what became of an addon that cannot be loaded, and works without', () => {
    const copy = path.join(folder.path, 'broken/node_modules')
    fs.cpSync(path.join(project, 'node_modules'), copy, { recursive: true })
    fs.writeFileSync(path.join(copy, 'ringmaster', prebuilt), 'an addon for another machine')
    fs.writeFileSync(path.join(copy, '../package.json'), '{ "type": "module" }')
    const source = `
      import { Ringmaster, addonOrigin } from 'ringmaster'
      const rings = await Ringmaster.start()
      const text = await rings.readFile('package.json', 'utf8')
      await rings.close()
      console.log(JSON.stringify({ ...addonOrigin(), text }))`
    const start = (...options: string[]): unknown => {
      const args = ['--input-type=module', ...options, '-e', source]
      const { stdout } = run(process.execPath, args, path.join(copy, '..'), withoutCompiler(process.execPath))
      return JSON.parse(stdout)
    }
    expect(start()).toEqual({
      origin: 'none',
      path: '',
      reason: expect.stringMatching(
        /^the prebuilt native addon cannot be loaded: it is damaged: it has 28 bytes, .*; it could not be compiled: a C\+\+ compiler \(\/nowhere\/g\+\+\).* not found \(Debian, Ubuntu: apt install g\+\+ make python3; .*\)$/,
      ) as string,
      text: '{ "type": "module" }',
    })
    fs.copyFileSync(path.join(project, 'node_modules/ringmaster', prebuilt), path.join(copy, 'ringmaster', prebuilt))
    expect(start('--no-addons')).toMatchObject({ reason: expect.stringContaining('without --no-addons') as string })
  })

  it('says what became of an addon that cannot be loaded, to another user than its owner', () => {
    const copy = path.join(folder.path, 'of-others/node_modules')
    fs.cpSync(path.join(project, 'node_modules'), copy, { recursive: true })
    fs.writeFileSync(path.join(copy, 'ringmaster', prebuilt), 'an addon for another machine')
    const native = path.join(copy, 'ringmaster/native')
    fs.chmodSync(native, 0o555)
    fs.chmodSync(folder.path, 0o755)
    // Permissions bind everybody but root.
    const someone = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
    const source = `import { addonOrigin } from 'ringmaster'; console.log(addonOrigin().reason)`
    const args = ['--input-type=module', '-e', source]
    const options = { cwd: path.join(copy, '..'), env: outsideNpm(), encoding: 'utf8', ...someone } as const
    const { stdout, stderr } = spawnSync(process.execPath, args, options)
    fs.chmodSync(native, 0o755)
    const cause = `cannot write to ${native} (EACCES): run npm rebuild ringmaster as its owner`
    expect(stdout).toMatch(/^the prebuilt native addon cannot be loaded: it is damaged: .*; it could not be compiled: /)
    expect(stdout.endsWith(`it could not be compiled: ${cause}\n`), stdout).toBe(true)
    expect(stderr).toContain(`ringmaster: no native addon: ${cause}\n`)
  })

  it('compiles it at first use where no prebuilt one fits, with the node-gyp of npm, and runs nothing of the program that asked', () => {
    const home = path.join(folder.path, 'first-use')
    fs.cpSync(path.join(project, 'node_modules'), path.join(home, 'node_modules'), { recursive: true })
    fs.rmSync(path.join(home, 'node_modules/ringmaster', prebuilt))
    fs.writeFileSync(path.join(home, 'package.json'), '{ "type": "module", "main": "main.mjs" }')
    // Both note that they ran, and end a chain of programs that start each other.
    const note = (name: string): string => `
      import fs from 'node:fs'
      fs.appendFileSync('runs.log', '${name}\\n')
      if (fs.readFileSync('runs.log', 'utf8').split('\\n').length > 4) process.exit(3)
      const { addonOrigin } = await import('ringmaster')\n`
    fs.writeFileSync(path.join(home, 'preloaded.mjs'), `${note('preloaded')} addonOrigin()`)
    fs.writeFileSync(
      path.join(home, 'main.mjs'),
      `${note('main')} console.log(addonOrigin().origin, addonOrigin().reason)`,
    )
    const environment = { ...outsideNpm(), NODE_OPTIONS: '--import=./preloaded.mjs' }
    const { status, stdout, stderr } = run(process.execPath, ['main.mjs'], home, environment)
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: `compiled there is no prebuilt native addon for ${process.platform}-${process.arch}\n`,
    })
    expect(stderr).toMatch(/^ringmaster: compiling its native addon, once \(about \d+ s\)…\n$/)
    expect(readText(path.join(home, 'runs.log'))).toBe('preloaded\nmain\n')
  })

  it('does not start a program that is not node to compile it: a single executable would start itself, and so on', () => {
    const home = path.join(folder.path, 'other-program')
    fs.cpSync(path.join(project, 'node_modules'), path.join(home, 'node_modules'), { recursive: true })
    fs.rmSync(path.join(home, 'node_modules/ringmaster', prebuilt))
    const program = path.join(home, 'program')
    fs.copyFileSync(process.execPath, program, fs.constants.COPYFILE_FICLONE)
    const code = `import { addonOrigin } from 'ringmaster'; console.log(addonOrigin().origin, addonOrigin().reason)`
    const { status, stdout } = run(program, ['--input-type=module', '-e', code], home, outsideNpm())
    expect(status).toBe(0)
    expect(stdout).toMatch(
      /^none .*; it is not compiled from within .*\/program, which is not node: run "node .*build-addon\.mjs"\n$/,
    )
  })

  it.runIf(isLongRun)(
    'compiles it where that is asked for, with the node-gyp that npm brings along',
    () => {
      const home = path.join(folder.path, 'compiled')
      fs.cpSync(project, home, { recursive: true })
      const options = ['rebuild', '--offline', '--foreground-scripts', '--loglevel=error']
      const { stderr } = run('npm', options, home, { ...outsideNpm(), npm_config_build_from_source: 'true' })
      expect(stderr).toMatch(/ringmaster: addon compiled in/)
      const program = `import { addonOrigin } from 'ringmaster'; console.log(addonOrigin().origin)`
      expect(run(process.execPath, ['--input-type=module', '-e', program], home).stdout).toBe('compiled\n')
    },
    300_000,
  )
})

const everyPoller = ['kernel', 'worker', 'caller', 'threadpool']
/** In the usual run the other Node shows that the one binary loads and polls there; all pollers are for `npm run test:nodes`. */
const stands = [
  ...(isLongRun ? [] : [{ major: process.versions.node.split('.')[0]!, pollers: everyPoller }]),
  ...otherNodes.map((major) => ({ major, pollers: isLongRun ? everyPoller : ['worker'] })),
].map((stand) => ({ ...stand, node: project === '' ? { missing: 'no project' } : findNode(stand.major) }))

describe.each(stands)('on Node $major', ({ major, pollers, node }) => {
  const binary = typeof node === 'string' ? node : ''
  const why = typeof node === 'string' ? '' : ` (skipped: ${node.missing})`

  it.skipIf(binary === '').each(pollers)(`one binary does all that users do, with %s${why}`, (poller) => {
    fs.copyFileSync(path.join(import.meta.dirname, 'program.mjs'), path.join(project, 'program.mjs'))
    const { status, stdout, stderr } = run(binary, ['--no-warnings', 'program.mjs', poller], project)
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(JSON.parse(stdout)).toMatchObject({
      poller,
      version: expect.stringMatching(new RegExp(`^v${major}\\.`)) as string,
      origin: { origin: 'prebuilt', reason: '' },
    })
  })

  it.skipIf(binary === '' || !(isLongRun || binary === process.execPath))(
    `the permission model is obeyed, and the error names the flag${why}`,
    () => {
      const source = `
      import { Ringmaster, addonOrigin } from 'ringmaster'
      const told = await Ringmaster.start().then(
        async (rings) => {
          const { poller } = rings.stats().rings[0]
          await rings.readFile('package.json')
          await rings.close()
          return { poller }
        },
        ({ code, reason, message }) => ({ code, reason, message }))
      console.log(JSON.stringify({ ...told, addon: addonOrigin().reason }))`
      fs.writeFileSync(path.join(project, 'permissions.mjs'), source)
      const permission = Number(major) < 22 ? '--experimental-permission' : '--permission'
      const start = (...options: string[]): unknown => {
        const args = ['--no-warnings', permission, `--allow-fs-read=${project}/`, ...options, 'permissions.mjs']
        const { stdout, stderr } = run(binary, args, project)
        return stdout === '' ? stderr : JSON.parse(stdout)
      }
      expect(start()).toMatchObject({
        poller: 'threadpool',
        addon: expect.stringContaining('--allow-addons') as string,
      })
      expect(start('--allow-addons')).toMatchObject({
        code: 'ERR_RING_UNAVAILABLE',
        reason: 'permission',
        message: expect.stringContaining('--allow-worker') as string,
      })
      expect(start('--allow-addons', '--allow-worker')).toMatchObject({
        poller: expect.not.stringMatching('threadpool') as string,
        addon: '',
      })
    },
  )
})
