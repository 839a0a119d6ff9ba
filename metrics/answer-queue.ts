// Whose request the admin server answers next. Called by admin-server.ts for every request that it has read.
//
// A scrape takes milliseconds of the thread that also serves files, and HTTP lets a client ask for thousands in one packet without
// reading one. So each connection is answered one request at a time, the next when its client's kernel has taken the last; over all
// one is begun at a time, first for who has asked for least, and then the thread is left alone for as long as it took: whatever
// clients send, half of it is for others. Probes cost next to nothing and must not wait for a thousand scrapes: they take turns among
// themselves.

import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Of one connection. Who asks for more without waiting loses the connection: kept, they would be memory. */
const waitingMax = 64
/** However long an answer took: probes wait that long. */
const restMsMax = 50

interface Asked {
  readonly response: ServerResponse
  readonly isProbe: boolean
  readonly answer: () => void
}

interface Line {
  readonly waiting: Asked[]
  isAnswered: boolean
}

export class AnswerQueue {
  /** Who was answered last comes last. */
  private readonly lines = new Map<Socket, Line>()
  private readonly resting = { probes: false, others: false }

  /** `answer` is called when it is this request's turn, at once if nobody else's; it must not throw, and may go on afterwards. */
  add(socket: Socket, asked: Asked): void {
    // What was read in one piece is parsed to its end.
    if (socket.destroyed) return
    const { waiting } = this.lines.get(socket) ?? this.begin(socket)
    if (waiting.length === waitingMax) {
      socket.destroy()
      return
    }
    waiting.push(asked)
    this.next()
  }

  private begin(socket: Socket): Line {
    const line: Line = { waiting: [], isAnswered: false }
    this.lines.set(socket, line)
    socket.once('close', () => {
      line.waiting.length = 0
      this.lines.delete(socket)
    })
    return line
  }

  private next(): void {
    this.nextOf('probes')
    this.nextOf('others')
  }

  private nextOf(kind: keyof AnswerQueue['resting']): void {
    if (this.resting[kind]) return
    const [socket, line] = this.nextLine(kind === 'probes') ?? []
    const asked = line?.waiting.shift()
    if (socket === undefined || line === undefined || asked === undefined) return
    line.isAnswered = true
    asked.response.once('close', () => {
      line.isAnswered = false
      if (!this.lines.delete(socket)) return
      this.lines.set(socket, line)
      this.next()
    })
    this.resting[kind] = true
    const startMs = performance.now()
    asked.answer()
    setImmediate(() => {
      const tookMs = Math.min(restMsMax, performance.now() - startMs)
      if (tookMs < 1) this.goOn(kind)
      else setTimeout(() => this.goOn(kind), tookMs)
    })
  }

  private goOn(kind: keyof AnswerQueue['resting']): void {
    this.resting[kind] = false
    this.nextOf(kind)
  }

  private nextLine(isProbe: boolean): [Socket, Line] | undefined {
    let least: [Socket, Line] | undefined
    for (const entry of this.lines) {
      const [, { waiting, isAnswered }] = entry
      const [first] = waiting
      if (isAnswered || first?.isProbe !== isProbe) continue
      if (least === undefined || waiting.length < least[1].waiting.length) least = entry
    }
    return least
  }
}
