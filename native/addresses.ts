// Where the caller's buffers are. An ArrayBuffer's bytes never move; its address is asked once and remembered, because the
// question is a native call. Used wherever an SQE points to a buffer.
import { binding } from './binding.ts'

const known = new WeakMap<ArrayBufferLike, number>()

/**
 * The address of a view's first byte. The view must be kept alive until the kernel is done. A detached or transferred
 * buffer has no length left, so nothing can be read into it by its old address.
 */
export function addressOfView(view: ArrayBufferView): number {
  const { buffer } = view
  let address = known.get(buffer)
  if (address === undefined) {
    address = binding().addressOf(new Uint8Array(buffer))
    known.set(buffer, address)
  }
  return address + view.byteOffset
}
