// Every limit of the blob service beyond those that it shares with the file service, and why it is what it is. Used by blob-server.ts and
// connection.ts; tests override single values.
import { defaultHttpLimits, type HttpLimits } from '../http/limits.ts'

export interface BlobLimits extends HttpLimits {
  readonly headersMax: number
  /** Of a body that nobody wants: more than this, and the connection is closed instead of reading on. */
  readonly discardBytesMax: number
  /** Of an upload, what has come and is not written yet: then its client waits. */
  readonly uploadQueueBytesMax: number
  /** Of an upload: a longer one is answered 413. A terabyte: what is less than the disk is for quotas to say. */
  readonly uploadBytesMax: number
  /** Less than this over a window, and an upload is answered 408. What a modem did in 1985: slower is who wants to hold a connection. */
  readonly uploadBytesPerSecondMin: number
  /** The same for who takes an answer, whose connection is closed. */
  readonly readBytesPerSecondMin: number
  /** No shorter than stalledMsMax: who stands still may go on until then. */
  readonly rateWindowMs: number
  /** At a time; the next one is answered 503. */
  readonly uploadsMax: number
  /** How long an upload waits for room that is being made. */
  readonly roomWaitMsMax: number
  /** How long a connection stays after its last answer for its client to have read it: a reset would take the answer away. */
  readonly lingerMsMax: number
  /** The same where its client goes on to send what nobody reads, a byte now and then. */
  readonly lingerMsTotal: number
}

export const defaultBlobLimits: BlobLimits = {
  ...defaultHttpLimits,
  headersMax: 128,
  discardBytesMax: 256 * 1024,
  uploadQueueBytesMax: 512 * 1024,
  uploadBytesMax: 2 ** 40,
  uploadBytesPerSecondMin: 256,
  readBytesPerSecondMin: 256,
  rateWindowMs: 60_000,
  uploadsMax: 256, // 128 MiB
  roomWaitMsMax: 30_000,
  lingerMsMax: 2_000,
  lingerMsTotal: 30_000,
}
