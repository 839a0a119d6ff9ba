// One connection of the blob service: bytes to requests, one answer after the other, an end that loses no answer. Made by blob-server.ts for
// each socket that its ring accepts; parsing, files and sending are all on that ring's thread.
//
//   head ─► answering ─► next head │ ─► lingering (its client reads what was said) ─► closed
//
// What a client sends behind a request that is being answered waits, in memory that is no more than the ring's shared buffers held when
// receiving was paused. An idle connection has neither: its parser, and what waits for its bytes.
import type { AddressInfo } from 'node:net'
import { STATUS_CODES } from 'node:http'
import { SocketOption, setSocketOption } from '../../native/sockets.ts'
import type { RingHandle } from '../../workers/ring-handle.ts'
import { nameOf } from '../net/address.ts'
import { Connection } from '../net/connection.ts'
import type { ConnectionHandler } from '../net/connection.ts'
import { ClientGone, httpError } from '../http/http-error.ts'
import { Answer, currentDateLine } from './answer.ts'
import type { ConnectionHost } from './connection-host.ts'
import { Deadlines } from './deadlines.ts'
import { Outgoing } from './outgoing.ts'
import { RequestFault } from './request-fault.ts'
import type { RequestHead } from './request-head.ts'
import { RequestParser } from './request-parser.ts'
import type { RequestSink } from './request-parser.ts'
import { UploadBody } from './upload-body.ts'
import type { Flow } from './upload-body.ts'

const noHeaders: readonly string[] = []

export class BlobConnection implements ConnectionHandler, RequestSink, Flow {
  private readonly host: ConnectionHost
  private readonly connection: Connection
  private readonly outgoing: Outgoing
  private readonly parser: RequestParser
  private requests = 0
  /** Being answered; null between two requests. */
  private answer: Answer | null = null
  /** Whether all of it is there. */
  private received = true
  /** Of the request that is being answered, where somebody takes it. */
  private body: UploadBody | null = null
  /** Whether the bytes that are parsed may be kept. */
  private ownBytes = false
  private discardedBytes = 0
  /** Came behind a request that is being answered. */
  private rest: Buffer | null = null
  private parsing = false
  /** Nothing is read as a request any more. */
  private ending = false
  /** The body that is being received is none. */
  private broken = false
  private lingering = false
  private peerHasEnded = false
  private over = false
  private peer: string | undefined | null = null
  /** Of the body that is being received. */
  private bodyBytes = 0
  /** Its client waits for us. */
  private paused = false
  private activity = 0
  private readonly deadlines: Deadlines

  /** Takes over the descriptor of a connected socket. @throws where there is no memory for its parser, or for receiving */
  constructor(host: ConnectionHost, handle: RingHandle, fd: number) {
    this.host = host
    this.deadlines = new Deadlines(host.limits)
    this.parser = new RequestParser(host.limits, this)
    try {
      this.connection = new Connection(handle, fd, this)
      this.outgoing = new Outgoing(this.connection, this)
      // The last piece of an answer is not to wait until those before it are acknowledged. Of a Unix socket it is refused.
      setSocketOption(fd, SocketOption.noDelay, 1)
    } catch (error) {
      this.parser.free()
      throw error
    }
  }

  begin(): void {
    this.connection.resume()
  }

  get destroyed(): boolean {
    return this.ending && !this.lingering
  }

  /** Asked for only while somebody counts who asks for what. */
  get remoteAddress(): string | undefined {
    if (this.peer === null) {
      const name: AddressInfo | string | null = this.over ? null : nameOf(this.connection.fd, 'peer')
      this.peer = typeof name === 'object' && name !== null ? name.address : undefined
    }
    return this.peer
  }

  // What comes.

  /** @internal */
  dataReceived(bytes: Buffer, owned: boolean): void {
    this.activity++
    if (this.ending || this.broken) this.discard(bytes.length)
    else if (this.isFull) this.keep(bytes)
    else {
      this.ownBytes = owned
      this.parse(bytes, false)
    }
  }

  /** A whole request is being answered: the next one waits. */
  private get isFull(): boolean {
    return this.answer !== null && this.received
  }

