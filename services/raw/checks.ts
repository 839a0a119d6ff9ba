// Arguments of `ringmaster/raw` operations, checked at once, with the errors that Node's core gives. Used by operations/*.ts;
// what the file API needs too is in ../arguments.ts.
import { leasedDescriptors, rawDescriptorsMax } from '../../native/layout.ts'
import { SqeFlag } from '../../native/abi.ts'
import { invalidArgType, invalidArgValue, outOfRange } from '../../native/errors.ts'
import { allocateDirect } from '../../native/operations/row.ts'
import { checkInteger, checkLength, checkOffset, checkOptionsObject, checkPath, checkView } from '../arguments.ts'
import type { PathLike } from '../arguments.ts'
import { addressOfView } from '../../native/addresses.ts'
import { assertLeased } from '../../workers/arena.ts'
import { mailboxBit, ownRings } from '../../workers/mailboxes.ts'
import { pathBytes } from './operation.ts'
import type { Descriptor, DirectDescriptor, Operation } from './operation.ts'
import { DirectSlot } from './direct-slots.ts'
import type { Flags } from './flags.ts'

const int32Max = 2 ** 31 - 1

/** Where in the ring's table of direct descriptors something is opened: a slot, or any free one (5.19). */
export type DirectTarget = number | 'allocate'

/** The same, or a place that was leased: RawRing.directSlots. */
export type OpenTarget = DirectTarget | DirectSlot

/** For options of operations that open something: not as a descriptor of the process but as a direct descriptor of the ring (5.15). */
export interface IntoDirect {
  readonly direct: OpenTarget
}

/** The options object. @throws ERR_INVALID_ARG_TYPE */
export function checkOptions<T extends object>(options: T): T {
  const given: unknown = options
  checkOptionsObject(given)
  return options
}

/** A descriptor of the process. @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE */
export function checkFd(fd: unknown, name = 'fd'): number {
  return checkInteger(fd, name, 0, int32Max)
}

/** A descriptor of the process or a direct one. @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE */
export function checkDescriptor(fd: Descriptor, name = 'fd'): Descriptor {
  const given: unknown = fd
  if (typeof given === 'object' && given !== null && 'direct' in given) {
    checkInteger(given.direct, `${name}.direct`, 0, int32Max)
    return fd
  }
  if (typeof given !== 'number') throw invalidArgType(name, 'of type number or { direct: number }', given)
  checkFd(given, name)
  return fd
}

/** A directory's descriptor; not given: the working directory (AT_FDCWD). */
export function checkDirFd(fd: unknown, name = 'dirFd'): number {
  return fd === undefined ? -100 : checkInteger(fd, name, -100, int32Max)
}

/**
 * Refuses user data of a message that a request of a ring of ours might have: it would settle that request while the kernel still
 * works on it. Rings of other threads are not known here. @throws ERR_INVALID_ARG_VALUE
 */
export function checkMessageTarget(ringFd: number, low: number, name: string): void {
  if (ownRings.has(ringFd) && (low & mailboxBit) === 0)
    throw invalidArgValue(
      name,
      low,
      "is no mailbox's address, and this ring is Ringmaster's: use that of raw.messages()",
    )
}

const EBADF = -9
const EBADFD = -77

/** For `advice` of messages: the other ring is named by its descriptor alone, and may be gone. `ofDescriptor`: a slot of one's own may be empty, too. */
export function adviceOnMessages(ofDescriptor: boolean): Operation['advice'] {
  return (errno) => {
    if (errno !== EBADF && errno !== EBADFD) return undefined
    const gone = 'no ring has that ringFd: it was closed, so ask its thread for the address of a new mailbox'
    return ofDescriptor && errno === EBADF ? `the direct descriptor is empty, or ${gone}` : gone
  }
}

/** What goes into an entry: `index` as it was checked, of a leased slot as it is now. @throws ERR_RING_SLOT_RELEASED */
export function currentDirect(direct: OpenTarget | undefined, index: number): number {
  return direct instanceof DirectSlot ? direct.direct : index
}

