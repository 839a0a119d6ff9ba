// What a FileHandle of `ringmaster/fs` does with its arguments once they are told apart: a request where they are plain ones, in its turn where it is at
// the file's own position, and else Node's own way. Used by file-handle.ts.
import { Op } from '../../native/abi.ts'
import { prepFtruncate } from '../../native/operations/space.ts'
import { settleEmpty } from '../../workers/completions.ts'
import type { RequestHandle } from '../request-handle.ts'
import { writeContents } from './contents.ts'
import type { HeldFile } from './held-file.ts'
import {
  isPart,
  isSignal,
  optionsOrEncoding,
  plainData,
  plainEncoding,
  plainPosition,
  transferBytesMax,
} from './plain.ts'
import { requestRead, requestWrite } from './transfers.ts'
import { requestVector, vectorsMax } from './vectors.ts'

// The usual calls, without a closure: what these two do not take, the longer way does.
export function readAtOnce(
  file: HeldFile,
  buffer: unknown,
  offset: unknown,
  length: unknown,
  position: unknown,
): Promise<unknown> | null {
  if (!ArrayBuffer.isView(buffer)) return null
  const start = offset ?? 0
  const count = length ?? buffer.byteLength - Number(start)
  const at = plainPosition(position)
  if (at === null || !isPart(buffer, start, count)) return null
  const handle = file.fd < 0 ? null : file.route.handle()
  if (handle === null || (at < 0 && !file.takeTurn())) return null
  try {
    return requestRead(handle, file, buffer, Number(start), Number(count), at, false)
  } catch {
    if (at < 0) file.endTurn()
    return null
  }
}

export function writeAtOnce(
  file: HeldFile,
  bytes: unknown,
  offset: unknown,
  length: unknown,
  position: unknown,
): Promise<unknown> | null {
  if (!ArrayBuffer.isView(bytes) || offset === null) return null
  const start = offset ?? 0
  const count = typeof length === 'number' ? length : bytes.byteLength - Number(start)
  const at = plainPosition(typeof position === 'number' ? position : null)
  if (at === null || !isPart(bytes, start, count)) return null
  const handle = file.fd < 0 ? null : file.route.handle()
  if (handle === null || (at < 0 && !file.takeTurn())) return null
  try {
    return requestWrite(handle, file, bytes, Number(start), count, at, bytes)
  } catch {
    if (at < 0) file.endTurn()
    return null
  }
}

export function readInto(
  file: HeldFile,
  buffer: unknown,
  offset: unknown,
  length: unknown,
  position: unknown,
  own: boolean,
  ownWay: () => Promise<unknown>,
): Promise<unknown> {
  if (!ArrayBuffer.isView(buffer)) return ownWay()
  const start = offset ?? 0
  const count = length ?? buffer.byteLength - Number(start)
  const at = plainPosition(position)
  if (at === null || !isPart(buffer, start, count)) return ownWay()
  const request = (handle: RequestHandle): Promise<unknown> =>
    requestRead(handle, file, buffer, Number(start), Number(count), at, own)
  return transfer(file, at < 0, request, ownWay)
}

export function writeFrom(
  file: HeldFile,
  bytes: ArrayBufferView,
  offset: unknown,
  length: number,
  position: unknown,
  named: unknown,
  ownWay: () => Promise<unknown>,
): Promise<unknown> {
  const at = plainPosition(position)
  if (at === null || !isPart(bytes, offset, length)) return ownWay()
  const request = (handle: RequestHandle): Promise<unknown> =>
    requestWrite(handle, file, bytes, Number(offset), length, at, named)
  return transfer(file, at < 0, request, ownWay)
}

export function moveVector(
  file: HeldFile,
  opcode: typeof Op.READV | typeof Op.WRITEV,
  buffers: unknown,
  position: unknown,
  ownWay: () => Promise<unknown>,
): Promise<unknown> {
  const at = plainPosition(typeof position === 'number' ? position : null)
  if (at === null || !Array.isArray(buffers) || buffers.length > vectorsMax) return ownWay()
  const views: readonly unknown[] = buffers
  if (!views.every((view) => ArrayBuffer.isView(view))) return ownWay()
  const total = views.reduce((sum, view) => sum + view.byteLength, 0)
  if (total === 0 || total > transferBytesMax) return ownWay()
  return transfer(file, at < 0, (handle) => requestVector(handle, opcode, file, views, at), ownWay)
}

/** Makes a request, in its turn where it is at the file's own position. */
function transfer(
  file: HeldFile,
  atPosition: boolean,
  request: (handle: RequestHandle) => Promise<unknown>,
  ownWay: () => Promise<unknown>,
): Promise<unknown> {
  const handle = file.fd < 0 ? null : file.route.handle()
  if (handle === null) return ownWay()
  const waiting = atPosition ? file.turn() : null
  if (waiting !== null) return afterTurn(file, waiting, request, ownWay)
  try {
    return request(handle)
  } catch (error) {
    if (atPosition) file.endTurn()
    return file.route.refused(error, () => transfer(file, atPosition, request, ownWay), ownWay)
  }
}

/** It has been asked for: close() waits. */
async function afterTurn(
  file: HeldFile,
  waiting: Promise<void>,
  request: (handle: RequestHandle) => Promise<unknown>,
  ownWay: () => Promise<unknown>,
): Promise<unknown> {
  file.hold()
  try {
    await waiting
    const handle = file.route.handle()
    if (handle === null) {
      file.endTurn()
      return await ownWay()
    }
    let moved: Promise<unknown>
    try {
      moved = request(handle)
    } catch (error) {
      file.endTurn()
      return await file.route.refused(error, () => transfer(file, true, request, ownWay), ownWay)
    }
    return await moved
  } finally {
    file.release()
  }
}

/** Several requests, or one that holds no buffer of the caller's: the descriptor stays open until they are over. */
export async function whileHeld<T>(
  file: HeldFile,
  ownWay: () => Promise<T>,
  requests: (file: HeldFile, handle: RequestHandle) => Promise<T>,
): Promise<T> {
  const handle = file.fd < 0 ? null : file.route.handle()
  if (handle === null) return ownWay()
  file.hold()
  handle.beginTask()
  try {
    return await file.route.persist(() => requests(file, handle))
  } finally {
    handle.endTask()
    file.release()
  }
}

export function writeAll(
  file: HeldFile,
  data: unknown,
  given: unknown,
  ownWay: () => Promise<unknown>,
): Promise<unknown> {
  const options = optionsOrEncoding(given)
  const encoding = plainEncoding(options?.['encoding'])
  const signal = options?.['signal']
  const flush = options?.['flush']
  if (options === null || encoding === undefined || !isSignal(signal) || signal?.aborted === true) return ownWay()
  if (flush !== undefined && typeof flush !== 'boolean') return ownWay()
  const bytes = plainData(data, encoding)
  if (bytes === null) return ownWay()
  return whileHeld<unknown>(file, ownWay, (_, handle) => writeContents(handle, file, bytes, signal))
}

export async function requestTruncate(handle: RequestHandle, fd: number, length: number): Promise<void> {
  const { client } = handle
  const slot = client.claim(Op.FTRUNCATE, settleEmpty, null, null)
  prepFtruncate(client.words, client.at, 0, fd, length)
  return client.slots.promise(slot)
}
