// Prebuilt binaries as the package carries them: native/prebuilds/<platform>-<arch>.node and a manifest that says what they were built
// from. Called by build-addon.mjs, which compiles nothing where one fits, and by build-prebuilds.mjs, which makes them.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import path from 'node:path'

const here = import.meta.dirname

export const prebuildsDirectory = path.join(here, 'prebuilds')
export const manifestFile = path.join(prebuildsDirectory, 'manifest.json')

/** How long loading a binary, to see whether it can be, may take. */
const loadMsMax = 30_000

export const readJson = (file) => {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'))
  } catch {
    return undefined // absent, or written by a process that was killed: both mean "unknown"
  }
}

export const listSources = () => fs.readdirSync(path.join(here, 'src')).sort()

/** The sources as one hash, begun with `label`. Node's version is not in it: the binary speaks Node-API 8. */
export function fingerprintSources(label) {
  const hash = createHash('sha256').update(`${label}\0`)
  for (const name of ['binding.gyp', ...listSources().map((source) => `src/${source}`)]) {
    hash
      .update(`${name}\0`)
      .update(fs.readFileSync(path.join(here, name)))
      .update('\0')
  }
  return hash.digest('hex')
}

/** What prebuilt binaries must have been built from; see manifest.json. */
export const fingerprintPrebuilt = () => fingerprintSources('prebuilt')

export const prebuiltName = (platform, arch) => `${platform}-${arch}`
export const prebuiltFile = (name) => path.join(prebuildsDirectory, `${name}.node`)

/** Whether npm was told to compile: `npm_config_build_from_source=true`, or `=ringmaster`; `--build-from-source` works, too, but npm 11 warns of it. */
export function isCompilingWanted(environment = process.env) {
  const { npm_config_build_from_source: wanted } = environment
  return wanted === 'true' || wanted === '1' || wanted?.split(',').includes('ringmaster') === true
}

/**
 * The binary for this machine, if it was built from the sources that are here and can be loaded.
 *
 * @returns {{ file: string } | { reason: string }}
 */
export function findPrebuilt() {
  const name = prebuiltName(process.platform, process.arch)
  const file = prebuiltFile(name)
  if (!fs.existsSync(file)) return { reason: `there is no prebuilt addon for ${name}` }
  const manifest = readJson(manifestFile)
  if (manifest?.sources !== fingerprintPrebuilt())
    return { reason: `the prebuilt addon for ${name} is of other sources` }
  // As native/prebuilt-check.ts: the dynamic loader would take what was changed on its way.
  const sha256 = createHash('sha256').update(fs.readFileSync(file)).digest('hex')
  if (sha256 !== manifest.binaries?.[name]?.sha256) return { reason: `the prebuilt addon for ${name} is damaged` }
  // In a process of its own: a Node process never lets go of an addon, and this one may have to be replaced.
  const child = spawnSync(process.execPath, ['-e', `require(${JSON.stringify(file)})`], {
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    timeout: loadMsMax,
    env: { ...process.env, NODE_OPTIONS: '', LD_PRELOAD: '' },
  })
  if (child.status === 0) return { file }
  const why = /^Error: (.*)$/m.exec(child.stderr ?? '')?.[1] ?? child.signal ?? `status ${child.status}`
  return { reason: `the prebuilt addon for ${name} cannot be loaded: ${why}` }
}
