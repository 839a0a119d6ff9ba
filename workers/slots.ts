// The slot table: one slot per request, from the moment it is accepted until its last CQE. Used by the ring client only.
//
//   free ──claim──► queued ──room──► prepared ──publish──► submitted ──last CQE──► free
//                     └───────────────▲  (no backlog: straight to prepared)
//
// An SQE's user_data is slot (low word) and generation (high word). The generation changes when the slot is freed, so a CQE
// of an earlier life is recognised and dropped. A submitted slot is freed by its last CQE and by nothing else: until then
// the kernel may use its buffer, which `owner` keeps alive.

export const SlotState = { free: 0, queued: 1, prepared: 2, submitted: 3 } as const

/** Tags of resources are completions of no operation: metrics count them as `other`. */
export const tagOpcode = 255

/**
 * What happens when a request is over. One shared object per kind of request, so that none is allocated per request; what
 * differs is in the slot's columns.
 */
export interface Completion {
  /** What the request makes is its own from the moment on that this thread hears of it: owned-descriptors.ts. Default false. */
  readonly ownsDescriptors?: boolean
  /** `result` is a value or -errno, `cqeFlags` the CQE's. Must not throw; may claim new slots. */
  complete(slots: SlotTable, slot: number, result: number, cqeFlags: number): void
}

type Resolve = (value: unknown) => void
type Reject = (reason: unknown) => void

// The executor is shared: a closure per promise would be one more allocation per request.
let takenResolve: Resolve
let takenReject: Reject
function takeSettlers(resolve: Resolve, reject: Reject): void {
  takenResolve = resolve
  takenReject = reject
}

const nothing = (): void => undefined

export class SlotTable {
  readonly size: number
  readonly state: Uint8Array
  readonly opcode: Uint8Array
  readonly generation: Int32Array
  /** When the request was accepted, for requests that had to wait in the backlog. */
  readonly claimedMs: Float64Array
  readonly publishedMs: Float64Array
  /** A number of the completion's own: a position in a batch, a step in a chain. */
  readonly tag: Int32Array
  /** How many requests the slot's last CQE stands for: more than its own where its chain has steps that get no CQE. */
  readonly credits: Uint16Array
  /**
   * The generation in which the slot's request makes descriptors of the process, as its results, or (CLOSE) ends the one in `tag`; so marked
   * requests lose none where the thread ends before it hears of them. The addon reads this then.
   */
  readonly descriptors: Int32Array
  readonly completion: Completion[]
  /** What must stay alive until the last CQE: the caller's buffer, a long path. */
  readonly owner: unknown[]
  /** For error messages: the path. Or whatever else the completion wants to know. */
  readonly context: unknown[]
  /** Adds to an error what its request's opcode explains; null: nothing. Only failures ask. */
  explain: ((opcode: number, reason: unknown) => void) | null = null
  private readonly resolvers: Resolve[]
  private readonly rejecters: Reject[]
  private readonly freeSlots: Int32Array
  private freeCount: number

  constructor(size: number, idle: Completion) {
    this.size = size
    this.state = new Uint8Array(size)
    this.opcode = new Uint8Array(size)
    this.generation = new Int32Array(size)
    this.claimedMs = new Float64Array(size)
    this.publishedMs = new Float64Array(size)
    this.tag = new Int32Array(size)
    this.credits = new Uint16Array(size).fill(1)
    this.descriptors = new Int32Array(size).fill(-1)
    this.completion = new Array<Completion>(size).fill(idle)
    this.owner = new Array<unknown>(size).fill(null)
    this.context = new Array<unknown>(size).fill(null)
    this.resolvers = new Array<Resolve>(size).fill(nothing)
    this.rejecters = new Array<Reject>(size).fill(nothing)
    // Low numbers first, and the last freed first: a few warm slots serve a light load.
    this.freeSlots = Int32Array.from({ length: size }, (_, index) => size - 1 - index)
    this.freeCount = size
  }

  get available(): number {
    return this.freeCount
  }

  get used(): number {
    return this.size - this.freeCount
  }

  /** Takes a free slot; the caller has checked `available`. */
  claim(completion: Completion, owner: unknown, context: unknown): number {
    const slot = this.freeSlots[--this.freeCount]!
    this.completion[slot] = completion
    this.owner[slot] = owner
    this.context[slot] = context
    return slot
  }

  /** Once it is claimed: it makes descriptors of the process, or closes the one in `tag`. */
  markDescriptors(slot: number): void {
    this.descriptors[slot] = this.generation[slot]!
  }

  /** Whether it does. */
  concernsDescriptors(slot: number): boolean {
    return this.descriptors[slot] === this.generation[slot]
  }

  /** Gives a slot back and ends its generation. */
  free(slot: number): void {
    this.state[slot] = SlotState.free
    this.generation[slot] = (this.generation[slot]! + 1) | 0
    this.owner[slot] = null
    this.context[slot] = null
    this.resolvers[slot] = nothing
    this.rejecters[slot] = nothing
    this.freeSlots[this.freeCount++] = slot
  }

  /** Whether a CQE's user_data names a request that is in flight now. */
  matches(slot: number, generation: number): boolean {
    return slot >>> 0 < this.size && this.state[slot] === SlotState.submitted && this.generation[slot] === generation
  }

  /** Whether the slot still holds the request that it had in that generation, wherever that is. */
  holds(slot: number, generation: number): boolean {
    return slot >= 0 && this.state[slot] !== SlotState.free && this.generation[slot] === generation
  }

  /** The one promise of a request. Call once, right after claiming. */
  promise<T>(slot: number): Promise<T> {
    const promise = new Promise<T>(takeSettlers as (resolve: (value: T) => void, reject: Reject) => void)
    this.resolvers[slot] = takenResolve
    this.rejecters[slot] = takenReject
    return promise
  }

  resolve(slot: number, value: unknown): void {
    this.resolvers[slot]!(value)
  }

  reject(slot: number, reason: unknown): void {
    this.explain?.(this.opcode[slot]!, reason)
    this.rejecters[slot]!(reason)
  }
}
