// Slow motion: asks the process for a second of its trace and plays it at a thousandth of its speed on the stage.

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
  }
  show(scene: RingScene, spanMs: number): void
  /** Slow motion begins, or is over. */
  begins(): void
  ends(): void
}

const slowness = 1000
const seconds = 1
const limitMs = 15_000
const pictureMs = 100

export class SlowMotion {
  private readonly host: SlowMotionHost
  private readonly play = byId<HTMLButtonElement>('slow-play')
  private readonly scrub = byId<HTMLInputElement>('slow-scrub')
  private readonly time = byId('slow-time')
  private readonly note = byId('slow-note')
  private readonly controls = byId('slow-controls')
  private readonly record = byId<HTMLButtonElement>('slow-record')
  private replay: Replay | null = null
  private atMs = 0
  private shownMs = 0
  private timer: ReturnType<typeof setInterval> | undefined

  constructor(host: SlowMotionHost) {
    this.host = host
    this.record.addEventListener('click', () => void this.start())
    this.play.addEventListener('click', () => this.togglePlay())
    byId('slow-back').addEventListener('click', () => this.step(-1))
    byId('slow-forward').addEventListener('click', () => this.step(1))
    byId('slow-live').addEventListener('click', () => this.stop())
    this.scrub.addEventListener('input', () => {
      if (this.replay === null) return
      const { fromMs, toMs } = this.replay
      this.goTo(fromMs + (this.scrub.valueAsNumber / 1000) * (toMs - fromMs), 0)
    })
  }

  get active(): boolean {
    return this.replay !== null
  }

  async start(): Promise<void> {
    this.stop()
    this.record.disabled = true
    say(this.note, 'Recording for one second …')
    try {
      const response = await fetch(`/trace?seconds=${seconds}&format=events`, { signal: AbortSignal.timeout(limitMs) })
      if (response.status === 404)
        throw new Error('this process offers no traces: it is of a version before GET /trace')
      if (!response.ok) throw new Error((await response.text()).slice(0, 200))
      this.load(parseTrace(await response.json()))
    } catch (error) {
      say(this.note, `No slow motion: ${error instanceof Error ? error.message : String(error)}`)
    } finally {
      this.record.disabled = false
    }
  }

  private load({ events, wakeups, dropped, sampleEvery }: Trace): void {
    const { ring, client, poller, sq, cq } = this.host.ring()
    let own = events.filter((event) => event.ring === ring && (event.client ?? 0) === client)
    if (own.length === 0) own = events.filter((event) => event.ring === events[0]?.ring)
    if (own.length === 0) throw new Error('nothing happened in that second')
    const shown = own[0]!
    const woken = wakeups.filter((wakeup) => wakeup.ring === shown.ring && wakeup.client === shown.client)
    this.replay = new Replay(own, poller, { sq, cq }, woken)
    const parts = [`${whole(own.length)} completions in ${duration((this.replay.toMs - this.replay.fromMs) * 1e6)}`]
    if (sampleEvery > 1) parts.push(`one in ${whole(sampleEvery)} recorded`)
    if (dropped > 0) parts.push(`${whole(dropped)} not recorded`)
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
      this.goTo(this.atMs + pictureMs / slowness, pictureMs)
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

  private goTo(atMs: number, spanMs: number): void {
    if (this.replay === null) return
    const { fromMs, toMs } = this.replay
    this.atMs = Math.max(fromMs, Math.min(toMs, atMs))
    this.host.show(this.replay.at(this.atMs, Math.min(this.shownMs, this.atMs)), spanMs)
    this.shownMs = this.atMs
    const part = toMs > fromMs ? (this.atMs - fromMs) / (toMs - fromMs) : 0
    this.scrub.value = String(Math.round(part * 1000))
    const text = `${((this.atMs - fromMs) * 1000).toFixed(0)} µs`
    say(this.time, text)
    this.scrub.setAttribute('aria-valuetext', text)
  }

  stop(): void {
    this.halt()
    if (this.replay === null) return
    this.replay = null
    this.controls.hidden = true
    say(this.note, 'Records one second and plays it at 1/1000 of its speed.')
    this.host.ends()
  }
}
