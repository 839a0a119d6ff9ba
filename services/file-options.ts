// Options of Ringmaster's file operations, as those of fs.promises and a little more.
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
}
