// A view: the rings of a Ringmaster under limits of their own, or as background. Made by Ringmaster.view().
import { invalidArgValue } from '../native/errors.ts'
import { Account, Priority } from '../workers/account.ts'
import { admissionOf } from '../workers/admission.ts'
import type { ArenaSlabs } from '../workers/arena.ts'
import type { Lane } from '../workers/lane.ts'
import type { RingGeometry } from '../native/ring-geometry.ts'
import type { RingHandle } from '../workers/ring-handle.ts'
import type { Scratch } from '../workers/scratch.ts'
import { checkInteger, checkOptionNames } from './arguments.ts'
import type { Coordinator } from './coordinator.ts'
import { RingFileSystem } from './file-system.ts'
import { RawRing } from './raw/raw-ring.ts'
import type { FileCounts, RequestHandle, Router } from './request-handle.ts'

/** Limits of a view, over all its rings. */
export interface ViewOptions {
  /**
   * `background` gets what the foreground leaves: all of a ring that is idle otherwise, and less as soon as the foreground's requests take
   * longer in the kernel than they do alone; never nothing. Default `foreground`.
   */
  priority?: Priority
  /** Requests of this view in the rings at once. 1–1,000,000, default: as many as fit. */
  inFlightMax?: number
  /** Requests of this view that may wait before more fail with ERR_RING_BACKLOG_FULL. 1–1,000,000, default 1024. */
  backlogMax?: number
}

const limitMax = 1_000_000
const defaultBacklogMax = 1024

/** A ring as one view has it. */
class ViewHandle implements RequestHandle {
  readonly client: Lane
  /** Direct descriptors are few: a view does not keep them from others while its requests wait. */
  readonly leases = null
  private readonly handle: RingHandle
  private readonly router: ViewRouter

  constructor(handle: RingHandle, account: Account, router: ViewRouter) {
    this.handle = handle
    this.router = router
    this.client = admissionOf(handle.client).lane(account)
  }

  get ring(): number {
    return this.handle.ring
  }

  get scratch(): Scratch {
    return this.handle.scratch
  }

  get geometry(): RingGeometry {
    return this.handle.geometry
  }

  get rawDescriptors(): number {
    return this.handle.rawDescriptors
  }

  get chainsWhole(): boolean {
    return this.handle.chainsWhole
  }

  readonly elsewhere = (): ViewHandle | null => {
    const other = this.handle.elsewhere()
    return other === null ? null : this.router.of(other)
  }

  beginTask(): void {
    this.handle.beginTask()
  }

  endTask(): void {
    this.handle.endTask()
  }
}

/** The coordinator's choice of a ring, with the view's way into it. */
class ViewRouter implements Router {
  readonly arenas: ArenaSlabs[]
  readonly files: FileCounts
  private readonly coordinator: Coordinator
  private readonly account: Account
  private readonly handles = new WeakMap<RingHandle, ViewHandle>()

  constructor(coordinator: Coordinator, account: Account) {
    this.coordinator = coordinator
    this.account = account
    this.arenas = coordinator.arenas
    this.files = coordinator.files
  }

  pick(): ViewHandle {
    return this.of(this.coordinator.pickBeside(this.waiting))
  }

  private readonly waiting = (handle: RingHandle): number => handle.client.admission?.waiting ?? 0

  insteadOf(error: unknown, flags: number): ViewHandle | null {
    const other = this.coordinator.insteadOf(error, flags)
    return other === null ? null : this.of(other)
  }

  of(handle: RingHandle): ViewHandle {
    let mine = this.handles.get(handle)
    if (mine === undefined) {
      mine = new ViewHandle(handle, this.account, this)
      this.handles.set(handle, mine)
    }
    return mine
  }
}

/** As Ringmaster, for the requests of one part of a program. Files that it opens stay with it. */
export class RingView extends RingFileSystem {
  private readonly rings: readonly RingHandle[]
  private readonly views: ViewRouter
  private readonly account: Account

  /** Made by Ringmaster.view(). @internal */
  constructor(coordinator: Coordinator, rings: readonly RingHandle[], options: ViewOptions) {
    const account = new Account(checkViewOptions(options))
    const views = new ViewRouter(coordinator, account)
    super(views)
    this.rings = rings
    this.views = views
    this.account = account
  }

  /**
   * One ring with every operation, as Ringmaster.raw(): submit() and chains are under this view's limits; streams, senders, mailboxes and
   * registrations are the ring's own.
   * @throws ERR_OUT_OF_RANGE
   */
  raw(ring = 0): RawRing {
    const handle = this.rings[checkInteger(ring, 'ring', 0, this.rings.length - 1)]!
    return new RawRing(handle, this.views.of(handle))
  }

  /** What this view has of its limits now: requests in the rings, and waiting for a place in them. */
  stats(): { readonly inFlight: number; readonly waiting: number } {
    return { inFlight: this.account.inFlight, waiting: this.account.waiting }
  }
}

function checkViewOptions(options: ViewOptions): Required<ViewOptions> {
  checkOptionNames(options, ['priority', 'inFlightMax', 'backlogMax'])
  const { priority = Priority.foreground, inFlightMax, backlogMax } = options
  if (!Object.hasOwn(Priority, priority))
    throw invalidArgValue('options.priority', priority, "must be one of 'foreground', 'background'")
  const limit = (value: unknown, name: string, absent: number): number =>
    value === undefined ? absent : checkInteger(value, `options.${name}`, 1, limitMax)
  return {
    priority,
    inFlightMax: limit(inFlightMax, 'inFlightMax', limitMax),
    backlogMax: limit(backlogMax, 'backlogMax', defaultBacklogMax),
  }
}
