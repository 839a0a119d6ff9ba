// Tables of the ring, and other rings: filesUpdate, fixedFdInstall, provideBuffers, removeBuffers, msgRing. For
// RawRing.submit() and chains.
import { MessageRing } from '../../../native/abi.ts'
import { addressOfView } from '../../../native/addresses.ts'
import { invalidArgType } from '../../../native/errors.ts'
import {
  filesUpdate as filesUpdateRow,
  fixedFdInstall as fixedFdInstallRow,
  msgRing as msgRingRow,
  prepFilesUpdate,
  prepFixedFdInstall,
  prepMsgRing,
  prepMsgRingFd,
  prepProvideBuffers,
  prepRemoveBuffers,
  provideBuffers as provideBuffersRow,
  removeBuffers as removeBuffersRow,
} from '../../../native/operations/registered.ts'
import { rawDescriptorsMax } from '../../../native/layout.ts'
import { checkBoolean, checkInteger } from '../../arguments.ts'
import {
  adviceOnMessages,
  checkDirectTarget,
  checkFd,
  checkMessageTarget,
  checkGroup,
  checkOptions,
  checkPart,
  fitsDirect,
  partAddress,
  slotsOf,
} from '../checks.ts'
import type { DirectTarget } from '../checks.ts'
import { descriptorFlags, makeOperation } from '../operation.ts'
import type { DirectDescriptor, Operation } from '../operation.ts'
import { requireFeature } from '../support.ts'

const int32Max = 2 ** 31 - 1
/** IORING_FILE_INDEX_ALLOC as the offset of an update. */
const anySlots = 0xffffffff

function checkDirectDescriptor(fd: unknown, name: string): DirectDescriptor {
  if (typeof fd !== 'object' || fd === null || !('direct' in fd)) throw invalidArgType(name, '{ direct: number }', fd)
  return { direct: checkInteger(fd.direct, `${name}.direct`, 0, int32Max) }
}

export interface FilesUpdateOptions<I> {
  /** Descriptors of the process; -1 empties a slot, -2 leaves it as it is. The process's own stay open. */
  readonly descriptors: readonly number[]
  /** The first slot, or any free ones (5.19). */
  readonly index: I
}

/**
 * Puts descriptors of the process into the ring's table of direct descriptors. Resolves with how many were, or which slots.
 * Since 5.6. io_uring_prep_files_update(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE. Rejects: EBADF, ENFILE (no free slot), ENXIO (no table)
 */
export function filesUpdate(options: FilesUpdateOptions<number>): Operation<number>
export function filesUpdate(options: FilesUpdateOptions<'allocate'>): Operation<DirectDescriptor[]>
export function filesUpdate(options: FilesUpdateOptions<DirectTarget>): Operation<number | DirectDescriptor[]> {
  const { descriptors, index } = checkOptions(options)
  if (!Array.isArray(descriptors)) throw invalidArgType('descriptors', 'an array of descriptors', descriptors)
  const given = (descriptors as readonly unknown[]).map((fd, at) =>
    checkInteger(fd, `descriptors[${at}]`, -2, int32Max),
  )
  checkInteger(given.length, 'descriptors.length', 1, rawDescriptorsMax)
  const first = index === 'allocate' ? anySlots : checkInteger(index, 'index', 0, rawDescriptorsMax - given.length)
  const table = new Int32Array(given.length)
  return makeOperation<number | DirectDescriptor[]>(
    filesUpdateRow,
    (words, at, flags) => {
      table.set(given) // the kernel writes the slots it took over the descriptors
      prepFilesUpdate(words, at, flags, addressOfView(table), table.length, first)
    },
    {
      keep: [table],
      fits: fitsDirect(index, given.length, 'index'),
      result: (count) =>
        index === 'allocate' ? Array.from(table.subarray(0, count), (direct) => ({ direct })) : count,
    },
  )
}

export interface FixedFdInstallOptions {
  readonly fd: DirectDescriptor
  /** Leave the descriptor open in programs that this one starts. Default false: it has O_CLOEXEC. */
  readonly inherit?: boolean
}

/**
 * Makes a descriptor of the process from a direct one, which stays. Resolves with the descriptor, yours to close.
 * Since 6.8. io_uring_prep_fixed_fd_install(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE. Rejects: EBADF (empty slot), EMFILE
 */
export function fixedFdInstall(options: FixedFdInstallOptions): Operation<number> {
  const fd = checkDirectDescriptor(checkOptions(options).fd, 'fd')
  const installFlags = checkBoolean(options.inherit, 'inherit') ? 1 : 0
  return makeOperation(
    fixedFdInstallRow,
    (words, at, flags) => {
      prepFixedFdInstall(words, at, flags, fd.direct, installFlags)
    },
    { sqeFlags: descriptorFlags(fd) },
  )
}

export interface ProvideBuffersOptions {
  /** Memory of `count` buffers of `sizeBytes`, one after the other. */
  readonly buffer: ArrayBufferView
  readonly sizeBytes: number
  /** Default: as many as the memory holds. */
  readonly count?: number
  readonly bufferGroup: number
  /** The first buffer's number. Default 0. */
  readonly firstId?: number
}

