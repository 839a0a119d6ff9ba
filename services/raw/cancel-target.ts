// What to cancel: the same for a request (op.asyncCancel) and for a call (registrations.syncCancel). Used by both.
import { CancelFlag } from '../../native/abi.ts'
import { invalidArgValue } from '../../native/errors.ts'
import { operations } from '../../native/operations/index.ts'
import { checkBoolean, checkInteger } from '../arguments.ts'
import { checkDescriptor, checkOptions, checkTarget } from './checks.ts'
import type { Descriptor, Operation } from './operation.ts'
import { requireFeature } from './support.ts'

/** What to cancel: everything that is given must match. Or `any`, which goes with nothing that names requests. */
export interface AsyncCancelOptions {
  /** The operation that was submitted last as this object. */
  readonly operation?: Operation<unknown>
  /** Requests on this descriptor (5.19; a direct one 6.0). */
  readonly fd?: Descriptor
  /** Requests of this kind, by name as in `ringmaster operations` or by number (6.6). */
  readonly opcode?: string | number
  /** Every request of the ring, other users' too, with or without `all` (5.19): the result is how many. */
  readonly any?: boolean
  /** Every match, not only the first (5.19): the result is how many. */
  readonly all?: boolean
}

/** What to cancel, as the kernel is told: the same for a request and for a call (registrations.syncCancel()). */
export interface CancelTarget {
  readonly target: Operation<unknown> | undefined
  readonly descriptor: number
  readonly opcode: number
  readonly cancelFlags: number
}

/**
 * @throws ERR_INVALID_ARG_VALUE (nothing to match, or `any` with something to match), ERR_INVALID_ARG_TYPE,
 * ERR_RING_OPERATION_UNSUPPORTED (opcode, or operation with something else, before 6.6)
 */
export function cancelTarget(options: AsyncCancelOptions): CancelTarget {
  const { operation, fd, opcode } = checkOptions(options)
  const [any, all] = [checkBoolean(options.any, 'any'), checkBoolean(options.all, 'all')]
  if (operation === undefined && fd === undefined && opcode === undefined && !any)
    throw invalidArgValue('options', options, 'must name what to cancel: operation, fd, opcode or any')
  // The kernel refuses some of these, and takes others for `any` alone.
  if (any && (operation !== undefined || fd !== undefined || opcode !== undefined))
    throw invalidArgValue('options', options, 'must not name operation, fd or opcode together with any')
  const target = operation === undefined ? undefined : checkTarget(operation)
  const descriptor = fd === undefined ? -1 : checkDescriptor(fd)
  const code = opcode === undefined ? 0 : opcodeOf(opcode)
  let cancelFlags = all ? CancelFlag.ALL : 0
  if (any) cancelFlags |= CancelFlag.ANY
  if (fd !== undefined) cancelFlags |= CancelFlag.FD
  if (opcode !== undefined) cancelFlags |= CancelFlag.OP
  if (typeof descriptor !== 'number') cancelFlags |= CancelFlag.FD_FIXED
  // The user_data is what matches by default; together with others it has to be asked for.
  if (operation !== undefined && (fd !== undefined || opcode !== undefined)) cancelFlags |= CancelFlag.USERDATA
  // Linux 6.1 does not refuse what it does not know of these: it ignores it, and cancels something else.
  if (opcode !== undefined) requireFeature('cancelOp')
  if ((cancelFlags & CancelFlag.USERDATA) !== 0) requireFeature('cancelUserData')
  const number = typeof descriptor === 'number' ? descriptor : descriptor.direct
  return { target, descriptor: number, opcode: code, cancelFlags }
}

function opcodeOf(opcode: string | number): number {
  if (typeof opcode === 'number') return checkInteger(opcode, 'opcode', 0, 255)
  const row = operations.find(({ name }) => name === opcode)
  if (row === undefined) throw invalidArgValue('opcode', opcode, 'must be the name of an operation')
  return row.opcode
}
