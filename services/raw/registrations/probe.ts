// What the kernel says it can do: REGISTER_PROBE about opcodes, REGISTER_QUERY about everything that is a number or a bit. Used by
// Registrations and by the table.
import { Probe, ProbeOp, RegisterOp, opSupported } from '../../../native/abi.ts'
import { addressOfView } from '../../../native/addresses.ts'
import { binding } from '../../../native/binding.ts'
import { kernelError } from '../../../native/errors.ts'
import { operations } from '../../../native/operations/index.ts'
import type { RingHandle } from '../../../workers/ring-handle.ts'
import { putU64 } from '../structs.ts'
import { refused, register } from './call.ts'

export interface ProbedOperation {
  readonly opcode: number
  /** The kernel's name in lower case; `opcode_N` for one that is newer than this library. */
  readonly name: string
  readonly supported: boolean
}

export interface ProbeResult {
  /** The last opcode that the kernel knows. */
  readonly lastOpcode: number
  readonly operations: readonly ProbedOperation[]
}

const rowsMax = 256

export function probe(handle: RingHandle): ProbeResult {
  const argument = Buffer.alloc(Probe.sizeBytes + rowsMax * ProbeOp.sizeBytes)
  register(handle, RegisterOp.REGISTER_PROBE, argument, rowsMax)
  const rows = Array.from({ length: argument.readUInt8(Probe.ops_len) }, (_, index): ProbedOperation => {
    const at = Probe.sizeBytes + index * ProbeOp.sizeBytes
    const opcode = argument.readUInt8(at + ProbeOp.op)
    const name = operations.find((row) => row.opcode === opcode)?.name ?? `opcode_${opcode}`
    return { opcode, name, supported: (argument.readUInt16LE(at + ProbeOp.flags) & opSupported) !== 0 }
  })
  return { lastOpcode: argument.readUInt8(Probe.last_op), operations: rows }
}

/** What the running kernel has, in numbers and bits: IORING_OP_*, IORING_REGISTER_*, IORING_FEAT_*, IORING_SETUP_*, … */
export interface QueryResult {
  /** Opcodes of requests: one more than the last. */
  readonly requestOpcodes: number
  /** Opcodes of io_uring_register(2): one more than the last. */
  readonly registerOpcodes: number
  readonly features: bigint
  readonly setupFlags: bigint
  readonly enterFlags: bigint
  readonly sqeFlags: bigint
}

//   struct io_uring_query_hdr { u64 next_entry; u64 query_data; u32 query_op; u32 size; s32 result; u32 resv[3] }
//   struct io_uring_query_opcode { u32 nr_request_opcodes; u32 nr_register_opcodes; u64 feature_flags, ring_setup_flags, … }
const headerBytes = 40
const answerBytes = 40

/** Asks without a ring. Null where the kernel has no query (before 6.18). @throws RingUnavailableError, SystemError */
export function queryKernel(): QueryResult | null {
  const answer = Buffer.alloc(answerBytes)
  const header = Buffer.alloc(headerBytes)
  putU64(header, 8, addressOfView(answer))
  header.writeUInt32LE(answerBytes, 20)
  const asked = binding().register(-1, RegisterOp.REGISTER_QUERY, header, 0)
  // Before there were registrations without a ring, -1 was a bad descriptor; before this one, EINVAL.
  if (asked === -22 || asked === -9) return null
  const result = asked < 0 ? asked : header.readInt32LE(24)
  if (result < 0) throw kernelError(result, 'io_uring_register')
  return {
    requestOpcodes: answer.readUInt32LE(0),
    registerOpcodes: answer.readUInt32LE(4),
    features: answer.readBigUInt64LE(8),
    setupFlags: answer.readBigUInt64LE(16),
    enterFlags: answer.readBigUInt64LE(24),
    sqeFlags: answer.readBigUInt64LE(32),
  }
}

/** As queryKernel(), refused with the reason where there is none. */
export function query(): QueryResult {
  const found = queryKernel()
  if (found !== null) return found
  throw refused(
    RegisterOp.REGISTER_QUERY,
    'this kernel has none; it came with Linux 6.18. probe() says which operations there are',
  )
}
