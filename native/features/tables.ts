// Features of tables and registrations: direct descriptors, buffers, what io_uring_register(2) sets. Rows of ../features.ts.
import { Feature, Op, RegisterOp } from '../abi.ts'
import { addressOfView } from '../addresses.ts'
import { allocateDirect } from '../operations/row.ts'
import { ENOENT, ENXIO, first, socketIn } from './feature.ts'
import type { FeatureRow } from './feature.ts'
import { scratchSlots } from './scratch-ring.ts'
import type { ScratchRing } from './scratch-ring.ts'

export type TableFeature =
  | 'sparseFiles'
  | 'directAllocate'
  | 'fileAllocRange'
  | 'bufferRing'
  | 'bufferRingIncremental'
  | 'bufferRingStatus'
  | 'resourceTags'
  | 'cloneBuffers'
  | 'cloneBuffersReplace'
  | 'restrictions'
  | 'iowqMaxWorkers'
  | 'napi'
  | 'clock'
  | 'resizeRings'
  | 'memRegion'

const EBUSY = -16
const EBADFD = -77
const pbufIncremental = 2
const cloneReplace = 2
const [AF_UNIX, SOCK_STREAM] = [1, 1]
const deferTaskrun = 'it needs a ring with DEFER_TASKRUN, which only one thread may enter'

const bufferRingTrial =
  (group: number, pbufFlags: number) =>
  (ring: ScratchRing): number => {
    const argument = Buffer.alloc(40)
    argument.writeBigUInt64LE(BigInt(addressOfView(ring.bytes) + 4096), 0)
    argument.writeUInt32LE(8, 8)
    argument.writeUInt16LE(group, 12)
    argument.writeUInt16LE(pbufFlags, 14)
    return ring.register(RegisterOp.REGISTER_PBUF_RING, argument, 1)
  }

const cloneTrial =
  (cloneFlags: number) =>
  (ring: ScratchRing): number =>
    ring.register(RegisterOp.REGISTER_CLONE_BUFFERS, Uint32Array.of(ring.otherFd, cloneFlags, 0, 0, 0, 0, 0, 0), 1)

export const tableFeatures: Readonly<Record<TableFeature, FeatureRow>> = {
  sparseFiles: {
    since: '5.19',
    says: 'a table of direct descriptors that is empty at first',
    proof: EBUSY, // the ring has one
    trial: (ring) => {
      const table = Uint32Array.of(scratchSlots, 1, 0, 0, 0, 0, 0, 0)
      return ring.register(RegisterOp.REGISTER_FILES2, table, table.byteLength)
    },
  },
  directAllocate: {
    since: '5.19',
    says: 'the kernel finds a free direct descriptor',
    opcodes: [Op.SOCKET],
    proof: 'done',
    trial: (ring) => first(ring, socketIn(allocateDirect, AF_UNIX, SOCK_STREAM, 0)),
  },
  fileAllocRange: {
    since: '6.0',
    says: 'within a range of them',
    proof: 'done',
    trial: (ring) => ring.register(RegisterOp.REGISTER_FILE_ALLOC_RANGE, Uint32Array.of(0, scratchSlots, 0, 0), 0),
  },
  bufferRing: { since: '5.19', says: 'rings of provided buffers', proof: 'done', trial: bufferRingTrial(1, 0) },
  bufferRingIncremental: {
    since: '6.12',
    says: 'buffers that are filled piece by piece',
    proof: 'done',
    trial: bufferRingTrial(2, pbufIncremental),
  },
  bufferRingStatus: {
    since: '6.8',
    says: 'how far the kernel is in such a ring',
    proof: ENOENT, // no such group
    trial: (ring) => ring.register(RegisterOp.REGISTER_PBUF_STATUS, Uint32Array.of(99, 0, 0, 0, 0, 0, 0, 0, 0, 0), 1),
  },
  resourceTags: {
    since: '5.13',
    says: 'registered files and buffers replaced one by one, with word of when the old one is free',
    bits: Feature.RSRC_TAGS,
    proof: ENXIO, // no buffers are registered
    trial: (ring) => {
      const update = Uint32Array.of(0, 0, 0, 0, 0, 0, 1, 0)
      return ring.register(RegisterOp.REGISTER_BUFFERS_UPDATE, update, update.byteLength)
    },
  },
  cloneBuffers: { since: '6.12', says: "another ring's registered buffers", proof: ENXIO, trial: cloneTrial(0) },
  cloneBuffersReplace: {
    since: '6.13',
    says: 'in place of those that are there',
    proof: ENXIO,
    trial: cloneTrial(cloneReplace),
  },
  restrictions: {
    since: '5.10',
    says: 'rings that accept only what was named',
    proof: EBADFD, // the ring is not disabled
    trial: (ring) => ring.register(RegisterOp.REGISTER_RESTRICTIONS, new Uint8Array(16), 1),
  },
  iowqMaxWorkers: {
    since: '5.15',
    says: 'limits of kernel worker threads',
    proof: 'done',
    trial: (ring) => ring.register(RegisterOp.REGISTER_IOWQ_MAX_WORKERS, Uint32Array.of(0, 0), 2),
  },
  napi: {
    since: '6.9',
    says: 'polls network cards before it waits for them',
    proof: 'done',
    trial: (ring) => ring.register(RegisterOp.UNREGISTER_NAPI, new Uint8Array(16), 1),
  },
  clock: {
    since: '6.12',
    says: 'the clock of waits',
    proof: 'done',
    trial: (ring) => ring.register(RegisterOp.REGISTER_CLOCK, Uint32Array.of(1, 0, 0, 0), 0),
  },
  resizeRings: { since: '6.13', says: 'queues that grow', refused: deferTaskrun },
  memRegion: {
    since: '6.13',
    says: 'memory for the arguments of waits',
    refused: 'this client waits in its event loop, and not in io_uring_enter(2)',
  },
}
