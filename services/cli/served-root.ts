// The folder that is served. Which it is, and whether it may be: file-daemon.ts asks. And, where node:http serves it (plain-files.ts), one open
// directory, below which everything is opened, and which can be opened anew (SIGHUP) while requests run.
import { constants, type Stats } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { codeOf } from '../http/http-error.ts'
import type { Folder, StoredFile } from '../http/storage.ts'
import type { RingFile } from '../file.ts'
import type { Ringmaster } from '../ringmaster.ts'
import { CommandError, exitCodes } from './exit.ts'

/** A directory and who uses it: requests keep the one they began with. */
interface Directory {
  readonly file: RingFile
  users: number
  retired: boolean
}

export class ServedRoot implements Folder {
  readonly path: string
  readonly #rings: Ringmaster
  #directory: Directory

  /** @throws CommandError */
  static async open(rings: Ringmaster, path: string): Promise<ServedRoot> {
    return new ServedRoot(rings, path, await openDirectory(rings, path))
  }

  private constructor(rings: Ringmaster, path: string, directory: Directory) {
    this.#rings = rings
    this.path = path
    this.#directory = directory
  }

  async open(path: Buffer, flags: number): Promise<StoredFile> {
    const directory = this.#directory
    directory.users++
    try {
      return await this.#rings.openBeneath(directory.file, path, flags)
    } finally {
      directory.users--
      if (directory.retired && directory.users === 0) await directory.file.close().catch(() => undefined)
    }
  }

  /**
   * Follows the path again: what was mounted there, or where a symbolic link points now. Files that are open stay as they are. If it
   * cannot be opened, the old one stays. @throws CommandError
   */
  async reopen(): Promise<void> {
    const old = this.#directory
    this.#directory = await openDirectory(this.#rings, this.path)
    old.retired = true
    if (old.users === 0) await old.file.close()
  }

  async close(): Promise<void> {
    await this.#directory.file.close()
  }
}

async function openDirectory(rings: Ringmaster, path: string): Promise<Directory> {
  const file = await rings.open(path, constants.O_RDONLY | constants.O_DIRECTORY).catch((error: unknown) => {
    throw rootError(path, error)
  })
  return { file, users: 0, retired: false }
}

/**
 * The path of the directory that is to be served: what was said, else the current folder. Never the whole machine by mistake: an empty ROOT is
 * a variable that was not set, `/` as the current folder is where services are started, and other machines are not to have `/` at all.
 * @throws CommandError
 */
export async function requireRoot(said: string | undefined, isPublic: boolean): Promise<string> {
  if (said === '') {
    const advice = 'Name a folder (a variable such as RINGMASTER_ROOT is empty), or "." for the current one'
    throw new CommandError(`ROOT is empty. ${advice}.`, exitCodes.usage)
  }
  const path = resolve(said ?? '.')
  const found = await requireFolder(path)
  const whole = await stat('/')
  if (found.dev !== whole.dev || found.ino !== whole.ino) return path
  if (said === undefined)
    throw new CommandError('the current folder is /, which is all of this machine: name ROOT', exitCodes.usage)
  if (isPublic) {
    const message = `refusing ROOT ${path} with --public: it is all of this machine, and there is no password. Name a folder.`
    throw new CommandError(message, exitCodes.usage)
  }
  return path
}

/** What is there now. @throws CommandError where it is no directory that can be opened */
export async function requireFolder(path: string): Promise<Stats> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY).catch((error: unknown) => {
    throw rootError(path, error)
  })
  try {
    return await folder.stat()
  } finally {
    await folder.close()
  }
}

/** Trying again does not help; anything else the world may repair: what is not mounted yet, a server that does not answer. */
const usageCodes: readonly (string | undefined)[] = ['ENOTDIR', 'EACCES', 'ELOOP', 'ENAMETOOLONG']

function rootError(path: string, error: unknown): CommandError {
  const code = codeOf(error)
  const exitCode = usageCodes.includes(code) ? exitCodes.usage : exitCodes.failure
  const problems = new Map([
    ['ENOTDIR', 'is not a directory'],
    ['ENOENT', 'does not exist'],
  ])
  const problem = problems.get(code ?? '') ?? `cannot be opened: ${code ?? String(error)}`
  return new CommandError(`ROOT ${path} ${problem}`, exitCode, { cause: error })
}
