// Operations on open files: read, write, fsync, close. For RawRing.submit() and chains.
import { fsyncDatasync } from '../../../native/abi.ts'
import {
  close as closeRow,
  fsync as fsyncRow,
  prepClose,
  prepCloseDirect,
  prepFsyncRange,
  prepRead,
  prepWrite,
  read as readRow,
  write as writeRow,
} from '../../../native/operations/files.ts'
import { setBuffer, setOpFlags } from '../../../native/operations/row.ts'
import { checkBoolean, checkInteger, checkPosition } from '../../arguments.ts'
import { checkDescriptor, checkOptions, checkPart, fitsClose, flagBits, partAddress, partLength } from '../checks.ts'
import { RwFlag } from '../flags.ts'
import type { Flags } from '../flags.ts'
import { descriptorFlags, descriptorNumber, makeOperation } from '../operation.ts'
import type { Descriptor, Operation } from '../operation.ts'
import type { BufferLease } from '../buffer-lease.ts'
import { checkSelection } from './selection.ts'
import type { FromBuffers, FromGroup, SelectedBuffer } from './selection.ts'

/** Where in the file, and how. */
export interface PositionOptions {
  readonly fd: Descriptor
  /** Where in the file to begin, in bytes. Default (null, -1): at the file's own position, which moves. */
  readonly position?: number | bigint | null
  /** preadv2(2)'s flags, RWF_*. */
  readonly rwFlags?: Flags<keyof typeof RwFlag>
}

export interface TransferOptions extends PositionOptions {
  /** Belongs to the kernel until the operation is over. */
  readonly buffer: ArrayBufferView
  /** Where in the buffer to begin, in bytes. Default 0. */
  readonly offset?: number
  /** How many bytes at most. Default: to the end of the buffer. */
  readonly length?: number
}

const intMax = Number.MAX_SAFE_INTEGER

/**
 * pread(2) into `buffer`, or into a buffer that the kernel takes from a group when there is data.
 * Resolves with the bytes read, 0 at the end of the file (with `buffers`: the lease or null). Since 5.6, position -1 with
 * FEAT_RW_CUR_POS. io_uring_prep_read(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: EBADF, EISDIR, ENOBUFS (no buffer left), …
 */
export function read(options: TransferOptions): Operation<number>
export function read(options: PositionOptions & FromBuffers): Operation<BufferLease | null>
export function read(options: PositionOptions & FromGroup): Operation<SelectedBuffer>
export function read(
  options: TransferOptions | (PositionOptions & (FromBuffers | FromGroup)),
): Operation<number | BufferLease | SelectedBuffer | null> {
  const fd = checkDescriptor(checkOptions(options).fd)
  const position = checkPosition(options.position)
  const rwFlags = flagBits(options.rwFlags, RwFlag, 'rwFlags')
  const sqeFlags = descriptorFlags(fd)
  if ('buffers' in options || 'bufferGroup' in options) {
    const selection = checkSelection(options, true)
    return makeOperation<BufferLease | SelectedBuffer | null>(
      readRow,
      (words, at, flags) => {
        prepRead(words, at, flags, descriptorNumber(fd), 0, selection.length, position)
        setOpFlags(words, at, rwFlags)
        setBuffer(words, at, selection.select())
      },
      {
        keep: selection.keep,
        buffers: selection.buffers,
        sqeFlags: sqeFlags | selection.sqeFlags,
        result: selection.result,
        spoiled: selection.spoiled,
      },
    )
  }
  const part = checkPart(options.buffer, options.offset, options.length)
  return makeOperation(
    readRow,
    (words, at, flags) => {
      prepRead(words, at, flags, descriptorNumber(fd), partAddress(part), partLength(part), position)
      setOpFlags(words, at, rwFlags)
    },
    { keep: [part.view], sqeFlags, wantedBytes: part.length },
  )
}

/**
 * pwrite(2) from `buffer`. Resolves with the bytes written, which may be fewer.
 * Since 5.6. io_uring_prep_write(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: EBADF, ENOSPC, EFBIG, EPIPE, …
 */
export function write(options: TransferOptions): Operation<number> {
  const { buffer, offset, length, position } = checkOptions(options)
  const fd = checkDescriptor(options.fd)
  const part = checkPart(buffer, offset, length)
  const at0 = checkPosition(position)
  const rwFlags = flagBits(options.rwFlags, RwFlag, 'rwFlags')
  return makeOperation(
    writeRow,
    (words, at, flags) => {
      prepWrite(words, at, flags, descriptorNumber(fd), partAddress(part), partLength(part), at0)
      setOpFlags(words, at, rwFlags)
    },
    { keep: [part.view], sqeFlags: descriptorFlags(fd), wantedBytes: part.length },
  )
}

export interface FsyncOptions {
  readonly fd: Descriptor
  /** Only the data and what is needed to read it back: fdatasync(2). Default false. */
  readonly dataOnly?: boolean
  /** First byte to be written out. Default 0. */
  readonly offset?: number
  /** How many, below 4 GiB; 0, the default: to the end. */
  readonly length?: number
}

/**
 * fsync(2) or fdatasync(2), of a part of the file if wanted. Always runs on a kernel worker thread.
 * Resolves with 0. Since 5.1. io_uring_prep_fsync(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE. Rejects: EBADF, EINVAL (a file without fsync: a pipe), EIO, …
 */
export function fsync(options: FsyncOptions): Operation<number> {
  const fd = checkDescriptor(checkOptions(options).fd)
  const offset = checkInteger(options.offset ?? 0, 'offset', 0, intMax)
  const length = checkInteger(options.length ?? 0, 'length', 0, 2 ** 32 - 1)
  const fsyncFlags = checkBoolean(options.dataOnly, 'dataOnly') ? fsyncDatasync : 0
  return makeOperation(
    fsyncRow,
    (words, at, flags) => {
      prepFsyncRange(words, at, flags, descriptorNumber(fd), offset, length, fsyncFlags)
    },
    { sqeFlags: descriptorFlags(fd) },
  )
}

/**
 * close(2), or empties a direct descriptor's slot (5.15). Requests in flight on the descriptor are not cancelled by it.
 * Resolves with 0. Since 5.6. io_uring_prep_close(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE. Rejects: EBADF; ERR_OUT_OF_RANGE (no slot for raw operations of that ring)
 */
export function close(options: { readonly fd: Descriptor }): Operation<number> {
  const fd = checkDescriptor(checkOptions(options).fd)
  // A direct descriptor is named by the slot alone: with FIXED_FILE the kernel says EBADF.
  return makeOperation(
    closeRow,
    (words, at, flags) => {
      if (typeof fd === 'number') prepClose(words, at, flags, fd)
      else prepCloseDirect(words, at, flags, fd.direct)
    },
    { fits: fitsClose(fd) },
  )
}
