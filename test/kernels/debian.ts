// Debian's packages, without installing them: found with apt, downloaded into a cache, unpacked there. Called by main.ts.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const lookupMsMax = 60_000
const downloadMsMax = 15 * 60_000

/** Something this machine lacks, and what to do about it. */
export class MissingError extends Error {}

/** Runs a program to its end and gives what it printed. @throws MissingError, Error with what it complained of */
async function run(command: string, args: readonly string[], cwd: string, limitMs: number): Promise<string> {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], timeout: limitMs })
  const output: Buffer[] = []
  const complaints: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => complaints.push(chunk))
  const status = await new Promise<number | string>((resolve, reject) => {
    child.on('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'ENOENT' ? new MissingError(`${command} is missing: this needs Debian or Ubuntu`) : error)
    })
    child.on('close', (code, signal) => {
      resolve(code ?? signal ?? 'nothing')
    })
  })
  if (status === 0) return Buffer.concat(output).toString()
  const said = Buffer.concat(complaints).toString().trim().split('\n').slice(-3).join(' ')
  throw new Error(`${command} ${args.join(' ')} ended with ${status}: ${said}`)
}

/** The package that a package without content of its own stands for: linux-image-amd64 → linux-image-6.1.0-56-amd64. */
async function realPackage(name: string, pattern: RegExp): Promise<string> {
  const found = await run('apt-cache', ['depends', '--important', name], '/', lookupMsMax).catch((error: unknown) => {
    if (error instanceof MissingError) throw error
    throw new MissingError(
      `apt knows no package ${name}: run "apt-get update", and see that Debian's security suite is listed`,
    )
  })
  const [, real] = pattern.exec(found) ?? []
  if (real === undefined) throw new Error(`${name} depends on no package that matches ${String(pattern)}:\n${found}`)
  return real
}

/** Downloads and unpacks a package, once per version. Gives the folder of its files. `only`: what is unpacked of it. */
export async function unpackedPackage(name: string, cache: string, only: string): Promise<string> {
  mkdirSync(cache, { recursive: true })
  const uri = (await run('apt-get', ['download', '--print-uris', name], cache, lookupMsMax)).trim()
  const file = /^'[^']*' (\S+)/.exec(uri)?.[1]
  if (file === undefined) throw new Error(`apt-get does not say where ${name} is: ${uri}`)
  const folder = join(cache, file.replace(/\.deb$/, ''))
  if (existsSync(folder)) return folder
  // Beside its place first: who is interrupted leaves nothing that looks whole.
  const scratch = `${folder}.${process.pid}`
  mkdirSync(scratch, { recursive: true })
  try {
    await run('apt-get', ['-o', 'APT::Sandbox::User=root', 'download', name], scratch, downloadMsMax)
    const archive = readdirSync(scratch).find((entry) => entry.endsWith('.deb'))
    if (archive === undefined) throw new Error(`apt-get downloaded nothing for ${name}`)
    await run('sh', ['-c', 'dpkg-deb --fsys-tarfile "$1" | tar x "$2"', 'sh', archive, only], scratch, downloadMsMax)
    rmSync(join(scratch, archive))
    if (!existsSync(folder)) renameSync(scratch, folder)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
  return folder
}

/** The newest kernel that a meta-package stands for: its image, and what it is called. */
export async function kernelImage(metaPackage: string, cache: string): Promise<{ image: string; release: string }> {
  const name = await realPackage(metaPackage, /Depends: (linux-image-\S+)/)
  const folder = await unpackedPackage(name, cache, './boot')
  const release = name.replace('linux-image-', '')
  const image = join(folder, 'boot', `vmlinuz-${release}`)
  if (!existsSync(image)) throw new Error(`package ${name} has no /boot/vmlinuz-${release}`)
  return { image, release }
}
