// Slow motion: asks the process for a second of its trace and plays it on the stage, at a hundredth to a ten-thousandth of its speed.

import { byId, say } from './dom.ts'
import { duration, whole } from './format.ts'
import { parseTrace, Replay, type Trace } from './replay.ts'
import type { RingScene } from './scene.ts'

export interface SlowMotionHost {
  /** The ring that is shown. */
  ring(): {
    readonly ring: number
    readonly client: number
    readonly poller: string
    readonly sq: number
    readonly cq: number
    /** Its name on the page. */
    readonly name: string
  }
  show(scene: RingScene, spanMs: number): void
  /** Slow motion begins, or is over. */
  begins(): void
  ends(): void
}

const seconds = 1
const limitMs = 15_000
const pictureMs = 100
const fileName = 'ringmaster-trace.json'
const usualNote = 'Records a second, or what one answer holds of it, and plays this ring’s part slowly.'

export class SlowMotion {
  private readonly host: SlowMotionHost
  private readonly play = byId<HTMLButtonElement>('slow-play')
  private readonly scrub = byId<HTMLInputElement>('slow-scrub')
  private readonly time = byId('slow-time')
  private readonly note = byId('slow-note')
  private readonly controls = byId('slow-controls')
  private readonly speed = byId<HTMLSelectElement>('slow-speed')
  private readonly record = byId<HTMLButtonElement>('slow-record')
  private replay: Replay | null = null
  /** What is being recorded, to be played or to be saved. */
  private recording: AbortController | null = null
  private atMs = 0
  private shownMs = 0
  private asked: ReturnType<SlowMotionHost['ring']>
  private timer: ReturnType<typeof setInterval> | undefined

  constructor(host: SlowMotionHost) {
    this.host = host
    this.asked = host.ring()
    this.record.addEventListener('click', () => void this.start())
    this.play.addEventListener('click', () => this.togglePlay())
    byId('slow-back').addEventListener('click', () => this.step(-1))
    byId('slow-forward').addEventListener('click', () => this.step(1))
    byId('slow-skip').addEventListener('click', () => this.skip())
    byId('slow-download').addEventListener('click', (event) => {
      event.preventDefault()
      void this.download()
    })
    byId('slow-live').addEventListener('click', () => this.stop())
    this.scrub.addEventListener('input', () => {
      if (this.replay === null) return
      this.goTo(this.replay.fromMs + this.scrub.valueAsNumber / 1000, 0)
    })
  }

  get active(): boolean {
    return this.replay !== null
  }

  /** Another process answers now: a recording would play under its words. */
  orphan(of: string): void {
    if (this.replay === null) return
    this.stop()
    say(this.note, `Slow motion is over: that was a recording of the process before, ${of}.`)
  }

  async start(): Promise<void> {
    if (this.recording !== null) return
    this.stop()
    this.asked = this.host.ring()
    await this.ask('events', 'No slow motion', async (response) => this.load(parseTrace(await response.json())))
  }

  /** Not by the link alone: the browser would not say why there is nothing to save. */
  private async download(): Promise<void> {
    if (this.recording !== null) return
    await this.ask('chrome', 'Nothing to save', async (response) => {
      const link = document.createElement('a')
      link.href = URL.createObjectURL(await response.blob())
      link.download = fileName
      link.click()
      // The browser may be asking where to.
      setTimeout(() => URL.revokeObjectURL(link.href), limitMs)
      say(this.note, `Saved as ${fileName}: open it at ui.perfetto.dev.`)
    })
  }

  private async ask(format: string, failure: string, use: (response: Response) => Promise<void>): Promise<void> {
    const recording = new AbortController()
    this.recording = recording
    this.record.disabled = true
    say(this.note, 'Recording for one second …')
    try {
      const signal = AbortSignal.any([recording.signal, AbortSignal.timeout(limitMs)])
      const response = await fetch(`/trace?seconds=${seconds}&format=${format}`, { signal })
      if (response.status === 404)
        throw new Error('this process offers no traces: it is of a version before GET /trace')
      if (!response.ok) throw new Error((await response.text()).slice(0, 200))
      await use(response)
    } catch (error) {
      if (!recording.signal.aborted)
        say(this.note, `${failure}: ${error instanceof Error ? error.message : String(error)}`)
    } finally {
      if (this.recording === recording) {
        this.recording = null
        this.record.disabled = false
      }
    }
  }

