// Options of Ringmaster's file operations and what RingFile's resolve with, as those of fs.promises and a little more.
import type { Timed } from './time-limit.ts'

export interface OpenOptions extends Timed {
  /** Carry out this file's writes one after the other, in the order of the calls. Default false: in any order. */
  ordered?: boolean
}

export interface ReadFileOptions extends Timed {
  encoding?: BufferEncoding | null
  flag?: string | number
}

export interface WriteFileOptions extends Timed {
  encoding?: BufferEncoding | null
  mode?: number | string
  flag?: string | number
  /** fsync before closing. Default false. */
  flush?: boolean
  /**
   * Replace the file as a whole: who reads it, and who looks after a crash, finds all of the old one or all of the new one. Takes flags `w` and
   * `wx`. Needs room for both, and leave to write in the folder; links are followed, mode and owner kept, hard links end. Default false.
   */
  atomic?: boolean
  /** Resolve when a crash could not undo it: file and folder are synced (fsync(2)). Default false. */
  durable?: boolean
}

export interface ReadResult<T extends ArrayBufferView> {
  readonly bytesRead: number
  readonly buffer: T
}

export interface WriteResult<T extends ArrayBufferView | string> {
  readonly bytesWritten: number
  readonly buffer: T
}

export interface ReadOptions<T extends ArrayBufferView = ArrayBufferView> extends Timed {
  /** Default: a new Buffer of 16,384 bytes. */
  buffer?: T
  /** Where in the buffer to begin, in bytes. Default 0. */
  offset?: number
  /** How many bytes at most. Default: to the end of the buffer. */
  length?: number
  /** Where in the file to begin, in bytes. Default (null, -1): at the file's own position, which moves. */
  position?: number | bigint | null
}

export interface WriteOptions extends Timed {
  offset?: number
  length?: number
  position?: number | bigint | null
}
