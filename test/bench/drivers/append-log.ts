// The log that is appended to: its file, the records, where the next one goes. For all drivers with the workload `append`.
import { closeSync, fstatSync, openSync, readSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { threadId } from 'node:worker_threads'
import { BLOCK_BYTES, readStamp, writeStamp } from '../data-file.ts'
import type { DriverInput } from './driver.ts'

/** Then it begins again from its start, so that no run fills the disk. c/ring-limit.c has the same. */
const LOG_BYTES_MAX = 256 << 20

export class AppendLog {
  readonly path: string
  /** One for each append that one fdatasync makes durable. */
  readonly records: readonly Buffer[]
  /** Where each record of the present group goes. */
  readonly positions: Float64Array
  readonly #recordBytes: number
  #appended = 0

  constructor({ scenario, dataDirectory, api }: DriverInput) {
    const { blockBytes = BLOCK_BYTES, groupSize = 1 } = scenario
    const count = api === 'group' ? groupSize : 1
    this.#recordBytes = blockBytes
    this.records = Array.from({ length: count }, () => Buffer.allocUnsafeSlow(blockBytes).fill(0x6c))
    this.positions = new Float64Array(count)
    this.path = join(dataDirectory, `append-${process.pid}-${threadId}.log`)
    closeSync(openSync(this.path, 'wx', 0o600))
  }

  /** Numbers the records of the next group and says where they go. */
  advance(): void {
    for (let index = 0; index < this.records.length; index++) {
      writeStamp(this.records[index]!, 0, this.#appended)
      this.positions[index] = this.#position(this.#appended++)
    }
  }

  /** Checks how much was written of a record. */
  check(bytesWritten: number): void {
    if (bytesWritten !== this.#recordBytes)
      throw new Error(`${bytesWritten} of ${this.#recordBytes} bytes were written`)
  }

  /** Everything must be there, and the last record must be the last. Then the file goes. */
  close(): void {
    const descriptor = openSync(this.path, 'r')
    unlinkSync(this.path)
    try {
      const expected = Math.min(this.#appended * this.#recordBytes, LOG_BYTES_MAX)
      const { size } = fstatSync(descriptor)
      if (size !== expected) throw new Error(`the log has ${size} bytes after appends of ${expected}`)
      if (this.#appended === 0) return
      const stamp = Buffer.alloc(4)
      readSync(descriptor, stamp, 0, 4, this.#position(this.#appended - 1))
      if (readStamp(stamp) !== this.#appended - 1) throw new Error('the last record of the log is not the last one')
    } finally {
      closeSync(descriptor)
    }
  }

  #position(number: number): number {
    return (number * this.#recordBytes) % LOG_BYTES_MAX
  }
}
