// Runs node-gyp, and says what it lacks. Called by build-addon.mjs (for this machine) and build-prebuilds.mjs (for several).
import { spawn } from 'node:child_process'
import * as fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'

const require = createRequire(import.meta.url)

export const compileMsMax = 10 * 60_000

/** Why there is no addon. `exitStatus` is 2 when this machine lacks something, 1 when compiling went wrong. */
export class AddonBuildError extends Error {
  constructor(message, exitStatus, log) {
    super(message)
    this.name = 'AddonBuildError'
    this.exitStatus = exitStatus
    this.log = log
  }
}

export function findProgram(candidates) {
  for (const candidate of candidates.filter(Boolean)) {
    // A variable such as CXX may hold "ccache g++": the first word is the program.
    const program = candidate.split(' ')[0]
    const directories = program.includes('/') ? [''] : (process.env.PATH ?? '').split(':')
    for (const directory of directories) {
      const file = path.join(directory, program)
      try {
        fs.accessSync(file, fs.constants.X_OK)
        if (fs.statSync(file).isFile()) return file
      } catch {
        // not in this directory
      }
    }
  }
  return undefined
}

/** node-gyp as somebody depends on it, else the one that npm brings along for packages like this: with it we would depend on 20 more. */
function findNodeGyp() {
  const file = 'node-gyp/bin/node-gyp.js'
  const named = process.env.npm_config_node_gyp
  const npm = findProgram(['npm'])
  const places = [
    () => require.resolve('node-gyp/bin/node-gyp.js'), // in full, so that knip sees it
    () => named && fs.realpathSync(named),
    () => npm && createRequire(fs.realpathSync(npm)).resolve(file),
    () => fs.realpathSync(path.resolve(process.execPath, '../../lib/node_modules/npm/node_modules', file)),
  ]
  for (const place of places) {
    try {
      const found = place()
      // A file and no folder: of a folder Node would run the program, whosever it is.
      if (found && fs.statSync(found).isFile()) return found
    } catch {
      // not there
    }
  }
  throw new AddonBuildError('node-gyp not found (npm brings one along: install npm, or run npm install node-gyp)', 2)
}

/** What compiling takes, or an error that says what to install. `compiler`: which one, instead of g++ and CXX. */
export function findToolchain(compiler = process.env.CXX || 'g++') {
  if (process.platform !== 'linux') throw new AddonBuildError(`io_uring is Linux only, this is ${process.platform}`, 2)
  const { env } = process
  const tools = {
    [`a C++ compiler (${compiler})`]: findProgram([compiler]),
    make: findProgram([env.MAKE ?? 'make', 'gmake']),
    'Python 3': findProgram([env.npm_config_python, env.NODE_GYP_FORCE_PYTHON, env.PYTHON, 'python3', 'python']),
  }
  const missing = Object.keys(tools).filter((name) => tools[name] === undefined)
  if (missing.length > 0) {
    const packages = 'Debian, Ubuntu: apt install g++ make python3; Alpine: apk add g++ make python3 linux-headers'
    throw new AddonBuildError(`${missing.join(', ')} not found (${packages})`, 2)
  }
  const nodeGyp = findNodeGyp()
  try {
    require.resolve('node-addon-api')
  } catch (error) {
    throw new AddonBuildError(`a dependency is not installed: ${error.message.split('\n')[0]}`, 2)
  }
  return { nodeGyp, nodeDirectory: findNodeDirectory(), programs: Object.values(tools) }
}

/** Where Node's headers are: as configured, or beside this Node; else undefined and node-gyp downloads them. */
function findNodeDirectory() {
  if (process.env.npm_config_nodedir) return process.env.npm_config_nodedir
  const prefix = path.resolve(process.execPath, '../..')
  return fs.existsSync(path.join(prefix, 'include/node/node_api.h')) ? prefix : undefined
}

export const countJobs = () => Math.min(os.availableParallelism(), 8)

/**
 * Runs node-gyp in `work`, where binding.gyp is, with its output in `log`.
 *
 * @param {{ nodeGyp: string, nodeDirectory?: string }} toolchain
 * @param {string} work
 * @param {string[]} options For node-gyp; what it does not know are variables of binding.gyp.
 * @param {string} log
 * @param {NodeJS.ProcessEnv} [environment] Beside this process's.
 */
export async function compile({ nodeGyp, nodeDirectory }, work, options, log, environment = {}) {
  const all = ['configure', 'build', `--directory=${work}`, `--jobs=${countJobs()}`, ...options]
  if (nodeDirectory) all.push(`--nodedir=${nodeDirectory}`)
  const output = fs.openSync(log, 'w')
  try {
    const child = spawn(process.execPath, [nodeGyp, ...all], {
      stdio: ['ignore', output, output],
      timeout: compileMsMax,
      // A preloaded sanitizer, or options of the program that asked, are not for the compiler.
      env: { ...process.env, NODE_OPTIONS: '', LD_PRELOAD: '', ...environment },
    })
    const [status, signal] = await new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (...result) => resolve(result))
    })
    if (status !== 0) throw new AddonBuildError(explainFailure(log) ?? signal ?? `node-gyp: status ${status}`, 1, log)
  } finally {
    fs.closeSync(output)
  }
}

/** The one line of a failed compile's output that says why, if there is one. */
function explainFailure(log) {
  const text = fs.readFileSync(log, 'utf8')
  if (text.includes('related to network connectivity')) {
    return "Node's headers are not beside node and did not download (npm_config_nodedir=<directory with include/node> names them)"
  }
  return /^.*\berror: .*$/m.exec(text)?.[0] ?? /^gyp ERR! stack Error: (.*)$/m.exec(text)?.[1]
}
