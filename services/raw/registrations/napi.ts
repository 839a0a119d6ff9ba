// NAPI busy polling: the kernel looks at the network card's queue for a while before it waits for an interrupt. Used by Registrations.
//
//   struct io_uring_napi { u32 busy_poll_to; u8 prefer_busy_poll; u8 opcode; u8 pad[2]; u32 op_param; u32 resv }
import { RegisterOp } from '../../../native/abi.ts'
import type { RingHandle } from '../../../workers/ring-handle.ts'
import { checkBoolean, checkInteger } from '../../arguments.ts'
import { checkOptions } from '../checks.ts'
import { register } from './call.ts'

export interface NapiSettings {
  /** How long to poll, in microseconds; 0: not at all. */
  readonly busyPollUs: number
  /** Keep the card's interrupts off while there is polling. */
  readonly preferBusyPoll: boolean
}

function settings(argument: Buffer): NapiSettings {
  return { busyPollUs: argument.readUInt32LE(0), preferBusyPoll: argument.readUInt8(4) !== 0 }
}

/** Sets them, and returns what they were before. */
export function napi(handle: RingHandle, options: NapiSettings): NapiSettings {
  const { busyPollUs } = checkOptions(options)
  const preferBusyPoll = checkBoolean(options.preferBusyPoll, 'preferBusyPoll')
  const argument = Buffer.alloc(16)
  argument.writeUInt32LE(checkInteger(busyPollUs, 'busyPollUs', 0, 10_000_000), 0)
  argument.writeUInt8(preferBusyPoll ? 1 : 0, 4)
  register(handle, RegisterOp.REGISTER_NAPI, argument, 1)
  return settings(argument)
}

/** Turns it off, and returns what the settings were. */
export function unregisterNapi(handle: RingHandle): NapiSettings {
  const argument = Buffer.alloc(16)
  register(handle, RegisterOp.UNREGISTER_NAPI, argument, 1)
  return settings(argument)
}
