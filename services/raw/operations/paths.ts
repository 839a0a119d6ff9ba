// Opening and asking by path: openat, openat2, statx. For RawRing.submit() and chains.
import type { BigIntStats, Stats } from 'node:fs'
import { OpenHow, Statx } from '../../../native/abi.ts'
import { addressOfView } from '../../../native/addresses.ts'
import {
  openat as openatRow,
  openat2 as openat2Row,
  prepOpenat,
  prepOpenat2,
  prepStatx,
  statx as statxRow,
} from '../../../native/operations/paths.ts'
import { setDirect } from '../../../native/operations/row.ts'
import { checkMode } from '../../arguments.ts'
import type { PathLike } from '../../arguments.ts'
import { closeOnExec, openFlags } from '../../open-flags.ts'
import { bigintStatsFrom, statsFrom } from '../../stats.ts'
import {
  adviceOnSlots,
  checkDirFd,
  checkDirect,
  currentDirect,
  checkOptions,
  fitsDirect,
  checkedPath,
  flagBits,
  openedAs,
} from '../checks.ts'
import type { IntoDirect, OpenTarget } from '../checks.ts'
import { OpenFlag, ResolveFlag, StatxFlag } from '../flags.ts'
import type { Flags } from '../flags.ts'
import { makeOperation } from '../operation.ts'
import type { DirectDescriptor, Operation } from '../operation.ts'
import { openHow } from '../structs.ts'

export interface OpenatOptions {
  readonly path: PathLike
  /** As fs.open() takes them ('r', 'wx+', …), names O_*, or bits. Default 'r'. */
  readonly flags?: string | Flags<keyof typeof OpenFlag>
  /** Of a file that is created, less the umask. Default 0o666. */
  readonly mode?: number | string
  /** The directory that a relative path begins at. Default: the working directory. */
  readonly dirFd?: number
  /** Leave the descriptor open in programs that this one starts. Default false: O_CLOEXEC is added. */
  readonly inherit?: boolean
}

function openBits(options: OpenatOptions, direct: OpenTarget | undefined): number {
  const { flags = 'r', inherit = false } = options
  const bits = typeof flags === 'string' ? openFlags(flags) : flagBits(flags, OpenFlag, 'flags')
  // A direct descriptor cannot be inherited, and the kernel refuses the flag with EINVAL.
  if (direct !== undefined) return bits & ~closeOnExec
  return inherit ? bits : bits | closeOnExec
}

/**
 * openat(2). Resolves with the descriptor, which is yours to close; with `direct` it is a direct descriptor of this ring.
 * Since 5.6, `direct` 5.15, 'allocate' 5.19. io_uring_prep_openat(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: ENOENT, EACCES, EEXIST, ENFILE (no slot), …
 */
export function openat(options: OpenatOptions & { readonly direct?: undefined }): Operation<number>
export function openat(options: OpenatOptions & IntoDirect): Operation<DirectDescriptor>
export function openat(
  options: OpenatOptions & { readonly direct?: OpenTarget | undefined },
): Operation<number | DirectDescriptor> {
  const { mode = 0o666, direct } = checkOptions(options)
  const path = checkedPath(options.path)
  const dirFd = checkDirFd(options.dirFd)
  const bits = openBits(options, direct)
  const createMode = checkMode(mode, 'mode')
  const index = direct === undefined ? -1 : checkDirect(direct)
  return makeOperation(
    openatRow,
    (words, at, flags) => {
      prepOpenat(words, at, flags, dirFd, addressOfView(path.bytes), bits, createMode)
      setDirect(words, at, currentDirect(direct, index))
    },
    {
      keep: [path.bytes],
      path: path.text,
      fits: fitsDirect(direct),
      advice: adviceOnSlots(direct),
      result: openedAs(direct),
    },
  )
}

export interface Openat2Options extends OpenatOptions {
  /** Where the path may lead: RESOLVE_BENEATH and so on. Default: anywhere. */
  readonly resolve?: Flags<keyof typeof ResolveFlag>
}

/**
 * openat2(2): as openat, with limits to where the path may lead; unknown flags are errors.
 * Since 5.6. io_uring_prep_openat2(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: EXDEV, ELOOP (leads out), EINVAL, ENOENT, …
 */
export function openat2(options: Openat2Options & { readonly direct?: undefined }): Operation<number>
export function openat2(options: Openat2Options & IntoDirect): Operation<DirectDescriptor>
export function openat2(
  options: Openat2Options & { readonly direct?: OpenTarget | undefined },
): Operation<number | DirectDescriptor> {
  const { mode = 0o666, resolve, direct } = checkOptions(options)
  const path = checkedPath(options.path)
  const dirFd = checkDirFd(options.dirFd)
  const bits = openBits(options, direct)
  // Here a mode without a file to create is an error, and not ignored.
  const creates = (bits & OpenFlag.O_CREAT) !== 0 || (bits & OpenFlag.O_TMPFILE) === OpenFlag.O_TMPFILE
  const createMode = creates ? checkMode(mode, 'mode') : 0
  const how = openHow(bits, createMode, flagBits(resolve, ResolveFlag, 'resolve'))
  const index = direct === undefined ? -1 : checkDirect(direct)
  return makeOperation(
    openat2Row,
    (words, at, flags) => {
      prepOpenat2(words, at, flags, dirFd, addressOfView(path.bytes), addressOfView(how), OpenHow.sizeBytes)
      setDirect(words, at, currentDirect(direct, index))
    },
    {
      keep: [path.bytes, how],
      path: path.text,
      fits: fitsDirect(direct),
      advice: adviceOnSlots(direct),
      result: openedAs(direct),
    },
  )
}

export interface StatxOptions {
  /** '' with AT_EMPTY_PATH asks about `dirFd` itself. */
  readonly path: PathLike
  readonly dirFd?: number
  /** AT_SYMLINK_NOFOLLOW: about the link itself. */
  readonly flags?: Flags<keyof typeof StatxFlag>
}

/**
 * statx(2). Resolves with fs.Stats, or with BigIntStats where `bigint` is true. Always runs on a kernel worker thread.
 * Since 5.6. io_uring_prep_statx(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE. Rejects: ENOENT, EACCES, ELOOP, …
 */
export function statx(options: StatxOptions & { readonly bigint?: false }): Operation<Stats>
export function statx(options: StatxOptions & { readonly bigint: true }): Operation<BigIntStats>
export function statx(options: StatxOptions & { readonly bigint?: boolean }): Operation<Stats | BigIntStats> {
  const path = checkedPath(checkOptions(options).path)
  const dirFd = checkDirFd(options.dirFd)
  const atFlags = flagBits(options.flags, StatxFlag, 'flags')
  const found = new DataView(new ArrayBuffer(Statx.sizeBytes))
  const { bigint = false } = options
  return makeOperation(
    statxRow,
    (words, at, flags) => {
      prepStatx(words, at, flags, dirFd, addressOfView(path.bytes), atFlags, addressOfView(found))
    },
    {
      keep: [path.bytes, found],
      path: path.text,
      result: () => (bigint ? bigintStatsFrom(found, 0) : statsFrom(found, 0)),
    },
  )
}
