// What a trace tells: one event for each completion, one for each wake-up. Plain data: sent as JSON, turned into Chrome's format
// (trace-chrome.ts), shown by the page. Made by services/trace.ts.

/** A completion of one operation; a multishot operation has several. Times are in ms since the Unix epoch, to about 0.25 µs. */
export interface TraceEvent {
  readonly ring: number
  /** Of a thread that joined the rings: its number. Null: the thread that started them. */
  readonly client: number | null
  /** The operation's name, as in the metrics: read, openat, … */
  readonly operation: string
  /** A number for the operation, of its ring and client; completions of one multishot operation have the same one. */
  readonly id: number
  /** The `id` of the first operation of the chain that this one is in; null: none. */
  readonly chain: number | null
  /** How its entry is tied to the next one: the next one begins when this one has succeeded, or (hard) has ended. Null: it is not. */
  readonly link: 'soft' | 'hard' | null
  /** Further completions of the same operation follow. */
  readonly more: boolean
  /** The place in the table of requests that it has until its last completion. */
  readonly slot: number
  /** When the batch was begun in which the program asked for it. */
  readonly openedMs: number
  /** When it was put into the submission queue. Of what never got there (cancelled while it waited): when it was settled. */
  readonly publishedMs: number
  /** When its completion was found in the completion queue. */
  readonly seenMs: number
  /** When the program had been told. */
  readonly settledMs: number
  /** A length, a descriptor, 0, or a negated errno. Below -100,000: the ring was lost or closed, and the kernel has said nothing. */
  readonly result: number
  /** The completion's flags (IORING_CQE_F_*). */
  readonly flags: number
  /** The provided buffer that the kernel has taken; null: none. */
  readonly buffer: number | null
}

/** The thread that polls a ring was asleep and was woken. */
export interface TraceWakeup {
  readonly ring: number
  readonly client: number | null
  /** When the batch was published that woke it. */
  readonly atMs: number
  /** How often, since the wake-up before. */
  readonly count: number
}

/** A request that is not over. Of a request in a ring nothing is known but this until it completes. */
export interface TraceInFlight {
  readonly ring: number
  readonly client: number | null
  readonly operation: string
  /** As in the events of a multishot operation that goes on; null: it began before the trace, or is not in its sample. */
  readonly id: number | null
  readonly slot: number
  /** Whether it is in the kernel's hands; else it waits for a place in the ring. */
  readonly isSubmitted: boolean
  /** When it was put into the submission queue; null: not yet, or nobody knows (a multishot operation from before the trace). */
  readonly publishedMs: number | null
}

/** A piece of time, and what was traced in it. What GET /trace answers with format=events. */
export interface TraceRecording {
  /** On the clock of the events, as is endedMs. */
  readonly startedMs: number
  readonly endedMs: number
  /** Events that are missing here: overwritten before they were read, or more than one answer has. */
  readonly dropped: number
  /** One of how many operations was traced. */
  readonly sampleEvery: number
  /** What was not over at the end, of rings of the thread that recorded; all of it, whatever the sample. */
  readonly inFlight: readonly TraceInFlight[]
  readonly events: readonly TraceEvent[]
  readonly wakeups: readonly TraceWakeup[]
}
