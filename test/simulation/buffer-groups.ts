// Rings of provided buffers as the kernel sees them: entries up to the tail are its own, to take and to write to. Used by
// kernel.ts for io_uring_register().
//
//   struct io_uring_buf { u64 addr; u32 len; u16 bid; u16 resv }   the tail lies in entry 0's resv
import { CqeFlag } from '../../native/abi.ts'
import type { Memory } from './memory.ts'
import { Violation } from './memory.ts'
import type { BufferGroup } from './model.ts'
import type { Random } from './random.ts'

const entryBytes = 16
const incrementalFlag = 2
const { load } = Atomics

export class SimulatedGroup implements BufferGroup {
  head = 0
  private readonly memory: Memory
  private readonly random: Random
  private readonly address: number
  private readonly count: number
  private readonly incremental: boolean

  /** `argument`: struct io_uring_buf_reg. */
  constructor(memory: Memory, random: Random, argument: DataView) {
    this.memory = memory
    this.random = random
    this.address = argument.getUint32(0, true) + argument.getUint32(4, true) * 4294967296
    this.count = argument.getUint32(8, true)
    this.incremental = (argument.getUint16(14, true) & incrementalFlag) !== 0
  }

  private get available(): number {
    const bytes = this.memory.at(this.address + 14, 2)
    const tail = load(new Uint16Array(bytes.buffer, bytes.byteOffset, 1), 0)
    const count = (tail - this.head) & 0xffff
    if (count > this.count) throw new Violation(`${count} buffers were provided to a ring of ${this.count}`)
    return count
  }

  private entry(index: number): DataView {
    return this.memory.view(this.address + (index & (this.count - 1)) * entryBytes, entryBytes)
  }

  fill(wantedBytes: number, write: (bytes: Uint8Array) => void): { bytes: number; cqeFlags: number } | null {
    if (this.available === 0) return null
    const entry = this.entry(this.head)
    const address = entry.getUint32(0, true) + entry.getUint32(4, true) * 4294967296
    const sizeBytes = entry.getUint32(8, true)
    const bytes = Math.min(wantedBytes, sizeBytes)
    write(this.memory.at(address, bytes))
    const more = this.incremental && bytes < sizeBytes
    if (more) {
      entry.setUint32(0, (address + bytes) >>> 0, true)
      entry.setUint32(4, Math.floor((address + bytes) / 4294967296), true)
      entry.setUint32(8, sizeBytes - bytes, true)
    } else this.head = (this.head + 1) & 0xffff
    const id = entry.getUint16(12, true)
    return { bytes, cqeFlags: CqeFlag.BUFFER | (id << 16) | (more ? CqeFlag.BUF_MORE : 0) }
  }

  /** No buffer may be in the ring twice; and the kernel may write to whatever is in it. */
  scribble(): void {
    const { available } = this
    if (available === 0) return
    const ids = new Set<number>()
    for (let index = 0; index < available; index++) ids.add(this.entry(this.head + index).getUint16(12, true))
    if (ids.size !== available) throw new Violation('a buffer was provided twice')
    const entry = this.entry(this.head + this.random.below(available))
    const address = entry.getUint32(0, true) + entry.getUint32(4, true) * 4294967296
    this.memory.scribbleAt(address, entry.getUint32(8, true))
  }
}