/** The slot for setDirect(), where none that was leased will do. @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE */
export function checkDirectTarget(direct: unknown, name = 'direct', slots: number = rawDescriptorsMax): number {
  return direct === 'allocate' ? allocateDirect : checkInteger(direct, name, 0, slots - 1)
}

/** The slot for setDirect(). @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE, ERR_RING_SLOT_RELEASED */
export function checkDirect(direct: unknown): number {
  return direct instanceof DirectSlot ? direct.direct : checkDirectTarget(direct)
}

/** How many slots raw operations have on the ring of that descriptor; of another thread's ring it is not known. */
export const slotsOf = (ringFd: number): number => ownRings.get(ringFd) ?? rawDescriptorsMax

/**
 * For `fits` of what opens at a slot, or at `count` from it: whether the ring has them. What lies behind is readFile's, which would
 * read other files if anybody else put some there.
 */
export function fitsDirect(direct: OpenTarget | undefined, count = 1, name = 'direct'): Operation['fits'] {
  if (direct === undefined || direct === 'allocate') return null
  if (direct instanceof DirectSlot) return (handle) => direct.checkRing(handle)
  return ({ rawDescriptors }) => checkInteger(direct, name, 0, rawDescriptors - count)
}

/** For `fits` of what empties a slot: a leased one, too. */
export function fitsClose(fd: Descriptor): Operation['fits'] {
  if (typeof fd === 'number') return null
  if (fd instanceof DirectSlot) return (handle) => fd.checkRing(handle)
  return ({ rawDescriptors }) => checkInteger(fd.direct, 'fd.direct', 0, rawDescriptors + leasedDescriptors - 1)
}

const ENFILE = -23

/** For `advice` of what opens: a table that is full is the ring's, not the system's that ENFILE is named after. */
export function adviceOnSlots(direct: OpenTarget | undefined): Operation['advice'] | undefined {
  if (direct !== 'allocate') return undefined
  return (errno) => (errno === ENFILE ? noFreeSlot : undefined)
}

const noFreeSlot =
  "no direct descriptor of this ring is free for direct: 'allocate': close some, or start with more (option rawDirectDescriptors of Ringmaster.start(), which RLIMIT_NOFILE bounds)"

/** What an operation that opens gives: the result is the descriptor, the slot that was allocated, or 0 for a given slot. */
export function openedAs(direct: OpenTarget | undefined): (result: number) => number | DirectDescriptor {
  if (direct === undefined) return (result) => result
  if (typeof direct === 'object') return () => direct
  return direct === 'allocate' ? (result) => ({ direct: result }) : () => ({ direct })
}

/** A path in memory that stays put, and as errors show it. @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE */
export function checkedPath(path: PathLike): { bytes: Buffer; text: string } {
  const checked = checkPath(path)
  return { bytes: pathBytes(checked), text: checked.toString() }
}

/** The bits of a list of names, or the number itself. @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE */
export function flagBits<T extends string>(
  flags: Flags<T> | undefined,
  table: Readonly<Record<T, number>>,
  name: string,
): number {
  if (flags === undefined) return 0
  if (typeof flags === 'number') return checkInteger(flags, name, -(2 ** 31), 2 ** 32 - 1) | 0
  if (!Array.isArray(flags)) throw invalidArgType(name, 'an array of flag names or of type number', flags)
  let bits = 0
  for (const flag of flags as readonly T[]) bits |= tableValue(flag, table, name)
  return bits
}

/** The number of one name, or the number itself. @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE */
export function namedValue<T extends string>(
  value: T | number,
  table: Readonly<Record<T, number>>,
  name: string,
): number {
  if (typeof value === 'number') return checkInteger(value, name, -(2 ** 31), 2 ** 32 - 1) | 0
  return tableValue(value, table, name)
}

