// Option `adapt`: what is advised is done. Decides whether a ring may be moved to the poller that would suit its load better; open-rings.ts
// moves it. Asked by the advisor, one per Ringmaster.
import type { Advice } from './advice.ts'
import type { OwnRings } from './open-rings.ts'
import { rawUsers } from './raw/raw-users.ts'

/** Between two attempts to move one ring. */
export const movePauseMs: number = 10 * 60_000
/** A ring that was moved so often stays where it is: what suits it changes faster than it can be judged. */
export const movesMax = 2

type MovableRings = Pick<OwnRings, 'handles' | 'move'>

interface History {
  moves: number
  attemptMs: number
}

export class Adaptation {
  private readonly rings: MovableRings
  private readonly serves: (ring: number) => boolean
  private readonly now: () => number
  private readonly histories: readonly History[]

  /** `serves`: whether other threads have rings on a ring's poller. */
  constructor(rings: MovableRings, serves: (ring: number) => boolean, now: () => number = () => performance.now()) {
    this.rings = rings
    this.serves = serves
    this.now = now
    this.histories = rings.handles.map(() => ({ moves: 0, attemptMs: -Infinity }))
  }

  /** Moves a ring as `advice` says. Resolves with null, or with why it stays. */
  async adapt(ring: number, advice: Advice): Promise<string | null> {
    const history = this.histories[ring]!
    const present = this.rings.handles[ring]!.client.poller
    const refusal = this.stays(ring) ?? this.tooSoon(history)
    if (refusal !== null) return refusal
    history.attemptMs = this.now()
    const to = { value: advice.poller, reason: `moved from ${present}: ${advice.reason}` }
    const stays = await this.rings.move(ring, to, () => this.stays(ring))
    if (stays === null) history.moves++
    return stays
  }

  // Whoever has a ring as it is would have to be moved, too.
  private stays(ring: number): string | null {
    if (rawUsers.has(this.rings.handles[ring]!)) return 'rings.raw() was asked for this ring, which is used as it is'
    if (this.serves(ring)) return "clients or resident services have rings on this one's poller"
    return null
  }

  private tooSoon({ moves, attemptMs }: History): string | null {
    if (moves >= movesMax) return `it was moved ${moves} times already`
    const waitedMs = this.now() - attemptMs
    if (waitedMs >= movePauseMs) return null
    return `the last attempt to move it was ${Math.round(waitedMs / 1000)} s ago, and the next one is made after ${movePauseMs / 60_000} min`
  }
}
