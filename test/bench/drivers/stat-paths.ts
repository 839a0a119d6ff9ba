// What every driver needs to ask about paths: whose turn it is, and the check of each answer.
import { statBytes, statPath, STAT_PATHS } from '../data-file.ts'

export class StatPaths {
  readonly #paths: readonly string[]
  readonly #current: Int32Array
  #next = 0

  constructor(lanes: number, directory: string) {
    this.#paths = Array.from({ length: STAT_PATHS }, (_, index) => statPath(directory, index))
    this.#current = new Int32Array(lanes)
  }

  /** The path this lane asks about next; round and round over all. */
  advance(lane: number): string {
    const index = this.#next
    this.#next = index + 1 === STAT_PATHS ? 0 : index + 1
    this.#current[lane] = index
    return this.#paths[index]!
  }

  check(lane: number, sizeBytes: number): void {
    const index = this.#current[lane]!
    if (sizeBytes !== statBytes(index)) throw new Error(`${this.#paths[index]} was said to have ${sizeBytes} bytes`)
  }
}
