// What a workload is to the loops (loops.ts): so many lanes, each with one request at a time. Made by works.ts; also what the file APIs are to it.
import type { LegOrder } from '../order.ts'
import type { LeaseBuffers } from './buffers.ts'

/** What a request resolved with: bytes, or node:fs's and the library's shapes of them; of a batch one number each. */
export type Moved =
  number | Int32Array | Uint8Array | { bytesRead: number } | { bytesWritten: number } | undefined | void

export interface Work {
  /** Requests (of a batch: batches) in flight. */
  readonly lanes: number
  /** Operations that one start stands for. */
  readonly operationsPerStart: number
  /** Must return the API's own promise where there is one: another one around it would be measured, too. */
  start(lane: number): Promise<Moved>
  /** Bytes moved. @throws Error where less was than was asked for */
  finish(moved: Moved, lane: number): number
  close(): Promise<void>
}

/** The same for an API that blocks: one lane. */
export interface SyncWork {
  /** Returns the bytes moved by one operation. */
  perform(): number
  close(): void
}

/** What node:fs/promises and Ringmaster have in common. */
export interface FileLike {
  read(buffer: Buffer, offset: number, length: number, position: number): Promise<Moved>
  write(buffer: Buffer, offset: number, length: number, position: number): Promise<Moved>
  datasync(): Promise<void>
  close(): Promise<void>
}

export interface FilesLike {
  open(path: string, flags: number, mode?: number): Promise<FileLike>
  readFile(path: string): Promise<Buffer>
}

/** What a workload is made of, in one thread of the leg. */
export interface WorkInput {
  readonly order: LegOrder
  readonly files: FilesLike
  readonly buffers: LeaseBuffers
  /** Requests in flight of this thread. */
  readonly depth: number
  readonly thread: number
  readonly threads: number
}

/** Files that also take many requests at once. */
export interface BatchFileLike extends FileLike {
  readBatch(buffers: readonly Buffer[], positions: Float64Array): Promise<Int32Array>
  writeBatch(buffers: readonly Buffer[], positions: Float64Array): Promise<Int32Array>
}

export function hasBatches(file: FileLike): file is BatchFileLike {
  return 'readBatch' in file && 'writeBatch' in file
}

/** @throws Error unless each request of `count` moved `wanted` bytes */
export function movedBytes(moved: Moved, wanted: number, count: number): number {
  if (moved instanceof Int32Array) {
    for (let at = 0; at < count; at++) if (moved[at] !== wanted) throw shortTransfer(moved[at] ?? 0, wanted)
    return wanted * count
  }
  const bytes =
    typeof moved === 'number'
      ? moved
      : typeof moved !== 'object'
        ? wanted
        : 'bytesRead' in moved
          ? moved.bytesRead
          : 'bytesWritten' in moved
            ? moved.bytesWritten
            : moved.length
  if (bytes !== wanted) throw shortTransfer(bytes, wanted)
  return bytes
}

function shortTransfer(bytes: number, wanted: number): Error {
  return new Error(`a request moved ${bytes} of ${wanted} bytes: is the file changed by somebody?`)
}
