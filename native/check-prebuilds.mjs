// Checks what native/prebuilds holds before it is shipped: `npm run check:prebuilds`, before `npm pack`. Reads the binaries with readelf
// (binutils, which come with every compiler), so that it does not trust how they were built. `--all`: all targets must be there.
//
// Exit status: 0 what is there may be shipped, 1 it may not, each reason on a line of its own.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import path from 'node:path'
import { exportedSymbols, libcVersions } from './libc-stub.mjs'
import {
  findPrebuilt,
  fingerprintPrebuilt,
  manifestFile,
  prebuildsDirectory,
  prebuiltFile,
  prebuiltName,
  readJson,
} from './prebuilt.mjs'

const machines = { x64: 'Advanced Micro Devices X86-64', arm64: 'AArch64' }

/** Symbols that the toolchain's start files ask for, weakly: nobody need have them. */
const weakSymbols = ['_ITM_deregisterTMCloneTable', '_ITM_registerTMCloneTable', '__gmon_start__', '__cxa_finalize']

function readelf(file) {
  const { status, stdout, stderr, error } = spawnSync(
    'readelf',
    ['-W', '-h', '-l', '-d', '-S', '-n', '--dyn-syms', file],
    {
      encoding: 'utf8',
    },
  )
  if (status !== 0) throw new Error(`readelf cannot read ${file}: ${stderr || error?.message}`)
  return stdout
}

/** Name, version, binding and definedness of each dynamic symbol; see readelf(1). */
function* dynamicSymbols(text) {
  for (const line of text.split('\n')) {
    const row = /^\s+\d+: [0-9a-f]+ +\S+ (\S+) +(\S+) +\S+ +(\S+) +([^\s@]+)(?:@+(\S+))?/.exec(line)
    if (row === null) continue
    const [, type, binding, section, name, version] = row
    if (type !== 'SECTION') yield { name, version, isWeak: binding === 'WEAK', isDefined: section !== 'UND' }
  }
}

/** Why a binary may not be shipped for `arch`, a line each; empty where it may. */
export function findFaults(file, arch) {
  const text = readelf(file)
  const faults = []
  const must = (holds, fault) => holds || faults.push(fault)
  must(/^ *Machine: +(.*)$/m.exec(text)?.[1] === machines[arch], `it is not for ${machines[arch]}`)
  const needed = [...text.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, library]) => library)
  must(needed.join() === 'libc.so.6', `it needs ${needed.join(', ')}, not just libc.so.6`)
  must(!/\((RPATH|RUNPATH)\)/.test(text), 'it has a library path of the machine that built it')
  must(!/\(TEXTREL\)/.test(text), 'it has relocations in its code')
  must(/FLAGS_1.*NOW/.test(text), 'it is linked without -z now')
  must(/FLAGS_1.*NODELETE/.test(text), 'it is linked without -z nodelete')
  must(/GNU_RELRO/.test(text), 'it is linked without -z relro')
  must(/GNU_STACK.* RW /.test(text), 'its stack is executable')
  must(/Build ID: [0-9a-f]{40}/.test(text), 'it has no build id')
  must(!/ \.(symtab|debug_\w+) /.test(text), 'it is not stripped')
  const symbols = [...dynamicSymbols(text)]
  const exported = symbols.filter(({ isDefined }) => isDefined).map(({ name }) => name)
  must(exported.sort().join() === [...exportedSymbols].sort().join(), `it exports ${exported.join(', ')}`)
  for (const { name, version, isWeak } of symbols.filter(({ isDefined }) => !isDefined)) {
    const isOfNode = /^(napi|uv)_/.test(name)
    const isOfLibc = version !== undefined && libcVersions[arch][version]?.includes(name) === true
    const isOptional = isWeak && weakSymbols.includes(name)
    must(isOfNode || isOfLibc || isOptional, `it needs the symbol ${name}${version ? `@${version}` : ''}`)
  }
  return faults
}

/** Why what is there may not be shipped, a line each. */
function checkPrebuilds(isAllWanted) {
  const manifest = readJson(manifestFile)
  if (manifest === undefined) return [`there is no ${manifestFile}: npm run build:prebuilds`]
  const faults = []
  if (manifest.sources !== fingerprintPrebuilt())
    faults.push('the prebuilt addons are of other sources: npm run build:prebuilds')
  const listed = Object.keys(manifest.binaries)
  for (const entry of fs.readdirSync(prebuildsDirectory)) {
    const isListed = entry === path.basename(manifestFile) || listed.some((name) => entry === `${name}.node`)
    if (!isListed) faults.push(`native/prebuilds/${entry} is not in the manifest: remove it`)
  }
  for (const name of listed) {
    const file = prebuiltFile(name)
    if (!fs.existsSync(file)) {
      faults.push(`${name}: the binary is not there`)
      continue
    }
    const content = fs.readFileSync(file)
    const sha256 = createHash('sha256').update(content).digest('hex')
    if (sha256 !== manifest.binaries[name].sha256) faults.push(`${name}: the binary is not the one that was built`)
    faults.push(...findFaults(file, name.split('-')[1]).map((fault) => `${name}: ${fault}`))
    if (faults.length > 0) continue
    if (name === prebuiltName(process.platform, process.arch) && !('file' in findPrebuilt()))
      faults.push(`${name}: ${findPrebuilt().reason}`)
    console.error(`ringmaster: ${name} is shipped: ${(content.length / 1024).toFixed(0)} KiB, sha256 ${sha256}`)
  }
  for (const [name, reason] of Object.entries(manifest.missing)) {
    if (isAllWanted) faults.push(`${name} is missing: ${reason}`)
    else console.error(`ringmaster: ${name} is NOT shipped: ${reason}; it is compiled where it is installed`)
  }
  return faults
}

if (import.meta.filename === fs.realpathSync(process.argv[1] ?? '')) {
  const faults = checkPrebuilds(process.argv.includes('--all'))
  for (const fault of faults) console.error(`ringmaster: ${fault}`)
  process.exitCode = faults.length > 0 ? 1 : 0
}
