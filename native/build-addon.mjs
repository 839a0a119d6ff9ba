// Compiles the addon: at install (--install, never fails it; nothing to do where a prebuilt one fits), by hand (no option), or when the
// loader finds none (--first-use).
// Options: --sanitize=address,undefined | --sanitize=thread (a build beside the usual one), --quiet (say nothing but errors).
// Exit status: 0 there is an addon, 1 it did not compile, 2 it cannot be compiled on this machine. With --first-use stdout says why.
//
// Any number of processes may ask at once, and be killed at any time. Each compiles in a work directory of its own and renames the
// result into place, so no process can load half a file. The lock only spares the others the work: nothing breaks if two hold it.
import * as fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { AddonBuildError, compile, compileMsMax, countJobs, findToolchain } from './node-gyp.mjs'
import { findPrebuilt, fingerprintSources, isCompilingWanted, listSources, readJson } from './prebuilt.mjs'

const here = import.meta.dirname
/** `npm rebuild` does nothing where scripts are not run (ignore-scripts). */
const again = `node ${fileURLToPath(import.meta.url)}`

/** Output directory of each variant; the loader takes the first, or what RINGMASTER_ADDON names. */
const outputOf = { '': 'build', 'address,undefined': 'build-asan', thread: 'build-tsan' }
const lockWaitMsMax = compileMsMax + 30_000
/** How long a failed compile is believed before a first use tries again: else every start of a program would pay for it. */
const failureMsMax = 60 * 60_000

const say = (line) => process.stderr.write(`ringmaster: ${line}\n`)

/** Writes a whole file or nothing. */
function writeAtomically(file, content) {
  const temporary = `${file}.${process.pid}`
  fs.writeFileSync(temporary, content)
  fs.renameSync(temporary, file)
}

const remove = (entry) => fs.rmSync(entry, { recursive: true, force: true })

/** Process start time in clock ticks, so that a reused pid is not taken for the process that held it. */
function readStartTicks(pid) {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] // field 22; the name before it may hold blanks
  } catch {
    return undefined // no such process
  }
}

const ownStamp = () => ({ pid: process.pid, startTicks: readStartTicks(process.pid), host: os.hostname() })

function isStale(lock) {
  const owner = readJson(path.join(lock, 'owner.json'))
  // From another machine or container nothing can be asked; then only age counts.
  if (owner?.host === os.hostname()) return readStartTicks(owner.pid) !== owner.startTicks
  const made = fs.statSync(lock, { throwIfNoEntry: false })
  return made !== undefined && Date.now() - made.mtimeMs > lockWaitMsMax
}

/** Takes the lock and returns true, or returns false. A directory that already names its owner is renamed into place, atomically. */
function tryLock(lock) {
  const prepared = `${lock}-${process.pid}`
  remove(prepared)
  fs.mkdirSync(prepared)
  fs.writeFileSync(path.join(prepared, 'owner.json'), JSON.stringify(ownStamp()))
  try {
    fs.renameSync(prepared, lock)
    return true
  } catch (error) {
    remove(prepared)
    if (error.code === 'ENOTEMPTY' || error.code === 'EEXIST') return false
    throw error
  }
}

function unlock(lock) {
  if (readJson(path.join(lock, 'owner.json'))?.pid === process.pid) remove(lock)
}

/** Waits for whoever holds the lock. Returns true with the lock held, or false as soon as `isDone()`. */
async function lockUnlessDone(lock, isDone) {
  const deadline = Date.now() + lockWaitMsMax
  while (!isDone()) {
    if (tryLock(lock)) return true
    if (isStale(lock)) remove(lock)
    else await sleep(100)
    if (Date.now() > deadline)
      throw new AddonBuildError(`another process still holds ${lock}; remove it if none runs`, 1)
  }
  return false
}

/** A work directory for this process alone: the one the last build left (make then compiles what changed), or a new one. */
function claimWork(output) {
  for (const name of fs.readdirSync(here)) {
    const pid =
      /^(.*)-(?:work|lock)-(\d+)$/.exec(name)?.[1] === path.basename(output) ? name.split('-').at(-1) : undefined
    // What a killed process left.
    if (pid && (Number(pid) === process.pid || readStartTicks(pid) === undefined)) remove(path.join(here, name))
  }
  const work = `${output}-work-${process.pid}`
  try {
    fs.renameSync(`${output}-work`, work)
  } catch {
    fs.mkdirSync(work)
    fs.symlinkSync('../src', path.join(work, 'src'))
  }
  fs.copyFileSync(path.join(here, 'binding.gyp'), path.join(work, 'binding.gyp'))
  return work
}

/** About 3 s per source and CPU, since each one includes napi.h (2.2 s measured for one on its own). */
const estimateSeconds = () => Math.ceil((listSources().filter((name) => name.endsWith('.cc')).length / countJobs()) * 3)

