// Path → open regular file and its stat. Called by file-service.ts.
import { constants, type Stats } from 'node:fs'
import { codeOf, httpError } from './http-error.ts'
import type { Folder, StoredFile } from './storage.ts'

export interface OpenedFile {
  readonly file: StoredFile
  readonly stats: Stats
}

/** O_NONBLOCK: a FIFO would otherwise wait for its writer. O_NOCTTY: a terminal must not become ours. */
const openFlags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY

/** openat2(2) answers EAGAIN when a rename raced with a '..' in the path, and asks to be called again. */
const racedOpensMax = 4

/** Opens what may be served: a regular file inside the folder. Anything else is 404, without waiting for it. */
export async function openRegularFile(folder: Folder, path: Buffer): Promise<OpenedFile> {
  const file = await openPatiently(folder, path)
  try {
    const stats = await file.stat()
    if (!stats.isFile()) throw httpError(404, 'not a regular file')
    return { file, stats }
  } catch (error) {
    await file.close()
    throw error
  }
}

async function openPatiently(folder: Folder, path: Buffer): Promise<StoredFile> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await folder.open(path, openFlags)
    } catch (error) {
      if (codeOf(error) !== 'EAGAIN' || attempt === racedOpensMax) throw error
    }
  }
}
