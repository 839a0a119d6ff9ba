// Many reads or writes with one promise. Used by RingFile.readBatch() and writeBatch(), and nopBatch().
import { Op } from '../native/abi.ts'
import { addressOfView } from '../native/addresses.ts'
import { invalidArgType, outOfRange } from '../native/errors.ts'
import { prepNop } from '../native/operations/control.ts'
import { prepRead, prepWrite } from '../native/operations/files.ts'
import { prepReadFixed, prepWriteFixed } from '../native/operations/vectors.ts'
import { fixedIndex } from '../workers/arena.ts'
import type { ArenaSlabs } from '../workers/arena.ts'
import type { RequestClient } from '../workers/lane.ts'
import type { Completion, SlotTable } from '../workers/slots.ts'
import { checkPosition, checkView } from './arguments.ts'
import { BatchCancel } from './batch-cancel.ts'

/** Told when a batch is over. */
interface BatchOwner {
  requestEnded(): void
}

/** One batch: the completion of all its slots, which carry their position in it as tag. */
class Batch implements Completion {
  readonly results: Int32Array
  readonly promise: Promise<Int32Array>
  readonly cancel: BatchCancel | null
  private left: number
  private readonly owner: BatchOwner | null
  private readonly resolve: (results: Int32Array) => void

  constructor(count: number, owner: BatchOwner | null, cancel: BatchCancel | null) {
    this.results = new Int32Array(count)
    this.left = count
    this.owner = owner
    this.cancel = cancel
    let settle: (results: Int32Array) => void = () => undefined
    this.promise = new Promise((resolve) => {
      settle = resolve
    })
    this.resolve = settle
  }

  complete(slots: SlotTable, slot: number, result: number): void {
    this.results[slots.tag[slot]!] = this.cancel === null ? result : this.cancel.resultOf(result)
    this.ended(1)
  }

  /** `count` more requests are over, or were never made. */
  ended(count: number): void {
    this.left -= count
    if (this.left > 0) return
    this.cancel?.end()
    this.owner?.requestEnded()
    this.resolve(this.results)
  }
}

const EBUSY = -16

/**
 * Claims one request for each buffer. Where the ring's backlog has no room for all, the ones without room get -EBUSY as
 * result and the others are carried out. When the signal fires, what is not over gets -ECANCELED.
 * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE, before anything is claimed.
 */
export function submitBatch(
  client: RequestClient,
  arenas: readonly ArenaSlabs[],
  unbuffered: boolean,
  opcode: number,
  fd: number,
  buffers: readonly ArrayBufferView[],
  positions: ArrayLike<number | bigint | null>,
  owner: BatchOwner,
  signal: AbortSignal | undefined,
): Promise<Int32Array> {
  if (!isArray(buffers)) throw invalidArgType('buffers', 'an instance of Array', buffers)
  if (typeof positions !== 'object' || positions === null)
    throw invalidArgType('positions', 'an instance of Array or a typed array', positions)
  if (positions.length !== buffers.length)
    throw outOfRange('positions.length', `${buffers.length}, as buffers has`, positions.length)
  // Before anything is claimed: what throws here has started nothing.
  const addresses = new Float64Array(buffers.length)
  const offsets = new Float64Array(buffers.length)
  const mayBeFixed = arenas.length > 0
  const fixed = new Int32Array(mayBeFixed ? buffers.length : 0)
  for (let index = 0; index < buffers.length; index++) {
    addresses[index] = addressOfView(checkView(buffers[index]))
    offsets[index] = checkPosition(positions[index])
    if (mayBeFixed) fixed[index] = fixedIndex(arenas, buffers[index]!, unbuffered)
  }
  const batch = new Batch(buffers.length, owner, signal === undefined ? null : new BatchCancel(client, signal))
  if (buffers.length === 0) batch.ended(0)
  const reads = opcode === Op.READ
  const prepare = reads ? prepRead : prepWrite
  const prepareFixed = reads ? prepReadFixed : prepWriteFixed
  const fixedOpcode = reads ? Op.READ_FIXED : Op.WRITE_FIXED
  for (let index = 0, expected = 0; index < buffers.length; index++, expected--) {
    if (expected <= 0) expected = client.expect(buffers.length - index)
    const buffer = buffers[index]!
    const address = addresses[index]!
    const entry = mayBeFixed ? fixed[index]! : -1
    if (tryClaim(client, entry < 0 ? opcode : fixedOpcode, batch, buffer, index) !== null) {
      batch.results.fill(EBUSY, index)
      batch.ended(buffers.length - index)
      break
    }
    const offset = offsets[index]!
    if (entry < 0) prepare(client.words, client.at, 0, fd, address, buffer.byteLength, offset)
    else prepareFixed(client.words, client.at, 0, fd, address, buffer.byteLength, offset, entry)
  }
  return batch.promise
}

// Array.isArray() would turn what a readonly array holds into `any`.
function isArray(value: unknown): boolean {
  return Array.isArray(value)
}

// The error where the backlog is full: for the rest of a batch that is a result. For its first entry it is the caller's error.
function tryClaim(client: RequestClient, opcode: number, batch: Batch, buffer: unknown, index: number): Error | null {
  try {
    const slot = client.claim(opcode, batch, buffer, null)
    client.slots.tag[slot] = index
    batch.cancel?.add(slot)
    return null
  } catch (error) {
    if (index === 0) {
      batch.cancel?.end()
      throw error
    }
    return error as Error
  }
}

/** `count` no-ops with one promise: what the queues themselves cost. @throws ERR_RING_BACKLOG_FULL if not all had room. */
export async function submitNops(client: RequestClient, count: number): Promise<void> {
  const batch = new Batch(count, null, null)
  if (count === 0) batch.ended(0)
  for (let claimed = 0, expected = 0; claimed < count; claimed++, expected--) {
    if (expected <= 0) expected = client.expect(count - claimed)
    const refusal = tryClaim(client, Op.NOP, batch, null, claimed)
    if (refusal !== null) {
      batch.ended(count - claimed)
      await batch.promise
      throw refusal
    }
    prepNop(client.words, client.at, 0)
  }
  await batch.promise
}
