// What the live page is told, and in which shape: services/live/ builds frames, live-feed.ts sends them, page/ draws them.
//
// A frame is a picture of all rings at one moment: counters as they stand, so that a viewer may miss frames and lose nothing of them,
// and histograms as what was added since the frame before: who misses one misses its observations. JSON of short arrays: a ring takes one to three kilobytes.

/** Grows when a page and a process of different versions would misunderstand each other: the page then asks to be reloaded. */
export const liveVersion = 1

/** Rings whose entries, slots, operations and errors are told one by one. Those after them are counters only. */
export const ringsDetailedMax = 16
/** Rings in a frame; the others are counted in `ringsLeftOut`. */
export const ringsMax = 64
/** Entries of a queue that a frame shows where there are up to `ringsLargeMax` rings, and where there are more. */
export const windowEntriesMax = 64
/** Slots of a ring that are told one by one, the lowest numbers first. */
export const slotsMax = 64
/** Bucket counts in a frame, all histograms together: what does not fit comes with the next frame. */
export const bucketsMax = 6_000
export const errorRowsMax = 32
export const bufferGroupsMax = 16
export const jobsMax = 64
/** A frame is below this: the limits above times the longest form of each part. Asserted by the tests with the worst case. */
export const frameBytesMax: number = 512 * 1024

/** What `LiveRing.counters` holds, in this order. All only grow. */
export const liveCounters = [
  'requests',
  'completions',
  'errors',
  'publishedBatches',
  'publishedEntries',
  'reapedBatches',
  'reapedCompletions',
  'enterCalls',
  'workerEnterCalls',
  'sqWakeups',
  'sleeps',
  'cqOverflows',
  'staleCompletions',
  'backlogRejections',
  'viewRejections',
  'timeouts',
  'cancels',
  'revived',
  'workerRestarts',
  'renewals',
  'moves',
  'heartbeats',
] as const
export type LiveCounter = (typeof liveCounters)[number]

/** What `LiveRing.gauges` holds, in this order. */
export const liveGauges = [
  'inFlight',
  'backlog',
  'foregroundWaiting',
  'backgroundWaiting',
  'backgroundInFlight',
  'backgroundShare',
] as const

/** A queue as it lies in memory: its two free-running indexes, and the entries around the tail. */
export interface LiveQueue {
  readonly entries: number
  readonly head: number
  readonly tail: number
  /** Index of the first entry in `cells`; the others follow. */
  readonly from: number
  /** Four hexadecimal digits an entry: the opcode (ff: unknown), then `sqCell` or `cqCell` flags. */
  readonly cells: string
}

/** Flags of an entry in the SQ's window: IOSQE_*, as the kernel has them. */
export const sqCell = { fixedFile: 0x1, drain: 0x2, link: 0x4, hardlink: 0x8, async: 0x10, bufferSelect: 0x20 } as const
/** Flags of an entry in the CQ's window. */
export const cqCell = { more: 0x1, buffer: 0x2, error: 0x4, notification: 0x8 } as const

/** What a slot is: a request, one that gives several completions, or the tag of a registered resource. */
export const slotKind = { single: 0, multishot: 1, tag: 2 } as const

/** slot, opcode, age in ms (-1: unknown), slotKind, completions it gave since the frame before. */
export type LiveSlot = readonly [slot: number, op: number, ageMs: number, kind: number, given: number]

/**
 * opcode, name, requests, completions, errors, bytes, all since the start; then what multishot requests gave on top of those completions,
 * of which each counts its last one: seen in the completion queue while somebody looked.
 */
export type LiveOperation = readonly [
  op: number,
  name: string,
  requests: number,
  completions: number,
  errors: number,
  bytes: number,
  given: number,
]

/** opcode, stage, ns added to the sum, then bucket index and observations added, in turns. */
export type LiveHistogram = readonly number[]

/** group, buffers, those the kernel has. */
export type LiveBufferGroup = readonly [group: number, count: number, available: number]

/** A table of the kernel's: places in use, and places. */
export type LiveTable = readonly [used: number, size: number]

