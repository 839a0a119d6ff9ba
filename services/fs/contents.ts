// readFile() and writeFile() of a FileHandle: what is left of the file from its own position on, and data that goes there. Used by file-handle.ts.
import { At, Op } from '../../native/abi.ts'
import { throwIfAborted } from '../abort.ts'
import type { RequestHandle } from '../request-handle.ts'
import { requestStat } from '../requests.ts'
import type { HeldFile } from './held-file.ts'
import { requestSome } from './transfers.ts'

/** As much as node:fs reads and writes at a time, so that a signal is heard in between. */
export const writeChunkBytes: number = 512 * 1024
/** Of what does not say how long it is: pipes, /proc. */
const unknownBytes = 64 * 1024
/** A Buffer cannot be larger; of such a file Node says so. */
export const fileBytesMax: number = 2 ** 31 - 1

/** One request at the file's own position, in its turn. */
async function some(
  handle: RequestHandle,
  file: HeldFile,
  opcode: typeof Op.READ | typeof Op.WRITE,
  bytes: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<number> {
  await file.turn()
  try {
    return await file.route.persist(() => requestSome(handle, opcode, file.fd, bytes, signal))
  } finally {
    file.endTurn()
  }
}

/** The size of a regular file, 0 of all else. */
export async function sizeOf(handle: RequestHandle, file: HeldFile): Promise<number> {
  const target = { dirFd: file.fd, path: '', atFlags: At.EMPTY_PATH, bigint: false, syscall: 'fstat' } as const
  const stats = await requestStat(handle, target)
  return stats.isFile() ? Number(stats.size) : 0
}

/** From the file's own position to its end. `size`: of a regular file, 0 of what has none. */
export async function readContents(
  handle: RequestHandle,
  file: HeldFile,
  size: number,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  let data = Buffer.allocUnsafeSlow(size > 0 ? size : unknownBytes)
  let length = 0
  for (;;) {
    throwIfAborted(signal)
    const bytes = data.subarray(length, Math.min(data.length, length + writeChunkBytes))
    const bytesRead = await some(handle, file, Op.READ, bytes, signal)
    length += bytesRead
    if (bytesRead === 0 || length === size) return shrunk(data, length)
    if (length === data.length) data = Buffer.concat([data], length * 2)
  }
}

// What was allocated for growth must not stay with the result.
const shrunk = (data: Buffer, length: number): Buffer =>
  data.length - length > unknownBytes ? Buffer.from(data.subarray(0, length)) : data.subarray(0, length)

/** All of `data`, at the file's own position. */
export async function writeContents(
  handle: RequestHandle,
  file: HeldFile,
  data: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<void> {
  throwIfAborted(signal)
  for (let done = 0; done < data.byteLength;) {
    throwIfAborted(signal)
    done += await some(handle, file, Op.WRITE, data.subarray(done, done + writeChunkBytes), signal)
  }
}
