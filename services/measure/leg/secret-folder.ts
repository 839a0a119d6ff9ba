// A folder whose files have a secret in front of their names: a leg over HTTP listens on loopback, where every user of the machine can ask, and is to
// answer the process that asks for it alone. Used by http-team.ts.
import { timingSafeEqual } from 'node:crypto'
import type { Folder, StoredFile } from '../../http/storage.ts'

/** `prefix`: with its slash. Whatever does not begin with it is not there. */
export function secretFolder(folder: Folder, prefix: string): Folder {
  const secret = Buffer.from(prefix)
  return {
    open: (path: Buffer, flags: number): Promise<StoredFile> => {
      const begin = path.subarray(0, secret.length)
      if (begin.length === secret.length && timingSafeEqual(begin, secret))
        return folder.open(path.subarray(secret.length), flags)
      return Promise.reject(Object.assign(new Error('not there'), { code: 'ENOENT' }))
    },
  }
}
