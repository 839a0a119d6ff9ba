// Reading a descriptor to its real end, whatever stat() said. Used by readFile() for everything that is not over after one chain.
import { Op } from '../native/abi.ts'
import { addressOfOwn } from '../native/addresses.ts'
import { prepRead } from '../native/operations/files.ts'
import { settleWithResult } from '../workers/completions.ts'
import { abortable, throwIfAborted } from './abort.ts'
import type { RequestHandle } from './request-handle.ts'

/** As node:fs: a Buffer cannot be larger (kIoMaxLength). */
const fileBytesMax = 2 ** 31 - 1
/** One read of a large file: large enough to be cheap, small enough not to keep an SQ thread from others for long. */
const chunkBytes = 512 * 1024
/** Reads of a large regular file under way at once, where so many may wait. */
const chunksAtOnce = 4

const tooLarge = (sizeBytes: number): RangeError =>
  Object.assign(new RangeError(`File size (${sizeBytes}) is greater than 2 GiB`), { code: 'ERR_FS_FILE_TOO_LARGE' })

function readSome(
  handle: RequestHandle,
  fd: number,
  sqeFlags: number,
  into: Buffer,
  position: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  const { client } = handle
  const slot = client.claim(Op.READ, settleWithResult, into, null)
  prepRead(client.words, client.at, sqeFlags, fd, addressOfOwn(into), into.length, position)
  const promise = client.slots.promise<number>(slot)
  return signal === undefined ? promise : abortable(client, slot, promise, signal)
}

/**
 * Reads on from after `head` until a read says 0. `sizeHint` is what stat() said of a regular file (0: unknown); it saves
 * copying and lets chunks overlap, and nothing depends on its being right.
 */
export async function readToEnd(
  handle: RequestHandle,
  fd: number,
  sqeFlags: number,
  head: Buffer,
  sizeHint: number,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  if (sizeHint > fileBytesMax) throw tooLarge(sizeHint)
  let data = Buffer.allocUnsafeSlow(Math.max(sizeHint + 1, head.length + chunkBytes))
  head.copy(data)
  let length = head.length
  if (sizeHint > length + chunkBytes)
    length = await readChunks(handle, fd, sqeFlags, data.subarray(0, sizeHint), length, signal)
  for (;;) {
    throwIfAborted(signal)
    if (length === data.length) {
      if (length >= fileBytesMax) throw tooLarge(length + 1)
      const larger = Buffer.allocUnsafeSlow(Math.min(fileBytesMax, length * 2))
      data.copy(larger, 0, 0, length)
      data = larger
    }
    // A regular file is read at explicit positions throughout: overlapping reads do not move its own position.
    const end = Math.min(data.length, length + chunkBytes)
    const bytesRead = await readSome(
      handle,
      fd,
      sqeFlags,
      data.subarray(length, end),
      sizeHint > 0 ? length : -1,
      signal,
    )
    if (bytesRead === 0) break
    length += bytesRead
  }
  return length === data.length ? data : shrink(data, length)
}

// What was allocated for growth must not stay with the result; the one byte that proves the end may.
function shrink(data: Buffer, length: number): Buffer {
  if (data.length - length <= chunkBytes / 16) return data.subarray(0, length)
  const exact = Buffer.allocUnsafeSlow(length)
  data.copy(exact, 0, 0, length)
  return exact
}

/** Fills `data` from `start`, several chunks at once; returns how far it is filled without a gap. */
async function readChunks(
  handle: RequestHandle,
  fd: number,
  sqeFlags: number,
  data: Buffer,
  start: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  let next = start
  let filledTo = data.length
  const lane = async (): Promise<void> => {
    while (next < filledTo) {
      throwIfAborted(signal)
      const from = next
      const end = Math.min(data.length, from + chunkBytes)
      next = end
      for (let at = from; at < end;) {
        const bytesRead = await readSome(handle, fd, sqeFlags, data.subarray(at, end), at, signal)
        at += bytesRead
        if (bytesRead === 0) {
          filledTo = Math.min(filledTo, at) // it shrank meanwhile
          return
        }
      }
    }
  }
  const count = Math.max(1, Math.min(chunksAtOnce, handle.client.backlogMax))
  const lanes = await Promise.allSettled(Array.from({ length: count }, lane))
  for (const ended of lanes) if (ended.status === 'rejected') throw ended.reason
  return filledTo
}
