// Takes the connections of a listening socket, on one ring: a multishot accept, armed again when it ends; one at a time where the ring has
// little room left, or other rings accept from the same socket: the kernel wakes whoever has waited longest, and a multishot accept keeps its
// place, so that one ring would have all connections, and nobody any while it hangs. Without room or descriptors it waits, and the connections in the listener's queue with it. One for each ring of a Server
// (server.ts).
import { CqeFlag, Op, acceptMultishot } from '../../native/abi.ts'
import { prepAccept, prepAcceptMultishot } from '../../native/operations/sockets.ts'
import { setIoFlags } from '../../native/operations/row.ts'
import { LossResult, interrupted, resultError } from '../../workers/completions.ts'
import type { RingHandle } from '../../workers/ring-handle.ts'
import { ClientState } from '../../workers/submission.ts'
import type { Completion, SlotTable } from '../../workers/slots.ts'
import { closeOnExec } from '../open-flags.ts'
import { missingFeature } from '../raw/support.ts'
import { closeNow } from './descriptors.ts'
import { throwLater } from './errors.ts'
import { roomOn } from './ring-room.ts'

const ENOMEM = -12
const ENFILE = -23
const EMFILE = -24
const ENOBUFS = -105
const ECANCELED = -125
/** What concerns one connection, which is gone: accept(2), "error handling". */
const passing: ReadonlySet<number> = new Set([-11, -71, -92, -95, -100, -101, -103, -110, -112, -113, -64])
/** Until there may be descriptors again. Nobody tells when another part of the process, or another process, closes one. */
const retryMs = 100
/** For so long the next connection is left to the others, who have fewer. Then it may be that they do not come. */
const aheadMs = 5
/** A multishot accept may bring so many before it hears that they are enough: what waits in a listener's queue, usually. */
const burst = 512

export interface AcceptorSink {
  /** A connection, the sink's to close. */
  accepted(handle: RingHandle, fd: number): void
  /** There are no descriptors, no memory or no requests of the ring (ENOBUFS) for more: told at each attempt. */
  acceptStarved(errno: number): void
  acceptFailed(error: Error): void
  /** The ring is lost, and this acceptor over; acceptorIdle() does not follow. Another ring may take its place. */
  acceptorLost(acceptor: Acceptor): void
  /** The ring is about to close: stop(). */
  ringCloses(): void
  /** Whether it has more connections than others who accept from the same socket. Default: no. */
  isAhead?(): boolean
  /** After stop(): no connection comes any more. */
  acceptorIdle(): void
}

export class Acceptor implements Completion {
  readonly ownsDescriptors = true
  private readonly handle: RingHandle
  private readonly fd: number
  private readonly sink: AcceptorSink
  private readonly multishot: boolean
  private readonly isShared: boolean
  private slot = -1
  private generation = 0
  private cancelling = false
  private stopped = false
  private lost = false
  private idleTold = false
  private referenced = true
  private timer: NodeJS.Timeout | null = null
  private readonly onClosing = (): void => {
    if (this.handle.client.state === ClientState.lost) this.lose()
    else this.sink.ringCloses()
  }

  /** `isShared`: other rings accept from the same socket. */
  constructor(handle: RingHandle, fd: number, sink: AcceptorSink, isShared = false) {
    this.handle = handle
    this.fd = fd
    this.sink = sink
    this.isShared = isShared
    this.multishot = !isShared && missingFeature('multishotAccept') === undefined
    handle.onClosing.add(this.onClosing)
  }

  /** Accepts from now on; what prevents it is told as later. */
  start(): void {
    this.retry()
  }

  /** acceptorIdle() follows, at once where nothing is under way. */
  stop(): void {
    if (this.stopped) return
    this.end()
    if (this.slot >= 0) this.cancel()
    else this.tellIdle()
  }

  private cancel(): void {
    if (this.cancelling) return
    this.cancelling = true
    this.handle.client.cancel(this.slot, this.generation)
  }

  private end(): void {
    this.stopped = true
    this.handle.onClosing.delete(this.onClosing)
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
  }

  private lose(): void {
    if (this.stopped) return
    this.end()
    this.lost = true
    this.sink.acceptorLost(this)
  }

  private tellIdle(): void {
    if (this.idleTold) return
    this.idleTold = true
    this.sink.acceptorIdle()
  }

  setReferenced(referenced: boolean): void {
    if (referenced === this.referenced) return
    this.referenced = referenced
    if (this.slot >= 0) this.handle.client.countReasons(referenced ? 1 : -1)
    if (referenced) this.timer?.ref()
    else this.timer?.unref()
  }

  private arm(): void {
    if (this.slot >= 0 || this.stopped) return
    const room = roomOn(this.handle)
    if (room <= 0) {
      this.retryLater()
      this.sink.acceptStarved(ENOBUFS)
      return
    }
    const { client } = this.handle
    const slot = client.claim(Op.ACCEPT, this, null, null)
    client.slots.markDescriptors(slot)
    const { words, at } = client
    this.cancelling = false
    if (this.multishot && room > burst) {
      prepAcceptMultishot(words, at, 0, this.fd, closeOnExec)
      setIoFlags(words, at, acceptMultishot)
    } else prepAccept(words, at, 0, this.fd, 0, 0, closeOnExec)
    this.slot = slot
    this.generation = client.slots.generation[slot]!
    if (!this.referenced) client.countReasons(-1)
  }

  private readonly retry = (): void => {
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
    try {
      this.arm()
    } catch (error) {
      if (this.handle.client.state === ClientState.lost) this.lose()
      else if (this.handle.client.state === ClientState.open)
        this.retryLater() // no place for the request just now
      else this.sink.acceptFailed(error instanceof Error ? error : new Error(String(error)))
    }
  }

  private retryLater(inMs = retryMs): void {
    if (this.stopped || this.timer !== null) return
    this.timer = setTimeout(this.retry, inMs)
    if (!this.referenced) this.timer.unref()
  }

  complete(_slots: SlotTable, _slot: number, result: number, cqeFlags: number): void {
    const last = (cqeFlags & CqeFlag.MORE) === 0
    if (last) {
      this.slot = -1
      if (!this.referenced) this.handle.client.countReasons(1)
    }
    try {
      if (result >= 0) {
        if (this.stopped) closeNow(result)
        else this.sink.accepted(this.handle, result)
      } else if (!this.stopped) this.refused(result)
    } catch (error) {
      throwLater(error) // a listener's: those who wait to be accepted have nothing to do with it
    }
    if (!last) {
      if (!this.stopped && roomOn(this.handle) <= burst) this.cancel()
      return
    }
    if (this.lost) return
    if (this.stopped) this.tellIdle()
    else if (this.timer !== null) return
    else if (this.isShared && this.sink.isAhead?.() === true) this.retryLater(aheadMs)
    else this.retry()
  }

  private refused(errno: number): void {
    if (errno === LossResult.lost) {
      this.lose()
      return
    }
    if (errno === LossResult.worker) {
      this.retryLater()
      return
    }
    if (passing.has(errno) || errno === ECANCELED || interrupted(errno)) return
    if (errno !== EMFILE && errno !== ENFILE && errno !== ENOBUFS && errno !== ENOMEM) {
      this.sink.acceptFailed(resultError(errno, 'accept'))
      return
    }
    this.retryLater()
    this.sink.acceptStarved(errno)
  }

  /** A descriptor was closed: if one was missing, there may be one now. */
  descriptorFreed(): void {
    if (this.timer !== null) this.retry()
  }
}
