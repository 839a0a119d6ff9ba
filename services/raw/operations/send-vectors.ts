// Sends of several buffers without a struct msghdr: sendVector, sendVectorZc (IORING_SEND_VECTORIZED). For RawRing.submit() and
// chains; sendmsg does it on older kernels, and with addresses and control data.
import { RecvSendFlag } from '../../../native/abi.ts'
import { prepSend, prepSendZc, send as sendRow, sendZc as sendZcRow } from '../../../native/operations/messages.ts'
import { checkBoolean } from '../../arguments.ts'
import { checkDescriptor, checkOptions, flagBits } from '../checks.ts'
import { MessageFlag } from '../flags.ts'
import { descriptorFlags, descriptorNumber, makeOperation } from '../operation.ts'
import type { Operation } from '../operation.ts'
import { checkVectors, vectorsAddress } from '../structs.ts'
import { zeroCopySent } from './messages.ts'
import type { MessageOptions, ZeroCopySent } from './messages.ts'

const EINVAL = -22

const refusal = (errno: number): string | undefined =>
  errno === EINVAL ? 'sends of several buffers came with Linux 6.17; sendmsg has been there always' : undefined

export interface SendVectorOptions extends MessageOptions {
  /** Sent one after the other; at most 1024. They belong to the kernel until the operation is over. */
  readonly buffers: readonly ArrayBufferView[]
}

/**
 * send(2) of several buffers. Resolves with the bytes sent, which may be fewer without MSG_WAITALL.
 * Since 6.17. io_uring_enter(2), IORING_SEND_VECTORIZED.
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE. Rejects: ERR_RING_OPERATION_UNSUPPORTED, and as send.
 */
export function sendVector(options: SendVectorOptions): Operation<number> {
  const fd = checkDescriptor(checkOptions(options).fd)
  const vectors = checkVectors(options.buffers)
  const messageFlags = flagBits(options.flags, MessageFlag, 'flags')
  const ioFlags =
    RecvSendFlag.SEND_VECTORIZED | (checkBoolean(options.pollFirst, 'pollFirst') ? RecvSendFlag.POLL_FIRST : 0)
  return makeOperation(
    sendRow,
    (words, at, flags) => {
      const address = vectorsAddress(vectors)
      prepSend(words, at, flags, descriptorNumber(fd), address, vectors.parts.length, messageFlags, ioFlags)
    },
    {
      keep: [vectors],
      sqeFlags: descriptorFlags(fd),
      wantedBytes: (messageFlags & MessageFlag.MSG_WAITALL) === 0 ? -1 : vectors.totalBytes,
      refusal,
    },
  )
}

/**
 * sendVector without copying. Resolves when the kernel has let go of the buffers.
 * Since 6.17. io_uring_enter(2), IORING_SEND_VECTORIZED.
 * @throws as sendVector. Rejects as sendVector and sendZc.
 */
export function sendVectorZc(options: SendVectorOptions & { readonly reportUsage?: boolean }): Operation<ZeroCopySent> {
  const fd = checkDescriptor(checkOptions(options).fd)
  const vectors = checkVectors(options.buffers)
  const messageFlags = flagBits(options.flags, MessageFlag, 'flags')
  const { reportUsage = false } = options
  let ioFlags =
    RecvSendFlag.SEND_VECTORIZED | (checkBoolean(options.pollFirst, 'pollFirst') ? RecvSendFlag.POLL_FIRST : 0)
  if (reportUsage) ioFlags |= RecvSendFlag.SEND_ZC_REPORT_USAGE
  return makeOperation(
    sendZcRow,
    (words, at, flags) => {
      const address = vectorsAddress(vectors)
      prepSendZc(words, at, flags, descriptorNumber(fd), address, vectors.parts.length, messageFlags, ioFlags, 0)
    },
    { keep: [vectors], sqeFlags: descriptorFlags(fd), result: zeroCopySent(reportUsage), refusal },
  )
}
