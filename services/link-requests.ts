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
  const pair = claimPair(handle, Op.RENAMEAT, from, to, said)
  const { words, at } = handle.client
  prepRenameat(words, at, 0, dirFd, pair.fromAt, dirFd, pair.toAt, 0)
  return handle.client.slots.promise(pair.slot)
}

/** linkat(2) of what `from` leads to: a link of /proc/self/fd gives a file its first name. */
export function requestLink(
  handle: RequestHandle,
  from: Buffer,
  to: Buffer,
  said: string,
  dirFd: number = At.FDCWD,
): Promise<void> {
  const pair = claimPair(handle, Op.LINKAT, from, to, said)
  const { words, at } = handle.client
  prepLinkat(words, at, 0, dirFd, pair.fromAt, dirFd, pair.toAt, AT_SYMLINK_FOLLOW)
  return handle.client.slots.promise(pair.slot)
}

/** A slot for a request with two paths, which are kept for it. */
function claimPair(
  { client }: RequestHandle,
  opcode: number,
  from: Buffer,
  to: Buffer,
  said: string,
): { slot: number; fromAt: number; toAt: number } {
  const paths = [terminated(from), terminated(to)] as const
  const slot = client.claim(opcode, settleEmpty, paths, said)
  return { slot, fromAt: addressOfOwn(paths[0]), toAt: addressOfOwn(paths[1]) }
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
