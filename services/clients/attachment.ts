// One client as the thread that started the rings sees it: from the handle it gives away to the ring's end. Used by Clients.
//
//   offered ── join() ──► joining ──► joined ── the port closes: close(), or the thread has ended ──► leaving ──► gone
//      └───────────────── detach(), the port closes ──────────────────────────────────────────────────────┘
import { setTimeout as sleep } from 'node:timers/promises'
import type { MessagePort } from 'node:worker_threads'
import { binding } from '../../native/binding.ts'
import { ringErrors } from '../../native/errors.ts'
import { Control } from '../../native/layout.ts'
import { controlWords } from '../../native/ring-memory.ts'
import type { ClientRingOpened, ClientRingTask } from '../../workers/client-ring.ts'
import { expose, overSoon } from '../../workers/control.ts'
import type { ControlLink } from '../../workers/control.ts'
import { quarantineMemory } from '../../workers/quarantine.ts'
import { prepareControl } from '../../workers/ring-handle.ts'
import type { RingHandle } from '../../workers/ring-handle.ts'
import type { ClientPlace, ClientPlaces } from './places.ts'
import type { ClientControl, ClientRing, Notice } from './protocol.ts'

/** What an attachment asks of Clients. */
export interface AttachmentHost {
  readonly places: ClientPlaces
  /** The number of the ring whose pollers serve this one, and that ring. */
  readonly ring: number
  handle(): RingHandle
  /** Its worker, once it has one. @throws ERR_RING_WORKER_LOST */
  worker(): Promise<ControlLink>
  /** How the ring is to be made, once its place is known; in order of preference. */
  tasks(client: number, spot: ClientPlace): readonly ClientRingTask[]
  /** Whether an error of the first task is a reason to try the next; returns that reason. */
  goesOn(error: unknown): string | null
  describe(spot: ClientPlace, opened: ClientRingOpened, task: ClientRingTask, reason: string | null): ClientRing
  /** It has its ring. */
  joined(attachment: Attachment): void
  /** The place is free again. */
  gone(client: number): void
}

/** How long a ring's chains may take to get into the kernel before others share its SQ thread. */
const chainsLimitMs = 5000
/** How long the last holder of a ring is looked for often; then now and then. */
const patienceMs = 1000

export class Attachment {
  readonly client: number
  /** Its label in metrics: the smallest number that was free, so that threads that come and go make no series without end. */
  seat = 0
  state: 'offered' | 'joining' | 'joined' | 'leaving' | 'gone' = 'offered'
  /** The client's thread as the kernel numbers it; 0 before it joined. */
  threadId = 0
  /** What the client was told; null before it joined. */
  ring: ClientRing | null = null
  private readonly port: MessagePort
  private readonly host: AttachmentHost
  private spot: ClientPlace | null = null
  /** How the ring was made: a worker that replaces its own is told. */
  private task: ClientRingTask | null = null
  private adopting: Promise<ClientRingOpened> | null = null
  /** Keeps the ring open until the client holds it itself: the worker that made it may end before. */
  private hold: number | null = null
  private joining: Promise<ClientRing> | null = null
  private leaving: Promise<void> | null = null
  private over: () => void = () => undefined
  private readonly gone = new Promise<void>((resolve) => {
    this.over = resolve
  })

  constructor(client: number, port: MessagePort, host: AttachmentHost) {
    this.client = client
    this.port = port
    this.host = host
    const control: ClientControl = {
      join: (threadId) => this.join(threadId),
      threadId: () => this.threadId,
      register: async (opcode, argument, count) => {
        const worker = await host.worker()
        return worker.call((remote) => remote.registerFor(client, opcode, argument, count))
      },
      adopt: () => this.adopt(),
      held: () => {
        this.letGo()
      },
      close: () => this.closeRing(),
    }
    expose(control, port)
    port.postMessage({ notice: 'offered' } satisfies Notice)
    port.once('close', () => void this.leave())
  }

  /** The number of the ring whose pollers serve it. */
  get servedBy(): number {
    return this.host.ring
  }

  /** That ring. */
  get handle(): RingHandle {
    return this.host.handle()
  }

