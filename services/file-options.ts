// Options of Ringmaster's file operations, as those of fs.promises and a little more.

export interface OpenOptions {
  /** Carry out this file's writes one after the other, in the order of the calls. Default false: in any order. */
  ordered?: boolean
  signal?: AbortSignal
}

export interface ReadFileOptions {
  encoding?: BufferEncoding | null
  flag?: string | number
  signal?: AbortSignal
}

export interface WriteFileOptions {
  encoding?: BufferEncoding | null
  mode?: number | string
  flag?: string | number
  /** fsync before closing. Default false. */
  flush?: boolean
  signal?: AbortSignal
}
