// The rings that a ring worker has besides its own: those of clients, threads that attached. Used by ring-worker.ts. Each is opened
// and closed by the client's number; the worker's pollers serve them with its own.
import { ringErrors } from '../native/errors.ts'
import type { ClientRingOpened, ClientRingTask } from './client-ring.ts'
import { registerHere } from './remote-register.ts'
import type { RegisterAnswer, RegisterHere } from './remote-register.ts'

/** A ring that this thread has opened. */
export interface OpenedHere {
  readonly started: ClientRingOpened
  /** Stops polling and lets go. Safe to repeat. */
  close(): void
}

export class WorkerRings {
  private readonly open: (task: ClientRingTask) => OpenedHere
  private readonly rings = new Map<number, OpenedHere>()

  constructor(open: (task: ClientRingTask) => OpenedHere) {
    this.open = open
  }

  /** @throws SystemError of io_uring_setup(2), io_uring_register(2), mmap(2) */
  openRing(task: ClientRingTask): ClientRingOpened {
    const ring = this.open(task)
    this.rings.set(task.client, ring)
    return ring.started
  }

  /** @throws ERR_RING_CLOSED */
  register(client: number, ...[opcode, argument, count]: Parameters<RegisterHere>): RegisterAnswer {
    const ring = this.rings.get(client)
    if (ring === undefined) throw ringErrors.closed()
    return registerHere(ring.started.geometry.ringFd)(opcode, argument, count)
  }

  /** Nothing where there is no such ring: whoever closes need not know who was first. */
  closeRing(client: number): void {
    const ring = this.rings.get(client)
    this.rings.delete(client)
    ring?.close()
  }
}
