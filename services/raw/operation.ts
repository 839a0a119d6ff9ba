// What an operation is to `ringmaster/raw`: a row of the table, arguments that have been checked, and everything that must
// stay alive until its last CQE. Made by the functions in operations-*.ts, submitted by RawRing, Chain and streams.
import { SqeFlag } from '../../native/abi.ts'
import { addressOfView } from '../../native/addresses.ts'
import type { OperationRow } from '../../native/operations/row.ts'

/** A slot in a ring's table of registered files; cheaper than a descriptor, and known to that ring only. */
export interface DirectDescriptor {
  readonly direct: number
}

/** A descriptor of the process, or a direct descriptor of the ring. */
export type Descriptor = number | DirectDescriptor

/** One operation with its arguments. Can be submitted any number of times, one at a time. */
export interface Operation<R = number> {
  readonly row: OperationRow
  /** Buffers, paths and structs that the kernel uses: kept until the last CQE. */
  readonly keep: readonly unknown[]
  /** SqeFlag.* that belong to the arguments: FIXED_FILE, BUFFER_SELECT. */
  readonly sqeFlags: number
  /** Bytes asked for, where a smaller result is a short transfer; else -1. */
  readonly wantedBytes: number
  /** For error messages. */
  readonly path: string | undefined
  /** Writes the SQE at words[at…]. */
  fill(words: Int32Array, at: number, sqeFlags: number): void
  /** Makes of a result of zero or more what the caller gets. */
  result(value: number): R
}

/** The parts of an operation that most have in common. */
export interface OperationParts<R> {
  readonly keep?: readonly unknown[]
  readonly sqeFlags?: number
  readonly wantedBytes?: number
  readonly path?: string | undefined
  readonly result?: (value: number) => R
}

const asItIs = (value: number): number => value

/** Puts an operation together; `parts.result` defaults to the bare number. */
export function makeOperation<R = number>(
  row: OperationRow,
  fill: Operation['fill'],
  parts: OperationParts<R> = {},
): Operation<R> {
  return {
    row,
    fill,
    keep: parts.keep ?? [],
    sqeFlags: parts.sqeFlags ?? 0,
    wantedBytes: parts.wantedBytes ?? -1,
    path: parts.path,
    result: parts.result ?? (asItIs as (value: number) => R),
  }
}

/** The number that goes into the SQE. */
export function descriptorNumber(descriptor: Descriptor): number {
  return typeof descriptor === 'number' ? descriptor : descriptor.direct
}

/** The SQE flag that says which kind it is. */
export function descriptorFlags(descriptor: Descriptor): number {
  return typeof descriptor === 'number' ? 0 : SqeFlag.FIXED_FILE
}

/** A path with its NUL, in memory that stays put. */
export function pathBytes(path: string | Buffer): Buffer {
  const bytes = Buffer.alloc((typeof path === 'string' ? Buffer.byteLength(path) : path.length) + 1)
  if (typeof path === 'string') bytes.write(path)
  else path.copy(bytes)
  return bytes
}

/** The address of a view's first byte, or 0 for none. */
export function addressOrNull(view: ArrayBufferView | null | undefined): number {
  return view === null || view === undefined ? 0 : addressOfView(view)
}

/** struct __kernel_timespec of a time in milliseconds (fractions count). */
export function timespec(timeMs: number): Buffer {
  const bytes = Buffer.alloc(16)
  const seconds = Math.floor(timeMs / 1000)
  bytes.writeBigInt64LE(BigInt(seconds), 0)
  bytes.writeBigInt64LE(BigInt(Math.round((timeMs - seconds * 1000) * 1e6)), 8)
  return bytes
}
