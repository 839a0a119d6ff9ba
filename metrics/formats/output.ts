// The memory that a scrape is written to: grows as needed, and is used again by the next scrape once it was sent. A scrape of many rings is megabytes;
// memory that is new each time costs more than writing to it. Used by text.ts and protobuf.ts.

const sizeBytesMin = 64 * 1024
/** Above this it is not kept: one large scrape should not cost its memory for good. */
const keptBytesMax = 64 * 1024 * 1024

let spare: Buffer | null = null

export class Output {
  private buffer: Buffer
  private length = 0
  private released = false

  constructor() {
    this.buffer = spare ?? Buffer.allocUnsafeSlow(sizeBytesMin)
    spare = null
  }

  bytes(bytes: Uint8Array): void {
    this.reserve(bytes.length)
    this.buffer.set(bytes, this.length)
    this.length += bytes.length
  }

  text(text: string): void {
    this.reserve(text.length * 3) // a UTF-16 unit is three bytes of UTF-8 at most
    this.length += this.buffer.write(text, this.length)
  }

  /** As text(), for ASCII. */
  ascii(text: string): void {
    this.reserve(text.length)
    this.length += this.buffer.write(text, this.length, 'latin1')
  }

  /** What was written. Valid until release(). */
  get written(): Buffer {
    return this.buffer.subarray(0, this.length)
  }

  /** Nobody reads what was written any more. Who does not call it costs the next scrape new memory, and nothing else. */
  release(): void {
    if (this.released) return
    this.released = true
    if (spare === null && this.buffer.length <= keptBytesMax) spare = this.buffer
  }

  private reserve(sizeBytes: number): void {
    const needed = this.length + sizeBytes
    if (needed <= this.buffer.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.buffer.length * 2))
    this.buffer.copy(larger, 0, 0, this.length)
    this.buffer = larger
  }
}
