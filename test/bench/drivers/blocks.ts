// What every driver needs to read random blocks: a buffer and a position per lane, and the check of each result.
import { BLOCK_BYTES, RandomBlocks, StampChecker } from '../data-file.ts'

/** One buffer and one position for each operation in flight. */
export class BlockLanes {
  readonly buffers: readonly Buffer[]
  /** Byte offset of what each lane reads at present. */
  readonly positions: Float64Array
  readonly #random: RandomBlocks
  readonly #stamps: StampChecker

  constructor(lanes: number, fileBytes: number, stamped: boolean) {
    this.buffers = Array.from({ length: lanes }, () => Buffer.allocUnsafeSlow(BLOCK_BYTES))
    this.positions = new Float64Array(lanes)
    this.#random = new RandomBlocks(fileBytes)
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

  check(lane: number, bytesRead: number): void {
    if (bytesRead !== BLOCK_BYTES) {
      throw new Error(`a read at ${this.positions[lane]} returned ${bytesRead} instead of ${BLOCK_BYTES}`)
    }
    this.#stamps.check(this.buffer(lane), this.positions[lane]! / BLOCK_BYTES)
  }
}
