// Registrations that rings of Ringmaster cannot have, each with the reason: one place, for the table and for who calls them by number.
import { RegisterOp } from '../../../native/abi.ts'

const deferTaskrun =
  'it needs a ring made with DEFER_TASKRUN, which one thread alone may enter; these rings are shared by threads'
const eventfd =
  'a ring has one eventfd, and it wakes this client. To be told of completions elsewhere, poll ringFd (it is readable while there are any), or send a message with msgRing'
const fileTable =
  'the table of direct descriptors is made at start, with as many slots for raw operations as option rawDirectDescriptors says; those behind are readFile’s. Use filesUpdate()'

export const refusals: ReadonlyMap<number, string> = new Map([
  [RegisterOp.REGISTER_FILES, fileTable],
  [RegisterOp.REGISTER_FILES2, fileTable],
  [RegisterOp.UNREGISTER_FILES, fileTable],
  [RegisterOp.REGISTER_EVENTFD, eventfd],
  [RegisterOp.UNREGISTER_EVENTFD, eventfd],
  [
    RegisterOp.REGISTER_EVENTFD_ASYNC,
    `${eventfd}. This kind would not even say it all: only what kernel worker threads complete`,
  ],
  [
    RegisterOp.REGISTER_RING_FDS,
    'it spares the thread that enters a ring a look-up of its descriptor, for that thread only; with an SQ thread nobody enters, and measured elsewhere it saved nothing',
  ],
  [RegisterOp.UNREGISTER_RING_FDS, 'there are none to unregister'],
  [
    RegisterOp.REGISTER_ZCRX_IFQ,
    `${deferTaskrun}; and a network card with header/data split and a receive queue of its own`,
  ],
  [RegisterOp.REGISTER_RESIZE_RINGS, `${deferTaskrun}. Choose sqEntries and cqEntries at start`],
  [
    RegisterOp.REGISTER_MEM_REGION,
    'it holds the arguments of waits in io_uring_enter(2), and this client waits in its event loop',
  ],
])
