// mkdir() with `recursive`: makes what is missing and says which was the first. Used by paths.ts.
import { At } from '../../native/abi.ts'
import type { RequestHandle } from '../request-handle.ts'
import { requestStat } from '../requests.ts'
import { requestMkdir } from './name-requests.ts'
import { codeOf } from './own.ts'

/** Names between single slashes. What Node makes of `.`, `..` and further slashes is its own affair. */
const plainPath = /^\/?(?:(?!\.\.?(?:\/|$))[^/]+\/)*(?!\.\.?$)[^/]+$/

/** Whatever stands in the way is for Node to say (`ownWay`), which finds it once more. */
export async function mkdirRecursive(
  handle: RequestHandle,
  path: string | Buffer,
  mode: number,
  ownWay: () => Promise<unknown>,
): Promise<unknown> {
  if (typeof path !== 'string' || !plainPath.test(path)) return ownWay()
  const missing = [path]
  let first: string | undefined
  for (let next = missing.at(-1); next !== undefined; next = missing.at(-1)) {
    const outcome = await made(handle, next, mode)
    if (outcome === undefined) {
      first ??= next
      missing.pop()
    } else if (outcome === 'ENOENT' && first === undefined && next.lastIndexOf('/') > 0) {
      missing.push(next.slice(0, next.lastIndexOf('/')))
    } else if (outcome === 'EEXIST' && (await isDirectory(handle, next))) {
      missing.pop() // somebody else has made it meanwhile, or it was there
    } else {
      return ownWay()
    }
  }
  return first
}

/** The code of the error; undefined: there is none. */
async function made(handle: RequestHandle, path: string, mode: number): Promise<unknown> {
  try {
    await requestMkdir(handle, path, mode)
    return undefined
  } catch (error) {
    return codeOf(error) ?? 'unknown'
  }
}

async function isDirectory(handle: RequestHandle, path: string): Promise<boolean> {
  try {
    const target = { dirFd: At.FDCWD, path, atFlags: 0, bigint: false, syscall: 'stat' } as const
    return (await requestStat(handle, target)).isDirectory()
  } catch {
    return false
  }
}
