// The client's side of attach(): a ring of this thread's own, served by another thread's pollers. Used by Ringmaster.join().
import { setTimeout as sleep } from 'node:timers/promises'
import { receiveMessageOnPort, threadId } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'
import { binding } from '../../native/binding.ts'
import { invalidArgValue, ringErrors } from '../../native/errors.ts'
import { linkControl } from '../../workers/control.ts'
import type { ControlLink } from '../../workers/control.ts'
import { Poller } from '../../workers/poller-kind.ts'
import { quarantineMemory } from '../../workers/quarantine.ts'
import { explainRestrictions } from '../../workers/restrictions.ts'
import { RingHandle } from '../../workers/ring-handle.ts'
import { Advisor, watchedRing } from '../advisor.ts'
import type { OpenRings } from '../open-rings.ts'
import { ringsOpened } from '../process-guard.ts'
import { limitIoWorkers } from '../raw/registrations/io-wq.ts'
import { adoptSupport } from '../raw/support.ts'
import { checkHandle } from './handle.ts'
import { asNotice } from './protocol.ts'
import type { ClientControl, ClientRing, TraceEnd, TraceOrder } from './protocol.ts'

export interface JoinedRings {
  readonly open: OpenRings
  readonly ring: ClientRing
  /** One that never looks: the pollers are the other thread's to judge. */
  readonly advisor: Advisor
  /** Told when the thread that started the rings closes them, perhaps at once. */
  readonly onEnd: (close: () => void) => void
  /** Told what that thread wants traced, and no longer; also what it has wanted before. */
  readonly onTrace: (obey: (order: TraceOrder | TraceEnd) => void) => void
}

/** The other thread has to answer, and may be busy. */
const joinLimitMs = 30_000
/** How often it is looked whether the ring is still there: its SQ thread may be another ring's, and end with that. */
const lookMs = 2000

/** @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_RING_HANDLE_USED, ERR_RING_CLOSED, ERR_RING_UNAVAILABLE, SystemError */
export async function joinRings(value: unknown): Promise<JoinedRings> {
  const handle = checkHandle(value)
  if (handle.threadId === threadId)
    throw invalidArgValue('handle', handle, 'was made by this thread, which has its rings: send it to another one')
  const { port } = handle
  const addon = binding() // says at once if there is no addon
  // It is waiting in the port since attach(), and can be taken once.
  if (asNotice(receiveMessageOnPort(port)?.message)?.notice !== 'offered') throw ringErrors.handleUsed()
  const link = linkControl<ClientControl>(port)
  const session = new Session(port, link)
  try {
    const ring = await withinLimit(link.call((remote) => remote.join(addon.threadId())))
    adoptSupport(ring.capabilities)
    return await limited(session.begin(ring))
  } catch (error) {
    link.close()
    throw session.lost ? ringErrors.handleUsed() : error
  }
}

/** The kernel keeps the limits of its workers for each ring, and this one is new. */
async function limited(joined: JoinedRings): Promise<JoinedRings> {
  const { open, ring } = joined
  try {
    await limitIoWorkers(open.handles[0]!, ring.ioWorkersMax)
    return joined
  } catch (error) {
    await open.close()
    throw error
  }
}

async function withinLimit(answer: Promise<ClientRing>): Promise<ClientRing> {
  const timer = new AbortController()
  const limit = sleep(joinLimitMs, null, { signal: timer.signal, ref: false }).catch(() => null)
  try {
    const ring = await Promise.race([answer, limit])
    if (ring === null) throw ringErrors.handleUsed()
    return ring
  } finally {
    timer.abort()
  }
}

/** What one port has brought: the ring, and word that it is over, in whichever order. */
class Session {
  private readonly link: ControlLink<ClientControl>
  private handle: RingHandle | null = null
  private ended = false
  private loss: Error | null = null
  private death: Error | null = null
  private close: () => void = () => undefined
  /** Until there is somebody who can carry them out. */
  private readonly orders: (TraceOrder | TraceEnd)[] = []
  private obey: (order: TraceOrder | TraceEnd) => void = (order) => void this.orders.push(order)

  constructor(port: MessagePort, link: ControlLink<ClientControl>) {
    this.link = link
    port.on('message', (message) => {
      const notice = asNotice(message)
      if (notice?.notice === 'end') this.end()
      else if (notice?.notice === 'worker-lost') this.lose(new Error(notice.cause))
      else if (notice?.notice === 'worker-died') this.orphan(new Error(notice.cause))
      else if (notice?.notice === 'trace' || notice?.notice === 'trace-end') this.obey(notice)
    })
    port.once('close', () => {
      const cause = new Error('the thread that started the rings has ended, or has closed them')
      link.lost(cause)
      this.lose(cause)
    })
    port.unref()
  }

  /** The other end has gone, or was never there. */
  get lost(): boolean {
    return this.loss !== null
  }

  begin(ring: ClientRing): JoinedRings {
    const handle = new RingHandle(
      0,
      { started: ring.opened, control: this.link },
      {
        ...ring,
        sqThreadShared: ring.poller === Poller.kernel,
      },
    )
    this.handle = handle
    handle.client.lossAdvice =
      'a joined ring is not made anew, close() these and join() with another handle of attach()'
    this.link.call((remote) => remote.held()).catch(() => undefined) // nobody is left to care
    if (ring.restrictions !== undefined) handle.client.slots.explain = explainRestrictions(ring.restrictions)
    if (this.loss !== null) handle.workerLost(this.loss)
    else if (this.death !== null) this.orphan(this.death)
    const looking = setInterval(() => {
      handle.client.check()
    }, lookMs)
    looking.unref()
    const closed = ringsOpened()
    const close = async (): Promise<void> => {
      clearInterval(looking)
      if (!(await handle.close(ring.closeGraceMs, ring.closeDeadlineMs))) quarantineMemory(ring.memory)
      closed()
    }
    const closeSync = (): boolean => {
      clearInterval(looking)
      const graceEndMs = performance.now() + ring.closeGraceMs
      const drained = handle.closeSync(graceEndMs, graceEndMs + ring.closeDeadlineMs)
      if (!drained) quarantineMemory(ring.memory)
      closed()
      return drained
    }
    const onEnd = (begin: () => void): void => {
      this.close = begin
      if (this.ended) begin()
    }
    const onTrace = (obey: (order: TraceOrder | TraceEnd) => void): void => {
      this.obey = obey
      for (const order of this.orders.splice(0)) obey(order)
    }
    const advisor = new Advisor([watchedRing(0, () => handle, binding().threadId())], { intervalMs: 0 })
    const rings = { handles: [handle], users: [handle], workers: [] }
    // Nobody is told anything: replacing the ring is up to the other thread.
    return {
      open: { ...rings, onMoving: new Set(), onRenewed: new Set(), close, closeSync },
      ring,
      advisor,
      onEnd,
      onTrace,
    }
  }

  private end(): void {
    this.ended = true
    this.close()
  }

  // What the worker left behind is seen to before the next one may begin.
  private orphan(cause: Error): void {
    this.death = cause
    const { handle, link } = this
    if (handle === null) return // told again as soon as there is one
    handle.workerDied(cause)
    link
      .call((remote) => remote.adopt())
      .then((started) => {
        handle.adopted({ started, control: link })
      })
      .catch(() => undefined) // died as well, which is told; or nobody is left
  }

  // The ring is this thread's and goes on, with this thread as its poller where it needs one.
  private lose(cause: Error): void {
    this.loss = cause
    this.handle?.workerLost(cause)
  }
}
