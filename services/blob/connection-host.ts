// What a connection (connection.ts) has of its server (blob-server.ts).
import type { HttpAnswer } from '../http/exchange.ts'
import type { HttpCounters } from '../http/http-counters.ts'
import type { BlobRequest } from './blob-request.ts'
import type { BlobLimits } from './limits.ts'
import type { RequestHead } from './request-head.ts'

export interface ConnectionHost {
  readonly limits: BlobLimits
  readonly counters: HttpCounters
  /** What there is for files, as in Allow. */
  readonly allowedMethods: string
  /** Whether somebody may take the body of such a request. */
  takesBody(head: RequestHead): boolean
  /** Answers are the last of their connections. */
  readonly leaving: boolean
  /** Never rejects, and resolves when the answer is sent, or cannot be. */
  serve(request: BlobRequest, answer: HttpAnswer): Promise<void>
  requestBegan(): void
  requestEnded(): void
  /** Nothing of it is left. */
  connectionClosed(connection: object): void
}
