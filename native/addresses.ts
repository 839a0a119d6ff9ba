// Where the caller's buffers are. An ArrayBuffer's bytes never move; its address is asked once and remembered, because the
// question is a native call. Used wherever an SQE points to a buffer.
//
// A buffer that the kernel was told about must not be transferred away: whoever received it could drop it, and its memory would
// be freed and given to somebody else while the kernel still writes there. Node-API cannot hold memory by itself, only the
// object that was emptied. So an ArrayBuffer is marked untransferable when its address is first asked; that costs a request
// nothing, because the mark is made where the address is not known yet. SharedArrayBuffers cannot be detached.
import { types } from 'node:util'
import { markAsUntransferable } from 'node:worker_threads'
import { addonFailure, binding } from './binding.ts'
import { invalidArgType } from './errors.ts'
import { usePlain } from './plain/binding.ts'

const known = new WeakMap<ArrayBufferLike, number>()

/**
 * The address of a view's first byte. The view must be kept alive until the kernel is done. A detached buffer has no length
 * left, so nothing can be read into it by its old address.
 */
export function addressOfView(view: ArrayBufferView): number {
  const { buffer } = view
  let address = known.get(buffer)
  if (address === undefined) {
    if (!types.isSharedArrayBuffer(buffer)) markAsUntransferable(buffer)
    address = addressOfBuffer(buffer)
    known.set(buffer, address)
  }
  return address + view.byteOffset
}

/**
 * The address of a view of memory that nobody but us can reach until the request is over: it needs no mark, and what is made
 * of it (the result of readFile) can be transferred afterwards. It is not remembered.
 */
export function addressOfOwn(view: ArrayBufferView): number {
  return addressOfBuffer(view.buffer) + view.byteOffset
}

/**
 * Leaves an ArrayBuffer transferable that will be used for requests; call it before the first. Not to transfer it while a
 * request uses it is then the caller's duty: who breaks it lets the kernel write into freed memory.
 * @throws ERR_INVALID_ARG_TYPE
 */
export function keepTransferable(buffer: ArrayBuffer): void {
  if (!types.isArrayBuffer(buffer)) throw invalidArgType('buffer', 'an instance of ArrayBuffer', buffer)
  if (addonFailure() !== null) usePlain() // this may come before any rings
  if (!known.has(buffer)) known.set(buffer, addressOfBuffer(buffer))
}

const addressOfBuffer = (buffer: ArrayBufferLike): number => binding().addressOf(new Uint8Array(buffer))
