// Bytes → requests, on llhttp. One for each connection (connection.ts). It holds no more of a request than its head, hands on views of the
// body, stops behind each request, and refuses what another server could read in another way: with llhttp's own checks, with those of
// request-head.ts, and with line-check.ts for what this build of llhttp lets through.
//
//   head ──0 bytes──► over │ ──n bytes──► counted: no need to look at them │ ──chunked──► llhttp takes sizes and ends away
import { targetBytesMax } from '../http/limits.ts'
import { Llhttp, LlhttpState, executeBytesMax, methodName } from './llhttp.ts'
import type { LlhttpSink } from './llhttp.ts'
import { LineCheck } from './line-check.ts'
import { RequestFault } from './request-fault.ts'
import { requestHead, tokenForm } from './request-head.ts'
import type { RequestHead } from './request-head.ts'

/** Who gets the requests, in order: head, bytes of the body, end. */
export interface RequestSink {
  headReceived(head: RequestHead): void
  /** Until it returns. */
  bodyReceived(bytes: Buffer): void
  requestReceived(): void
}

export interface ParserLimits {
  /** Request line and headers; also what trailers and each chunk's extensions may have. */
  readonly headerBytesMax: number
  readonly headersMax: number
}

const lineFeed = 0x0a
const noBytes = Buffer.alloc(0)
const Part = { target: 0, field: 1, value: 2 } as const
type Part = (typeof Part)[keyof typeof Part]
/** Values of lastTo and restFrom that are no offsets. */
const endOfBytes = -1
const nowhere = -2

export class RequestParser implements LlhttpSink {
  private readonly llhttp = new Llhttp()
  private readonly lines = new LineCheck()
  private readonly limits: ParserLimits
  private readonly sink: RequestSink
  /** Of the body, where its length is known. */
  private bodyLeftBytes = 0
  private inHead = true
  /** Bytes of the head so far; of a chunked body, of what is not data since there was some. */
  private lineBytes = 0
  private requestLine = ''
  private hasRequestLine = false
  private target = ''
  private namesAndValues: string[] = []
  private method = 0
  private isUpgrade = false
  private keepAlive = false
  /** What has come of a trailer's name; null where none is due. */
  private trailerName: string | null = null
  /** Kind and end of what llhttp told last, and where its rest would begin. */
  private lastPart: Part = Part.target
  private lastTo: number = nowhere
  private restFrom: number = nowhere
  // While execute() runs: what it tells is handed on when it is over.
  private bytes: Buffer = noBytes
  private linesFrom = 0
  private headIsOver = false
  private readonly data: Buffer[] = []
  private fault: RequestFault | null = null

  constructor(limits: ParserLimits, sink: RequestSink) {
    this.limits = limits
    this.sink = sink
  }

  /** A request has begun, and its head is not over. */
  get isInHead(): boolean {
    return this.inHead && this.lineBytes > 0
  }

  /** Takes `bytes` from `from` on, up to the end of one request; returns where it stopped. Nothing more after a throw. @throws RequestFault */
  feed(bytes: Buffer, from: number): number {
    return this.bodyLeftBytes > 0 ? this.count(bytes, from) : this.parse(bytes, from)
  }

  /** To be called once: the memory is WebAssembly's. */
  free(): void {
    this.llhttp.free()
  }

  private count(bytes: Buffer, from: number): number {
    const to = Math.min(bytes.length, from + this.bodyLeftBytes)
    this.bodyLeftBytes -= to - from
    this.sink.bodyReceived(bytes.subarray(from, to))
    if (this.bodyLeftBytes === 0) this.sink.requestReceived()
    return to
  }

  private parse(bytes: Buffer, from: number): number {
    const to = Math.min(bytes.length, from + executeBytesMax)
    this.bytes = bytes
    this.linesFrom = from
    this.restFrom = this.lastTo === endOfBytes ? from : nowhere
    this.lastTo = nowhere
    const state = this.llhttp.execute(bytes, from, to, this)
    if (this.lastTo === to) this.lastTo = endOfBytes
    const takenTo = from + this.llhttp.taken
    if (state === LlhttpState.failed) throw this.fault ?? this.refusal()
    this.checkLines(takenTo)
    if (this.fault !== null) throw this.fault
    this.bytes = noBytes
    if (this.headIsOver) this.handOnHead()
    for (const part of this.data.splice(0)) this.sink.bodyReceived(part)
    if (state === LlhttpState.messageOver) this.messageOver()
    return takenTo
  }

  private handOnHead(): void {
    this.headIsOver = false
    const { requestLine, target, isUpgrade, keepAlive, namesAndValues } = this
    const method = methodName(this.method)
    const head = requestHead({ requestLine, method, target, isUpgrade, keepAlive, namesAndValues })
    if (typeof head.bodyLength === 'number') this.bodyLeftBytes = head.bodyLength
    this.sink.headReceived(head)
  }