  private load({ events, wakeups, inFlight, startedMs, dropped, sampleEvery }: Trace): void {
    const { ring, client, poller, sq, cq, name } = this.asked
    const isOwn = (of: { readonly ring: number; readonly client: number | null }): boolean =>
      of.ring === ring && (of.client ?? 0) === client
    const own = events.filter(isOwn)
    if (own.length === 0) {
      const others = events.length > 0 ? ` ${whole(events.length)} completions were on other rings: choose one.` : ''
      throw new Error(`nothing was asked for and completed on ${name} in that second.${others}`)
    }
    this.replay = new Replay(
      { events: own, wakeups: wakeups.filter(isOwn), inFlight: inFlight.filter(isOwn), startedMs, dropped },
      poller,
      { sq, cq },
    )
    this.shownMs = 0
    const { fromMs, toMs, earlier } = this.replay
    const parts = [`${name}: ${counted(own.length, 'completion')} within ${duration((toMs - fromMs) * 1e6)}`]
    if (earlier.length > 0) parts.push(`${counted(earlier.length, 'request')} in flight since before`)
    this.scrub.max = String(Math.ceil((toMs - fromMs) * 1000))
    if (sampleEvery > 1) parts.push(`one in ${whole(sampleEvery)} recorded`)
    if (dropped > 0)
      parts.push(`of all rings ${counted(dropped, 'completion')} left out, for which an answer has no place`)
    say(this.note, `${parts.join(', ')}. When the kernel took an entry a trace cannot tell.`)
    this.controls.hidden = false
    this.host.begins()
    this.goTo(this.replay.fromMs, 0)
    this.togglePlay()
  }

  togglePlay(): void {
    if (this.replay === null) return
    if (this.timer !== undefined) {
      this.halt()
      return
    }
    if (this.atMs >= this.replay.toMs) this.goTo(this.replay.fromMs, 0)
    say(this.play, 'Pause')
    this.timer = setInterval(() => {
      this.goTo(this.atMs + pictureMs / Number(this.speed.value), pictureMs)
      if (this.replay === null || this.atMs >= this.replay.toMs) this.halt()
    }, pictureMs)
  }

  private halt(): void {
    clearInterval(this.timer)
    this.timer = undefined
    say(this.play, 'Play')
  }

  step(direction: 1 | -1): void {
    if (this.replay === null) return
    this.halt()
    this.goTo(this.replay.step(this.atMs, direction), 0)
  }

  /** To the next moment at which something happens; plays on, if it played. */
  skip(): void {
    if (this.replay !== null) this.goTo(this.replay.step(this.atMs, 1), 0)
  }

  private goTo(atMs: number, spanMs: number): void {
    if (this.replay === null) return
    const { fromMs, toMs } = this.replay
    this.atMs = Math.max(fromMs, Math.min(toMs, atMs))
    this.host.show(this.replay.at(this.atMs, Math.min(this.shownMs, this.atMs)), spanMs)
    this.shownMs = this.atMs
    this.scrub.value = String(Math.round((this.atMs - fromMs) * 1000))
    const text = `${((this.atMs - fromMs) * 1000).toFixed(0)} µs`
    say(this.time, text)
    this.scrub.setAttribute('aria-valuetext', text)
  }

  /** Back to live; what is being recorded is not waited for. */
  stop(): void {
    this.halt()
    if (this.recording !== null) {
      this.recording.abort()
      this.recording = null
      this.record.disabled = false
      say(this.note, usualNote)
    }
    if (this.replay === null) return
    this.replay = null
    this.controls.hidden = true
    say(this.note, usualNote)
    this.host.ends()
  }
}

const counted = (count: number, what: string): string => `${whole(count)} ${what}${count === 1 ? '' : 's'}`
