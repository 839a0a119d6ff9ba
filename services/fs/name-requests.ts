// Requests about names in the file system, with the errors that node:fs/promises gives for them. Used by paths.ts.
import { At, Op } from '../../native/abi.ts'
import { addressOfOwn } from '../../native/addresses.ts'
import { kernelError } from '../../native/errors.ts'
import { prepLinkat, prepMkdirat, prepRenameat, prepSymlinkat, prepUnlinkat } from '../../native/operations/links.ts'
import { prepStatx } from '../../native/operations/paths.ts'
import { resultError } from '../../workers/completions.ts'
import type { Completion } from '../../workers/slots.ts'
import { pathText } from '../arguments.ts'
import type { RequestHandle } from '../request-handle.ts'

type Path = string | Buffer

const AT_REMOVEDIR = 0x200

/** What an error names. */
interface Named {
  readonly syscall: string
  readonly path: Path
  readonly dest: Path | undefined
}

const settleNamed: Completion = {
  complete(slots, slot, result) {
    if (result >= 0) {
      slots.resolve(slot, undefined)
      return
    }
    const { syscall, path, dest } = slots.context[slot] as Named
    // Results below every errno are ours: the ring was lost, or closed.
    const error =
      result > -4096
        ? kernelError(result, syscall, pathText(path), dest === undefined ? undefined : pathText(dest))
        : resultError(result, syscall, pathText(path))
    slots.reject(slot, error)
  },
}

const terminated = (path: Path): Buffer =>
  typeof path === 'string' ? Buffer.from(`${path}\0`) : Buffer.concat([path, Buffer.alloc(1)])

/** mkdirat(2). `syscall`: what errors name. */
export function requestMkdir(handle: RequestHandle, path: Path, mode: number, syscall = 'mkdir'): Promise<void> {
  const { client, scratch } = handle
  const slot = client.claim(Op.MKDIRAT, settleNamed, null, { syscall, path, dest: undefined })
  prepMkdirat(client.words, client.at, 0, At.FDCWD, scratch.path(client.slots, slot, path), mode)
  return client.slots.promise(slot)
}

/** unlinkat(2) of a file. */
export function requestUnlinkFile(handle: RequestHandle, path: Path): Promise<void> {
  return unlinkAt(handle, path, 'unlink', 0)
}

/** unlinkat(2) of an empty directory. */
export function requestRmdir(handle: RequestHandle, path: Path): Promise<void> {
  return unlinkAt(handle, path, 'rmdir', AT_REMOVEDIR)
}

function unlinkAt(handle: RequestHandle, path: Path, syscall: string, flags: number): Promise<void> {
  const { client, scratch } = handle
  const slot = client.claim(Op.UNLINKAT, settleNamed, null, { syscall, path, dest: undefined })
  prepUnlinkat(client.words, client.at, 0, At.FDCWD, scratch.path(client.slots, slot, path), flags)
  return client.slots.promise(slot)
}

/** renameat(2), linkat(2) or symlinkat(2): what takes two paths. */
export function requestTwoNames(
  handle: RequestHandle,
  syscall: 'rename' | 'link' | 'symlink',
  path: Path,
  dest: Path,
): Promise<void> {
  const { client } = handle
  const from = terminated(path)
  const to = terminated(dest)
  const opcode = syscall === 'rename' ? Op.RENAMEAT : syscall === 'link' ? Op.LINKAT : Op.SYMLINKAT
  const fromAt = addressOfOwn(from)
  const toAt = addressOfOwn(to)
  const slot = client.claim(opcode, settleNamed, [from, to], { syscall, path, dest })
  if (syscall === 'rename') prepRenameat(client.words, client.at, 0, At.FDCWD, fromAt, At.FDCWD, toAt, 0)
  else if (syscall === 'link') prepLinkat(client.words, client.at, 0, At.FDCWD, fromAt, At.FDCWD, toAt, 0)
  else prepSymlinkat(client.words, client.at, 0, fromAt, At.FDCWD, toAt)
  return client.slots.promise(slot)
}

/** Whether there is something of this name: statx(2), whose answer nobody reads. Errors say `access`. */
export function requestExists(handle: RequestHandle, path: Path): Promise<void> {
  const { client, scratch } = handle
  const slot = client.claim(Op.STATX, settleNamed, null, { syscall: 'access', path, dest: undefined })
  const at = scratch.path(client.slots, slot, path)
  prepStatx(client.words, client.at, 0, At.FDCWD, at, 0, scratch.structAddress(slot))
  return client.slots.promise(slot)
}
