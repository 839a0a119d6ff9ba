// What a FileHandle cannot leave to Node where a ring has opened its file, and Node has no native object of it: being sent to another thread, and
// the Web streams of Nodes before 22.15. Used by file-handle.ts.
import type { NodeFileHandleClass } from './node-handle.ts'

export const notTransferable = (): DOMException =>
  new DOMException(
    'A FileHandle that io_uring has opened cannot be transferred: send its path, and open it there',
    'DataCloneError',
  )

/** As readableWebStream(): of bytes, or where this Node reads others from its native object, in its form. */
export function webStream(Base: NodeFileHandleClass, make: (options: unknown) => unknown, options: unknown): unknown {
  const type: unknown = typeof options === 'object' && options !== null ? Reflect.get(options, 'type') : undefined
  const isOfBytes =
    type === 'bytes' || !String(Reflect.get(Base.prototype as object, 'readableWebStream')).includes('StreamBase')
  return isOfBytes ? make(options) : inArrayBuffers(make({ type: 'bytes' }) as ReadableStream<Uint8Array>)
}

/** What Node's own stream gives where it is not one of bytes: an ArrayBuffer each. */
function inArrayBuffers(bytes: ReadableStream<Uint8Array>): ReadableStream<ArrayBuffer> {
  const reader = bytes.getReader()
  return new ReadableStream<ArrayBuffer>({
    async pull(controller) {
      const { done, value } = await reader.read()
      if (done) controller.close()
      else controller.enqueue(value.slice().buffer)
    },
    cancel: (reason) => reader.cancel(reason),
  })
}
