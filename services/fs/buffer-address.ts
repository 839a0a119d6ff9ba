// Where a program's buffer is, for a request of `ringmaster/fs`. Used by transfers.ts and vectors.ts.
import { types } from 'node:util'
import { addressOfView, keepTransferable } from '../../native/addresses.ts'

/**
 * Unlike elsewhere in Ringmaster the buffer may be transferred once the request is over: programs that are written for node:fs/promises send what
 * they have read to workers, and Node's Web streams transfer each view. To transfer it while a request uses it is as wrong here as there.
 */
export function addressOf(view: ArrayBufferView): number {
  if (types.isArrayBuffer(view.buffer)) keepTransferable(view.buffer)
  return addressOfView(view)
}
