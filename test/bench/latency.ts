// Records latencies without disturbing what is measured. Written by loops.ts once per operation, read by measure.ts and clients.ts.

/** 4 Mi samples are 32 MiB. When more are recorded, the newest are kept. */
const SAMPLES = 1 << 22

export interface Quantiles {
  readonly p50Us: number
  readonly p99Us: number
  readonly p999Us: number
}

export class LatencyRecorder {
  // Filled at once: page faults belong before the timed window.
  readonly #samplesMs = new Float64Array(SAMPLES).fill(1)
  #recorded = 0

  record(latencyMs: number): void {
    this.#samplesMs[this.#recorded++ & (SAMPLES - 1)] = latencyMs
  }

  reset(): void {
    this.#recorded = 0
  }

  /** What was recorded, in no order; a view, not a copy. */
  samplesMs(): Float64Array {
    return this.#samplesMs.subarray(0, Math.min(this.#recorded, SAMPLES))
  }
}

/** Sorts the samples. */
export function quantilesOf(samplesMs: Float64Array): Quantiles {
  const sorted = samplesMs.sort()
  const quantileUs = (fraction: number): number => (sorted[Math.floor(sorted.length * fraction)] ?? 0) * 1000
  return { p50Us: quantileUs(0.5), p99Us: quantileUs(0.99), p999Us: quantileUs(0.999) }
}
