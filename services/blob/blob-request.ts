// A request of the blob service, for whoever answers it. Made by connection.ts.
import type { HttpRequest } from '../http/exchange.ts'
import type { UploadBody } from './upload-body.ts'

export interface BlobRequest extends HttpRequest {
  readonly method: string
  readonly url: string
  /** null where there is none, or nobody would take it. */
  readonly body: UploadBody | null
  /** Of an upload: what is stored in front of its body. */
  readonly preamble?: Uint8Array
  /** Asks for the body where the client waits for that. */
  readonly ask: () => void
}
