// The table of direct descriptors: update, and the range in which the kernel looks for free slots. Used by Registrations.
//
//   struct io_uring_files_update { u32 offset; u32 resv; u64 fds }   struct io_uring_file_index_range { u32 off; u32 len; u64 resv }
//
// The first slots are raw operations', as many as the option rawDirectDescriptors says; those behind belong to readFile, which would
// read other files if anybody else put some there.
import { RegisterOp } from '../../../native/abi.ts'
import { addressOfView } from '../../../native/addresses.ts'
import { invalidArgType } from '../../../native/errors.ts'
import type { RingHandle } from '../../../workers/ring-handle.ts'
import { checkInteger } from '../../arguments.ts'
import { checkOptions } from '../checks.ts'
import { putU64 } from '../structs.ts'
import { register } from './call.ts'

const int32Max = 2 ** 31 - 1

export interface FilesUpdate {
  /** The first slot. */
  readonly index: number
  /** Descriptors of the process; -1 empties a slot, -2 leaves it as it is (5.12). The process's own stay open. */
  readonly descriptors: readonly number[]
}

/** How many slots were set. */
export function filesUpdate(handle: RingHandle, options: FilesUpdate): number {
  const { descriptors, index } = checkOptions(options)
  const { rawDescriptors } = handle
  if (!Array.isArray(descriptors)) throw invalidArgType('descriptors', 'an array of descriptors', descriptors)
  const given = (descriptors as readonly unknown[]).map((fd, at) =>
    checkInteger(fd, `descriptors[${at}]`, -2, int32Max),
  )
  checkInteger(given.length, 'descriptors.length', 1, rawDescriptors)
  const first = checkInteger(index, 'index', 0, rawDescriptors - given.length)
  const table = Int32Array.from(given)
  const update = Buffer.alloc(16)
  update.writeUInt32LE(first, 0)
  putU64(update, 8, addressOfView(table))
  return register(handle, RegisterOp.REGISTER_FILES_UPDATE, update, table.length)
}

export interface FileAllocRange {
  readonly index: number
  readonly count: number
}

/** Where 'allocate' finds its slots from now on. */
export function fileAllocRange(handle: RingHandle, options: FileAllocRange): void {
  const { rawDescriptors } = handle
  const index = checkInteger(checkOptions(options).index, 'index', 0, rawDescriptors)
  const count = checkInteger(options.count, 'count', 0, rawDescriptors - index)
  register(handle, RegisterOp.REGISTER_FILE_ALLOC_RANGE, Uint32Array.of(index, count, 0, 0), 0)
}
