// The instances of the blob service as the thread that started them sees them: a link to each that runs, and what they tell. Used by
// service.ts. One whose thread was replaced is another instance, with a port of its own.
import type { MessagePort } from 'node:worker_threads'
import { linkControl, type ControlLink, type Remote } from '../../workers/control.ts'
import type { ResidentService } from '../residents/service.ts'
import type { BlobControl } from './protocol.ts'

/** How soon an instance that was started anew is listened to. */
const lookMs = 1_000

interface Instance {
  /** Never used twice. */
  readonly number: number
  readonly link: ControlLink<BlobControl>
}

export class Instances {
  private readonly service: ResidentService
  private readonly onMessage: (message: unknown) => void
  private readonly known = new Map<MessagePort, Instance>()
  private readonly timer: NodeJS.Timeout
  private made = 0
  private asked = 0

  constructor(service: ResidentService, onMessage: (message: unknown) => void) {
    this.service = service
    this.onMessage = onMessage
    this.running()
    this.timer = setInterval(() => this.running(), lookMs)
    this.timer.unref()
  }

  /** Of each that runs, by its number. @throws (rejects) what the first one does that fails */
  async ask<T>(invoke: (remote: Remote<BlobControl>) => Promise<T>): Promise<Map<number, T>> {
    const answers = this.running().map(async ({ number, link }) => [number, await link.call(invoke)] as const)
    return new Map(await Promise.all(answers))
  }

  /** As ask(), without those that end meanwhile, or fail. */
  async askWhoever<T>(invoke: (remote: Remote<BlobControl>) => Promise<T>): Promise<Map<number, T>> {
    const answers = this.running().map(async ({ number, link }) => [number, await link.call(invoke)] as const)
    const settled = await Promise.allSettled(answers)
    return new Map(settled.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : [])))
  }

  /** Of one of them, each in turn. @throws (rejects) what it says, or where none runs */
  async askNext<T>(invoke: (remote: Remote<BlobControl>) => Promise<T>): Promise<T> {
    const running = this.running()
    const next = running[this.asked++ % running.length]
    if (next === undefined) throw new Error('no instance of the blob service runs')
    return next.link.call(invoke)
  }

  close(): void {
    clearInterval(this.timer)
  }

  private running(): Instance[] {
    return [...this.service.ports.values()].map((port) => {
      const known = this.known.get(port)
      if (known !== undefined) return known
      const instance = { number: ++this.made, link: linkControl<BlobControl>(port) }
      port.on('message', this.onMessage)
      port.once('close', () => {
        this.known.delete(port)
        instance.link.lost(new Error('an instance of the blob service has ended'))
      })
      port.unref()
      this.known.set(port, instance)
      return instance
    })
  }
}
