// `raw`: `/b/{path}` is a file or folder below the root, whatever it is called. GET and HEAD of files, PUT, DELETE, LIST, OPTIONS.
import type { HttpAnswer } from '../../http/exchange.ts'
import type { BlobRequest } from '../blob-request.ts'
import { isFolderTarget, sayStatus } from '../object-service.ts'
import type { Backend, Dialect, Refusal } from './dialect.ts'

export class RawDialect implements Dialect {
  private readonly backend: Backend

  constructor(backend: Backend) {
    this.backend = backend
  }

  /** What is nobody else's is answered here, too: the home page, and that there is nothing. */
  owns(): boolean {
    return true
  }

  writes(method: string): boolean {
    return method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS'
  }

  takesBody(method: string): boolean {
    return this.backend.objects !== null && method === 'PUT'
  }

  serve(request: BlobRequest, answer: HttpAnswer): Promise<void> {
    const { files, objects } = this.backend
    return objects === null || isForFiles(request) ? files.serve(request, answer) : objects.serve(request, answer)
  }

  refuse(answer: HttpAnswer, status: number, { isHead, more }: Refusal): Promise<void> {
    return sayStatus(answer, status, isHead, '', { more })
  }
}

const isForFiles = ({ method, url }: BlobRequest): boolean =>
  (method === 'GET' || method === 'HEAD') && !isFolderTarget(url)
