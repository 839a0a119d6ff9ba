// What a dialect is: a way in which clients ask for objects. Each has a file beside this one, all store and read through the same two services,
// and differ in targets, heads and words only. Used by blob-server.ts, which asks each in turn whether a request is its.
import type { HttpAnswer, ServiceLog } from '../../http/exchange.ts'
import type { FileService } from '../../http/file-service.ts'
import type { HttpCounters } from '../../http/http-counters.ts'
import type { Folder } from '../../http/storage.ts'
import type { BlobRequest } from '../blob-request.ts'
import type { ObjectService } from '../object-service.ts'

/** What dialects are made of. */
export interface Backend {
  /** GET and HEAD of files. */
  readonly files: FileService
  /** PUT, DELETE and lists; null where nothing may be changed. */
  readonly objects: ObjectService | null
  readonly folder: Folder
  readonly counters: HttpCounters
  readonly log: ServiceLog
}

export interface Refusal {
  readonly isHead: boolean
  /** Headers that are to be there, too. */
  readonly more?: Readonly<Record<string, string>>
}

export interface Dialect {
  /** Whether requests for this target are its. */
  owns(target: string): boolean
  /** Whether such a request needs a token that may write. */
  writes(method: string): boolean
  /** Whether somebody takes the body of such a request; else it is discarded, up to a limit. */
  takesBody(method: string, target: string): boolean
  /** Never rejects, and resolves when the answer is sent, or cannot be. */
  serve(request: BlobRequest, answer: HttpAnswer): Promise<void>
  /** Says a status in its words. May reject where the client has gone. */
  refuse(answer: HttpAnswer, status: number, how: Refusal): Promise<void>
}
