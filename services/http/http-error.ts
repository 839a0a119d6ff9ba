// What went wrong → which status the client is told. Used by everything in services/http; the table is the policy.

export type ErrorStatus =
  400 | 401 | 403 | 404 | 405 | 408 | 409 | 411 | 412 | 413 | 414 | 422 | 500 | 501 | 503 | 505 | 507

/** An answer other than the file. `reason` is for the log; clients get the status and no word about files. */
export class HttpError extends Error {
  readonly status: ErrorStatus
  /** What clients are told nevertheless: nothing that they do not know of, or may not. */
  readonly told: string | null

  constructor(status: ErrorStatus, reason: string, options?: ErrorOptions, told: string | null = null) {
    super(reason, options)
    this.name = 'HttpError'
    this.status = status
    this.told = told
  }
}

/** The client closed the connection before it had everything: nobody's fault, and nobody is there to be told. */
export class ClientGone extends Error {
  constructor() {
    super('the client closed the connection')
    this.name = 'ClientGone'
  }
}

export function httpError(status: ErrorStatus, reason: string, cause?: unknown, told?: string): HttpError {
  return new HttpError(status, reason, { cause }, told)
}

/**
 * A path out of ROOT (EXDEV), through too many links (ELOOP) or to something that is no file is "not found", the same as
 * nothing there: the difference would tell what lies outside. What passes by itself is 503, so that clients try again.
 */
const statusOfCode: Readonly<Record<string, ErrorStatus>> = {
  ENOENT: 404,
  ENOTDIR: 404,
  ENAMETOOLONG: 404,
  EXDEV: 404,
  ELOOP: 404,
  ENXIO: 404, // a socket, or a device without a driver
  ENODEV: 404,
  EACCES: 403,
  EPERM: 403,
  EMFILE: 503,
  ENFILE: 503,
  ENOMEM: 503,
  EAGAIN: 503,
  EBUSY: 503,
  ESTALE: 503,
  ERR_RING_BACKLOG_FULL: 503,
  ERR_RING_LOST: 503,
  ERR_RING_WORKER_LOST: 503,
  ERR_RING_CLOSED: 503,
}

/** Any error as an answer; what is not in the table is our fault: 500. */
export function toHttpError(error: unknown): HttpError {
  if (error instanceof HttpError) return error
  const code = codeOf(error)
  return httpError((code !== undefined && statusOfCode[code]) || 500, code ?? 'unexpected error', error)
}

/** The `code` of a Node or ring error. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
