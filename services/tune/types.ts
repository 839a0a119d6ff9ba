// What the tuner searches over and what it is told: plain data between the search (services/tune), which knows nothing of rings, and the
// measurement (services/measure), which knows nothing of choosing. Used by both, by the report, and by the simulated machines of the tests.

/** One way to lay out the rings and to use them. Every knob has a value: what Ringmaster does by itself is one layout among others. */
export interface Layout {
  readonly poller: 'kernel' | 'worker' | 'caller' | 'threadpool'
  /** Rings, 1–64. */
  readonly rings: number
  readonly sqThreads: 'own' | 'shared'
  /** CPU of the SQ threads; null: not pinned. */
  readonly sqThreadCpu: number | null
  readonly sqThreadIdleMs: number
  /** Requests in flight, of all clients together. */
  readonly depth: number
  /** Requests that are handed over at once (readBatch); 1: one at a time. */
  readonly batch: number
  /** How long the client's thread looks for completions before it sleeps; null: as Ringmaster measures at start. */
  readonly spinNs: number | null
  /** Bytes per request, of workloads that may choose; null: the workload's own. */
  readonly blockBytes: number | null
  readonly buffers: 'plain' | 'registered'
  readonly files: 'plain' | 'direct'
  /** io-wq's bounded and unbounded workers per ring (io_uring_register(2), IORING_REGISTER_IOWQ_MAX_WORKERS); null: the kernel's default. */
  readonly ioWorkersMax: number | null
  /** Threads that send requests, 1 being the main thread alone. */
  readonly clients: number
}

/** On files, by any API: `ringmaster bench` has these, too. */
export const fileWorkloads = ['random-read', 'sequential-read', 'durable-append', 'small-files', 'mixed'] as const
export type WorkloadName = (typeof fileWorkloads)[number]

/** With those of a daemon: HTTP, and what one was recorded to do. */
export type TunedWorkload = WorkloadName | 'http' | 'recorded'
export const tunedWorkloads: readonly TunedWorkload[] = [...fileWorkloads, 'http', 'recorded']

/** What one timed window came to. */
export interface Sample {
  readonly seconds: number
  readonly operations: number
  readonly operationsPerSecond: number
  readonly bytesPerSecond: number
  readonly p50Ns: number
  readonly p99Ns: number
  /** CPU of all threads of the process, the kernel's iou-* threads among them. */
  readonly cpuNsPerOperation: number
  /** What disturbed the machine meanwhile. */
  readonly noise: NoiseReading
}

/** Shares of the machine's CPU time in the window, 0–1, and pressure: what was not ours. */
export interface NoiseReading {
  /** /proc/stat, steal. */
  readonly stealShare: number
  /** CPU time of everybody else: the machine's busy time less ours and steal. */
  readonly otherShare: number
  /** /proc/pressure/cpu and io, `some`, over the window; null where there is no PSI. */
  readonly cpuPressureShare: number | null
  readonly ioPressureShare: number | null
  /** cgroup cpu.stat, throttled_usec (cgroup v1: throttled_time) over the window; 0 without a quota. */
  readonly throttledShare: number
}

/** Something that can be tuned: the real machine with a workload, or a simulated one. Legs are run one at a time. */
export interface Subject {
  /** Runs the workload with this layout for about `seconds` (after its own warm-up) and answers with what came of it. Rejects with a LayoutImpossibleError where the machine cannot have it, and with the signal's reason. */
  measure(layout: Layout, seconds: number, signal?: AbortSignal): Promise<Sample>
}

/** The machine cannot have this layout: a knob's value is refused, and the reason is told under "not chosen". */
export class LayoutImpossibleError extends Error {
  override readonly name = 'LayoutImpossibleError'
}
