// Space and advice: syncFileRange, fallocate, ftruncate, fadvise, madvise. For RawRing.submit() and chains.
import {
  fadvise as fadviseRow,
  fallocate as fallocateRow,
  ftruncate as ftruncateRow,
  madvise as madviseRow,
  prepFadvise,
  prepFallocate,
  prepFtruncate,
  prepMadvise,
  prepSyncFileRange,
  syncFileRange as syncFileRangeRow,
} from '../../../native/operations/space.ts'
import { checkInteger } from '../../arguments.ts'
import { checkDescriptor, checkOptions, checkPart, flagBits, namedValue, partAddress, partLength } from '../checks.ts'
import { FallocateFlag, FileAdvice, MemoryAdvice, SyncRangeFlag } from '../flags.ts'
import type { Flags } from '../flags.ts'
import { descriptorFlags, descriptorNumber, makeOperation } from '../operation.ts'
import type { Descriptor, Operation } from '../operation.ts'

/** Part of a file, in bytes. */
export interface RangeOptions {
  readonly fd: Descriptor
  /** Default 0. */
  readonly offset?: number
  /** Below 4 GiB; 0, the default: to the end. */
  readonly length?: number
}

interface Range {
  readonly fd: Descriptor
  readonly offset: number
  readonly length: number
}

const sizeMax = Number.MAX_SAFE_INTEGER

function checkRange(options: RangeOptions, lengthMax: number): Range {
  return {
    fd: checkDescriptor(checkOptions(options).fd),
    offset: checkInteger(options.offset ?? 0, 'offset', 0, sizeMax),
    length: checkInteger(options.length ?? 0, 'length', 0, lengthMax),
  }
}

/**
 * sync_file_range(2): starts, or waits for, the writing out of a part of a file. Not a promise that data survives: see fsync.
 * Resolves with 0. Since 5.2. io_uring_prep_sync_file_range(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: EBADF, ESPIPE, EINVAL, EIO
 */
export function syncFileRange(
  options: RangeOptions & { readonly flags: Flags<keyof typeof SyncRangeFlag> },
): Operation<number> {
  const { fd, offset, length } = checkRange(options, 2 ** 32 - 1)
  const rangeFlags = flagBits(options.flags, SyncRangeFlag, 'flags')
  return makeOperation(
    syncFileRangeRow,
    (words, at, flags) => {
      prepSyncFileRange(words, at, flags, descriptorNumber(fd), length, offset, rangeFlags)
    },
    { sqeFlags: descriptorFlags(fd) },
  )
}

export interface FallocateOptions {
  readonly fd: Descriptor
  /** FALLOC_FL_PUNCH_HOLE and so on. Default: allocate, and grow the file. */
  readonly mode?: Flags<keyof typeof FallocateFlag>
  readonly offset?: number
  /** In bytes, more than 0. */
  readonly length: number
}

/**
 * fallocate(2). Resolves with 0.
 * Since 5.6. io_uring_prep_fallocate(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: EBADF, ENOSPC, ENOTSUP, EINVAL, …
 */
export function fallocate(options: FallocateOptions): Operation<number> {
  const { fd, offset, length } = checkRange(options, sizeMax)
  const mode = flagBits(options.mode, FallocateFlag, 'mode')
  return makeOperation(
    fallocateRow,
    (words, at, flags) => {
      prepFallocate(words, at, flags, descriptorNumber(fd), mode, offset, length)
    },
    { sqeFlags: descriptorFlags(fd) },
  )
}

/**
 * ftruncate(2): makes the file `length` bytes long. Resolves with 0.
 * Since 6.9. io_uring_prep_ftruncate(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE. Rejects: EBADF, EINVAL (not open for writing), EFBIG, …
 */
export function ftruncate(options: { readonly fd: Descriptor; readonly length: number }): Operation<number> {
  const fd = checkDescriptor(checkOptions(options).fd)
  const length = checkInteger(options.length, 'length', 0, sizeMax)
  return makeOperation(
    ftruncateRow,
    (words, at, flags) => {
      prepFtruncate(words, at, flags, descriptorNumber(fd), length)
    },
    { sqeFlags: descriptorFlags(fd) },
  )
}

/**
 * posix_fadvise(2): how a part of a file will be read. Resolves with 0.
 * Since 5.6. io_uring_prep_fadvise(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: EBADF, EINVAL, ESPIPE
 */
export function fadvise(
  options: RangeOptions & { readonly advice: keyof typeof FileAdvice | number },
): Operation<number> {
  const { fd, offset, length } = checkRange(options, 2 ** 32 - 1)
  const advice = namedValue(options.advice, FileAdvice, 'advice')
  return makeOperation(
    fadviseRow,
    (words, at, flags) => {
      prepFadvise(words, at, flags, descriptorNumber(fd), offset, length, advice)
    },
    { sqeFlags: descriptorFlags(fd) },
  )
}

export interface MadviseOptions {
  /** Must begin on a page: views of a WebAssembly.Memory do at multiples of 4096. */
  readonly buffer: ArrayBufferView
  readonly offset?: number
  readonly length?: number
  readonly advice: keyof typeof MemoryAdvice | number
}

/**
 * madvise(2) for a buffer's memory. MADV_DONTNEED throws its content away. Resolves with 0.
 * Since 5.6. io_uring_prep_madvise(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: EINVAL (not on a page, unknown advice), ENOMEM
 */
export function madvise(options: MadviseOptions): Operation<number> {
  const { buffer, offset, length } = checkOptions(options)
  const part = checkPart(buffer, offset, length)
  const advice = namedValue(options.advice, MemoryAdvice, 'advice')
  return makeOperation(
    madviseRow,
    (words, at, flags) => {
      prepMadvise(words, at, flags, partAddress(part), partLength(part), advice)
    },
    { keep: [part.view] },
  )
}
