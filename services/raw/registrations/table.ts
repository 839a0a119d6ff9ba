// Every opcode of io_uring_register(2): since when, who offers it here, or why it is refused. Asked for by users as
// registrationTable() and by the restrictions option, which names registrations as this table does.
import { RegisterOp } from '../../../native/abi.ts'
import { registrationName } from './call.ts'
import { queryKernel } from './probe.ts'
import { refusals } from './refused.ts'

export interface RegistrationEntry {
  /** IORING_REGISTER_*, IORING_UNREGISTER_*. */
  readonly opcode: number
  /** The kernel's name, in lower case; `register_N` for one that is newer than this table. */
  readonly name: string
  /** The running kernel has it, as REGISTER_QUERY says; null where there is no such question (before Linux 6.18). */
  readonly supported: boolean | null
  /** Where `ringmaster/raw` (or Ringmaster.start()) offers it; null: RawRing.register() only, or refused. */
  readonly api: string | null
  /** First kernel that has it; null: not known. */
  readonly since: string | null
  /** Why rings of Ringmaster cannot have it; null where they can. */
  readonly refused: string | null
}

type Row = readonly [opcode: number, since: string, api: string | null]

const rows: readonly Row[] = [
  [RegisterOp.REGISTER_BUFFERS, '5.1', null],
  [RegisterOp.UNREGISTER_BUFFERS, '5.1', null],
  [RegisterOp.REGISTER_FILES, '5.1', null],
  [RegisterOp.UNREGISTER_FILES, '5.1', null],
  [RegisterOp.REGISTER_EVENTFD, '5.2', null],
  [RegisterOp.UNREGISTER_EVENTFD, '5.2', null],
  [RegisterOp.REGISTER_FILES_UPDATE, '5.5', 'registrations.filesUpdate'],
  [RegisterOp.REGISTER_EVENTFD_ASYNC, '5.6', null],
  [RegisterOp.REGISTER_PROBE, '5.6', 'registrations.probe'],
  [RegisterOp.REGISTER_PERSONALITY, '5.6', 'registrations.personality'],
  [RegisterOp.UNREGISTER_PERSONALITY, '5.6', 'Personality.unregister'],
  [RegisterOp.REGISTER_RESTRICTIONS, '5.10', 'option restrictions'],
  [RegisterOp.REGISTER_ENABLE_RINGS, '5.10', 'option restrictions'],
  [RegisterOp.REGISTER_FILES2, '5.13', null],
  [RegisterOp.REGISTER_FILES_UPDATE2, '5.13', null],
  [RegisterOp.REGISTER_BUFFERS2, '5.13', null],
  [RegisterOp.REGISTER_BUFFERS_UPDATE, '5.13', 'buffers.update'],
  [RegisterOp.REGISTER_IOWQ_AFF, '5.14', 'registrations.iowqAffinity'],
  [RegisterOp.UNREGISTER_IOWQ_AFF, '5.14', 'registrations.unregisterIowqAffinity'],
  [RegisterOp.REGISTER_IOWQ_MAX_WORKERS, '5.15', 'registrations.iowqMaxWorkers'],
  [RegisterOp.REGISTER_RING_FDS, '5.18', null],
  [RegisterOp.UNREGISTER_RING_FDS, '5.18', null],
  [RegisterOp.REGISTER_PBUF_RING, '5.19', 'provideBuffers'],
  [RegisterOp.UNREGISTER_PBUF_RING, '5.19', 'ProvidedBuffers.close'],
  [RegisterOp.REGISTER_SYNC_CANCEL, '6.0', 'registrations.syncCancel'],
  [RegisterOp.REGISTER_FILE_ALLOC_RANGE, '6.0', 'registrations.fileAllocRange'],
  [RegisterOp.REGISTER_PBUF_STATUS, '6.8', 'ProvidedBuffers.status'],
  [RegisterOp.REGISTER_NAPI, '6.9', 'registrations.napi'],
  [RegisterOp.UNREGISTER_NAPI, '6.9', 'registrations.unregisterNapi'],
  [RegisterOp.REGISTER_CLOCK, '6.12', 'registrations.clock'],
  [RegisterOp.REGISTER_CLONE_BUFFERS, '6.12', 'buffers.clone'],
  [RegisterOp.REGISTER_SEND_MSG_RING, '6.13', 'sendMessageSync'],
  [RegisterOp.REGISTER_ZCRX_IFQ, '6.15', null],
  [RegisterOp.REGISTER_RESIZE_RINGS, '6.13', null],
  [RegisterOp.REGISTER_MEM_REGION, '6.13', null],
  [RegisterOp.REGISTER_QUERY, '6.18', 'registrations.query'],
]

/** All registrations that this library or this kernel knows, by opcode. @throws RingUnavailableError */
export function registrationTable(): RegistrationEntry[] {
  const count = queryKernel()?.registerOpcodes ?? null
  const known = rows.map(([opcode, since, api]): RegistrationEntry => {
    const supported = count === null ? null : opcode < count
    return { opcode, name: registrationName(opcode), supported, api, since, refused: refusals.get(opcode) ?? null }
  })
  for (let opcode = known.length; opcode < (count ?? 0); opcode++)
    known.push({ opcode, name: `register_${opcode}`, supported: true, api: null, since: null, refused: null })
  return known
}
