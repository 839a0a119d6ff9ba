// Creates a ring and gives views of its memory. Two kinds of memory, one view: `user` (ours, handed to the kernel with
// IORING_SETUP_NO_MMAP, 6.5) and `mapped` (the kernel's, mapped once and counted in the control block). Nothing above
// native/ knows which it has. open() is called by the ring worker, view() by every thread that uses the ring.
import { CqOffsets, MapOffset, Params, SetupFlag, SqOffsets } from './abi.ts'
import { binding } from './binding.ts'
import { kernelError } from './errors.ts'
import { Control, controlVersion, ringSizeBytes, sqesSizeBytes } from './layout.ts'
import type { RingPlace } from './layout.ts'
import { Ring } from './ring.ts'
import type { MemoryKind, RingGeometry } from './ring-geometry.ts'

export interface RingSetup {
  readonly sqEntries: number
  readonly cqEntries: number
  /** IORING_SETUP_* that the caller insists on; NO_MMAP, CQSIZE and NO_SQARRAY are decided here. */
  readonly flags: number
  readonly sqThreadIdleMs: number
  /** A ring of this process whose SQ thread this one is to share (IORING_SETUP_ATTACH_WQ). Without it: a thread of its own. */
  readonly attachFd?: number | undefined
  /** CPU for the SQ thread, or -1. */
  readonly sqThreadCpu: number
  /** `auto` tries user memory first. */
  readonly memory: MemoryKind | 'auto'
}

/** The control block's words. */
export function controlWords(memory: SharedArrayBuffer, place: RingPlace): Int32Array {
  return new Int32Array(memory, place.controlOffsetBytes, Control.sizeBytes >> 2)
}

function controlBytes(memory: SharedArrayBuffer, place: RingPlace): Uint8Array {
  return new Uint8Array(memory, place.controlOffsetBytes, Control.sizeBytes)
}

function putAddress(params: DataView, offsetBytes: number, address: number): void {
  params.setUint32(offsetBytes, address >>> 0, true)
  params.setUint32(offsetBytes + 4, Math.floor(address / 4294967296), true)
}

// Newer flags that only save work are dropped one by one where the kernel answers EINVAL.
const optionalFlags: readonly number[] = [SetupFlag.NO_SQARRAY | SetupFlag.SUBMIT_ALL, SetupFlag.SUBMIT_ALL, 0]

function trySetup(
  memory: SharedArrayBuffer,
  place: RingPlace,
  setup: RingSetup,
  kind: MemoryKind,
): { fd: number; params: DataView } {
  const addon = binding()
  // The kernel takes as much of our memory as the queues need, and knows nothing of what lies behind.
  const fits =
    ringSizeBytes(setup.sqEntries, setup.cqEntries) <= place.ringSizeBytes &&
    sqesSizeBytes(setup.sqEntries) <= place.sqesSizeBytes
  if (kind === 'user' && !fits) {
    throw new RangeError(
      `a ring of ${setup.sqEntries} and ${setup.cqEntries} entries is larger than the place laid out for it`,
    )
  }
  const base = kind === 'user' ? addon.addressOf(new Uint8Array(memory)) : 0
  let fd = -22
  for (const optional of optionalFlags) {
    const bytes = new Uint8Array(Params.sizeBytes)
    const params = new DataView(bytes.buffer)
    const flags = setup.flags | optional | SetupFlag.CQSIZE | (kind === 'user' ? SetupFlag.NO_MMAP : 0)
    const { attachFd } = setup
    const thread = (setup.sqThreadCpu >= 0 ? SetupFlag.SQ_AFF : 0) | (attachFd === undefined ? 0 : SetupFlag.ATTACH_WQ)
    params.setUint32(Params.flags, flags | thread, true)
    params.setUint32(Params.wq_fd, attachFd ?? 0, true)
    params.setUint32(Params.cq_entries, setup.cqEntries, true)
    params.setUint32(Params.sq_thread_idle, setup.sqThreadIdleMs, true)
    params.setUint32(Params.sq_thread_cpu, Math.max(setup.sqThreadCpu, 0), true)
    if (kind === 'user') {
      putAddress(params, Params.cq_off + CqOffsets.user_addr, base + place.ringOffsetBytes)
      putAddress(params, Params.sq_off + SqOffsets.user_addr, base + place.sqesOffsetBytes)
    }
    fd = addon.setup(setup.sqEntries, bytes, controlBytes(memory, place))
    if (fd >= 0) return { fd, params }
    if (fd !== -22) break
  }
  throw kernelError(fd, 'io_uring_setup')
}