/**
 * Makes sure that there is an addon for the sources as they are, compiling it if need be.
 *
 * @param {object} [options]
 * @param {boolean} [options.quiet] Say nothing; errors are thrown anyway.
 * @param {boolean} [options.firstUse] Somebody waits for it: announce it, and believe a failure of the last hour.
 * @param {boolean} [options.keepWork] Keep the object files, so that the next build only compiles what changed.
 * @param {'' | 'address,undefined' | 'thread'} [options.sanitize] Which variant.
 * @returns {Promise<{ file: string, compiled: boolean }>} Where it is, and whether it was compiled just now.
 */
export async function buildAddon({ quiet = false, firstUse = false, keepWork = false, sanitize = '' } = {}) {
  if (!(sanitize in outputOf)) {
    throw new AddonBuildError(
      `--sanitize takes ${Object.keys(outputOf).filter(Boolean).join(' or ')}, not ${sanitize}`,
      1,
    )
  }
  const output = path.join(here, outputOf[sanitize])
  const file = path.join(output, 'Release/ringmaster.node')
  const record = path.join(output, 'record.json')
  const log = path.join(output, 'build.log')
  const lock = `${output}-lock`
  const fingerprint = fingerprintSources(`${process.platform} ${process.arch} ${sanitize}`)
  const isUpToDate = () => readJson(record)?.built === fingerprint && fs.existsSync(file)
  if (isUpToDate()) return { file, compiled: false }

  const toolchain = findToolchain()
  const flags = ['CC', 'CXX', 'CFLAGS', 'CXXFLAGS', 'CPPFLAGS', 'LDFLAGS'].map((name) => process.env[name] ?? '')
  const attempt = [fingerprint, ...toolchain.programs, toolchain.nodeGyp, toolchain.nodeDirectory, ...flags].join(' ')
  const failed = () => {
    const last = readJson(record)
    return firstUse && last?.failed === attempt && Date.now() - last.atMs < failureMsMax
  }
  try {
    fs.mkdirSync(path.join(output, 'Release'), { recursive: true })
    const locked = await lockUnlessDone(lock, () => isUpToDate() || failed())
    if (!locked && isUpToDate()) return { file, compiled: false }
    if (!locked) throw new AddonBuildError(`the addon did not compile last time ("${again}" tries again)`, 1, log)
    try {
      if (!quiet && firstUse) say(`compiling its native addon, once (about ${estimateSeconds()} s)…`)
      const work = claimWork(output)
      try {
        await compile(toolchain, work, [`--sanitize=${sanitize}`], log)
        // A copy: the linker's file has a second name in the work directory, where make may write to it again.
        fs.copyFileSync(path.join(work, 'build/Release/ringmaster.node'), `${file}.${process.pid}`)
        fs.renameSync(`${file}.${process.pid}`, file)
        writeAtomically(record, JSON.stringify({ built: fingerprint }))
      } catch (error) {
        writeAtomically(record, JSON.stringify({ failed: attempt, atMs: Date.now() }))
        throw error
      } finally {
        remove(`${output}-work`)
        if (keepWork) fs.renameSync(work, `${output}-work`)
        else remove(work)
      }
      return { file, compiled: true }
    } finally {
      unlock(lock)
    }
  } catch (error) {
    if (!['EACCES', 'EROFS', 'EPERM'].includes(error.code)) throw error
    throw new AddonBuildError(`cannot write to ${here} (${error.code}): run npm rebuild ringmaster as its owner`, 2)
  }
}

async function main(options) {
  const install = options.includes('--install')
  const firstUse = options.includes('--first-use')
  const quiet = options.includes('--quiet')
  const sanitize = options.find((option) => option.startsWith('--sanitize='))?.slice('--sanitize='.length) ?? ''
  const startMs = Date.now()
  if (install && !isCompilingWanted() && 'file' in findPrebuilt()) return
  try {
    const { file, compiled } = await buildAddon({ quiet, firstUse, sanitize, keepWork: !install && !firstUse })
    const seconds = ((Date.now() - startMs) / 1000).toFixed(1)
    if (!quiet && !firstUse) say(compiled ? `addon compiled in ${seconds} s` : 'addon is up to date')
    if (sanitize && !quiet) say(`use it with RINGMASTER_ADDON=${file}`)
  } catch (error) {
    if (!(error instanceof AddonBuildError) && !install) throw error
    const seeLog = error.log ? `; output: ${error.log}` : ''
    const retry = error.exitStatus === 2 ? 'it is compiled at first use instead' : `"${again}" tries again`
    const then = install ? `; ringmaster is installed without it, ${retry}` : ''
    say(`no native addon: ${error.message}${seeLog}${then}`)
    // For the loader that asked, which says it to the program: addonOrigin().reason.
    if (firstUse) process.stdout.write(`${error.message}${seeLog}\n`)
    if (!install && !firstUse && error.log) {
      const lines = fs.readFileSync(error.log, 'utf8').trimEnd().split('\n')
      process.stderr.write(
        `${lines
          .filter((line) => !line.startsWith('gyp info'))
          .slice(-40)
          .join('\n')}\n`,
      )
    }
    process.exitCode = install ? 0 : (error.exitStatus ?? 1)
  }
}

if (process.argv[1] && fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await main(process.argv.slice(2))
}
