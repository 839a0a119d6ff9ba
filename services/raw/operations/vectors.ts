// Transfers of several buffers, and of registered ones: readv, writev, readFixed, writeFixed, readvFixed, writevFixed. For
// RawRing.submit() and chains; readMultishot is a stream, for RawRing.stream().
import {
  prepReadFixed,
  prepReadv,
  prepReadvFixed,
  prepWriteFixed,
  prepWritev,
  prepWritevFixed,
  readFixed as readFixedRow,
  readv as readvRow,
  readvFixed as readvFixedRow,
  writeFixed as writeFixedRow,
  writev as writevRow,
  writevFixed as writevFixedRow,
} from '../../../native/operations/vectors.ts'
import { setOpFlags } from '../../../native/operations/row.ts'
import type { OperationRow } from '../../../native/operations/row.ts'
import { checkPosition } from '../../arguments.ts'
import { checkDescriptor, checkFixedBuffer, checkOptions, checkPart, whileLeased } from '../checks.ts'
import { flagBits, partAddress, partLength } from '../checks.ts'
import type { FixedBuffer } from '../checks.ts'
import { RwFlag } from '../flags.ts'
import { descriptorFlags, descriptorNumber, makeOperation } from '../operation.ts'
import type { Operation } from '../operation.ts'
import { checkVectors, vectorsAddress } from '../structs.ts'
import { read, write } from './files.ts'
import type { PositionOptions, TransferOptions } from './files.ts'

// One request, a completion for each piece of data.
export { readStream as readMultishot } from '../data-streams.ts'

export interface VectorOptions extends PositionOptions {
  /** Filled or emptied one after the other; at most 1024. They belong to the kernel until the operation is over. */
  readonly buffers: readonly ArrayBufferView[]
}

type PrepVector = typeof prepReadv
type PrepFixedVector = typeof prepReadvFixed
type PrepFixed = typeof prepReadFixed

function vectorOperation(row: OperationRow, prep: PrepVector, options: VectorOptions): Operation<number> {
  const fd = checkDescriptor(checkOptions(options).fd)
  const vectors = checkVectors(options.buffers)
  const position = checkPosition(options.position)
  const rwFlags = flagBits(options.rwFlags, RwFlag, 'rwFlags')
  return makeOperation(
    row,
    (words, at, flags) => {
      prep(words, at, flags, descriptorNumber(fd), vectorsAddress(vectors), vectors.parts.length, position, rwFlags)
    },
    { keep: [options.buffers, vectors], sqeFlags: descriptorFlags(fd), wantedBytes: vectors.totalBytes },
  )
}

/**
 * preadv2(2). Resolves with the bytes read.
 * Since 5.1. io_uring_prep_readv2(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects as read.
 */
export function readv(options: VectorOptions): Operation<number> {
  return vectorOperation(readvRow, prepReadv, options)
}

/**
 * pwritev2(2). Resolves with the bytes written.
 * Since 5.1. io_uring_prep_writev2(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects as write.
 */
export function writev(options: VectorOptions): Operation<number> {
  return vectorOperation(writevRow, prepWritev, options)
}

/** Names the registered buffer that the transfer stays within. */
export interface FixedOptions {
  /** The index of a buffer that is registered with this ring, or the arena lease that it lies in. */
  readonly bufferIndex: FixedBuffer
}

// With a lease of an arena that is not registered, the plain operation does the same.
function fixedOperation(
  row: OperationRow,
  prep: PrepFixed,
  plain: (options: TransferOptions) => Operation<number>,
  options: TransferOptions & FixedOptions,
): Operation<number> {
  const fd = checkDescriptor(checkOptions(options).fd)
  const part = checkPart(options.buffer, options.offset, options.length)
  const position = checkPosition(options.position)
  const bufferIndex = checkFixedBuffer(options.bufferIndex)
  if (bufferIndex === null) return whileLeased(plain(options), options)
  const rwFlags = flagBits(options.rwFlags, RwFlag, 'rwFlags')
  const operation = makeOperation(
    row,
    (words, at, flags) => {
      prep(words, at, flags, descriptorNumber(fd), partAddress(part), partLength(part), position, bufferIndex)
      setOpFlags(words, at, rwFlags)
    },
    { keep: [part.view], sqeFlags: descriptorFlags(fd), wantedBytes: part.length },
  )
  return whileLeased(operation, options)
}

/**
 * read into (a part of) a registered buffer, whose pages need not be looked up again.
 * Since 5.1. io_uring_prep_read_fixed(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE. Rejects: EFAULT (no such buffer, or not within it), and as read.
 */
export function readFixed(options: TransferOptions & FixedOptions): Operation<number> {
  return fixedOperation(readFixedRow, prepReadFixed, read, options)
}

/**
 * write from (a part of) a registered buffer.
 * Since 5.1. io_uring_prep_write_fixed(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE. Rejects: EFAULT (no such buffer, or not within it), and as write.
 */
export function writeFixed(options: TransferOptions & FixedOptions): Operation<number> {
  return fixedOperation(writeFixedRow, prepWriteFixed, write, options)
}

function fixedVectorOperation(
  row: OperationRow,
  prep: PrepFixedVector,
  plain: (options: VectorOptions) => Operation<number>,
  options: VectorOptions & FixedOptions,
): Operation<number> {
  const bufferIndex = checkFixedBuffer(checkOptions(options).bufferIndex)
  if (bufferIndex === null) return whileLeased(plain(options), options)
  const operation = vectorOperation(
    row,
    (words, at, flags, fd, address, count, position, rwFlags) => {
      prep(words, at, flags, fd, address, count, position, rwFlags, bufferIndex)
    },
    options,
  )
  return whileLeased(operation, options)
}

/**
 * readv into parts of one registered buffer.
 * Since 6.15. io_uring_prep_readv_fixed(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE. Rejects: EFAULT (not within the buffer, or
 * empty), and as read.
 */
export function readvFixed(options: VectorOptions & FixedOptions): Operation<number> {
  return fixedVectorOperation(readvFixedRow, prepReadvFixed, readv, options)
}

/**
 * writev from parts of one registered buffer.
 * Since 6.15. io_uring_prep_writev_fixed(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE. Rejects: EFAULT (not within the buffer, or
 * empty), and as write.
 */
export function writevFixed(options: VectorOptions & FixedOptions): Operation<number> {
  return fixedVectorOperation(writevFixedRow, prepWritevFixed, writev, options)
}
