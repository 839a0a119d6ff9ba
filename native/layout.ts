// Where things are in the shared memory of a pool. Used by whoever allocates it (services), by the ring worker and by the
// ring client. The control block's names and numbers are those of native/src/ring_control.h; layout.test.ts compares them.
//
//   per ring, each part page-aligned:
//   ┌─────────┬───────────────────────────┬────────┬──────────────┬─────────────┬─────────┐
//   │ control │ SQ+CQ header, CQEs, array │ SQEs   │ slot scratch │ leases      │ metrics │
//   └─────────┴───────────────────────────┴────────┴──────────────┴─────────────┴─────────┘
//              owned by the kernel once set up       paths, statx   small files

export const pageBytes: number = 4096

/**
 * The most slots of a ring's table of direct descriptors that raw operations can have: the first ones, as many as the option
 * rawDirectDescriptors says.
 */
export const rawDescriptorsMax: number = 65_536

/** The slots after those, which `raw.directSlots` leases: the kernel allocates none of them to anybody. readFile's follow. */
export const leasedDescriptors: number = 64

/** Entries of a ring's table of registered buffers that raw operations may use: the first ones. Those of arenas follow. */
export const rawBuffers: number = 64
/** Arenas that a ring's table has room for, one entry each. */
export const arenasMax: number = 16

/** The control block, byte offsets. Hot words lie two cache lines apart. */
export const Control = {
  sizeBytes: 512,
  version: 0,
  refs: 4,
  ring_fd: 8,
  event_fd: 12,
  wake_fd: 16,
  map_ring_address: 24,
  map_ring_bytes: 32,
  map_sqes_address: 40,
  map_sqes_bytes: 48,
  stop: 128,
  in_flight: 256,
  heartbeat: 384,
} as const

/**
 * Values of the control block's `stop`. `abandoned`: the client's thread ends with requests under way, says the addon. `stopped`: a poller
 * without a kernel does nothing any more.
 */
export const Stop = { none: 0, stop: 1, abandoned: 2, stopped: 3 } as const

export const controlVersion: number = 1

/** Scratch of one slot: what must stay put until the CQE and is small. Larger paths get a buffer of their own. */
export const Scratch = {
  sizeBytes: 512,
  /** struct statx, open_how or timespec. */
  struct: 0,
  /** A path and its NUL. */
  path: 256,
  pathBytesMax: 255,
} as const

/** Byte offsets of one ring's parts, relative to the shared memory. Plain data: it is sent to the ring worker. */
export interface RingPlace {
  readonly controlOffsetBytes: number
  readonly ringOffsetBytes: number
  readonly ringSizeBytes: number
  readonly sqesOffsetBytes: number
  readonly sqesSizeBytes: number
  readonly scratchOffsetBytes: number
  readonly leasesOffsetBytes: number
  readonly metricsOffsetBytes: number
}

/** What decides how much memory each ring takes. */
export interface PlaceSizes {
  readonly sqEntries: number
  readonly cqEntries: number
  readonly slots: number
  readonly leasesSizeBytes: number
  readonly metricsSizeBytes: number
}

/** Entries of a queue as the kernel makes them: the next power of two. */
const queueEntries = (entries: number): number => 1 << (32 - Math.clz32(entries - 1))

const pages = (sizeBytes: number): number => Math.ceil(sizeBytes / pageBytes) * pageBytes

/**
 * The part of user memory that holds SQ and CQ header, CQEs and SQ array: the kernel's rings_size(), rounded up.
 * The header takes less than 1 KiB on every architecture (struct io_rings, io_uring_types.h).
 */
export function ringSizeBytes(sqEntries: number, cqEntries: number): number {
  return pages(1024 + queueEntries(cqEntries) * 16 + queueEntries(sqEntries) * 4)
}

/** The part of user memory that holds the SQEs. */
export function sqesSizeBytes(sqEntries: number): number {
  return pages(queueEntries(sqEntries) * 64)
}

/** Lays out `count` rings one after the other. Returns their places and what the memory must hold. */
export function placeRings(count: number, sizes: PlaceSizes): { places: RingPlace[]; sizeBytes: number } {
  let offsetBytes = 0
  const next = (sizeBytes: number): number => {
    const at = offsetBytes
    offsetBytes += pages(sizeBytes)
    return at
  }
  const places = Array.from({ length: count }, (): RingPlace => {
    const ringBytes = ringSizeBytes(sizes.sqEntries, sizes.cqEntries)
    const sqesBytes = sqesSizeBytes(sizes.sqEntries)
    return {
      controlOffsetBytes: next(Control.sizeBytes),
      ringOffsetBytes: next(ringBytes),
      ringSizeBytes: ringBytes,
      sqesOffsetBytes: next(sqesBytes),
      sqesSizeBytes: sqesBytes,
      scratchOffsetBytes: next(sizes.slots * Scratch.sizeBytes),
      leasesOffsetBytes: next(sizes.leasesSizeBytes),
      metricsOffsetBytes: next(sizes.metricsSizeBytes),
    }
  })
  return { places, sizeBytes: offsetBytes }
}
