// What every driver needs to read or write random blocks: a buffer and a position per lane, and the check of each result.
import { allocateSharedMemory } from '../../../native/shared-memory.ts'
import { BLOCK_BYTES, RandomBlocks, StampChecker, writeStamp } from '../data-file.ts'
import type { DriverInput } from './driver.ts'

const WRITES_OF_TEN = 3

/** One buffer and one position for each operation in flight. */
export class BlockLanes {
  readonly buffers: readonly Buffer[]
  /** Byte offset of what each lane reads at present. */
  readonly positions: Float64Array
  /** Bytes of one operation. */
  readonly bytes: number
  readonly #random: RandomBlocks
  readonly #kinds = new RandomBlocks(10 * BLOCK_BYTES)
  readonly #stamps: StampChecker

  constructor(buffers: readonly Buffer[], fileBytes: number, stamped: boolean) {
    this.buffers = buffers
    this.bytes = buffers[0]!.length
    this.positions = new Float64Array(buffers.length)
    this.#random = new RandomBlocks(fileBytes, this.bytes)
    this.#stamps = new StampChecker(stamped)
  }

  buffer(lane: number): Buffer {
    return this.buffers[lane]!
  }

  /** Moves the lane to its next random block and returns the byte offset of it. */
  advance(lane: number): number {
    const position = this.#random.next() * BLOCK_BYTES
    this.positions[lane] = position
    return position
  }

  /** Whether the next operation of a mixed workload is a write; then the lane's buffer is what belongs there. Call after advance(). */
  advanceWrites(lane: number): boolean {
    if (this.#kinds.next() >= WRITES_OF_TEN) return false
    writeStamp(this.buffer(lane), 0, this.positions[lane]! / BLOCK_BYTES)
    return true
  }

  check(lane: number, bytesMoved: number): void {
    if (bytesMoved !== this.bytes) {
      throw new Error(`a transfer at ${this.positions[lane]} moved ${bytesMoved} instead of ${this.bytes} bytes`)
    }
    this.#stamps.check(this.buffer(lane), this.positions[lane]! / BLOCK_BYTES)
  }
}

/** Ordinary buffers, or aligned ones where O_DIRECT wants them. */
export function laneBuffers({ scenario }: DriverInput, count: number = scenario.depth): readonly Buffer[] {
  const { blockBytes = BLOCK_BYTES, uncached } = scenario
  if (uncached !== true) return Array.from({ length: count }, () => Buffer.allocUnsafeSlow(blockBytes))
  const memory = allocateSharedMemory(count * blockBytes)
  return Array.from({ length: count }, (_, lane) => Buffer.from(memory, lane * blockBytes, blockBytes))
}
