// Names in the file system: renameat, unlinkat, mkdirat, symlinkat, linkat. For RawRing.submit() and chains.
import { addressOfView } from '../../../native/addresses.ts'
import {
  linkat as linkatRow,
  mkdirat as mkdiratRow,
  prepLinkat,
  prepMkdirat,
  prepRenameat,
  prepSymlinkat,
  prepUnlinkat,
  renameat as renameatRow,
  symlinkat as symlinkatRow,
  unlinkat as unlinkatRow,
} from '../../../native/operations/links.ts'
import { checkMode } from '../../arguments.ts'
import type { PathLike } from '../../arguments.ts'
import { checkDirFd, checkOptions, checkedPath, flagBits } from '../checks.ts'
import { LinkFlag, RenameFlag, UnlinkFlag } from '../flags.ts'
import type { Flags } from '../flags.ts'
import { makeOperation } from '../operation.ts'
import type { Operation } from '../operation.ts'

/** From one path to another; relative ones begin at their directory, by default the working directory. */
export interface TwoPathsOptions {
  readonly oldPath: PathLike
  readonly newPath: PathLike
  readonly oldDirFd?: number
  readonly newDirFd?: number
}

/**
 * renameat2(2). Resolves with 0.
 * Since 5.11. io_uring_prep_renameat(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE. Rejects: ENOENT, EEXIST (RENAME_NOREPLACE), EXDEV, ENOTEMPTY, …
 */
export function renameat(
  options: TwoPathsOptions & { readonly flags?: Flags<keyof typeof RenameFlag> },
): Operation<number> {
  const from = checkedPath(checkOptions(options).oldPath)
  const to = checkedPath(options.newPath)
  const oldDirFd = checkDirFd(options.oldDirFd, 'oldDirFd')
  const newDirFd = checkDirFd(options.newDirFd, 'newDirFd')
  const renameFlags = flagBits(options.flags, RenameFlag, 'flags')
  return makeOperation(
    renameatRow,
    (words, at, flags) => {
      const [oldAddress, newAddress] = [addressOfView(from.bytes), addressOfView(to.bytes)]
      prepRenameat(words, at, flags, oldDirFd, oldAddress, newDirFd, newAddress, renameFlags)
    },
    { keep: [from.bytes, to.bytes], path: from.text },
  )
}

/** A path and the directory it begins at. */
export interface PathOptions {
  readonly path: PathLike
  readonly dirFd?: number
}

/**
 * unlinkat(2); AT_REMOVEDIR for an empty directory. Resolves with 0.
 * Since 5.11. io_uring_prep_unlinkat(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE. Rejects: ENOENT, EISDIR, ENOTDIR, ENOTEMPTY, EACCES, …
 */
export function unlinkat(
  options: PathOptions & { readonly flags?: Flags<keyof typeof UnlinkFlag> },
): Operation<number> {
  const path = checkedPath(checkOptions(options).path)
  const dirFd = checkDirFd(options.dirFd)
  const unlinkFlags = flagBits(options.flags, UnlinkFlag, 'flags')
  return makeOperation(
    unlinkatRow,
    (words, at, flags) => {
      prepUnlinkat(words, at, flags, dirFd, addressOfView(path.bytes), unlinkFlags)
    },
    { keep: [path.bytes], path: path.text },
  )
}

/**
 * mkdirat(2); `mode` less the umask, default 0o777. Resolves with 0.
 * Since 5.15. io_uring_prep_mkdirat(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: EEXIST, ENOENT, EACCES, …
 */
export function mkdirat(options: PathOptions & { readonly mode?: number | string }): Operation<number> {
  const path = checkedPath(checkOptions(options).path)
  const dirFd = checkDirFd(options.dirFd)
  const mode = checkMode(options.mode ?? 0o777, 'mode')
  return makeOperation(
    mkdiratRow,
    (words, at, flags) => {
      prepMkdirat(words, at, flags, dirFd, addressOfView(path.bytes), mode)
    },
    { keep: [path.bytes], path: path.text },
  )
}

/**
 * symlinkat(2): makes a symbolic link at `path` that says `target`, whether that exists or not. Resolves with 0.
 * Since 5.15. io_uring_prep_symlinkat(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE. Rejects: EEXIST, ENOENT (target or path empty), EACCES, …
 */
export function symlinkat(options: PathOptions & { readonly target: PathLike }): Operation<number> {
  const path = checkedPath(checkOptions(options).path)
  const target = checkedPath(options.target)
  const dirFd = checkDirFd(options.dirFd)
  return makeOperation(
    symlinkatRow,
    (words, at, flags) => {
      prepSymlinkat(words, at, flags, addressOfView(target.bytes), dirFd, addressOfView(path.bytes))
    },
    { keep: [path.bytes, target.bytes], path: path.text },
  )
}

/**
 * linkat(2): another name for a file. Resolves with 0.
 * Since 5.15. io_uring_prep_linkat(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE. Rejects: EEXIST, ENOENT, EPERM (a directory), EXDEV, …
 */
export function linkat(
  options: TwoPathsOptions & { readonly flags?: Flags<keyof typeof LinkFlag> },
): Operation<number> {
  const from = checkedPath(checkOptions(options).oldPath)
  const to = checkedPath(options.newPath)
  const oldDirFd = checkDirFd(options.oldDirFd, 'oldDirFd')
  const newDirFd = checkDirFd(options.newDirFd, 'newDirFd')
  const linkFlags = flagBits(options.flags, LinkFlag, 'flags')
  return makeOperation(
    linkatRow,
    (words, at, flags) => {
      const [oldAddress, newAddress] = [addressOfView(from.bytes), addressOfView(to.bytes)]
      prepLinkat(words, at, flags, oldDirFd, oldAddress, newDirFd, newAddress, linkFlags)
    },
    { keep: [from.bytes, to.bytes], path: from.text },
  )
}
