// What every driver needs to read whole small files: the list, whose turn it is, and the check of each result.
import { statSync } from 'node:fs'
import { listFiles, StampChecker } from '../data-file.ts'

export class SmallFiles {
  readonly #paths: readonly string[]
  readonly #bytes: readonly number[]
  readonly #current: Int32Array
  readonly #stamps: StampChecker
  #next = 0

  constructor(lanes: number, directory: string, stamped: boolean) {
    this.#paths = listFiles(directory)
    if (this.#paths.length === 0) throw new Error(`there are no files in ${directory}`)
    this.#bytes = this.#paths.map((path) => statSync(path).size)
    this.#current = new Int32Array(lanes)
    this.#stamps = new StampChecker(stamped)
  }

  /** The path this lane is to read next; round and round over all files. */
  advance(lane: number): string {
    const index = this.#next
    this.#next = index + 1 === this.#paths.length ? 0 : index + 1
    this.#current[lane] = index
    return this.#paths[index]!
  }

  check(lane: number, content: Uint8Array): void {
    const index = this.#current[lane]!
    if (content.length !== this.#bytes[index]) {
      throw new Error(`${this.#paths[index]} has ${this.#bytes[index]} bytes, ${content.length} were read`)
    }
    this.#stamps.check(content, index)
  }
}
