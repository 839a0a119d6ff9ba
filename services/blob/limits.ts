// Every limit of the blob service beyond those that it shares with the file service, and why it is what it is. Used by blob-server.ts and
// connection.ts; tests override single values.
import { defaultHttpLimits, type HttpLimits } from '../http/limits.ts'

export interface BlobLimits extends HttpLimits {
  readonly headersMax: number
  /** Of a body that nobody wants: more than this, and the connection is closed instead of reading on. */
  readonly discardBytesMax: number
  /** Of an upload, what has come and is not written yet: then its client waits. */
  readonly uploadQueueBytesMax: number
  /** At a time; the next one is answered 503. */
  readonly uploadsMax: number
  /** How long a connection stays after its last answer for its client to have read it: a reset would take the answer away. */
  readonly lingerMsMax: number
}

export const defaultBlobLimits: BlobLimits = {
  ...defaultHttpLimits,
  headersMax: 128,
  discardBytesMax: 256 * 1024,
  uploadQueueBytesMax: 512 * 1024,
  uploadsMax: 256, // 128 MiB
  lingerMsMax: 2_000,
}
