// The stream of frames of a running daemon: connects, checks what comes, says when it is cut, and goes on when the daemon is back. Used by run.ts.
//
//   connecting ──► live ──► lost ──► connecting …
//        └── whoever answers is no ringmaster, or nobody does: at the first time that is the end
import { request, type ClientRequest, type IncomingMessage } from 'node:http'
import { z } from 'zod'
import { liveVersion, type LiveAbout, type LiveFrame } from '../../metrics/live-protocol.ts'
import { connectionError, refusalOf } from '../cli/admin-address.ts'
import { CommandError, exitCodes } from '../cli/exit.ts'
import { EventStream, type ServerEvent } from './event-stream.ts'
import { aboutSchema, frameSchema, versionSchema } from './frame-schema.ts'

export interface LiveListener {
  about(about: LiveAbout): void
  frame(frame: LiveFrame): void
  /** No frames come for now, and why; it is tried again. */
  lost(reason: CommandError): void
  /** There never was a frame. It is not tried again. */
  failed(reason: CommandError): void
}

const retryMs = 1_000
/** Frames come every two seconds at the least: a stream that is silent for longer has been cut and does not know it. */
const silenceMsMax = 8_000

export class LiveClient {
  private readonly url: URL
  private readonly listener: LiveListener
  private asked: ClientRequest | undefined
  private silence: NodeJS.Timeout | undefined
  private retry: NodeJS.Timeout | undefined
  private wasLive = false
  private closed = false

  constructor(admin: URL, listener: LiveListener) {
    this.url = new URL('/live', admin)
    this.listener = listener
  }

  start(): void {
    const asked = request(this.url, { agent: false, headers: { accept: 'text/event-stream' } }, (response) => {
      void this.read(response).catch((error: unknown) => this.lose(asked, error))
    })
    this.asked = asked
    asked.once('error', (error) => this.lose(asked, error))
    this.listenOn(asked)
    asked.end()
  }

  close(): void {
    this.closed = true
    clearTimeout(this.silence)
    clearTimeout(this.retry)
    this.asked?.destroy()
  }

  private async read(response: IncomingMessage): Promise<void> {
    const asked = this.asked!
    if (response.statusCode !== 200) throw await refusalOf(response, this.url, 'be watched')
    if (!/^text\/event-stream\b/.test(response.headers['content-type'] ?? ''))
      throw this.stranger('something else than a stream of events')
    const stream = new EventStream()
    response.setEncoding('utf8')
    for await (const text of response as AsyncIterable<string>)
      for (const event of stream.take(text)) if (!this.closed) this.hear(event, asked)
    throw this.ended()
  }

  private hear({ name, data }: ServerEvent, asked: ClientRequest): void {
    if (name === 'full') throw this.error('has as many viewers as it may have: close a page or another top')
    if (name === 'about') {
      const json: unknown = JSON.parse(data)
      const version = versionSchema.parse(json).liveVersion
      if (version !== liveVersion)
        throw this.error(
          `speaks version ${version} of the live feed, this program version ${liveVersion}: use the \`ringmaster top\` that ` +
            'belongs to that daemon',
        )
      this.listener.about(aboutSchema.parse(json))
    }
    if (name === 'frame') {
      const frame = frameSchema.parse(JSON.parse(data))
      this.wasLive = true
      // Not with every byte: who sends a little now and then, and never a frame, would be waited for without end.
      this.listenOn(asked)
      this.listener.frame(frame)
    }
  }

  private listenOn(asked: ClientRequest): void {
    if (asked !== this.asked) return
    clearTimeout(this.silence)
    const seconds = silenceMsMax / 1000
    this.silence = setTimeout(
      () => this.lose(asked, this.error(`has told nothing for ${seconds} s: is it stopped?`)),
      silenceMsMax,
    )
  }

  /** Once for each connection, whatever says first that it is over. */
  private lose(asked: ClientRequest, error: unknown): void {
    if (this.closed || asked !== this.asked) return
    this.asked = undefined
    clearTimeout(this.silence)
    asked.destroy()
    const reason = this.reasonOf(error)
    if (!this.wasLive) {
      this.listener.failed(reason)
      return
    }
    this.listener.lost(reason)
    this.retry = setTimeout(() => this.start(), retryMs)
  }

  private reasonOf(error: unknown): CommandError {
    if (error instanceof CommandError) return error
    if (error instanceof SyntaxError || error instanceof RangeError || error instanceof z.ZodError)
      return this.stranger('events that are not ours')
    const isCut = error instanceof Error && 'code' in error && error.code === 'ECONNRESET'
    return isCut ? this.ended() : connectionError(this.url, error)
  }

  private ended(): CommandError {
    return this.error('has ended the connection: it may have stopped')
  }

  private stranger(what: string): CommandError {
    return this.error(
      `answers /live with ${what}: this is no ringmaster. \`ringmaster serve\` prints its admin address when it has ` +
        'started: `metrics at …/metrics`',
    )
  }

  private error(what: string): CommandError {
    return new CommandError(`${this.url.origin} ${what}.`, exitCodes.failure)
  }
}