  private join(threadId: number): Promise<ClientRing> {
    if (this.state !== 'offered') throw ringErrors.handleUsed()
    this.state = 'joining'
    this.threadId = threadId
    this.joining = this.openRing()
    return this.joining
  }

  private async openRing(): Promise<ClientRing> {
    const { host } = this
    const spot = (this.spot = host.places.take())
    const tasks = host.tasks(this.client, spot)
    let reason: string | null = null
    for (const [index, task] of tasks.entries()) {
      try {
        if (task.setup.attachFd !== undefined && !(await host.handle().shareSqThread(chainsLimitMs)))
          throw ringErrors.chainsPending()
        const opened = await this.openOnce(spot, task)
        this.ring = host.describe(spot, opened, task, reason)
        if (this.state === 'joining') {
          this.state = 'joined'
          host.joined(this)
        }
        return this.ring
      } catch (error) {
        reason = index + 1 < tasks.length ? host.goesOn(error) : null
        if (reason === null) throw error
      }
    }
    throw ringErrors.closed()
  }

  private async openOnce({ memory, place }: ClientPlace, task: ClientRingTask): Promise<ClientRingOpened> {
    this.hold = prepareControl(memory, place)
    try {
      const worker = await this.host.worker()
      this.task = task
      return await worker.call((remote) => remote.openRing(task))
    } catch (error) {
      this.letGo()
      throw error
    }
  }

  private letGo(): void {
    if (this.hold !== null) binding().release(this.hold)
    this.hold = null
  }

  /** The client knows that its worker has ended, and has seen to what that left behind: the next one takes its ring over. */
  private adopt(): Promise<ClientRingOpened> {
    this.adopting ??= this.adoptOnce().finally(() => {
      this.adopting = null
    })
    return this.adopting
  }

  private async adoptOnce(): Promise<ClientRingOpened> {
    const { ring, task } = this
    if (ring === null || task === null) throw ringErrors.closed()
    const worker = await this.host.worker()
    if (this.state !== 'joined') throw ringErrors.closed()
    const opened = await worker.call((remote) => remote.openRing({ ...task, adopt: ring.opened }))
    this.ring = { ...ring, opened }
    return opened
  }

  // A worker that is gone holds nothing; one that hangs lets go of it when it is ended.
  private closeRing(): Promise<void> {
    const worker = this.host.worker()
    return overSoon(worker.then((link) => link.call((remote) => remote.closeRing(this.client))))
  }

  /** Tells the client's thread, if it is there; it may have ended. */
  notify(notice: Notice): void {
    if (this.state === 'joined') this.port.postMessage(notice)
  }

  /** Has the client close its ring, for at most `limitMs`; then lets it alone. */
  async end(limitMs: number): Promise<void> {
    if (this.state === 'offered') this.port.close()
    else {
      await this.joining?.catch(() => undefined)
      this.notify({ notice: 'end' })
    }
    const timer = new AbortController()
    const limit = sleep(limitMs, undefined, { signal: timer.signal }).catch(() => undefined)
    await Promise.race([this.gone, limit])
    timer.abort()
    this.port.close()
    if (this.state !== 'gone') await this.closeRing()
  }

  private leave(): Promise<void> {
    this.leaving ??= this.leaveOnce()
    return this.leaving
  }

  // The port closes while its thread is still ending, and the addon brings the ring to rest behind that: whoever holds it last
  // closes it, and only then is its memory anybody else's.
  private async leaveOnce(): Promise<void> {
    await this.joining?.catch(() => undefined)
    this.state = 'leaving'
    const { spot } = this
    if (spot !== null) {
      await this.closeRing()
      this.letGo()
      const control = controlWords(spot.memory, spot.place)
      const sinceMs = performance.now()
      while (Atomics.load(control, Control.refs >> 2) > 0)
        await sleep(performance.now() - sinceMs < patienceMs ? 1 : 100, undefined, { ref: false })
      // What did not come back may still be written: this place is never used again.
      if (Atomics.load(control, Control.in_flight >> 2) > 0) quarantineMemory(spot.memory)
      else this.host.places.giveBack(spot)
    }
    this.state = 'gone'
    this.host.gone(this.client)
    this.over()
  }
}
