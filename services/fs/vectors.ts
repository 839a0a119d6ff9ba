// readv() and writev() of a FileHandle: one request for many buffers. Used by file-handle.ts.
import { Op } from '../../native/abi.ts'
import { addressOfOwn } from '../../native/addresses.ts'
import { prepReadv, prepWritev } from '../../native/operations/vectors.ts'
import { resultError } from '../../workers/completions.ts'
import type { Completion } from '../../workers/slots.ts'
import type { RequestHandle } from '../request-handle.ts'
import { addressOf } from './buffer-address.ts'
import type { HeldFile } from './held-file.ts'

/** UIO_MAXIOV: with more the kernel takes none, and libuv does what it does. */
export const vectorsMax = 1024
const vectorBytes = 16

/** An array of struct iovec that shrinks from its beginning as data is written. */
class Vector {
  readonly file: HeldFile
  readonly buffers: readonly ArrayBufferView[]
  private readonly table: Buffer
  private first = 0
  private position: number
  /** Bytes that were moved before. */
  moved = 0
  /** And that are left. */
  left = 0

  constructor(file: HeldFile, buffers: readonly ArrayBufferView[], position: number) {
    this.file = file
    this.buffers = buffers
    this.position = position
    this.table = Buffer.allocUnsafeSlow(buffers.length * vectorBytes)
    buffers.forEach((buffer, index) => {
      this.put(index, buffer.byteLength === 0 ? 0 : addressOf(buffer), buffer.byteLength)
      this.left += buffer.byteLength
    })
  }

  private put(index: number, address: number, length: number): void {
    this.table.writeBigUInt64LE(BigInt(address), index * vectorBytes)
    this.table.writeBigUInt64LE(BigInt(length), index * vectorBytes + 8)
  }

  /** The first `count` bytes are done. */
  advance(count: number): void {
    this.moved += count
    this.left -= count
    if (this.position >= 0) this.position += count
    for (let rest = count; rest > 0;) {
      const at = this.first * vectorBytes
      const length = Number(this.table.readBigUInt64LE(at + 8))
      const taken = Math.min(length, rest)
      rest -= taken
      if (taken === length) this.first++
      else this.put(this.first, Number(this.table.readBigUInt64LE(at)) + taken, length - taken)
    }
  }

  /** @throws RingError */
  submit(handle: RequestHandle, opcode: typeof Op.READV | typeof Op.WRITEV): Promise<unknown> {
    const { client } = handle
    const address = addressOfOwn(this.table) + this.first * vectorBytes
    const slot = client.claim(opcode, opcode === Op.READV ? settleReadv : settleWritev, this.table, this)
    const prepare = opcode === Op.READV ? prepReadv : prepWritev
    const count = this.buffers.length - this.first
    prepare(client.words, client.at, 0, this.file.fd, address, count, this.position, 0)
    return client.slots.promise(slot)
  }

  end(): void {
    this.file.release()
    if (this.position < 0) this.file.endTurn()
  }
}

const settleReadv: Completion = {
  complete(slots, slot, result) {
    const vector = slots.context[slot] as Vector
    if (result < 0) slots.reject(slot, resultError(result, 'read'))
    else slots.resolve(slot, { __proto__: null, bytesRead: result, buffers: vector.buffers })
    vector.end()
  },
}

const settleWritev: Completion = {
  complete(slots, slot, result) {
    const vector = slots.context[slot] as Vector
    if (result > 0 && result < vector.left) {
      vector.advance(result)
      const handle = vector.file.route.handle()
      try {
        if (handle !== null) {
          slots.resolve(slot, vector.submit(handle, Op.WRITEV))
          return
        }
      } catch {
        // as in transfers.ts: what was written is told
      }
      slots.resolve(slot, { __proto__: null, bytesWritten: vector.moved, buffers: vector.buffers })
    } else if (result < 0 && vector.moved === 0) slots.reject(slot, resultError(result, 'write'))
    else {
      const bytesWritten = vector.moved + Math.max(result, 0)
      slots.resolve(slot, { __proto__: null, bytesWritten, buffers: vector.buffers })
    }
    vector.end()
  },
}

/** As requestRead() and requestWrite() in transfers.ts. @throws RingError */
export function requestVector(
  handle: RequestHandle,
  opcode: typeof Op.READV | typeof Op.WRITEV,
  file: HeldFile,
  buffers: readonly ArrayBufferView[],
  position: number,
): Promise<unknown> {
  const promise = new Vector(file, buffers, position).submit(handle, opcode)
  file.hold()
  return promise
}
