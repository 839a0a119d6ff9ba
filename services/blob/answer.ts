// The answer to one request: a head, which goes with the first bytes of the body in one message to the kernel, and the rest. Made by
// connection.ts; written by services/http's FileService, to which it looks like node:http's ServerResponse.
import { EventEmitter } from 'node:events'
import { STATUS_CODES } from 'node:http'
import type { HttpAnswer, Offer } from '../http/exchange.ts'
import { ClientGone } from '../http/http-error.ts'
import { formatHttpDate } from '../http/http-date.ts'

export interface AnswerSink {
  /** The memory is the kernel's until `done` is called. */
  send(views: readonly Uint8Array[], done: (error: Error | null) => void): void
  /** As send(), but perhaps not all of it: `done` is told how much. */
  offer(views: readonly Uint8Array[], brief: boolean, done: (error: Error | null, takenBytes: number) => void): void
  whenWritable(done: (error: Error | null) => void): void
  /** Closes the connection: the answer cannot be finished. */
  abandon(): void
}

/** Which head the answer gets. */
export interface AnswerKind {
  readonly httpVersion: '1.0' | '1.1'
  readonly shouldKeepAlive: boolean
}

let dateSeconds = 0
let dateLine = ''

/** Every answer has one: RFC 9110 section 6.6.1. */
export function currentDateLine(): string {
  const seconds = Math.floor(Date.now() / 1000)
  if (seconds !== dateSeconds) {
    dateSeconds = seconds
    dateLine = `Date: ${formatHttpDate(seconds * 1000)}\r\n`
  }
  return dateLine
}

const nothing = (): void => undefined
const continueHead = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n', 'latin1')

export class Answer extends EventEmitter implements HttpAnswer {
  shouldKeepAlive: boolean
  statusCode = 200
  /** Whether anything of it is on its way. */
  headersSent = false
  destroyed = false
  /** Everything is sent. */
  finished = false
  private readonly sink: AnswerSink
  private readonly isOld: boolean
  /** Until it is sent. */
  private head: Buffer | null = null

  constructor(sink: AnswerSink, { httpVersion, shouldKeepAlive }: AnswerKind) {
    super()
    this.sink = sink
    this.isOld = httpVersion === '1.0'
    this.shouldKeepAlive = shouldKeepAlive
  }

  writeHead(status: number, headers: Readonly<Record<string, string | number>>): this {
    this.statusCode = status
    let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${currentDateLine()}`
    for (const name in headers) text += `${name}: ${headers[name]!}\r\n`
    if (!this.shouldKeepAlive) text += 'Connection: close\r\n'
    else if (this.isOld) text += 'Connection: keep-alive\r\n'
    this.head = Buffer.from(`${text}\r\n`, 'latin1')
    this.headersSent = true
    return this
  }

  /** The client waits to be asked for the body (100-continue). */
  askForBody(): void {
    if (!this.headersSent && !this.destroyed) this.sink.send([continueHead], nothing)
  }

  write(bytes: Uint8Array, done: (error?: Error | null) => void = nothing): void {
    this.send(bytes, done)
  }

  /** As write() or, of the last bytes, end(); what was not taken is to be offered again. `done` is called, whatever happens. */
  offer(bytes: Uint8Array, { brief, last }: Offer, done: (error: Error | null, takenBytes: number) => void): void {
    if (this.destroyed) {
      done(new ClientGone(), 0)
      return
    }
    const { head } = this
    this.head = null
    this.sink.offer(head === null ? [bytes] : [head, bytes], brief, (error, takenBytes) => {
      const headBytes = head === null ? 0 : head.length
      if (error === null && takenBytes < headBytes) this.head = head!.subarray(takenBytes)
      const taken = Math.max(0, takenBytes - headBytes)
      if (last && taken === bytes.length) this.onSent(error)
      done(error, taken)
    })
  }

  whenWritable(done: (error: Error | null) => void): void {
    if (this.destroyed) done(new ClientGone())
    else this.sink.whenWritable(done)
  }

  /** The last bytes, if there are any; 'finish' follows, or 'close'. */
  end(bytes?: Uint8Array | string): void {
    const body = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
    if (body === undefined && this.head === null) process.nextTick(this.onSent, null)
    else this.send(body, this.onSent)
  }

  private send(bytes: Uint8Array | undefined, done: (error: Error | null) => void): void {
    if (this.destroyed) return
    const { head } = this
    this.head = null
    const views = head === null ? [bytes!] : bytes === undefined ? [head] : [head, bytes]
    this.sink.send(views, done)
  }

  private readonly onSent = (error: Error | null): void => {
    if (error !== null || this.destroyed) return // 'close' follows
    this.finished = true
    this.emit('finish')
  }

  destroy(): void {
    if (!this.destroyed && !this.finished) this.sink.abandon()
  }

  /** The connection is about to end: no more can be sent. closed() follows. */
  doom(): void {
    if (!this.finished) this.destroyed = true
  }

  /** The connection is over: nothing that was to be sent is the kernel's any more. */
  closed(): void {
    this.doom()
    if (!this.finished) this.emit('close')
  }
}
