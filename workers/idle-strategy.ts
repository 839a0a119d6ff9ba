// How a ring client waits: spin for about what a wake-up costs on this machine, then sleep. Used by the ring client; a policy
// without threads or clocks of its own, so that tests can drive it.
//
//   busy ──nothing came──► spinning ──spinNs without work──► asleep ──eventfd──► busy
//
// Spinning for as long as a wake-up costs is at most twice as expensive as knowing the future (the ski-rental bound;
// Karlin, Li, Manasse, Owicki: "Empirical studies of competitive spinning for a shared-memory multiprocessor", SOSP 1991).

export class IdleStrategy {
  /** How long to look before sleeping. Set from the measured wake-up cost. */
  spinNs: number
  private idleSinceMs = -1

  constructor(spinNs: number) {
    this.spinNs = spinNs
  }

  /** Something completed: start over. */
  worked(): void {
    this.idleSinceMs = -1
  }

  /** Nothing to do at `nowMs`: true when it is time to sleep. */
  idle(nowMs: number): boolean {
    if (this.idleSinceMs < 0) {
      this.idleSinceMs = nowMs
      return this.spinNs <= 0
    }
    return (nowMs - this.idleSinceMs) * 1e6 >= this.spinNs
  }
}
