// Extended attributes: fsetxattr, setxattr, fgetxattr, getxattr. For RawRing.submit() and chains. Direct descriptors are
// not taken: the kernel answers EBADF.
import { addressOfView } from '../../../native/addresses.ts'
import { invalidArgType, invalidArgValue } from '../../../native/errors.ts'
import {
  fgetxattr as fgetxattrRow,
  fsetxattr as fsetxattrRow,
  getxattr as getxattrRow,
  prepFgetxattr,
  prepFsetxattr,
  prepGetxattr,
  prepSetxattr,
  setxattr as setxattrRow,
} from '../../../native/operations/xattrs.ts'
import { checkInteger } from '../../arguments.ts'
import type { PathLike } from '../../arguments.ts'
import { checkFd, checkOptions, checkPart, checkedPath, flagBits, partAddress, partLength } from '../checks.ts'
import type { BufferPart } from '../checks.ts'
import { XattrFlag } from '../flags.ts'
import type { Flags } from '../flags.ts'
import { makeOperation, pathBytes } from '../operation.ts'
import type { Operation } from '../operation.ts'

/** XATTR_SIZE_MAX. */
const valueBytesMax = 65536

function checkName(name: unknown): Buffer {
  if (typeof name !== 'string') throw invalidArgType('name', 'of type string', name)
  if (name.includes('\0')) throw invalidArgValue('name', name, 'must be a string without null bytes')
  return pathBytes(name)
}

function checkValue(value: unknown): BufferPart {
  return checkPart(typeof value === 'string' ? Buffer.from(value) : value, 0, undefined)
}

export interface SetAttributeOptions {
  /** With its namespace: `user.comment`. */
  readonly name: string
  readonly value: string | ArrayBufferView
  /** Fail unless it is new (XATTR_CREATE) or there already (XATTR_REPLACE). */
  readonly flags?: Flags<keyof typeof XattrFlag>
}

/**
 * fsetxattr(2). Resolves with 0.
 * Since 5.19. io_uring_prep_fsetxattr(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: EEXIST, ENODATA, ENOTSUP, E2BIG, ENOSPC, …
 */
export function fsetxattr(options: SetAttributeOptions & { readonly fd: number }): Operation<number> {
  const fd = checkFd(checkOptions(options).fd)
  const name = checkName(options.name)
  const value = checkValue(options.value)
  const xattrFlags = flagBits(options.flags, XattrFlag, 'flags')
  return makeOperation(
    fsetxattrRow,
    (words, at, flags) => {
      prepFsetxattr(words, at, flags, fd, addressOfView(name), partAddress(value), partLength(value), xattrFlags)
    },
    { keep: [name, value] },
  )
}

/**
 * setxattr(2). Resolves with 0.
 * Since 5.19. io_uring_prep_setxattr(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE. Rejects: ENOENT, and as fsetxattr.
 */
export function setxattr(options: SetAttributeOptions & { readonly path: PathLike }): Operation<number> {
  const path = checkedPath(checkOptions(options).path)
  const name = checkName(options.name)
  const value = checkValue(options.value)
  const xattrFlags = flagBits(options.flags, XattrFlag, 'flags')
  return makeOperation(
    setxattrRow,
    (words, at, flags) => {
      const [pathAt, nameAt] = [addressOfView(path.bytes), addressOfView(name)]
      prepSetxattr(words, at, flags, pathAt, nameAt, partAddress(value), partLength(value), xattrFlags)
    },
    { keep: [path.bytes, name, value], path: path.text },
  )
}

export interface GetAttributeOptions {
  readonly name: string
  /** Room for the value, in bytes. Default 65,536, the most there can be. */
  readonly length?: number
}

/**
 * fgetxattr(2). Resolves with the value.
 * Since 5.19. io_uring_prep_fgetxattr(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: ENODATA, ERANGE (no room), EBADF, ENOTSUP, …
 */
export function fgetxattr(options: GetAttributeOptions & { readonly fd: number }): Operation<Buffer> {
  const fd = checkFd(checkOptions(options).fd)
  const name = checkName(options.name)
  // A length of 0 would ask for the size instead.
  const value = Buffer.alloc(checkInteger(options.length ?? valueBytesMax, 'length', 1, valueBytesMax))
  return makeOperation(
    fgetxattrRow,
    (words, at, flags) => {
      prepFgetxattr(words, at, flags, fd, addressOfView(name), addressOfView(value), value.length)
    },
    { keep: [name, value], result: (length) => Buffer.from(value.subarray(0, length)) },
  )
}

/**
 * getxattr(2). Resolves with the value.
 * Since 5.19. io_uring_prep_getxattr(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: ENOENT, and as fgetxattr.
 */
export function getxattr(options: GetAttributeOptions & { readonly path: PathLike }): Operation<Buffer> {
  const path = checkedPath(checkOptions(options).path)
  const name = checkName(options.name)
  const value = Buffer.alloc(checkInteger(options.length ?? valueBytesMax, 'length', 1, valueBytesMax))
  return makeOperation(
    getxattrRow,
    (words, at, flags) => {
      prepGetxattr(words, at, flags, addressOfView(path.bytes), addressOfView(name), addressOfView(value), value.length)
    },
    {
      keep: [path.bytes, name, value],
      path: path.text,
      result: (length) => Buffer.from(value.subarray(0, length)),
    },
  )
}