  private keep(bytes: Buffer): void {
    // The kernel wants its memory back.
    this.rest = this.rest === null ? Buffer.from(bytes) : Buffer.concat([this.rest, bytes])
    this.connection.pause()
  }

  /** `own`: the bytes are not the kernel's. */
  private parse(bytes: Buffer, own: boolean): void {
    this.rest = null
    this.parsing = true
    if (own) this.ownBytes = true
    try {
      let at = 0
      while (at < bytes.length && !this.isFull && !this.ending) at = this.parser.feed(bytes, at)
      if (at === bytes.length || this.ending) return
      if (own) this.rest = bytes.subarray(at)
      else this.keep(bytes.subarray(at))
    } catch (error) {
      this.refuse(error, own)
    } finally {
      this.parsing = false
      if (this.over) this.parser.free()
    }
  }

  /** What is no request is answered, and the last: nobody knows where another would begin. */
  private refuse(error: unknown, behindOthers: boolean): void {
    const { counters } = this.host
    const status = error instanceof RequestFault ? error.status : 500
    if (status === 405) counters.countResponse({ method: 'CONNECT', status, durationNs: 0, trace: null })
    else counters.badRequests++
    // In the middle of an answer a status line would become part of it; and who wrote this behind a request waits for nothing.
    if (this.answer !== null && this.body !== null && !this.answer.headersSent) {
      this.refuseBody(httpError(400, 'a malformed body'))
    } else if (this.answer !== null || behindOthers) this.close()
    else this.sayAndEnd(status)
  }

