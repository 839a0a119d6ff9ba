// The address space of the simulated kernel: every buffer that the code under test asks the address of gets one, and the
// kernel reads and writes by address as the real one does. Keeps who owns what: from the moment an entry is consumed until
// its last CQE the kernel may write at any time, and does. Used by kernel.ts and the models of operations.
import type { Random } from './random.ts'

/** What must never happen did. */
export class Violation extends Error {
  override readonly name = 'Violation'
}

interface Region {
  readonly base: number
  readonly sizeBytes: number
  /** Weak: keeping a buffer alive until its last CQE is the duty of the code under test. */
  readonly buffer: WeakRef<ArrayBufferLike>
}

/** Memory that a request may write, until it is let go. */
export interface Owned {
  readonly address: number
  readonly sizeBytes: number
  readonly who: string
}

const pageBytes = 4096
const canary = 0xca

// Addresses are remembered by the code under test for as long as a buffer lives, which may be longer than a run.
let nextAddress = 0x10000000
let regions: Region[] = []
const addresses = new WeakMap<ArrayBufferLike, number>()

/** The address of a view's first byte. */
export function simulatedAddress(view: ArrayBufferView): number {
  const { buffer } = view
  let base = addresses.get(buffer)
  if (base === undefined) {
    base = nextAddress
    nextAddress += Math.ceil((buffer.byteLength + 1) / pageBytes) * pageBytes + pageBytes
    addresses.set(buffer, base)
    regions.push({ base, sizeBytes: buffer.byteLength, buffer: new WeakRef(buffer) })
  }
  return base + view.byteOffset
}

export class Memory {
  private readonly owned = new Set<Owned>()
  private readonly random: Random

  constructor(random: Random) {
    this.random = random
    regions = regions.filter((region) => region.buffer.deref() !== undefined)
  }

  /** The bytes at an address. */
  at(address: number, sizeBytes: number): Uint8Array {
    let low = 0
    for (let high = regions.length; high - low > 1;) {
      const middle = (low + high) >> 1
      if (regions[middle]!.base <= address) low = middle
      else high = middle
    }
    const region = regions[low]
    if (region === undefined || address < region.base || address + sizeBytes > region.base + region.sizeBytes)
      throw new Violation(`the kernel was given an address that is nobody's: ${address}, ${sizeBytes} bytes`)
    const buffer = region.buffer.deref()
    if (buffer === undefined) throw new Violation('a buffer was collected while the kernel used it')
    return new Uint8Array(buffer, address - region.base, sizeBytes)
  }

  view(address: number, sizeBytes: number): DataView {
    const bytes = this.at(address, sizeBytes)
    return new DataView(bytes.buffer, bytes.byteOffset, sizeBytes)
  }

  /** A string up to its NUL. */
  text(address: number): string {
    let length = 0
    while (this.at(address + length, 1)[0] !== 0) length++
    return Buffer.from(this.at(address, length)).toString()
  }

  /** The kernel may write there from now on. Nobody else's request may have the same memory. */
  own(address: number, sizeBytes: number, who: string): Owned | null {
    if (sizeBytes === 0 || address === 0) return null
    this.at(address, sizeBytes)
    const overlapping = this.ownerOf(address, sizeBytes)
    if (overlapping !== null)
      throw new Violation(`memory was handed out twice: to ${who}, and still owned by ${overlapping.who}`)
    const owned = { address, sizeBytes, who }
    this.owned.add(owned)
    return owned
  }

  disown(owned: Owned | null): void {
    if (owned !== null) this.owned.delete(owned)
  }

  /** Who may write any of these bytes; null for nobody. */
  ownerOf(address: number, sizeBytes: number): Owned | null {
    for (const owned of this.owned)
      if (address < owned.address + owned.sizeBytes && owned.address < address + sizeBytes) return owned
    return null
  }

  get ownedCount(): number {
    return this.owned.size
  }

  /** Scribbles over some bytes that the kernel owns now, as a transfer that is under way does. */
  scribble(): void {
    let left = this.random.below(this.owned.size)
    for (const owned of this.owned) if (left-- === 0) this.scribbleAt(owned.address, owned.sizeBytes)
  }

  scribbleAt(address: number, sizeBytes: number): void {
    const start = this.random.below(sizeBytes)
    const length = Math.min(sizeBytes - start, 1 + this.random.below(64))
    this.at(address + start, length).fill(canary)
  }
}
