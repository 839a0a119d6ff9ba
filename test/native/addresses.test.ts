// The address of a view is where the process has its bytes: read back through /proc/self/mem, which knows nothing of V8.
import { closeSync, openSync, readSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { addressOfView } from '../../native/addresses.ts'
import { binding } from '../../native/binding.ts'

function bytesAt(address: number, length: number): Buffer {
  const fd = openSync('/proc/self/mem', 'r')
  const found = Buffer.alloc(length)
  expect(readSync(fd, found, 0, length, address)).toBe(length)
  closeSync(fd)
  return found
}

const content = randomBytes(64)
const filled = <T extends ArrayBufferView>(view: T): T => {
  content.copy(Buffer.from(view.buffer, view.byteOffset, view.byteLength))
  return view
}

const views: readonly (readonly [string, ArrayBufferView])[] = [
  ['a Uint8Array', filled(new Uint8Array(64))],
  ['a view into the middle of a buffer', filled(new Uint8Array(new ArrayBuffer(256), 100, 64))],
  ['a Buffer of the pool', filled(Buffer.allocUnsafe(64))],
  ['a Float64Array', filled(new Float64Array(8))],
  ['a BigInt64Array', filled(new BigInt64Array(8))],
  ['a DataView', filled(new DataView(new ArrayBuffer(80), 7, 64))],
  ['a view of a SharedArrayBuffer', filled(new Uint8Array(new SharedArrayBuffer(128), 32, 64))],
  ['a DataView of a SharedArrayBuffer', filled(new DataView(new SharedArrayBuffer(128), 32, 64))],
]

describe.each(views)('%s', (_, view) => {
  test('lies where addressOf() says', () => {
    expect(bytesAt(binding().addressOf(view), 64).equals(content)).toBe(true)
  })

  test('lies where addressOfView() says, the first time and from memory', () => {
    expect(addressOfView(view)).toBe(binding().addressOf(view))
    expect(addressOfView(view)).toBe(binding().addressOf(view))
  })
})

describe('addressOf()', () => {
  test.each([undefined, null, 1, 'text', {}, new ArrayBuffer(8)])(
    'of %s, which is no view, is a TypeError',
    (value) => {
      expect(() => {
        Reflect.apply(binding().addressOf.bind(binding()), undefined, [value])
      }).toThrow(TypeError)
    },
  )

  test('two views of one buffer are as far apart as their offsets', () => {
    const buffer = new ArrayBuffer(128)
    expect(addressOfView(new Uint8Array(buffer, 96)) - addressOfView(new Uint8Array(buffer, 32))).toBe(64)
  })
})
