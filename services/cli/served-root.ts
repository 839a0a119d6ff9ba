// The folder that is served: one open directory, below which everything is opened, and which can be opened anew (SIGHUP) while requests
// run. Used by file-daemon.ts.
import { constants } from 'node:fs'
import { stat } from 'node:fs/promises'
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

/** The path of a directory that exists, or an error that says which of the two it is not. @throws CommandError */
export async function requireDirectory(path: string): Promise<string> {
  try {
    if ((await stat(path)).isDirectory()) return path
  } catch (error) {
    throw rootError(path, error)
  }
  throw new CommandError(`ROOT ${path} is not a directory`, exitCodes.usage)
}

function rootError(path: string, error: unknown): CommandError {
  const code = codeOf(error)
  if (code === 'ENOTDIR') return new CommandError(`ROOT ${path} is not a directory`, exitCodes.usage, { cause: error })
  const problem = code === 'ENOENT' ? 'does not exist' : `cannot be opened: ${code ?? String(error)}`
  return new CommandError(`ROOT ${path} ${problem}`, exitCodes.usage, { cause: error })
}
