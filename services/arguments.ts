// Arguments of the file API, checked and brought into one form, with the errors that Node's core gives. Used by the API
// methods; a request that fails here has touched no ring.
import { fileURLToPath } from 'node:url'
import { invalidArgType, invalidArgValue, outOfRange } from '../native/errors.ts'

/** A path as Node takes it. */
export type PathLike = string | Buffer | URL

const lengthMax = 2 ** 31 - 1

/** @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE (NUL inside), and fileURLToPath's errors for URLs. */
export function checkPath(path: unknown): string | Buffer {
  const plain = path instanceof URL ? fileURLToPath(path) : path
  if (typeof plain === 'string') {
    if (plain.includes('\0'))
      throw invalidArgValue('path', plain, 'must be a string, Uint8Array, or URL without null bytes')
    return plain
  }
  if (plain instanceof Uint8Array) {
    if (plain.buffer.byteLength === 0) checkAttached(plain, 'path')
    const bytes = Buffer.isBuffer(plain) ? plain : Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength)
    if (bytes.includes(0))
      throw invalidArgValue('path', plain, 'must be a string, Uint8Array, or URL without null bytes')
    return bytes
  }
  throw invalidArgType('path', 'of type string or an instance of Buffer or URL', path)
}

/** A path as error messages show it. */
export function pathText(path: string | Buffer): string {
  return typeof path === 'string' ? path : path.toString()
}

/** A file mode: 0o666, or '666' in octal. @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE */
export function checkMode(mode: unknown, name: string): number {
  if (typeof mode === 'string') {
    if (!/^[0-7]+$/.test(mode))
      throw invalidArgValue(name, mode, 'must be a 32-bit unsigned integer or an octal string')
    return checkMode(Number.parseInt(mode, 8), name)
  }
  return checkInteger(mode, name, 0, 0xffffffff)
}

/** An object with options in it: a Map, a Date or a promise that nobody awaited has none, whatever was meant. @throws ERR_INVALID_ARG_TYPE */
export function checkOptionsObject(options: unknown, name = 'options'): asserts options is object {
  if (Object.prototype.toString.call(options) !== '[object Object]')
    throw invalidArgType(name, 'of type object', options)
}

/** Refuses what is no option: a name misspelt would be a default that nobody asked for. @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE */
export function checkOptionNames(options: unknown, names: readonly string[]): void {
  checkOptionsObject(options)
  for (const name of Object.keys(options)) {
    if (names.includes(name)) continue
    const value: unknown = Reflect.get(options, name)
    throw invalidArgValue(`options.${name}`, value, `is not an option; there are ${names.join(', ')}`)
  }
}

/** @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE */
export function checkInteger(value: unknown, name: string, min: number, max: number): number {
  if (typeof value !== 'number') throw invalidArgType(name, 'of type number', value)
  if (!Number.isInteger(value)) throw outOfRange(name, 'an integer', value)
  if (value < min || value > max) throw outOfRange(name, `>= ${min} && <= ${max}`, value)
  return value
}

/** @throws ERR_INVALID_ARG_TYPE; ERR_INVALID_ARG_VALUE where its memory was transferred away */
export function checkView(buffer: unknown): ArrayBufferView {
  if (!ArrayBuffer.isView(buffer))
    throw invalidArgType('buffer', 'an instance of Buffer, TypedArray, or DataView', buffer)
  if (buffer.buffer.byteLength === 0) checkAttached(buffer)
  return buffer
}

// Node 20 cannot be asked: no view can be made of memory that is gone.
function checkAttached(view: ArrayBufferView, name = 'buffer'): void {
  try {
    new Uint8Array(view.buffer)
  } catch {
    throw invalidArgValue(name, view, 'is detached')
  }
}

/** A position in a file; -1 stands for the file's own. @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE */
export function checkPosition(position: unknown): number {
  if (position === null || position === undefined) return -1
  if (typeof position === 'bigint') {
    if (position < -1n || position > BigInt(Number.MAX_SAFE_INTEGER))
      throw outOfRange('position', `>= -1 && <= ${Number.MAX_SAFE_INTEGER}`, position)
    return Number(position)
  }
  return checkInteger(position, 'position', -1, Number.MAX_SAFE_INTEGER)
}

/** offset within the buffer, and length from there. Checks in core's order. */
export function checkOffset(buffer: ArrayBufferView, offset: unknown): number {
  return offset === null || offset === undefined ? 0 : checkInteger(offset, 'offset', 0, buffer.byteLength)
}

export function checkLength(buffer: ArrayBufferView, offset: number, length: unknown): number {
  const left = buffer.byteLength - offset
  return length === null || length === undefined
    ? Math.min(left, lengthMax)
    : checkInteger(length, 'length', 0, Math.min(left, lengthMax))
}

/** @throws ERR_INVALID_ARG_VALUE */
export function checkEncoding(encoding: unknown): BufferEncoding | null {
  if (encoding === null || encoding === undefined || encoding === 'buffer') return null
  if (typeof encoding === 'string' && Buffer.isEncoding(encoding)) return encoding
  throw invalidArgValue('encoding', encoding, 'is invalid encoding')
}

/** An option that is on or off; not given: off. @throws ERR_INVALID_ARG_TYPE */
export function checkBoolean(value: unknown, name: string): boolean {
  if (value === undefined || typeof value === 'boolean') return value === true
  throw invalidArgType(name, 'of type boolean', value)
}

/** @throws ERR_INVALID_ARG_TYPE */
export function checkSignal(signal: unknown): AbortSignal | undefined {
  if (signal === undefined || signal instanceof AbortSignal) return signal
  throw invalidArgType('options.signal', 'an instance of AbortSignal', signal)
}
