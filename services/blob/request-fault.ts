// Why a request is none, or none that is answered. Thrown by request-parser.ts; the connection answers with the status, and closes.

export type FaultStatus = 400 | 405 | 414 | 431 | 501 | 505

/** Where the next request would begin is not to be trusted any more. `message` is for the log. */
export class RequestFault extends Error {
  readonly status: FaultStatus

  constructor(status: FaultStatus, reason: string) {
    super(reason)
    this.name = 'RequestFault'
    this.status = status
  }
}
