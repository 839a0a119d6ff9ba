// What no dialect that is on takes: there is nothing. The last of all (index.ts) where `raw` is not.
import type { HttpAnswer } from '../../http/exchange.ts'
import type { BlobRequest } from '../blob-request.ts'
import { sayStatus } from '../object-service.ts'
import type { Backend, Dialect, Refusal } from './dialect.ts'

export class NoDialect implements Dialect {
  private readonly backend: Backend

  constructor(backend: Backend) {
    this.backend = backend
  }

  owns(): boolean {
    return true
  }

  writes(): boolean {
    return false
  }

  takesBody(): boolean {
    return false
  }

  async serve({ method }: BlobRequest, answer: HttpAnswer): Promise<void> {
    this.backend.counters.countResponse({ method, status: 404, durationNs: 0, trace: null })
    await this.refuse(answer, 404, { isHead: method === 'HEAD' }).catch(() => undefined)
  }

  refuse(answer: HttpAnswer, status: number, { isHead, more }: Refusal): Promise<void> {
    return sayStatus(answer, status, isHead, '', { more })
  }
}