  /** An answer outside of any request. */
  private sayAndEnd(status: number): void {
    const allow = status === 405 ? `Allow: ${this.host.allowedMethods}\r\n` : ''
    const statusLine = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`
    const head = `${statusLine}${currentDateLine()}${allow}Content-Length: 0\r\nConnection: close\r\n\r\n`
    this.beginEnd()
    this.outgoing.send([Buffer.from(head, 'latin1')], (error) => {
      if (error === null) this.endSending(true)
    })
  }

  /** @internal */
  headReceived(head: RequestHead): void {
    const { host } = this
    this.deadlines.headEnded()
    this.requests++
    this.received = false
    this.discardedBytes = 0
    this.bodyBytes = 0
    const { discardBytesMax, requestsPerConnectionMax } = host.limits
    const isLast = host.leaving || this.requests >= requestsPerConnectionMax
    const { method, target, httpVersion, headers, bodyLength } = head
    const body = host.takesBody(head) ? new UploadBody(this, bodyLength, host.limits) : null
    // Whether a body that was not asked for comes nevertheless cannot be known; one that is too long is not read to its end.
    const readable =
      bodyLength === 0 || (headers.expect === undefined && (bodyLength === 'chunked' || bodyLength <= discardBytesMax))
    const shouldKeepAlive = head.keepAlive && !isLast && (readable || body !== null)
    const answer = new Answer(this.outgoing, { httpVersion, shouldKeepAlive })
    this.answer = answer
    this.body = body
    host.requestBegan()
    const ask = (): void => {
      if (headers.expect !== undefined && httpVersion === '1.1' && !this.received) answer.askForBody()
    }
    const request = { method, url: target, httpVersion, headers, rawHeaders: noHeaders, socket: this, body, ask }
    void host.serve(request, answer).then(() => {
      this.answered(answer)
    })
  }

  /** @internal */
  bodyReceived(bytes: Buffer): void {
    this.bodyBytes += bytes.length
    if (this.body?.give(bytes, this.ownBytes) !== true) this.discard(bytes.length)
  }

  /** @internal */
  requestReceived(): void {
    this.received = true
    this.body?.end()
    if (this.answer === null) this.next()
  }

  /** Its body is more than is taken at the moment. @internal */
  pause(): void {
    this.paused = true
    this.connection.pause()
  }

  /** @internal */
  resume(): void {
    this.paused = false
    if (!this.over && this.rest === null) this.connection.resume()
  }

  private discard(bytes: number): void {
    this.discardedBytes += bytes
    if (this.discardedBytes <= this.host.limits.discardBytesMax) return
    if (this.ending) this.connection.close()
    else if (this.answer === null) this.finish(true)
    else this.answer.shouldKeepAlive = false // its body is not read to its end: finish() follows
  }

  // What goes.

  /** @see Outgoing.relieve() */
  relieve(): void {
    this.outgoing.relieve()
  }

  private answered(answer: Answer): void {
    this.answer = null
    this.body = null
    this.host.requestEnded()
    if (this.over || this.ending) return
    if (!answer.finished) this.close()
    else if (!answer.shouldKeepAlive || this.host.leaving) this.finish(!this.received || this.rest !== null)
    else if (this.received) this.next()
  }

  /** The next request, which may be there already. */
  private next(): void {
    if (this.parsing) return // parse() goes on
    if (this.rest !== null) this.parse(this.rest, true)
    if (this.rest !== null || this.ending) return
    if (this.peerHasEnded && this.answer === null) this.close()
    else this.connection.resume()
  }

  // How it ends.

  /** Ends what is sent. `unread`: the client may have sent more, and would get a reset before it has read its answer. */
  private finish(unread: boolean): void {
    if (this.ending) return
    this.beginEnd()
    this.endSending(unread)
  }

  private beginEnd(): void {
    this.ending = true
    this.lingering = true
    this.rest = null
    this.activity++
    this.discardedBytes = 0
  }

  /** Once everything is sent: io_uring keeps no order between a send that waits for room and a shutdown. */
  private endSending(unread: boolean): void {
    this.connection.shutdown(() => {
      if (this.peerHasEnded || !unread) this.connection.close()
      else this.connection.resume()
    })
  }

  /** At once. */
  close(): void {
    this.ending = true
    this.lingering = false
    this.rest = null
    this.answer?.doom()
    this.body?.fail(new ClientGone())
    this.connection.close()
  }

  /** The server stops: what is being answered is finished, everything else is over. */
  leave(): void {
    if (this.answer === null && !this.ending) this.close()
  }

  /** @internal */
  peerEnded(): void {
    this.peerHasEnded = true
    this.activity++
    if (!this.received) this.body?.fail(new ClientGone())
    if (this.lingering || (this.answer === null && !this.ending)) this.close()
  }

  /** @internal */
  connectionFailed(): void {
    this.close()
  }

  /** @internal */
  connectionClosed(): void {
    if (this.over) return
    this.over = true
    this.ending = true
    if (!this.parsing) this.parser.free()
    this.body?.fail(new ClientGone())
    this.answer?.closed()
    this.host.connectionClosed(this)
  }

  /** Asked every `elapsedMs`: what takes too long is ended. */
  look(elapsedMs: number): void {
    const { answer, received, lingering, outgoing, deadlines } = this
    const activity = this.activity + outgoing.activity
    const inHead = this.parser.isInHead && !this.ending
    const bodyBytes = received || this.ending || this.paused ? null : this.bodyBytes
    const progress = answer === null ? 0 : outgoing.progress()
    const delay = deadlines.look(
      { inHead, answering: answer !== null, lingering, activity, bodyBytes, progress },
      elapsedMs,
    )
    if (delay === 'head') {
      this.host.counters.badRequests++
      this.sayAndEnd(408)
    } else if (delay === 'body') this.endBody()
    else if (delay === 'goodbye') this.connection.close()
    else if (delay === 'answer' || delay === 'request') this.close()
    // Whoever has ended its side, and has waited since the last look for an answer to begin, is taken to have gone.
    else if (delay === 'none' && this.peerHasEnded && answer?.headersSent === false) this.close()
  }

  /** What is left of a body comes too slowly. */
  private endBody(): void {
    this.host.counters.badRequests++
    if (this.body === null || this.answer === null || this.answer.headersSent) this.close()
    else this.refuseBody(httpError(408, 'a body that comes too slowly'))
  }

  /** Its rest is not read as a body any more, and whoever waits for it answers why. */
  private refuseBody(error: Error): void {
    this.broken = true
    if (this.answer !== null) this.answer.shouldKeepAlive = false
    this.body?.fail(error)
  }
}