  private messageOver(): void {
    this.inHead = true
    this.lineBytes = 0
    this.requestLine = ''
    this.hasRequestLine = false
    this.target = ''
    this.namesAndValues = []
    this.lines.begin()
    if (this.bodyLeftBytes === 0) this.sink.requestReceived()
  }

  /** Looks at what is no data, from where it was last looked at. */
  private checkLines(to: number): void {
    const { bytes, linesFrom } = this
    this.linesFrom = to
    if (to === linesFrom || this.fault !== null) return
    this.lineBytes += to - linesFrom
    if (this.lineBytes > this.limits.headerBytesMax) this.refuseLength(linesFrom, to)
    else if (!this.lines.takes(bytes, linesFrom, to))
      this.refuse(400, 'a line that is folded, or has no CR LF at its end')
    else if (!this.hasRequestLine) this.readRequestLine(linesFrom, to)
  }

  private readRequestLine(from: number, to: number): void {
    for (let at = from; at < to && !this.hasRequestLine;) {
      const end = this.bytes.indexOf(lineFeed, at)
      const isWhole = end !== -1 && end < to
      this.requestLine += this.bytes.toString('latin1', at, isWhole ? end : to)
      if (!isWhole) return
      at = end + 1
      this.requestLine = this.requestLine.slice(0, -1)
      this.hasRequestLine = this.requestLine !== '' // an empty one before it is nothing: RFC 9112 section 2.2
    }
  }

  /** Of what is too long it is the target, or headers, chunks' extensions, trailers. */
  private refuseLength(from: number, to: number): void {
    const { headerBytesMax } = this.limits
    if (!this.hasRequestLine) this.readRequestLine(from, to)
    const isTarget = this.requestLine.length > Math.min(targetBytesMax, headerBytesMax)
    this.refuse(isTarget ? 414 : 431, isTarget ? 'a longer target than is taken' : 'more headers than are taken')
  }

  private refuse(status: RequestFault['status'], reason: string): void {
    this.fault ??= new RequestFault(status, reason)
  }

  private refusal(): RequestFault {
    const { failure } = this.llhttp
    return new RequestFault(failure === 'Invalid HTTP version' ? 505 : 400, failure)
  }

  // What follows is called by llhttp, from within execute().

  /** @internal */
  targetPart(from: number, to: number): void {
    this.target += this.bytes.toString('latin1', from, to)
    this.lastPart = Part.target
  }

  /** @internal */
  fieldPart(from: number, to: number): void {
    this.headerPart(Part.field, from, to)
    if (this.namesAndValues.length > 2 * this.limits.headersMax) this.refuse(431, 'more headers than are taken')
  }

  /** @internal */
  valuePart(from: number, to: number): void {
    this.headerPart(Part.value, from, to)
  }

  private headerPart(part: Part, from: number, to: number): void {
    const { namesAndValues, lastPart } = this
    this.lastPart = part
    this.lastTo = to
    const text = this.bytes.toString('latin1', from, to)
    if (!this.inHead) {
      this.trailerPart(part, text)
      return
    }
    if (part === lastPart && from === this.restFrom) namesAndValues[namesAndValues.length - 1] += text
    else namesAndValues.push(text)
  }

  /** Nobody asks for trailers. One that another server takes for something else is refused all the same. */
  private trailerPart(part: Part, text: string): void {
    if (part === Part.field) this.trailerName = (this.trailerName ?? '') + text
    else if (this.trailerName !== null) {
      if (!tokenForm.test(this.trailerName)) this.refuse(400, 'malformed trailer name')
      this.trailerName = null
    }
  }

  /** @internal */
  headOver(method: number, isUpgrade: boolean, keepAlive: boolean): 'parse' | 'skip' | 'refuse' {
    const { namesAndValues } = this
    if (this.fault !== null) return 'refuse'
    this.method = method
    this.isUpgrade = isUpgrade
    this.keepAlive = keepAlive
    this.inHead = false
    this.headIsOver = true
    // A body of known length does not go through WebAssembly's memory.
    return namesAndValues.some((name, at) => at % 2 === 0 && isCoding(name)) ? 'parse' : 'skip'
  }

  /** @internal */
  bodyPart(from: number, to: number): void {
    this.checkLines(from)
    this.linesFrom = to
    this.lineBytes = 0
    this.lines.dataEnded()
    this.data.push(this.bytes.subarray(from, to))
  }
}

const isCoding = (name: string): boolean => name.length === 17 && name.toLowerCase() === 'transfer-encoding'
