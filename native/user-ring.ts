// A ring without a kernel, for the `threadpool` poller: the same queues in the same memory, laid out as the kernel would, and
// the consumer's view of them. The client's view is ring.ts, which knows no difference. Used by the ring worker.
import { Feature, SqFlag, cqEventfdDisabled } from './abi.ts'
import { Control, controlVersion, ringSizeBytes, sqesSizeBytes } from './layout.ts'
import type { RingPlace } from './layout.ts'
import type { RingGeometry } from './ring-geometry.ts'

/** Words of the header, each pair of cache lines with one writer; the CQEs follow. */
const header = { sqHead: 0, sqTail: 32, sqFlags: 64, cqHead: 96, cqTail: 128, cqFlags: 160, cqOverflow: 192, cqes: 256 }

/**
 * What the poller does as the kernel does (IORING_FEAT_*). Not CQE_SKIP: a completion costs nothing here, and without it quiet steps
 * stand in no barrier's way.
 */
const features = Feature.NODROP | Feature.SUBMIT_STABLE | Feature.RW_CUR_POS | Feature.LINKED_FILE

/** Lays out a ring at `place`, which is zeroed memory. Its descriptor is -1: there is none. */
export function layOutRing(
  memory: SharedArrayBuffer,
  place: RingPlace,
  setup: { readonly sqEntries: number; readonly cqEntries: number },
): RingGeometry {
  const { sqEntries, cqEntries } = setup
  if (ringSizeBytes(sqEntries, cqEntries) > place.ringSizeBytes || sqesSizeBytes(sqEntries) > place.sqesSizeBytes) {
    throw new RangeError(`a ring of ${sqEntries} and ${cqEntries} entries is larger than the place laid out for it`)
  }
  new Int32Array(memory, place.controlOffsetBytes, Control.sizeBytes >> 2)[Control.version >> 2] = controlVersion
  return { kind: 'user', ringFd: -1, setupFlags: 0, features, sqEntries, cqEntries, ...header }
}

/** The other end of the Ring: takes SQEs, posts CQEs. One per ring. */
export class RingConsumer {
  private readonly words: Int32Array
  private readonly sqes: Int32Array
  private readonly geometry: RingGeometry
  private head: number
  private tail: number
  private published: number

  constructor(geometry: RingGeometry, words: Int32Array, sqes: Int32Array) {
    this.geometry = geometry
    this.words = words
    this.sqes = sqes
    this.head = Atomics.load(words, geometry.sqHead)
    this.tail = this.published = Atomics.load(words, geometry.cqTail)
  }

  /** Entries that were published and not taken. */
  available(): number {
    return (Atomics.load(this.words, this.geometry.sqTail) - this.head) | 0
  }

  /** Copies the next entry; call only while some are available. */
  take(into: Int32Array): void {
    const at = (this.head & (this.geometry.sqEntries - 1)) << 4
    for (let word = 0; word < 16; word++) into[word] = this.sqes[at + word]!
    this.head = (this.head + 1) | 0
  }

  /** Gives the places of all taken entries back. */
  release(): void {
    Atomics.store(this.words, this.geometry.sqHead, this.head)
  }

  /** Whether another completion fits. */
  hasRoom(): boolean {
    return ((this.tail - Atomics.load(this.words, this.geometry.cqHead)) | 0) < this.geometry.cqEntries
  }

  /** Writes a completion, which nobody sees before publish(). */
  post(userDataLow: number, userDataHigh: number, result: number, cqeFlags: number): void {
    const { words } = this
    const at = this.geometry.cqes + ((this.tail & (this.geometry.cqEntries - 1)) << 2)
    words[at] = userDataLow
    words[at + 1] = userDataHigh
    words[at + 2] = result
    words[at + 3] = cqeFlags
    this.tail = (this.tail + 1) | 0
  }

  /** Makes completions visible. True: the client sleeps and wants its eventfd signalled. */
  publish(): boolean {
    const { words, geometry } = this
    if (this.tail === this.published) return false
    Atomics.store(words, geometry.cqTail, this.tail)
    this.published = this.tail
    return (Atomics.load(words, geometry.cqFlags) & cqEventfdDisabled) === 0
  }

  /** Says whether completions wait here for room. */
  setOverflow(overflowing: boolean): void {
    if (overflowing) Atomics.or(this.words, this.geometry.sqFlags, SqFlag.CQ_OVERFLOW)
    else Atomics.and(this.words, this.geometry.sqFlags, ~SqFlag.CQ_OVERFLOW)
  }

  /** Publishes "wake me", fences, and looks again: false when an entry came meanwhile and this is no time to sleep. */
  sleep(): boolean {
    Atomics.or(this.words, this.geometry.sqFlags, SqFlag.NEED_WAKEUP)
    if (this.available() === 0) return true
    this.awake()
    return false
  }

  awake(): void {
    Atomics.and(this.words, this.geometry.sqFlags, ~SqFlag.NEED_WAKEUP)
  }
}
