// When an instance whose thread has ended is started again: at once after a quiet time, later and later when it ends its thread each time,
// and not any more after ten such ends in a row. Used by ResidentService; the same back-off and limit as for workers.

/** An instance that lived for this long begins a new series. */
export const quietMs = 1000
const backOffMsMin = 10
const backOffMsMax = 1000
export const endsMax = 10

export class Restarts {
  private readonly series = new Map<number, { ends: number; startedMs: number }>()

  /** The instance of a ring runs, as of `nowMs`. */
  started(ring: number, nowMs: number): void {
    const { ends } = this.series.get(ring) ?? { ends: 0 }
    this.series.set(ring, { ends, startedMs: nowMs })
  }

  /** Its thread has ended. Returns how long to wait before another is started; null: none is to be. */
  ended(ring: number, nowMs: number): number | null {
    const series = this.series.get(ring) ?? { ends: 0, startedMs: nowMs }
    const ends = nowMs - series.startedMs >= quietMs ? 1 : series.ends + 1
    this.series.set(ring, { ends, startedMs: nowMs })
    return ends < endsMax ? Math.min(backOffMsMax, backOffMsMin * 2 ** (ends - 1)) : null
  }
}
