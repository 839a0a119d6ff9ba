// Restrictions of a ring: which operations, flags and registrations its kernel side accepts, whoever asks. The ring worker lays them
// on a ring that was made disabled, and enables it; from then on nobody can take them off. The client explains what they refuse.
//
//   struct io_uring_restriction { u16 opcode; u8 what; u8 resv; u32 resv2[3] }
import { Op, RegisterOp } from '../native/abi.ts'
import { binding } from '../native/binding.ts'
import { kernelError, withAdvice } from '../native/errors.ts'

/** What is allowed, in numbers. Plain data: it is sent to the ring worker. */
export interface RingRestrictions {
  /** IORING_OP_*. */
  readonly operations: readonly number[]
  /** IORING_REGISTER_*; null: all that the kernel has. */
  readonly registrations: readonly number[] | null
  /** IOSQE_* bits. */
  readonly sqeFlags: number
}

/** Without these nothing could be cancelled, and no ring closed. */
const neededOperations: readonly number[] = [Op.NOP, Op.ASYNC_CANCEL]
/** Without it a thread that ends in mid-flight would leave the kernel writing to its memory. */
const neededRegistrations: readonly number[] = [RegisterOp.REGISTER_SYNC_CANCEL]

const Restriction = { REGISTER_OP: 0, SQE_OP: 1, SQE_FLAGS_ALLOWED: 2 } as const
const restrictionBytes = 16
const EINVAL = -22
const EACCES = -13

function encode(rules: readonly (readonly [kind: number, what: number])[]): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(rules.length * restrictionBytes))
  rules.forEach(([kind, what], index) => {
    bytes.setUint16(index * restrictionBytes, kind, true)
    bytes.setUint8(index * restrictionBytes + 2, what)
  })
  return new Uint8Array(bytes.buffer)
}

/** Restricts a ring that was made with R_DISABLED, and enables it. @throws SystemError of io_uring_register(2) */
export function restrictAndEnable(ringFd: number, restrictions: RingRestrictions): void {
  const addon = binding()
  const every = Object.values(RegisterOp).sort((a, b) => a - b)
  const given = restrictions.registrations
  let registrations: readonly number[] = given === null ? every : [...new Set([...given, ...neededRegistrations])]
  const operations = new Set([...restrictions.operations, ...neededOperations])
  for (;;) {
    const rules = [
      ...[...operations].map((op) => [Restriction.SQE_OP, op] as const),
      ...registrations.map((op) => [Restriction.REGISTER_OP, op] as const),
      [Restriction.SQE_FLAGS_ALLOWED, restrictions.sqeFlags] as const,
    ]
    const restricted = addon.register(ringFd, RegisterOp.REGISTER_RESTRICTIONS, encode(rules), rules.length)
    if (restricted >= 0) break
    // "All": as many as this kernel knows; it refuses the list as a whole where one is newer.
    if (restricted !== EINVAL || given !== null || registrations.length === 0)
      throw kernelError(restricted, 'io_uring_register')
    registrations = registrations.slice(0, -1)
  }
  const enabled = addon.register(ringFd, RegisterOp.REGISTER_ENABLE_RINGS, null, 0)
  if (enabled < 0) throw kernelError(enabled, 'io_uring_register')
}

/** Says of an EACCES that it may have been the ring who refused, and not the file. For SlotTable.explain. */
export function explainRestrictions(restrictions: RingRestrictions): (opcode: number, error: unknown) => void {
  const allowed = new Set([...restrictions.operations, ...neededOperations])
  return (opcode, error) => {
    if (!(error instanceof Error && 'errno' in error && error.errno === EACCES)) return
    let reason = ''
    if (!allowed.has(opcode)) reason = 'the restrictions of this ring do not name this operation'
    else if (restrictions.sqeFlags !== 0x7f) reason = 'the restrictions of this ring may have refused its flags'
    if (reason === '') return
    withAdvice(error, `${reason} (option restrictions of Ringmaster.start())`)
  }
}
