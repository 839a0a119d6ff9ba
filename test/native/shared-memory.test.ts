// Memory for rings starts on a page, is zeroed and shared, and a size that cannot be had is refused with a reason.
import { describe, expect, test } from 'vitest'
import { binding } from '../../native/binding.ts'
import { allocateSharedMemory, sharedMemoryBytesMax } from '../../native/shared-memory.ts'

describe('allocateSharedMemory()', () => {
  test.each([0, 1, 65536, 65537, 1_000_000])('gives at least %d bytes, shared, zeroed, on a page', (sizeBytes) => {
    const memory = allocateSharedMemory(sizeBytes)
    expect(memory).toBeInstanceOf(SharedArrayBuffer)
    expect(memory.byteLength).toBeGreaterThanOrEqual(sizeBytes)
    const bytes = new Uint8Array(memory)
    expect(bytes.every((byte) => byte === 0)).toBe(true)
    expect(binding().addressOf(bytes) % 4096).toBe(0)
  })

  test('refuses more than WebAssembly can address, and says what to change', () => {
    expect(() => allocateSharedMemory(sharedMemoryBytesMax + 1)).toThrow(
      new RangeError(
        'shared memory of 4294967297 bytes exceeds the limit of 4294967296: use fewer rings or smaller queues',
      ),
    )
  })
})