// After the operation is over the kernel still has the buffers, until they were used or removed, and does not tell which it
// still has. So the memory lives as long as the ring's queue does, which is what `words` is.
const provided = new WeakMap<Int32Array, Set<ArrayBufferLike>>()

/**
 * Gives buffers to a group, for read and recv with `bufferGroup`: the older way, RawRing.provideBuffers() is faster. The memory is
 * kept until the ring is closed. Resolves with 0, on older kernels with the number of buffers.
 * Since 5.7. io_uring_prep_provide_buffers(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE. Rejects: EINVAL (the group is a ring of provided buffers), ENOMEM, E2BIG, EOVERFLOW
 */
export function provideBuffers(options: ProvideBuffersOptions): Operation<number> {
  const part = checkPart(checkOptions(options).buffer, 0, undefined)
  const sizeBytes = checkInteger(options.sizeBytes, 'sizeBytes', 1, part.length)
  const countMax = Math.min(65536, Math.floor(part.length / sizeBytes))
  const count = checkInteger(options.count ?? countMax, 'count', 1, countMax)
  const group = checkGroup(options.bufferGroup)
  const firstId = checkInteger(options.firstId ?? 0, 'firstId', 0, 65535)
  return makeOperation(
    provideBuffersRow,
    (words, at, flags) => {
      const memory = provided.get(words) ?? new Set()
      provided.set(words, memory.add(part.view.buffer))
      // A buffer that was detached since has no memory to give.
      const there = part.view.byteLength >= sizeBytes * count
      prepProvideBuffers(words, at, flags, there ? partAddress(part) : 0, sizeBytes, count, group, firstId)
    },
    { keep: [part.view] },
  )
}

/**
 * Takes buffers out of a group again, at most `count`. Resolves with how many.
 * Since 5.7. io_uring_prep_remove_buffers(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE. Rejects: ENOENT (no such group, or none in it), EINVAL
 */
export function removeBuffers(options: { readonly bufferGroup: number; readonly count: number }): Operation<number> {
  const group = checkGroup(checkOptions(options).bufferGroup)
  const count = checkInteger(options.count, 'count', 1, 65536)
  return makeOperation(removeBuffersRow, (words, at, flags) => {
    prepRemoveBuffers(words, at, flags, count, group)
  })
}

/** To which ring, and what its completion says. */
export interface MsgRingOptions {
  /** A ring of this process: RawRing.ringFd, or any other. */
  readonly ringFd: number
  /** The completion's user_data, up to 2^53. Default 0. Of a ring of Ringmaster it must be a Mailbox's `address`. */
  readonly userData?: number
}

export interface MessageDataOptions extends MsgRingOptions {
  /** The completion's result. */
  readonly result: number
  /** The completion's flags (6.3). Default 0. */
  readonly cqeFlags?: number
}

export interface MessageDescriptorOptions extends MsgRingOptions {
  /** A direct descriptor of this ring, which keeps it. */
  readonly fd: DirectDescriptor
  /** Where in the other ring's table (6.0). */
  readonly into: DirectTarget
  /** Do not post a completion there. */
  readonly silent?: boolean
}

/**
 * Posts a completion to another ring, or gives it a direct descriptor. Resolves with 0, or with the slot that was allocated there.
 * Since 5.18. io_uring_prep_msg_ring(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE, ERR_INVALID_ARG_VALUE (a ring of Ringmaster, and user data that is no mailbox's),
 * ERR_RING_OPERATION_UNSUPPORTED (cqeFlags before 6.3).
 * Rejects: EBADF, EBADFD (not a ring, or disabled), EOVERFLOW (its CQ is full), EINVAL
 */
export function msgRing(options: MessageDataOptions | MessageDescriptorOptions): Operation<number> {
  const ringFd = checkFd(checkOptions(options).ringFd, 'ringFd')
  const userData = checkInteger(options.userData ?? 0, 'userData', 0, Number.MAX_SAFE_INTEGER)
  const low = userData | 0
  const high = (userData / 4294967296) | 0
  if (!('fd' in options) || options.silent !== true) checkMessageTarget(ringFd, low, 'userData')
  if ('fd' in options) {
    const source = checkDirectDescriptor(options.fd, 'fd').direct
    const target = checkDirectTarget(options.into, 'into', slotsOf(ringFd))
    const skip = checkBoolean(options.silent, 'silent') ? MessageRing.CQE_SKIP : 0
    return makeOperation(
      msgRingRow,
      (words, at, flags) => {
        prepMsgRingFd(words, at, flags, ringFd, source, target, low, high, skip)
      },
      { advice: adviceOnMessages(true) },
    )
  }
  const result = checkInteger(options.result, 'result', -(2 ** 31), int32Max)
  const cqeFlags = checkInteger(options.cqeFlags ?? 0, 'cqeFlags', 0, 2 ** 32 - 1)
  if (cqeFlags !== 0) requireFeature('msgRingFlagsPass')
  const pass = cqeFlags === 0 ? 0 : MessageRing.FLAGS_PASS
  return makeOperation(
    msgRingRow,
    (words, at, flags) => {
      prepMsgRing(words, at, flags, ringFd, result, low, high, pass)
      words[at + 11] = cqeFlags
    },
    { advice: adviceOnMessages(false) },
  )
}
