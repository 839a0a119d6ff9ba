// Pipes: splice, tee, pipe. For RawRing.submit() and chains.
import { addressOfView } from '../../../native/addresses.ts'
import {
  pipe as pipeRow,
  prepPipe,
  prepSplice,
  prepTee,
  splice as spliceRow,
  tee as teeRow,
} from '../../../native/operations/pipes.ts'
import { setDirect } from '../../../native/operations/row.ts'
import { checkInteger } from '../../arguments.ts'
import { closeOnExec } from '../../open-flags.ts'
import { adviceOnSlots, checkDescriptor, checkDirectTarget, checkOptions, fitsDirect, flagBits } from '../checks.ts'
import type { DirectTarget } from '../checks.ts'
import { PipeFlag, SpliceFlag } from '../flags.ts'
import type { Flags } from '../flags.ts'
import { descriptorFlags, descriptorNumber, makeOperation } from '../operation.ts'
import type { Descriptor, DirectDescriptor, Operation } from '../operation.ts'

/** SPLICE_F_FD_IN_FIXED: the SQE has one flag for direct descriptors, and that is for the output. */
const inputIsDirect = 1 << 31
const lengthMax = 2 ** 31 - 1

/** From where to where, and how much. */
export interface TeeOptions {
  readonly fdIn: Descriptor
  readonly fdOut: Descriptor
  /** In bytes, at most. */
  readonly length: number
  readonly flags?: Flags<keyof typeof SpliceFlag>
}

export interface SpliceOptions extends TeeOptions {
  /** Where to begin in the file; must not be given for a pipe. Default: the file's own position, which moves. */
  readonly positionIn?: number
  readonly positionOut?: number
}

function checkTee(options: TeeOptions): { fdIn: Descriptor; fdOut: Descriptor; length: number; spliceFlags: number } {
  const fdIn = checkDescriptor(checkOptions(options).fdIn, 'fdIn')
  const spliceFlags = flagBits(options.flags, SpliceFlag, 'flags')
  return {
    fdIn,
    fdOut: checkDescriptor(options.fdOut, 'fdOut'),
    length: checkInteger(options.length, 'length', 0, lengthMax),
    spliceFlags: typeof fdIn === 'number' ? spliceFlags : spliceFlags | inputIsDirect,
  }
}

const checkPipePosition = (position: unknown, name: string): number =>
  position === undefined ? -1 : checkInteger(position, name, 0, Number.MAX_SAFE_INTEGER)

/**
 * splice(2): moves data between a pipe and another descriptor without copying it to user memory. Runs on a kernel worker thread.
 * Resolves with the bytes moved, 0 at the end of the input. Since 5.7. io_uring_prep_splice(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: EBADF, EINVAL (neither is a pipe),
 * ESPIPE (a position for a pipe), …
 */
export function splice(options: SpliceOptions): Operation<number> {
  const { fdIn, fdOut, length, spliceFlags } = checkTee(options)
  const positionIn = checkPipePosition(options.positionIn, 'positionIn')
  const positionOut = checkPipePosition(options.positionOut, 'positionOut')
  return makeOperation(
    spliceRow,
    (words, at, flags) => {
      const [input, output] = [descriptorNumber(fdIn), descriptorNumber(fdOut)]
      prepSplice(words, at, flags, input, positionIn, output, positionOut, length, spliceFlags)
    },
    { sqeFlags: descriptorFlags(fdOut), wantedBytes: length },
  )
}

/**
 * tee(2): duplicates what is in one pipe into another, and leaves it in the first. Resolves with the bytes duplicated.
 * Since 5.8. io_uring_prep_tee(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: EBADF, EINVAL (not two pipes)
 */
export function tee(options: TeeOptions): Operation<number> {
  const { fdIn, fdOut, length, spliceFlags } = checkTee(options)
  return makeOperation(
    teeRow,
    (words, at, flags) => {
      prepTee(words, at, flags, descriptorNumber(fdIn), descriptorNumber(fdOut), length, spliceFlags)
    },
    { sqeFlags: descriptorFlags(fdOut), wantedBytes: length },
  )
}

/** The two ends of a pipe. */
export interface PipeEnds<D> {
  readonly read: D
  readonly write: D
}

export interface PipeOptions {
  readonly flags?: Flags<keyof typeof PipeFlag>
  /** Leave the descriptors open in programs that this one starts. Default false: O_CLOEXEC is added. */
  readonly inherit?: boolean
}

/**
 * pipe2(2). Resolves with two descriptors, yours to close; with `direct` they are that direct descriptor and the one after it.
 * Since 6.16. io_uring_prep_pipe(3).
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: EMFILE, ENFILE, EINVAL
 */
export function pipe(options?: PipeOptions & { readonly direct?: undefined }): Operation<PipeEnds<number>>
export function pipe(options: PipeOptions & { readonly direct: DirectTarget }): Operation<PipeEnds<DirectDescriptor>>
export function pipe(
  options: PipeOptions & { readonly direct?: DirectTarget | undefined } = {},
): Operation<PipeEnds<number> | PipeEnds<DirectDescriptor>> {
  const { flags, inherit = false, direct } = checkOptions(options)
  const bits = flagBits(flags, PipeFlag, 'flags')
  const pipeFlags = direct === undefined ? (inherit ? bits : bits | closeOnExec) : bits & ~closeOnExec
  const index = direct === undefined ? -1 : checkDirectTarget(direct)
  const ends = new Int32Array(2)
  const result = (): PipeEnds<number> | PipeEnds<DirectDescriptor> => {
    const [read, write] = ends
    if (direct === undefined) return { read: read!, write: write! }
    if (direct === 'allocate') return { read: { direct: read! }, write: { direct: write! } }
    return { read: { direct }, write: { direct: direct + 1 } }
  }
  return makeOperation(
    pipeRow,
    (words, at, sqeFlags) => {
      prepPipe(words, at, sqeFlags, addressOfView(ends), pipeFlags)
      setDirect(words, at, index)
    },
    { keep: [ends], fits: fitsDirect(direct, 2), advice: adviceOnSlots(direct), result },
  )
}