function tableValue<T extends string>(value: T, table: Readonly<Record<T, number>>, name: string): number {
  const given: unknown = value
  if (typeof given !== 'string') throw invalidArgType(name, 'a flag name', given)
  if (!Object.hasOwn(table, given))
    throw invalidArgValue(name, given, `must be one of ${Object.keys(table).join(', ')}, or a number`)
  return table[value]
}

/** Part of a buffer: `buffer` from `offset`, `length` bytes. */
export interface BufferPart {
  readonly view: ArrayBufferView
  readonly offset: number
  readonly length: number
}

/** Memory that the kernel may be given. @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_RING_LEASE_RELEASED */
export function checkMemory(buffer: unknown): ArrayBufferView {
  const view = checkView(buffer)
  assertLeased(view)
  return view
}

/** @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE, ERR_RING_LEASE_RELEASED */
export function checkPart(buffer: unknown, offset: unknown, length: unknown): BufferPart {
  const view = checkMemory(buffer)
  const start = checkOffset(view, offset)
  return { view, offset: start, length: checkLength(view, start, length) }
}

/**
 * Where the part is; 0 for an empty one. For fill(), whose errors fillEntry() catches.
 * @throws ERR_INVALID_ARG_VALUE where the buffer was detached since the operation was made: its length of 0 would read as the end
 */
export function partAddress(part: BufferPart): number {
  if (part.length > 0 && part.view.buffer.byteLength === 0) throw invalidArgValue('buffer', part.view, 'is detached')
  return part.view.byteLength === 0 ? 0 : addressOfView(part.view) + part.offset
}

/** How long the part is now: a buffer that was detached or shrunk since the operation was made has less to give. */
export function partLength(part: BufferPart): number {
  return Math.max(0, Math.min(part.length, part.view.byteLength - part.offset))
}

/** A registered buffer: its index in the ring's table, or the lease of an arena. */
export type FixedBuffer = number | { readonly bufferIndex: number | null }

/**
 * The index of a registered buffer; null where the lease's arena is not registered, and the plain operation does.
 * Called again when the entry is written: by then the lease may have been given back.
 * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE, ERR_RING_LEASE_RELEASED
 */
export function checkFixedBuffer(buffer: FixedBuffer): number | null {
  const given: unknown = buffer
  if (typeof given !== 'object' || given === null || !('bufferIndex' in given))
    return checkInteger(given, 'bufferIndex', 0, 65535)
  const index: unknown = given.bufferIndex
  return index === null ? null : checkInteger(index, 'bufferIndex', 0, 65535)
}

/** The operation, which cannot be submitted any more once its lease was given back: its memory may be somebody else's. */
export function whileLeased<R>(operation: Operation<R>, options: { readonly bufferIndex?: FixedBuffer }): Operation<R> {
  const { bufferIndex } = options
  if (typeof bufferIndex !== 'object') return operation
  const fill: Operation['fill'] = (words, at, sqeFlags) => {
    checkFixedBuffer(bufferIndex)
    operation.fill(words, at, sqeFlags)
  }
  return { ...operation, fill }
}

/** Which group of provided buffers. @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE */
export function checkGroup(group: unknown): number {
  return checkInteger(group, 'bufferGroup', 0, 65535)
}

/** The operation that another one is about. @throws ERR_INVALID_ARG_TYPE */
export function checkTarget(operation: Operation<unknown>): Operation<unknown> {
  const given: unknown = operation
  if (typeof given !== 'object' || given === null || !('ticket' in given))
    throw invalidArgType('operation', 'an operation', given)
  return operation
}

/** A time. @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE */
export function checkTimeMs(timeMs: unknown, name = 'timeMs'): number {
  if (typeof timeMs !== 'number') throw invalidArgType(name, 'of type number', timeMs)
  if (!(timeMs >= 0 && timeMs <= Number.MAX_SAFE_INTEGER))
    throw outOfRange(name, `>= 0 && <= ${Number.MAX_SAFE_INTEGER}`, timeMs)
  return timeMs
}

/** Takes a buffer of a group: for the SQE's flags. */
export const bufferSelect: number = SqeFlag.BUFFER_SELECT
