// Numbers as protobuf's varints, seven bits a byte, lowest first (protobuf.dev, "Encoding"), written to memory that has room for them. pbf writes
// everything else; a scrape has hundreds of thousands of these. Used by protobuf-histogram.ts and protobuf-buckets.ts.

/** Of a whole number up to 2^53. */
export const varintBytesMax = 8
const high = 128
/** Below it what 32 bits do is right, zigzag's doubling included. */
const smallMax = 2 ** 30

export function varintBytes(value: number): number {
  let bytes = 1
  for (let left = value; left >= high; left = Math.floor(left / high)) bytes++
  return bytes
}

/** Returns where it ends. */
export function putVarint(bytes: Uint8Array, start: number, value: number): number {
  let at = start
  let left = value
  for (; left >= smallMax; left = Math.floor(left / high)) bytes[at++] = high | (left % high)
  let small = left | 0
  for (; small >= high; small >>>= 7) bytes[at++] = high | (small & (high - 1))
  bytes[at++] = small
  return at
}

/** As putVarint(), of a number that may be negative: 0, -1, 1, -2 are 0, 1, 2, 3. */
export function putSVarint(bytes: Uint8Array, start: number, value: number): number {
  return putVarint(bytes, start, value < 0 ? -2 * value - 1 : 2 * value)
}
