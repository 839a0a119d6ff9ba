// Where incoming data goes: a buffer of the caller's, or one that the kernel takes from a group when there is data. Used by
// read, recv and recvmsg. Source: io_uring_provided_buffers(7).
import { CqeFlag } from '../../../native/abi.ts'
import { invalidArgType } from '../../../native/errors.ts'
import { bufferSelect, checkGroup } from '../checks.ts'
import { checkInteger } from '../../arguments.ts'
import type { BufferLease, BundleLease } from '../buffer-lease.ts'
import type { ProvidedBuffers } from '../provided-buffers.ts'

/** Takes a buffer of a ring of provided buffers (RawRing.provideBuffers(), 5.19). */
export interface FromBuffers {
  readonly buffers: ProvidedBuffers
  /** At most this many bytes; 0, the default: as many as the buffer holds. */
  readonly length?: number
}

/** Takes a buffer of a group that `provideBuffers` operations filled (5.7). */
export interface FromGroup {
  readonly bufferGroup: number
  /** At most this many bytes; 0, the default: as many as the buffer holds. */
  readonly length?: number
}

/** What came, and into which buffer of the group. */
export interface SelectedBuffer {
  readonly bytes: number
  /** The buffer's number; null where none was taken (the end of a stream). */
  readonly bufferId: number | null
}

/** The parts of an operation that takes its buffer from a group. */
export interface Selection {
  /** Names the group in an SQE; throws where it is closed. */
  readonly select: () => number
  readonly length: number
  readonly keep: readonly unknown[]
  readonly buffers: ProvidedBuffers | null
  readonly sqeFlags: number
  readonly result: (value: number, cqeFlags: number) => BufferLease | SelectedBuffer | null
  /** A request that failed may have taken a buffer all the same. */
  readonly spoiled: (value: number, cqeFlags: number) => void
}

/** `reads`: the operation is a read, perhaps of a regular file. @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE */
export function checkSelection(options: FromBuffers | FromGroup, reads = false): Selection {
  const length = checkInteger(options.length ?? 0, 'length', 0, 2 ** 31 - 1)
  if ('buffers' in options) {
    const buffers = checkBuffers(options.buffers)
    return {
      select: () => buffers.select(),
      length,
      keep: [buffers],
      buffers,
      sqeFlags: bufferSelect,
      result: (value, cqeFlags) => leaseOf(buffers, value, cqeFlags, reads ? length : 0),
      spoiled: (value, cqeFlags) => buffers.take(value, cqeFlags, reads ? length : 0)?.release(),
    }
  }
  const group = checkGroup(options.bufferGroup)
  return {
    select: () => group,
    spoiled: () => undefined,
    length,
    keep: [],
    buffers: null,
    sqeFlags: bufferSelect,
    result: (value, cqeFlags) => ({
      bytes: value,
      bufferId: (cqeFlags & CqeFlag.BUFFER) === 0 ? null : cqeFlags >>> 16,
    }),
  }
}

/** @throws ERR_INVALID_ARG_TYPE */
export function checkBuffers(buffers: ProvidedBuffers): ProvidedBuffers {
  const given: unknown = buffers
  if (typeof given !== 'object' || given === null || !('takeBundle' in given))
    throw invalidArgType('buffers', 'an instance of ProvidedBuffers', given)
  return buffers
}

/** For recv with `bundle`: all that there is, in as many buffers as it takes. */
export function bundleOf(buffers: ProvidedBuffers): (value: number, cqeFlags: number) => BundleLease | null {
  return (value, cqeFlags) => buffers.takeBundle(value, cqeFlags)
}

function leaseOf(buffers: ProvidedBuffers, value: number, cqeFlags: number, askedBytes: number): BufferLease | null {
  const lease = buffers.take(value, cqeFlags, askedBytes)
  if (value > 0 || lease === null) return lease
  lease.release() // the end of a stream may have taken a buffer all the same
  return null
}
