// Page-aligned memory that every thread of the process and the kernel can share. Used by services to allocate a pool's
// memory. An ordinary SharedArrayBuffer is aligned to 16 bytes only; a shared WebAssembly.Memory starts on a page.

const wasmPageBytes = 65536

/** The most one shared memory can hold: WebAssembly's 32-bit limit. */
export const sharedMemoryBytesMax: number = 65536 * wasmPageBytes

/**
 * Allocates zeroed, page-aligned shared memory of at least `sizeBytes`. Untouched pages cost address space only; each
 * memory reserves about 10 GB of that, so allocate few and large (`ulimit -v` and LimitAS= count it).
 * @throws RangeError where the address space or the 4 GiB limit does not allow it.
 */
export function allocateSharedMemory(sizeBytes: number): SharedArrayBuffer {
  if (sizeBytes > sharedMemoryBytesMax) {
    throw new RangeError(
      `shared memory of ${sizeBytes} bytes exceeds the limit of ${sharedMemoryBytesMax}: use fewer rings or smaller queues`,
    )
  }
  const pages = Math.max(1, Math.ceil(sizeBytes / wasmPageBytes))
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }).buffer
}
