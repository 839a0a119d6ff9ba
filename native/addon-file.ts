// Where the addon is, and where it came from. Called by binding.ts, which loads it, and by services/ for whoever asks (addonOrigin()).
//
// In this order: what RINGMASTER_ADDON names; what was compiled here (in a source tree, at install, at first use: somebody wanted it, or
// the prebuilt one did not fit); the prebuilt one of the package; else it is compiled on first use.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isMainThread } from 'node:worker_threads'
import { RingUnavailableError } from './errors.ts'
import type { UnavailableReason } from './errors.ts'
import { findDamage } from './prebuilt-check.ts'

/** Where the addon that this thread uses came from. Plain data. */
export interface AddonOrigin {
  /**
   * `named`: by the environment variable RINGMASTER_ADDON. `compiled`: on this machine. `prebuilt`: from the package.
   * `none`: there is none, and files are read and written by node:fs.
   */
  readonly origin: 'named' | 'compiled' | 'prebuilt' | 'none'
  /** The file that was loaded; empty where there is none. */
  readonly path: string
  /** Why there is none, or why one that is preferred was not taken; empty where nothing was amiss. */
  readonly reason: string
}

/** An addon that was loaded: what the module exports, and where it was. */
export interface FoundAddon {
  readonly exports: unknown
  readonly origin: AddonOrigin
}

/** RINGMASTER_ADDON: do without the addon, as where there is none. */
const noAddon = 'none'

/** What the dynamic loader says of EMFILE and ENFILE, in every locale that Node has: it sets none. */
const noDescriptor = 'Too many open files'

// From native/ in a source tree and from dist/native/ in a package the root is one or two levels up.
const packageRoot = new URL(import.meta.url.endsWith('.ts') ? '../' : '../../', import.meta.url)
const inPackage = (path: string): string => fileURLToPath(new URL(path, packageRoot))
const compiledPath = inPackage('native/build/Release/ringmaster.node')
const prebuiltName = `${process.platform}-${process.arch}`
const prebuiltPath = inPackage(`native/prebuilds/${prebuiltName}.node`)
const manifestPath = inPackage('native/prebuilds/manifest.json')
const builderPath = inPackage('native/build-addon.mjs')

const unavailable = (reason: UnavailableReason, message: string): RingUnavailableError =>
  new RingUnavailableError(reason, message)

/**
 * Loads one file.
 * @returns what it exports, or why it cannot be loaded
 * @throws RingUnavailableError where no other file could be loaded either
 */
function tryFile(path: string): { exports: unknown } | string {
  try {
    if (path === prebuiltPath) {
      const damage = findDamage(path, manifestPath, prebuiltName)
      if (damage !== '') return `it is damaged: ${damage}`
    }
    return { exports: createRequire(import.meta.url)(path) }
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error)
    if (said.includes(noDescriptor) || said.startsWith('EMFILE') || said.startsWith('ENFILE')) {
      const message = 'no file descriptor is left to load the native addon (EMFILE): raise ulimit -n or close some'
      throw unavailable('descriptors', message)
    }
    if (error instanceof Error && 'code' in error && error.code === 'ERR_DLOPEN_DISABLED')
      throw unavailable('addon', forbidden)
    return said.split('\n')[0]!
  }
}

const forbidden =
  'this process may not load native addons: start node with --allow-addons beside --permission, and without --no-addons'

/**
 * Whether the program is Node.js itself, which can run the compiler's script. A single executable, or Electron, would start itself again,
 * which asks for the addon again, and so on.
 */
const isPlainNode = (): boolean =>
  /^node(js)?[\d.-]*$/.test(basename(process.execPath)) && process.versions['electron'] === undefined

/** Package managers may skip install scripts, and a prebuilt binary may not fit: compiles once, with a message. @returns why it did not */
function compile(): string {
  if (!isPlainNode())
    return `it is not compiled from within ${process.execPath}, which is not node: run "node ${builderPath}"`
  try {
    const { status, stdout } = spawnSync(process.execPath, [builderPath, '--first-use'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      encoding: 'utf8',
      // What the program has preloaded is not for the compiler; and if that asks for the addon, it would start another one, and so on.
      env: { ...process.env, NODE_OPTIONS: '' },
    })
    if (status === 0 && existsSync(compiledPath)) return ''
    return `it could not be compiled: ${stdout?.trim() || `run "node ${builderPath}" to see why`}`
  } catch (error) {
    // Node's permission model; a descriptor or a process too many is in `status` and `error` instead.
    return `it may not be compiled here (${error instanceof Error ? error.message : String(error)})`
  }
}

/**
 * Finds and loads the addon.
 * @throws RingUnavailableError with reason `platform`, `addon`, or `descriptors` while there are none
 */
export function loadAddon(): FoundAddon {
  if (process.platform !== 'linux') {
    throw unavailable('platform', `io_uring exists on Linux only, this is ${process.platform}`)
  }
  const named = process.env['RINGMASTER_ADDON']
  if (named === noAddon) {
    throw unavailable('addon', `RINGMASTER_ADDON=${noAddon} leaves the native addon out: unset it`)
  }
  if (named !== undefined) {
    const loaded = tryFile(named)
    if (typeof loaded !== 'string') return { ...loaded, origin: { origin: 'named', path: named, reason: '' } }
    throw unavailable('addon', `the native addon at ${named} cannot be loaded (RINGMASTER_ADDON names it): ${loaded}`)
  }
  const refused: string[] = []
  const take = (origin: 'compiled' | 'prebuilt', path: string): FoundAddon | undefined => {
    const loaded = tryFile(path)
    if (typeof loaded !== 'string') return { ...loaded, origin: { origin, path, reason: refused.join('; ') } }
    refused.push(`the ${origin} native addon cannot be loaded: ${loaded}`)
    return undefined
  }
  const isCompiled = existsSync(compiledPath)
  const compiled = isCompiled ? take('compiled', compiledPath) : undefined
  if (compiled !== undefined) return compiled
  const isPrebuilt = existsSync(prebuiltPath)
  const prebuilt = isPrebuilt ? take('prebuilt', prebuiltPath) : undefined
  if (prebuilt !== undefined) return prebuilt
  if (!isPrebuilt) refused.push(`there is no prebuilt native addon for ${prebuiltName}`)
  // Somebody waits for what comes next, or will wonder why it is slow: as with compiling, a line on stderr, once.
  else if (isMainThread) process.stderr.write(`ringmaster: ${refused.at(-1)}\n`)
  // One that was compiled and cannot be loaded would be compiled again just the same.
  if (!isCompiled) {
    const failure = compile()
    const fresh = failure === '' ? take('compiled', compiledPath) : undefined
    if (fresh !== undefined) return fresh
    if (failure !== '') refused.push(failure)
  } else refused.push('run npm rebuild ringmaster')
  throw unavailable('addon', refused.join('; '))
}
