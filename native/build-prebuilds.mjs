// Builds the addon for other machines: `npm run build:prebuilds`, and before `npm pack`. One binary for each architecture serves every
// Node (Node-API 8) and every libc (libc-stub.mjs). What cannot be built here is named with the reason, and left out. Arguments, such as
// linux-x64: build these only; of the others what is there and of these sources is kept.
//
// Exit status: 0 all that can be built here is built, 1 something did not compile.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import path from 'node:path'
import { writeLinkerInputs } from './libc-stub.mjs'
import { AddonBuildError, compile, findToolchain } from './node-gyp.mjs'
import {
  fingerprintPrebuilt,
  manifestFile,
  prebuildsDirectory,
  prebuiltFile,
  prebuiltName,
  readJson,
} from './prebuilt.mjs'

const here = import.meta.dirname

/** Debian's names: of the compiler for this architecture, wherever it runs, and of its package. */
const targets = [
  { arch: 'x64', compiler: 'x86_64-linux-gnu-g++', package: 'g++-x86-64-linux-gnu' },
  { arch: 'arm64', compiler: 'aarch64-linux-gnu-g++', package: 'g++-aarch64-linux-gnu' },
]

const say = (line) => process.stderr.write(`ringmaster: ${line}\n`)
const hashOf = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest('hex')

/** The compiler for a target and what it calls itself. */
function findCompiler(target) {
  const candidates = process.arch === target.arch ? [target.compiler, 'g++'] : [target.compiler]
  for (const compiler of candidates) {
    const { status, stdout } = spawnSync(compiler, ['--version'], { encoding: 'utf8' })
    if (status === 0) return { compiler, compilerVersion: stdout.split('\n')[0].replace(/^\S+/, 'g++') }
  }
  throw new AddonBuildError(`${target.compiler} not found (Debian, Ubuntu: apt install ${target.package})`, 2)
}

/** What decides a binary's bytes beside its sources: how it is built, and by what. */
function fingerprintRecipe(compilerVersion) {
  const scripts = ['build-prebuilds.mjs', 'libc-stub.mjs'].map((name) => fs.readFileSync(path.join(here, name)))
  const { version } = JSON.parse(
    fs.readFileSync(path.join(here, '../node_modules/node-addon-api/package.json'), 'utf8'),
  )
  return hashOf(...scripts, compilerVersion, version)
}

/** Builds one target in a folder of its own, and renames the result into place: any number of processes may do so at once. */
async function build({ arch }, compiler, name) {
  const toolchain = findToolchain(compiler)
  const work = path.join(here, `build-prebuilt-${arch}-${process.pid}`)
  const log = `${work}.log`
  fs.mkdirSync(work)
  try {
    fs.symlinkSync('../src', path.join(work, 'src'))
    fs.copyFileSync(path.join(here, 'binding.gyp'), path.join(work, 'binding.gyp'))
    writeLinkerInputs(work, arch, compiler)
    await compile(toolchain, work, [`--arch=${arch}`, `--standalone=${work}`], log, { CXX: compiler, LINK: compiler })
    fs.renameSync(path.join(work, 'build/Release/ringmaster.node'), prebuiltFile(name))
    fs.rmSync(log)
  } finally {
    fs.rmSync(work, { recursive: true, force: true })
  }
}

/** Makes one target's row of the manifest: as it is where nothing changed, else built anew. */
async function makeBinary(target, before, sources, isWanted) {
  const name = prebuiltName('linux', target.arch)
  const file = prebuiltFile(name)
  const known = before?.sources === sources ? before.binaries[name] : undefined
  const isIntact = known !== undefined && fs.existsSync(file) && hashOf(fs.readFileSync(file)) === known.sha256
  try {
    if (!isWanted(name)) throw new AddonBuildError('it was not asked for', 2)
    const { compiler, compilerVersion } = findCompiler(target)
    const recipe = fingerprintRecipe(compilerVersion)
    if (isIntact && known.recipe === recipe) return { name, row: known }
    await build(target, compiler, name)
    const content = fs.readFileSync(file)
    const row = { sha256: hashOf(content), sizeBytes: content.length, compiler: compilerVersion, recipe }
    return { name, row, built: true }
  } catch (error) {
    // Built elsewhere, from these sources: as good.
    if (error.exitStatus === 2 && isIntact) return { name, row: known }
    fs.rmSync(file, { force: true })
    return { name, error }
  }
}

/** Brings native/prebuilds up to date; returns the manifest, and whether something did not compile. */
async function buildPrebuilds(isWanted) {
  const sources = fingerprintPrebuilt()
  const before = readJson(manifestFile)
  const manifest = { sources, binaries: {}, missing: {} }
  let failed = false
  fs.mkdirSync(prebuildsDirectory, { recursive: true })
  for (const target of targets) {
    const { name, row, built = false, error } = await makeBinary(target, before, sources, isWanted)
    if (error === undefined) {
      manifest.binaries[name] = row
      say(`${name}: ${built ? 'built' : 'up to date'}, ${(row.sizeBytes / 1024).toFixed(0)} KiB, ${row.compiler}`)
      continue
    }
    if (!(error instanceof AddonBuildError)) throw error
    failed ||= error.exitStatus !== 2
    manifest.missing[name] = error.message
    say(`${name}: not built: ${error.message}${error.log ? `; output: ${error.log}` : ''}`)
  }
  const temporary = path.join(here, `build-prebuilt-manifest-${process.pid}.json`)
  fs.writeFileSync(temporary, `${JSON.stringify(manifest, null, 2)}\n`)
  fs.renameSync(temporary, manifestFile)
  return { manifest, failed }
}

const wanted = process.argv.slice(2)
const { failed } = await buildPrebuilds((name) => wanted.length === 0 || wanted.includes(name))
process.exitCode = failed ? 1 : 0
