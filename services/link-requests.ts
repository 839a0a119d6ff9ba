// Requests that give names to files and take them away. Paths are from `dirFd`, of a directory; else from the current folder. Used by
// atomic-write.ts and services/blob.
import { At, Op } from '../native/abi.ts'
import { addressOfOwn } from '../native/addresses.ts'
import { prepLinkat, prepMkdirat, prepRenameat, prepUnlinkat } from '../native/operations/links.ts'
import { settleEmpty } from '../workers/completions.ts'
import type { RequestHandle } from './request-handle.ts'

const AT_SYMLINK_FOLLOW = 0x400

const terminated = (path: Buffer): Buffer => Buffer.concat([path, Buffer.alloc(1)])

/** renameat(2). `said`: what errors name. */
export function requestRename(
  handle: RequestHandle,
  from: Buffer,
  to: Buffer,
  said: string,
  dirFd: number = At.FDCWD,
): Promise<void> {
  return requestPair(handle, Op.RENAMEAT, prepRenameat, 0, [from, to], said, dirFd)
}

/** linkat(2) of what `from` leads to: a link of /proc/self/fd gives a file its first name. */
export function requestLink(
  handle: RequestHandle,
  from: Buffer,
  to: Buffer,
  said: string,
  dirFd: number = At.FDCWD,
): Promise<void> {
  return requestPair(handle, Op.LINKAT, prepLinkat, AT_SYMLINK_FOLLOW, [from, to], said, dirFd)
}

/** A request with two paths, which are kept for it. */
function requestPair(
  { client }: RequestHandle,
  opcode: number,
  prep: typeof prepRenameat,
  flags: number,
  [from, to]: readonly [Buffer, Buffer],
  said: string,
  dirFd: number,
): Promise<void> {
  const paths = [terminated(from), terminated(to)] as const
  const slot = client.claim(opcode, settleEmpty, paths, said)
  prep(client.words, client.at, 0, dirFd, addressOfOwn(paths[0]), dirFd, addressOfOwn(paths[1]), flags)
  return client.slots.promise(slot)
}

/** unlinkat(2). */
export function requestUnlink(
  handle: RequestHandle,
  path: Buffer,
  said: string,
  dirFd: number = At.FDCWD,
): Promise<void> {
  const { client } = handle
  const bytes = terminated(path)
  const slot = client.claim(Op.UNLINKAT, settleEmpty, bytes, said)
  prepUnlinkat(client.words, client.at, 0, dirFd, addressOfOwn(bytes), 0)
  return client.slots.promise(slot)
}

/** mkdirat(2). */
export function requestMakeDirectory(
  handle: RequestHandle,
  dirFd: number,
  path: Buffer,
  mode: number,
  said: string,
): Promise<void> {
  const { client } = handle
  const bytes = terminated(path)
  const slot = client.claim(Op.MKDIRAT, settleEmpty, bytes, said)
  prepMkdirat(client.words, client.at, 0, dirFd, addressOfOwn(bytes), mode)
  return client.slots.promise(slot)
}
