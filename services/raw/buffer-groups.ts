// The groups of provided buffers that a ring has: their numbers, their registration, and for how long their memory must stay.
// Used by ProvidedBuffers (what the kernel fills) and OutgoingBuffers (what it sends from).
//
//   registered ──close()──► unregistered, requests may still hold a buffer ──last of them over──► memory and number free
import { SqeFlag } from '../../native/abi.ts'
import { addressOfView } from '../../native/addresses.ts'
import { binding } from '../../native/binding.ts'
import { RingError, kernelError, ringErrors } from '../../native/errors.ts'
import { pageBytes } from '../../native/layout.ts'
import type { RingHandle } from '../../workers/ring-handle.ts'
import { SlotState } from '../../workers/slots.ts'
import { ClientState } from '../../workers/submission.ts'

const registerPbufRing = 22
const unregisterPbufRing = 23
const registerPbufStatus = 26
/** IOU_PBUF_RING_INC (6.12). */
const incrementalRing = 2
const groupsMax = 65536
const EEXIST = -17
const EINVAL = -22
/** How often to look whether the requests that may hold a buffer of a closed group are over. */
const lookAgainMs = 50

/** One entry of a ring of buffers: struct io_uring_buf { u64 addr; u32 len; u16 bid; u16 resv }. */
export const bufferEntryBytes: number = 16
/** The tail is the first entry's `resv`: never to be written as part of an entry. */
export const bufferTailOffsetBytes: number = 14

/** Page-aligned memory that stays where it is: an ordinary SharedArrayBuffer is aligned to 16 bytes. */
export function allocatePages(sizeBytes: number): Buffer {
  const memory = Buffer.from(new SharedArrayBuffer(sizeBytes + pageBytes))
  const misaligned = addressOfView(memory) % pageBytes
  return memory.subarray((pageBytes - misaligned) % pageBytes).subarray(0, sizeBytes)
}

/** What is registered, and what must stay alive with it. */
export interface GroupMemory {
  readonly ring: Buffer
  readonly count: number
  readonly incremental: boolean
  /** Everything the kernel may use through the ring; the ring itself among it. */
  readonly keep: object
}

// The numbers that are taken, on each ring.
const taken = new WeakMap<RingHandle, Set<number>>()

function numbersOf(handle: RingHandle): Set<number> {
  let numbers = taken.get(handle)
  if (numbers === undefined) taken.set(handle, (numbers = new Set()))
  return numbers
}

const isGone = ({ client }: RingHandle): boolean =>
  client.state === ClientState.closed || client.state === ClientState.lost

/** io_uring_register(2) about a group, on a ring that is still there: its descriptor's number may be another's by now. */
function registerGroup(handle: RingHandle, opcode: number, argument: Buffer): number {
  if (isGone(handle)) throw ringErrors.closed()
  return binding().register(handle.geometry.ringFd, opcode, argument, 1)
}

function describe(group: number, memory: GroupMemory): Buffer {
  const argument = Buffer.alloc(40)
  argument.writeBigUInt64LE(BigInt(addressOfView(memory.ring)), 0)
  argument.writeUInt32LE(memory.count, 8)
  argument.writeUInt16LE(group, 12)
  argument.writeUInt16LE(memory.incremental ? incrementalRing : 0, 14)
  return argument
}

/**
 * Registers a ring of buffers as `wanted`, or as any group that nobody has. Returns the group.
 * @throws SystemError of io_uring_register(2): EEXIST, ENOMEM (locked memory); ERR_RING_OPERATION_UNSUPPORTED, ERR_RING_CLOSED
 */
export function openGroup(handle: RingHandle, memory: GroupMemory, wanted: number | undefined): number {
  const numbers = numbersOf(handle)
  for (let group = wanted ?? 1; group < groupsMax; group++) {
    if (wanted === undefined && numbers.has(group)) continue
    const result = numbers.has(group) ? EEXIST : registerGroup(handle, registerPbufRing, describe(group, memory))
    // `provideBuffers` operations make groups that we know nothing of.
    if (result === EEXIST && wanted === undefined) continue
    if (result === EINVAL && memory.incremental) {
      throw new RingError(
        'ERR_RING_OPERATION_UNSUPPORTED',
        'this kernel has no incremental buffers: they came with Linux 6.12',
        { cause: kernelError(result, 'io_uring_register') },
      )
    }
    if (result < 0) throw kernelError(result, 'io_uring_register')
    numbers.add(group)
    handle.registered.add(memory.keep)
    return group
  }
  throw new RingError('ERR_RING_BUFFER_GROUPS_FULL', `a ring has ${groupsMax - 1} groups of buffers: close some`)
}

/** Where the kernel's head is in the group's ring (6.8). @throws SystemError, ERR_RING_CLOSED */
export function groupHead(handle: RingHandle, group: number): number {
  const argument = Buffer.alloc(40)
  argument.writeUInt32LE(group, 0)
  const result = registerGroup(handle, registerPbufStatus, argument)
  if (result < 0) throw kernelError(result, 'io_uring_register')
  return argument.readUInt32LE(4)
}

/** Takes the group away from the kernel; its memory and number are kept while a request may hold a buffer of it. */
export function closeGroup(handle: RingHandle, group: number, memory: GroupMemory): void {
  if (isGone(handle)) return
  const argument = Buffer.alloc(40)
  argument.writeUInt16LE(group, 12)
  const result = registerGroup(handle, unregisterPbufRing, argument)
  if (result < 0) throw kernelError(result, 'io_uring_register')
  letGo(handle, group, memory, selecting(handle))
}

/** A request that was in flight: its slot, and the generation that it had. */
type InFlight = readonly [slot: number, generation: number]

// Requests that take their buffer from some group: whether from this one is known to the kernel alone.
function selecting({ client: { slots } }: RingHandle): InFlight[] {
  const found: InFlight[] = []
  for (let slot = 0; slot < slots.size; slot++) {
    if (slots.state[slot] === SlotState.free) continue
    const owner = slots.owner[slot]
    if (typeof owner !== 'object' || owner === null || !('sqeFlags' in owner)) continue
    if ((Number(owner.sqeFlags) & SqeFlag.BUFFER_SELECT) !== 0) found.push([slot, slots.generation[slot]!])
  }
  return found
}

function letGo(handle: RingHandle, group: number, memory: GroupMemory, before: readonly InFlight[]): void {
  const { slots } = handle.client
  const left = before.filter(
    ([slot, generation]) => slots.state[slot] !== SlotState.free && slots.generation[slot] === generation,
  )
  if (left.length > 0 && !isGone(handle)) {
    setTimeout(() => {
      letGo(handle, group, memory, left)
    }, lookAgainMs).unref()
    return
  }
  // A ring that was lost or did not drain has put everything registered into quarantine.
  handle.registered.delete(memory.keep)
  numbersOf(handle).delete(group)
}
