// Compiles C with the system's compiler into a cache directory, once per content. Called by services/bench/ and by the legs of test/bench
// when a leg in C is planned; throws with the reason when it cannot.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'

const COMPILE_LIMIT_MS = 60_000

export interface Compilation {
  readonly source: string
  /** Copied beside the result: files it needs at run time. */
  readonly companions: readonly string[]
  readonly flags: readonly string[]
  readonly outputName: string
  readonly cacheDirectory: string
}

/** Returns the path of the compiled file. */
export function compile(compilation: Compilation): string {
  const { source, companions, flags, outputName, cacheDirectory } = compilation
  const compiler = compilerVersion()
  const hash = createHash('sha256').update([compiler, process.version, ...flags].join('\0'))
  for (const path of [source, ...companions]) hash.update(readFileSync(path))
  const directory = join(cacheDirectory, hash.digest('hex').slice(0, 16))
  const output = join(directory, outputName)
  if (existsSync(output)) return output

  // Built beside its place and renamed into it, so that a benchmark that runs at the same time never sees half of it.
  const scratch = `${directory}.${process.pid}`
  mkdirSync(scratch, { recursive: true })
  try {
    for (const path of companions) copyFileSync(path, join(scratch, basename(path)))
    const args = [...flags, source, '-o', join(scratch, outputName)]
    const result = spawnSync('cc', args, { encoding: 'utf8', timeout: COMPILE_LIMIT_MS })
    if (result.status !== 0) throw new Error(`cc could not compile ${source}: ${lastWords(result.stderr)}`)
    renameSync(scratch, directory)
  } catch (error) {
    // Someone else was faster with the same content.
    if (!existsSync(output)) throw error
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
  return output
}

function compilerVersion(): string {
  const result = spawnSync('cc', ['--version'], { encoding: 'utf8', timeout: COMPILE_LIMIT_MS })
  if (result.error !== undefined || result.status !== 0)
    throw new Error('there is no C compiler (cc): install gcc or clang to have it')
  return result.stdout
}

function lastWords(stderr: string): string {
  return stderr.trim().split('\n').slice(-3).join(' ')
}