function setupRing(
  memory: SharedArrayBuffer,
  place: RingPlace,
  setup: RingSetup,
): { fd: number; params: DataView; kind: MemoryKind } {
  if (setup.memory !== 'mapped') {
    try {
      return { ...trySetup(memory, place, setup, 'user'), kind: 'user' }
    } catch (error) {
      // EINVAL: older than 6.5. ENOMEM, EFAULT: before about 6.10 the pages had to be contiguous.
      const errno = (error as { errno?: number }).errno ?? 0
      if (setup.memory === 'user' || ![-22, -12, -14].includes(errno)) throw error
    }
  }
  return { ...trySetup(memory, place, setup, 'mapped'), kind: 'mapped' }
}

/**
 * Creates the ring at `place`. Its descriptor (and mappings) are in the control block from the moment there are any, where
 * whoever releases the last hold finds and closes them.
 * @throws SystemError of io_uring_setup(2) or mmap(2).
 */
export function openRing(memory: SharedArrayBuffer, place: RingPlace, setup: RingSetup): RingGeometry {
  const { fd, params, kind } = setupRing(memory, place, setup)
  controlWords(memory, place)[Control.version >> 2] = controlVersion
  const sq = (field: number): number => params.getUint32(Params.sq_off + field, true) >> 2
  const cq = (field: number): number => params.getUint32(Params.cq_off + field, true) >> 2
  const sqEntries = params.getUint32(Params.sq_entries, true)
  const cqEntries = params.getUint32(Params.cq_entries, true)
  const setupFlags = params.getUint32(Params.flags, true)
  const geometry: RingGeometry = {
    kind,
    ringFd: fd,
    setupFlags,
    features: params.getUint32(Params.features, true),
    sqEntries,
    cqEntries,
    sqHead: sq(SqOffsets.head),
    sqTail: sq(SqOffsets.tail),
    sqFlags: sq(SqOffsets.flags),
    cqHead: cq(CqOffsets.head),
    cqTail: cq(CqOffsets.tail),
    cqFlags: cq(CqOffsets.flags),
    cqOverflow: cq(CqOffsets.overflow),
    cqes: cq(CqOffsets.cqes),
  }
  const hasArray = (setupFlags & SetupFlag.NO_SQARRAY) === 0
  const arrayAt = sq(SqOffsets.array)
  if (kind === 'mapped') {
    const ringBytes = Math.max((geometry.cqes << 2) + cqEntries * 16, hasArray ? (arrayAt + sqEntries) << 2 : 0)
    const control = controlBytes(memory, place)
    mapPart(control, MapOffset.sqRing, ringBytes)
    mapPart(control, MapOffset.sqes, sqEntries * 64)
  }
  if (hasArray) {
    // The SQ array adds an indirection that nothing here needs: entry i is at index i, forever.
    const { ring, detach } = viewRing(memory, place, geometry)
    for (let index = 0; index < sqEntries; index++) ring.words[arrayAt + index] = index
    detach()
  }
  return geometry
}

function mapPart(control: Uint8Array, offsetBytes: number, sizeBytes: number): void {
  const mapped = binding().map(control, sizeBytes, offsetBytes)
  if (mapped < 0) throw kernelError(mapped, 'mmap')
}

function getAddress(control: DataView, offsetBytes: number): number {
  return control.getUint32(offsetBytes, true) + control.getUint32(offsetBytes + 4, true) * 4294967296
}

/**
 * A view of the ring for this thread. `detach` takes the views of mapped memory away from this thread, so that nothing can
 * touch them after the mapping has gone; on user memory it does nothing, garbage collection owns that.
 */
export function viewRing(
  memory: SharedArrayBuffer,
  place: RingPlace,
  geometry: RingGeometry,
): { ring: Ring; detach: () => void } {
  if (geometry.kind === 'user') {
    const words = new Int32Array(memory, place.ringOffsetBytes, place.ringSizeBytes >> 2)
    const sqes = new Int32Array(memory, place.sqesOffsetBytes, geometry.sqEntries << 4)
    return { ring: new Ring(geometry, words, sqes), detach: () => undefined }
  }
  const addon = binding()
  const control = new DataView(memory, place.controlOffsetBytes, Control.sizeBytes)
  const header = addon.view(getAddress(control, Control.map_ring_address), getAddress(control, Control.map_ring_bytes))
  const entries = addon.view(getAddress(control, Control.map_sqes_address), getAddress(control, Control.map_sqes_bytes))
  const ring = new Ring(geometry, new Int32Array(header, 0, header.byteLength >> 2), new Int32Array(entries))
  const detach = (): void => {
    addon.detach(header)
    addon.detach(entries)
  }
  return { ring, detach }
}
