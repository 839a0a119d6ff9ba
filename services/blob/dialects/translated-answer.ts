// An answer of the file or object service on its way to a client of another dialect: the same bytes under another head, or another text in
// the place of a status. Used by turbo.ts and nx.ts.
import { STATUS_CODES } from 'node:http'
import type { HttpAnswer } from '../../http/exchange.ts'

export type Headers = Readonly<Record<string, string | number>>

export interface TranslatedHead {
  readonly status: number
  readonly headers: Headers
  /** What is said instead of the body that comes; null: that body. */
  readonly text: string | null
}

/** What a head is in the dialect. */
export type Translate = (status: number, headers: Headers) => TranslatedHead

export class TranslatedAnswer implements HttpAnswer {
  /** Of bodies of files, which are sent as they are. */
  readonly offer?: HttpAnswer['offer']
  readonly whenWritable?: HttpAnswer['whenWritable']
  private readonly inner: HttpAnswer
  private readonly isHead: boolean
  private readonly translate: Translate
  private text: string | null = null

  constructor(inner: HttpAnswer, isHead: boolean, translate: Translate) {
    this.inner = inner
    this.isHead = isHead
    this.translate = translate
    this.offer = inner.offer?.bind(inner)
    this.whenWritable = inner.whenWritable?.bind(inner)
  }

  get shouldKeepAlive(): boolean {
    return this.inner.shouldKeepAlive
  }

  set shouldKeepAlive(keeps: boolean) {
    this.inner.shouldKeepAlive = keeps
  }

  get statusCode(): number {
    return this.inner.statusCode
  }

  get headersSent(): boolean {
    return this.inner.headersSent
  }

  get destroyed(): boolean {
    return this.inner.destroyed
  }

  writeHead(status: number, headers: Headers): this {
    const head = this.translate(status, headers)
    this.text = head.text
    const length = head.text === null ? {} : { 'Content-Length': Buffer.byteLength(head.text) }
    this.inner.writeHead(head.status, { ...head.headers, ...length })
    return this
  }

  write(bytes: Uint8Array, done: (error?: Error | null) => void): void {
    this.inner.write(bytes, done)
  }

  end(bytes?: Uint8Array | string): void {
    if (this.text === null) this.inner.end(bytes)
    else if (this.isHead || this.text === '') this.inner.end()
    else this.inner.end(this.text)
  }

  destroy(): void {
    this.inner.destroy()
  }

  once(event: 'finish' | 'close', listener: () => void): void {
    this.inner.once(event, listener)
  }

  off(event: 'close', listener: () => void): void {
    this.inner.off(event, listener)
  }
}

/** What a status is called: `not_found`. */
export const codeOfStatus = (status: number): string =>
  (STATUS_CODES[status] ?? 'error').toLowerCase().replace(/[^a-z]+/g, '_')
