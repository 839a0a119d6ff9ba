// Every limit of the HTTP file service, with its unit and why it is what it is. Used by http-server.ts and
// file-service.ts; tests override single values.

/** What one server may use. All of it is bounded; nothing grows with the number or the speed of the clients. */
export interface HttpLimits {
  /** A file up to this size is one read and one `end`; also the size of a small buffer. */
  readonly smallBytes: number
  readonly smallBuffersMax: number
  /** What a larger body is read and sent in. Above 256 KiB throughput no longer grows, only memory. */
  readonly chunkBytes: number
  readonly chunkBuffersMax: number
  /** Requests which may wait for a buffer, per kind; the next one is answered 503. */
  readonly bufferWaitersMax: number
  /** How long a request waits for a buffer before it is answered 503. */
  readonly bufferWaitMsMax: number
  /** While requests wait for one: how long a client may take for a buffer before it is to be read again for it. */
  readonly bufferPatienceMs: number
  /** A file changed less than this ago may change again within one tick of the file system's clock. */
  readonly validatorSettleMs: number
  readonly connectionsMax: number
  /** Also bounds what one connection can pipeline. nginx has the same number. */
  readonly requestsPerConnectionMax: number
  readonly headerBytesMax: number
  /** From connection or first byte to the end of the headers: what a slowloris is given. */
  readonly headersMsMax: number
  /** For the whole request. There are no uploads, so it is short. */
  readonly requestMsMax: number
  /** Longer than the 60 s after which common load balancers drop idle connections: they, not we, should be first. */
  readonly keepAliveMs: number
  /** A connection on which no byte moves for this long is closed: its buffers are wanted by others. */
  readonly stalledMsMax: number
  /** How often Node looks for connections past these deadlines. */
  readonly deadlineCheckMs: number
}

export const defaultHttpLimits: HttpLimits = {
  smallBytes: 16 * 1024,
  smallBuffersMax: 512, //  8 MiB
  chunkBytes: 256 * 1024,
  chunkBuffersMax: 128, // 32 MiB
  bufferWaitersMax: 1024,
  bufferWaitMsMax: 10_000,
  bufferPatienceMs: 100,
  validatorSettleMs: 1_000,
  connectionsMax: 4096,
  requestsPerConnectionMax: 1000,
  headerBytesMax: 16 * 1024,
  headersMsMax: 10_000,
  requestMsMax: 30_000,
  keepAliveMs: 65_000,
  stalledMsMax: 60_000,
  deadlineCheckMs: 5_000,
}

/** PATH_MAX without its NUL: a longer path cannot be opened, so it is refused before it is tried. */
export const pathBytesMax = 4095
/** Longer than any path can be when each byte of it is percent-encoded costs more than it is worth. */
export const targetBytesMax = 8192
/** More ranges than this in one request are not reading, they are an attack: the whole file is sent instead. */
export const rangesMax = 64
/** What clients are told to wait when the service is full. */
export const retryAfterSeconds = 1
