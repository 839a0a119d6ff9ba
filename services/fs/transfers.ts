// Reads and writes of a FileHandle, one buffer each, with the results that node:fs/promises gives. A write goes on until all is written, as libuv's
// does. Used by file-handle.ts and contents.ts.
import { Op } from '../../native/abi.ts'
import { addressOfOwn } from '../../native/addresses.ts'
import { prepRead, prepWrite } from '../../native/operations/files.ts'
import { resultError } from '../../workers/completions.ts'
import type { Completion } from '../../workers/slots.ts'
import { abortable } from '../abort.ts'
import type { RequestHandle } from '../request-handle.ts'
import { addressOf } from './buffer-address.ts'
import type { HeldFile } from './held-file.ts'

// Shared by all reads. owner: the buffer; context: the file.
const settleRead: Completion = {
  complete(slots, slot, result) {
    if (result >= 0) slots.resolve(slot, { __proto__: null, bytesRead: result, buffer: slots.owner[slot] })
    else slots.reject(slot, resultError(result, 'read'))
    ;(slots.context[slot] as HeldFile).release()
  },
}

const settleReadAtPosition: Completion = {
  complete(slots, slot, result, flags) {
    const file = slots.context[slot] as HeldFile
    settleRead.complete(slots, slot, result, flags)
    file.endTurn()
  },
}

/**
 * Reads into `buffer`; `position` -1 is the file's own, and it is this request's turn. `own`: nobody else has the buffer yet.
 * @throws RingError: nothing was asked for
 */
export function requestRead(
  handle: RequestHandle,
  file: HeldFile,
  buffer: ArrayBufferView,
  offset: number,
  length: number,
  position: number,
  own: boolean,
): Promise<unknown> {
  const { client } = handle
  const address = (own ? addressOfOwn(buffer) : addressOf(buffer)) + offset
  const slot = client.claim(Op.READ, position < 0 ? settleReadAtPosition : settleRead, buffer, file)
  prepRead(client.words, client.at, 0, file.fd, address, length, position)
  file.hold()
  return client.slots.promise(slot)
}

const settleCount: Completion = {
  complete(slots, slot, result) {
    if (result >= 0) slots.resolve(slot, result)
    else slots.reject(slot, resultError(result, slots.opcode[slot] === Op.READ ? 'read' : 'write'))
  },
}

/** How many bytes came from the file's own position. The file is held and the turn taken. @throws RingError */
export function requestSome(
  handle: RequestHandle,
  opcode: typeof Op.READ | typeof Op.WRITE,
  fd: number,
  bytes: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<number> {
  const { client } = handle
  // What is read into is ours until the program has it, and may be transferred then.
  const address = opcode === Op.READ ? addressOfOwn(bytes) : addressOf(bytes)
  const slot = client.claim(opcode, settleCount, bytes, null)
  const prepare = opcode === Op.READ ? prepRead : prepWrite
  prepare(client.words, client.at, 0, fd, address, bytes.byteLength, -1)
  const promise = client.slots.promise<number>(slot)
  return signal === undefined ? promise : abortable(client, slot, promise, signal)
}

/** A write under way: where it goes on if the kernel took a part. */
interface Writing {
  readonly file: HeldFile
  readonly bytes: ArrayBufferView
  readonly offset: number
  readonly length: number
  readonly position: number
  /** What was written before, and what the result names. */
  readonly before: number
  readonly named: unknown
}

const settleWrite: Completion = {
  complete(slots, slot, result) {
    const writing = slots.context[slot] as Writing
    const { before, named, file, length } = writing
    if (result > 0 && result < length) {
      slots.resolve(slot, writeOn(writing, result))
      return
    }
    // What was written before an error counts: it is met again by the next write.
    if (result < 0 && before === 0) slots.reject(slot, resultError(result, 'write'))
    else slots.resolve(slot, { __proto__: null, bytesWritten: before + Math.max(result, 0), buffer: named })
    ended(writing, file)
  },
}

function ended({ position }: Writing, file: HeldFile): void {
  file.release()
  if (position < 0) file.endTurn()
}

function writeOn(writing: Writing, written: number): unknown {
  const { file, bytes, offset, length, position, before, named } = writing
  const rest = {
    file,
    bytes,
    offset: offset + written,
    length: length - written,
    position: position < 0 ? -1 : position + written,
    before: before + written,
    named,
  }
  const handle = file.route.handle()
  try {
    if (handle !== null) return submitWrite(handle, rest)
  } catch {
    // no room, no rings: what was written is told, and the program writes the rest
  }
  ended(rest, file)
  return { __proto__: null, bytesWritten: rest.before, buffer: named }
}

function submitWrite(handle: RequestHandle, writing: Writing): Promise<unknown> {
  const { client } = handle
  const address = addressOf(writing.bytes) + writing.offset
  const slot = client.claim(Op.WRITE, settleWrite, writing.bytes, writing)
  prepWrite(client.words, client.at, 0, writing.file.fd, address, writing.length, writing.position)
  return client.slots.promise(slot)
}

/** As requestRead(). `named`: what the result calls the buffer. @throws RingError */
export function requestWrite(
  handle: RequestHandle,
  file: HeldFile,
  bytes: ArrayBufferView,
  offset: number,
  length: number,
  position: number,
  named: unknown,
): Promise<unknown> {
  const promise = submitWrite(handle, { file, bytes, offset, length, position, before: 0, named })
  file.hold()
  return promise
}
