// The stream of frames and its states. A page that nobody sees has none: the server builds no frame for it.
//
//   connecting ──► live ──► reconnecting ──► live …
//        hidden (another tab is looked at) · paused (asked for) · refused (too many viewers, or nobody there): tried again

import type { LiveAbout, LiveFrame } from '../live-protocol.ts'

export type ConnectionState = 'connecting' | 'live' | 'reconnecting' | 'refused' | 'paused' | 'hidden'

export interface ConnectionListener {
  about(about: LiveAbout): void
  frame(frame: LiveFrame): void
  state(state: ConnectionState): void
}

const retryMs = 3_000
/** Frames come every two seconds at the least: a stream that is silent for longer has been cut and does not know it. */
const silenceMsMax = 8_000

export class Connection {
  private readonly listener: ConnectionListener
  private source: EventSource | null = null
  private paused = false
  private wasLive = false
  private retry: ReturnType<typeof setTimeout> | undefined
  private silence: ReturnType<typeof setTimeout> | undefined

  constructor(listener: ConnectionListener) {
    this.listener = listener
    // Frames that were heard stay in the history: what is missing in between is drawn as a gap.
    document.addEventListener('visibilitychange', () => this.update())
    addEventListener('pagehide', () => this.close())
    addEventListener('pageshow', () => this.update())
  }

  pause(paused: boolean): void {
    this.paused = paused
    this.update()
  }

  /** Opens or closes the stream, as it ought to be. */
  update(): void {
    if (this.paused || document.hidden) {
      this.close()
      this.listener.state(this.paused ? 'paused' : 'hidden')
    } else if (this.source === null) this.open()
  }

  private open(): void {
    this.close()
    this.listener.state(this.wasLive ? 'reconnecting' : 'connecting')
    const source = new EventSource('/live')
    this.source = source
    const hear = <Data>(name: string, tell: (data: Data) => void): void => {
      source.addEventListener(name, (event: MessageEvent<string>) => {
        if (this.source !== source) return
        this.listenOn()
        tell(JSON.parse(event.data) as Data)
      })
    }
    hear<LiveAbout>('about', (about) => this.listener.about(about))
    hear<LiveFrame>('frame', (frame) => {
      this.wasLive = true
      this.listener.state('live')
      this.listener.frame(frame)
    })
    hear('full', () => this.again('refused'))
    source.addEventListener('error', () => {
      if (this.source !== source) return
      // The browser tries again by itself, unless the answer was no stream.
      this.again(source.readyState === EventSource.CLOSED ? 'refused' : 'reconnecting')
    })
    this.listenOn()
  }

  private listenOn(): void {
    clearTimeout(this.silence)
    this.silence = setTimeout(() => this.again('reconnecting'), silenceMsMax)
  }

  private again(state: ConnectionState): void {
    this.close()
    this.listener.state(state)
    this.retry = setTimeout(() => {
      this.source = null
      this.update()
    }, retryMs)
  }

  private close(): void {
    clearTimeout(this.retry)
    clearTimeout(this.silence)
    this.source?.close()
    this.source = null
  }
}
