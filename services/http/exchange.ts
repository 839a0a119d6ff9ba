// A request and its answer as FileService needs them, whoever parses and sends: node:http's own (http-server.ts) or those of services/blob.
import type { IncomingHttpHeaders } from 'node:http'

export interface HttpRequest {
  readonly method?: string | undefined
  /** The target as it stands in the request line. */
  readonly url?: string | undefined
  readonly httpVersion: string
  readonly headers: IncomingHttpHeaders
  /** Names and values in turns. */
  readonly rawHeaders: readonly string[]
  readonly socket: { readonly destroyed: boolean; readonly remoteAddress?: string | undefined }
}

export interface Offer {
  readonly brief: boolean
  readonly last: boolean
}

/** Told 'finish' when everything is sent, 'close' when the connection is over: as node:http's ServerResponse. */
export interface HttpAnswer {
  /** Whether another request may follow on the connection. */
  shouldKeepAlive: boolean
  readonly statusCode: number
  readonly headersSent: boolean
  readonly destroyed: boolean
  writeHead(status: number, headers: Readonly<Record<string, string | number>>): unknown
  /** The bytes are the answer's until `done` is called. */
  write(bytes: Uint8Array, done: (error?: Error | null) => void): unknown
  end(bytes?: Uint8Array | string): unknown
  /**
   * Where others may need the memory before the client has taken it all: `done`, which is always called, is told how many bytes were taken. That
   * is what the socket takes at once (`brief`), or perhaps less than all because the server asked for the memory back. Taken as a whole, `last`
   * bytes end the answer.
   */
  readonly offer?:
    ((bytes: Uint8Array, how: Offer, done: (error: Error | null, takenBytes: number) => void) => unknown) | undefined
  /** Told when the client takes bytes again, or never will. */
  readonly whenWritable?: ((done: (error: Error | null) => void) => unknown) | undefined
  destroy(): unknown
  once(event: 'finish' | 'close', listener: () => void): unknown
  off(event: 'close', listener: () => void): unknown
}

/** What is logged: pino's Logger, and what sends lines to another thread. */
export interface ServiceLog {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}
