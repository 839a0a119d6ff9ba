// Addresses where nobody can be asked for real ones. Requests name their buffers by address; plain Node knows no addresses, so each
// ArrayBuffer gets one that is made up when it is first asked, and whoever carries a request out finds the bytes by it. Used by
// binding.ts. A buffer is not kept alive by its address: its request's slot does that.

const pageBytes = 4096
/** No buffer is at 0, which means "none". */
const firstAddress = 2 ** 20
/** Entries of collected buffers are forgotten when there are this many entries, and twice as many as were left last time. */
const sweepMin = 1024

/** maxByteLength, which Node 20 has and its types do not: a resizable buffer may come to be as long. */
function reservedBytes(buffer: ArrayBufferLike): number {
  const most: unknown = Reflect.get(buffer, 'maxByteLength')
  return typeof most === 'number' ? most : buffer.byteLength
}

export class PlainMemory {
  private readonly known = new WeakMap<ArrayBufferLike, number>()
  /** In ascending order, and what begins there. */
  private bases: number[] = []
  private buffers: WeakRef<ArrayBufferLike>[] = []
  private next = firstAddress
  private sweepAt = sweepMin

  addressOf(view: ArrayBufferView): number {
    const { buffer } = view
    let base = this.known.get(buffer)
    if (base === undefined) {
      if (this.bases.length >= this.sweepAt) this.sweep()
      base = this.next
      // A page between two buffers: an address past the end of one is never in another.
      this.next += Math.ceil(reservedBytes(buffer) / pageBytes + 1) * pageBytes
      this.known.set(buffer, base)
      this.bases.push(base)
      this.buffers.push(new WeakRef(buffer))
    }
    return base + view.byteOffset
  }

  private sweep(): void {
    const kept = this.buffers.flatMap((reference, index) => (reference.deref() === undefined ? [] : [index]))
    this.bases = kept.map((index) => this.bases[index]!)
    this.buffers = kept.map((index) => this.buffers[index]!)
    this.sweepAt = Math.max(sweepMin, kept.length * 2)
  }

  private find(address: number): { readonly buffer: ArrayBufferLike; readonly offset: number } | null {
    let low = 0
    for (let high = this.bases.length; high - low > 1;) {
      const middle = (low + high) >> 1
      if (this.bases[middle]! <= address) low = middle
      else high = middle
    }
    const buffer = this.buffers[low]?.deref()
    const offset = address - (this.bases[low] ?? 0)
    return buffer === undefined || offset < 0 ? null : { buffer, offset }
  }

  /** The bytes at an address; null where there are not that many (the kernel's EFAULT). */
  bytes(address: number, length: number): Buffer | null {
    if (length === 0) return Buffer.alloc(0)
    const found = this.find(address)
    if (found === null || found.offset + length > found.buffer.byteLength) return null
    return Buffer.from(found.buffer, found.offset, length)
  }

  /** A path at an address, without its NUL; null where there is none. */
  text(address: number): Buffer | null {
    const found = this.find(address)
    if (found === null || found.offset >= found.buffer.byteLength) return null
    const rest = Buffer.from(found.buffer, found.offset)
    const end = rest.indexOf(0)
    return end < 0 ? null : Buffer.from(rest.subarray(0, end)) // a copy: the memory is used again when the request is over
  }
}
