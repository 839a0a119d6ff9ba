// What an operation is to `ringmaster/raw`: a row of the table, arguments that have been checked, and everything that must
// stay alive until its last CQE. Made by the functions in operations/*.ts, submitted by RawRing, Chain and streams.
import { SqeFlag } from '../../native/abi.ts'
import { addressOfView } from '../../native/addresses.ts'
import { RingError, invalidArgType, withAdvice } from '../../native/errors.ts'
import type { OperationRow } from '../../native/operations/row.ts'
import { resultError } from '../../workers/completions.ts'
import type { SlotTable } from '../../workers/slots.ts'
import type { RequestHandle } from '../request-handle.ts'
import type { ProvidedBuffers } from './provided-buffers.ts'

/** A slot in a ring's table of registered files; cheaper than a descriptor, and known to that ring only. */
export interface DirectDescriptor {
  readonly direct: number
}

/** A descriptor of the process, or a direct descriptor of the ring. */
export type Descriptor = number | DirectDescriptor

/** How the kernel knows a request: its user_data. -1 twice before the operation was submitted: no request has that. */
export interface Ticket {
  readonly slot: number
  readonly generation: number
  /** Where the slot is: while the slot holds the request, the operation is in flight. Null before it was submitted. */
  slots: SlotTable | null
}

/** One operation with its arguments. Can be submitted any number of times, one at a time: it has memory that the kernel writes. */
export interface Operation<R = number> {
  readonly row: OperationRow
  /** Buffers, paths and structs that the kernel uses: kept until the last CQE. */
  readonly keep: readonly unknown[]
  /** The provided buffers that it takes from: it can be carried out on their ring only. */
  readonly buffers: ProvidedBuffers | null
  /** SqeFlag.* that belong to the arguments: FIXED_FILE, BUFFER_SELECT. */
  readonly sqeFlags: number
  /** Bytes asked for, where a smaller result is a short transfer; else -1. */
  readonly wantedBytes: number
  /** For error messages. */
  readonly path: string | undefined
  /** The -errno that means success (a timeout that ran out: -ETIME); 0 for none. */
  readonly expectedErrno: number
  /** In a chain the kernel takes `expectedErrno` for a failure all the same. */
  readonly breaksChain: boolean
  /** What the operation was when it was last submitted: what cancelling, removing and updating name. */
  readonly ticket: Ticket
  /** Whether the ring has the direct descriptors that it opens or closes; null: any has. @throws ERR_OUT_OF_RANGE, ERR_INVALID_ARG_VALUE */
  readonly fits: ((handle: RequestHandle) => unknown) | null
  /** Writes the SQE at words[at…]. Must not throw: its place in the queue is taken. */
  fill(words: Int32Array, at: number, sqeFlags: number): void
  /** Makes of a result of zero or more (or `expectedErrno`) what the caller gets. `notification`: a zero-copy send's second result. */
  result(value: number, cqeFlags: number, notification: number): R
  /** Why the kernel refuses this -errno here, where there is more to say than its name. */
  refusal(errno: number): string | undefined
  /** What to do about this -errno, where its name does not say it: appended to the error's message. */
  advice(errno: number): string | undefined
  /** Gives back the buffer that a failed request has taken from a group: for CQEs of errors that name one. */
  spoiled(value: number, cqeFlags: number): void
}

/** The parts of an operation that most have in common. */
export interface OperationParts<R> {
  readonly keep?: readonly unknown[]
  readonly buffers?: ProvidedBuffers | null
  readonly sqeFlags?: number
  readonly wantedBytes?: number
  readonly path?: string | undefined
  readonly fits?: Operation['fits']
  readonly expectedErrno?: number
  readonly breaksChain?: boolean
  readonly result?: (value: number, cqeFlags: number, notification: number) => R
  readonly refusal?: (errno: number) => string | undefined
  readonly advice?: ((errno: number) => string | undefined) | undefined
  readonly spoiled?: (value: number, cqeFlags: number) => void
}

const asItIs = (value: number): number => value

/** Puts an operation together; `parts.result` defaults to the bare number. */
export function makeOperation<R = number>(
  row: OperationRow,
  fill: Operation['fill'],
  parts: OperationParts<R> = {},
): Operation<R> {
  const ticket: { slot: number; generation: number; slots: SlotTable | null } = {
    slot: -1,
    generation: -1,
    slots: null,
  }
  return {
    row,
    fill: (words, at, sqeFlags) => {
      ticket.slot = words[at + 8]!
      ticket.generation = words[at + 9]!
      fill(words, at, sqeFlags)
    },
    keep: parts.keep ?? [],
    buffers: parts.buffers ?? null,
    sqeFlags: parts.sqeFlags ?? 0,
    wantedBytes: parts.wantedBytes ?? -1,
    path: parts.path,
    expectedErrno: parts.expectedErrno ?? 0,
    breaksChain: parts.breaksChain ?? false,
    fits: parts.fits ?? null,
    ticket,
    result: parts.result ?? (asItIs as (value: number) => R),
    refusal: parts.refusal ?? (() => undefined),
    advice: parts.advice ?? (() => undefined),
    spoiled: parts.spoiled ?? (() => undefined),
  }
}

/** Whether a result is what the operation calls success. */
export function succeeded(operation: Operation<unknown>, result: number): boolean {
  return result >= 0 || (result === operation.expectedErrno && result !== 0)
}

/** The error of a failed operation: the kernel's, or with the reason where the kernel only says that it will not. */
export function operationError(operation: Operation<unknown>, result: number): Error {
  const error = resultError(result, operation.row.syscall, operation.path)
  const reason = operation.refusal(result)
  if (reason === undefined) {
    const advice = operation.advice(result)
    return advice === undefined ? error : withAdvice(error, advice)
  }
  const message = `${operation.row.name} was refused by the kernel (${error.message}): ${reason}`
  return new RingError('ERR_RING_OPERATION_UNSUPPORTED', message, { cause: error })
}

/** Tells an operation from anything else. @throws ERR_INVALID_ARG_TYPE */
export function checkOperation(given: unknown): void {
  if (typeof given !== 'object' || given === null || !('row' in given))
    throw invalidArgType('operation', 'an operation of `op` (what is for stream() is none)', given)
}

/**
 * Groups of buffers have the same numbers on every ring: elsewhere another's memory would be filled. And not every ring has as many
 * direct descriptors. @throws ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE
 */
export function checkRing(operation: Operation<unknown>, handle: RequestHandle): void {
  operation.buffers?.checkRing(handle)
  operation.fits?.(handle)
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

/** The address of a view's first byte, or 0 for none, and for one that was detached. */
export function addressOrNull(view: ArrayBufferView | null | undefined): number {
  return view === null || view === undefined || view.byteLength === 0 ? 0 : addressOfView(view)
}

/** struct __kernel_timespec of a time in milliseconds (fractions count). */
export function timespec(timeMs: number): Buffer {
  const bytes = Buffer.alloc(16)
  const seconds = Math.floor(timeMs / 1000)
  bytes.writeBigInt64LE(BigInt(seconds), 0)
  // A fraction that rounds up to a whole second would be EINVAL.
  bytes.writeBigInt64LE(BigInt(Math.min(999_999_999, Math.round((timeMs - seconds * 1000) * 1e6))), 8)
  return bytes
}