export interface LiveSqThread {
  readonly tid: number
  readonly cpu: number
  readonly busyNs: number
  readonly totalNs: number
}

/** Scheduler times since the threads began; null for a thread that is not there. */
export interface LiveThreadTimes {
  readonly clientRunNs: number | null
  readonly clientWaitNs: number | null
  readonly pollerRunNs: number | null
  readonly pollerWaitNs: number | null
}

export interface LiveRing {
  readonly ring: number
  /** 0, or the number of the thread that attached and whose ring this is. */
  readonly client: number
  readonly poller: string
  readonly reason: string
  readonly state: string
  readonly workerState: string
  readonly memory: string
  readonly sqEntries: number
  readonly cqEntries: number
  readonly inFlightMax: number
  readonly backlogMax: number
  /** Null where the memory cannot be read from here, or the ring is not among the detailed ones. */
  readonly sq: LiveQueue | null
  readonly cq: LiveQueue | null
  /** IORING_SQ_NEED_WAKEUP: whoever polls sleeps. */
  readonly asleep: boolean
  /** IORING_SQ_CQ_OVERFLOW: completions wait in the kernel. */
  readonly overflowed: boolean
  /** Null where the slot table is another thread's. */
  readonly slots: readonly LiveSlot[] | null
  readonly counters: readonly number[]
  readonly gauges: readonly number[]
  /** When fdinfo and the scheduler were asked: Unix time, about once a second. What they said follows. */
  readonly factsAtMs: number
  readonly sqThread: LiveSqThread | null
  readonly times: LiveThreadTimes
  readonly groups: readonly LiveBufferGroup[]
  readonly files: LiveTable | null
  readonly buffers: LiveTable | null
  readonly operations: readonly LiveOperation[]
  /** Operation's name, error code, how often since the start. */
  readonly errors: readonly (readonly [operation: string, code: string, count: number])[]
  readonly histograms: readonly LiveHistogram[]
  readonly advice: { readonly poller: string; readonly cause: string; readonly reason: string }
}

/** Something that runs for longer than a request. Planes add their own: see LiveJobs. */
export interface LiveJob {
  /** What it is: `service`, `background`, … */
  readonly kind: string
  readonly name: string
  readonly state: string
  /** A sentence for people, or nothing. */
  readonly detail: string
  /** How far it is, 0 to 1; -1 where there is no end to be near to. */
  readonly progress: number
}

/** Rows for the section "Jobs" of the page, asked for once a frame. */
export type LiveJobs = () => readonly LiveJob[]

export interface LiveArena {
  readonly slabs: number
  readonly slabBytes: number
  readonly leased: number
  readonly waiters: number
  readonly registered: boolean
}

export interface LiveFrame {
  /** Grows by one a frame: a viewer sees what it missed. */
  readonly sequence: number
  /** Unix time. */
  readonly atMs: number
  /** Since the frame before; 0 in the first after a pause, whose histograms are empty. */
  readonly spanMs: number
  readonly rings: readonly LiveRing[]
  readonly ringsLeftOut: number
  /** Histograms that found no room: they come with the next frame. */
  readonly histogramsLeftOut: number
  readonly arenas: readonly LiveArena[]
  readonly jobs: readonly LiveJob[]
  /** What /readyz would answer; missing where nobody asks it. */
  readonly ready?: { readonly ok: boolean; readonly reason: string }
}

/** What does not change: sent to each viewer once. */
export interface LiveAbout {
  readonly liveVersion: number
  readonly host: string
  readonly pid: number
  /** When the process began, Unix time: with host and pid what it is known by. */
  readonly startedMs: number
  readonly version: string
  readonly node: string
  readonly kernel: string
  readonly effectiveCpus: number
  readonly wakeCostNs: number
  readonly spinNs: number
  /** What was chosen at the start, and why. */
  readonly placement: string
}

/** What live-feed.ts needs from whoever has the rings. */
export interface LiveSource {
  about(): LiveAbout
  /** Builds the next frame. */
  frame(): LiveFrame
  /** The last viewer has gone: what is kept from frame to frame is not needed any more. */
  rest(): void
}
