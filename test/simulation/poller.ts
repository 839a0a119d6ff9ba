// Who consumes the SQ in the simulation: the SQ thread or the polling worker, one small step at a time, so that the client may
// do anything between any two; and io_uring_enter() for the `caller`. Used by kernel.ts.
//
//   running ──nothing there──► flagged (NEED_WAKEUP is set, the tail not looked at again) ──still nothing──► asleep ──wake──► running
import { SqFlag } from '../../native/abi.ts'
import type { Random } from './random.ts'
import type { RingModel } from './ring-model.ts'

export class SimulatedPoller {
  state: 'running' | 'flagged' | 'asleep' | 'dead' = 'running'
  private passLeft = -1
  private woken = false
  private readonly ring: RingModel
  private readonly random: Random
  /** Entries of one pass at most: the kernel takes 8 where an SQ thread is shared, which cuts chains. */
  private readonly passMax: number
  private readonly consume: (entry: Int32Array) => void
  private readonly passEnded: () => void

  constructor(
    ring: RingModel,
    random: Random,
    passMax: number,
    consume: (entry: Int32Array) => void,
    passEnded: () => void,
  ) {
    this.ring = ring
    this.random = random
    this.passMax = passMax
    this.consume = consume
    this.passEnded = passEnded
  }

  /** Whether there is anything to do: asleep is asleep, whatever lies in the SQ. */
  get runnable(): boolean {
    return this.state === 'running' || this.state === 'flagged' || (this.state === 'asleep' && this.woken)
  }

  wake(): void {
    if (this.state !== 'running') this.woken = true
  }

  step(): void {
    if (this.state === 'running') this.run()
    else if (this.state === 'flagged') {
      if (this.ring.available > 0) this.awake()
      else this.state = 'asleep'
    } else if (this.state === 'asleep' && this.woken) this.awake()
  }

  private awake(): void {
    this.woken = false
    this.state = 'running'
    this.ring.setSqFlag(SqFlag.NEED_WAKEUP, false)
  }

  private run(): void {
    if (this.passLeft > 0) {
      this.passLeft--
      this.consume(this.ring.take())
    } else if (this.passLeft === 0) {
      this.passLeft = -1
      this.ring.giveBack()
      this.passEnded()
    } else if (this.ring.available > 0) {
      this.passLeft = Math.min(this.passMax, this.ring.available)
    } else if (this.random.chance(0.5)) {
      this.ring.setSqFlag(SqFlag.NEED_WAKEUP, true)
      this.state = 'flagged'
    }
  }

  /** It ends, in the middle of nothing: a pass that has begun is done as a whole. */
  die(): void {
    while (this.passLeft >= 0) this.run()
    this.state = 'dead'
  }

  /** io_uring_enter(): consumes `count` entries here and now. Returns how many. */
  submit(count: number): number {
    while (this.passLeft >= 0) this.run() // whoever submits holds the ring's lock until all of it is done
    const taken = Math.min(count, this.ring.available)
    for (let index = 0; index < taken; index++) this.consume(this.ring.take())
    this.ring.giveBack()
    this.passEnded()
    return taken
  }
}
