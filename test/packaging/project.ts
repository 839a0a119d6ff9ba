// A user's project for tests of the package: the tarball as `npm pack` makes it, installed where nothing else is, and other Nodes to run it on.
// Called by package.test.ts. Tools of npm's that are too large to depend on are found here by other tests, too.
import { spawnSync } from 'node:child_process'
import type { SpawnSyncReturns } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

export const packageRoot: string = resolve(import.meta.dirname, '../..')

/** The Nodes to test with, as major versions: RINGMASTER_NODES=20,22 (`npm run test:nodes` sets all), else one other than this one. */
export const otherNodes: readonly string[] = process.env['RINGMASTER_NODES']?.split(',') ?? ['24']
export const isLongRun: boolean = process.env['RINGMASTER_NODES'] !== undefined

const npmMsMax = 180_000

export interface PackedFile {
  readonly path: string
  readonly size: number
}

export interface Packed {
  readonly tarball: string
  readonly files: readonly PackedFile[]
  readonly unpackedSize: number
}

export type Outcome = SpawnSyncReturns<string>

/** Runs a program to its end. `env` replaces the environment where it is given. */
export function run(command: string, args: readonly string[], cwd: string, env?: NodeJS.ProcessEnv): Outcome {
  return spawnSync(command, args, { cwd, encoding: 'utf8', timeout: npmMsMax, env: env ?? process.env })
}

/** Runs a program that must succeed. @throws Error with what it said */
export function runWell(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr, error } = run(command, args, cwd)
  if (status === 0) return stdout
  throw new Error(`${command} ${args.join(' ')}: status ${status} ${error?.message ?? ''}\n${stdout}${stderr}`)
}

/** What `npm pack` makes of this tree, with the prebuilt addon of this machine, and in the long run of all that can be built here. */
export function pack(folder: string): Packed {
  const only = isLongRun ? [] : [`${process.platform}-${process.arch}`]
  runWell(process.execPath, ['native/build-prebuilds.mjs', ...only], packageRoot)
  // Without scripts: the tests run what is built already, and a second build would take it away from others meanwhile.
  const told = runWell('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], packageRoot)
  const [packed] = JSON.parse(told) as [{ filename: string; files: PackedFile[]; unpackedSize: number }]
  return { tarball: join(folder, packed.filename), files: packed.files, unpackedSize: packed.unpackedSize }
}

const install = ['install', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error']

/**
 * Installs the tarball into a new, empty project, its dependencies from npm's cache or the registry.
 * @returns the project's folder, or why there is none: what is not this package's fault
 */
export function installInto(folder: string, tarball: string): string | { missing: string } {
  const project = join(folder, 'project')
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), '{ "type": "module", "private": true }')
  const { status, stderr } = run('npm', [...install, tarball], project)
  if (status === 0) return project
  const code = /npm (?:error|ERR!) code (\S+)/.exec(stderr)?.[1] ?? 'a time limit'
  if (['EAI_AGAIN', 'ECONNREFUSED', 'ENOTFOUND', 'ETIMEDOUT', 'ENOTCACHED', 'a time limit'].includes(code))
    return { missing: `npm cannot install: ${code}` }
  throw new Error(stderr)
}

/**
 * Another Node, from the package that carries it, kept for later runs.
 * @returns its path, or why there is none
 */
export function findNode(major: string): string | { missing: string } {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath
  return findPackage(`node-${process.platform}-${process.arch}`, major, 'bin/node')
}

/** The compiler of another TypeScript, kept as another Node is. */
export const findTypeScript = (version: string): string | { missing: string } =>
  findPackage('typescript', version, 'lib/tsc.js')

/** A file of a package, which is installed where it is not yet, with what it depends on. */
export function findPackage(name: string, version: string, file: string): string | { missing: string } {
  const home = join(tmpdir(), 'ringmaster-nodes', `${name}-${version}`)
  const found = join(home, 'node_modules', name, file)
  if (existsSync(found)) return found
  mkdirSync(join(home, '..'), { recursive: true })
  // Beside its place first: who is interrupted leaves nothing that looks whole.
  const scratch = mkdtempSync(`${home}-`)
  try {
    const { status, stderr } = run('npm', [...install, '--prefix', scratch, `${name}@${version}`], scratch)
    if (status !== 0) return { missing: `npm cannot install ${name}@${version}: ${stderr.split('\n')[0] ?? ''}` }
    if (!existsSync(home)) renameSync(scratch, home)
    return found
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** A copy of what a program without a compiler finds: node and what npm needs to run scripts, and nothing else. */
export const withoutCompiler = (node: string): NodeJS.ProcessEnv => ({
  ...process.env,
  PATH: resolve(node, '..'),
  CXX: '/nowhere/g++',
  PYTHON: undefined,
})

export const readText = (path: string): string => readFileSync(path, 'utf8')

/** What a program finds that npm did not start, as it may have started these tests. */
export const outsideNpm = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('npm_')))
