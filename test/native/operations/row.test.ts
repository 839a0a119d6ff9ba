// How an SQE is written: every word of it but user_data, because entries are used again, and numbers beyond 32 bits whole.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Sqe } from '../../../native/abi.ts'
import { writeSqe } from '../../../native/operations/row.ts'
import { seed } from '../support/random.ts'

/** Where BigInt reads what the hot path wrote without it. */
function decode(words: Int32Array, at: number): Record<string, bigint> {
  const view = new DataView(words.buffer, words.byteOffset + at * 4, Sqe.sizeBytes)
  return {
    opcode: BigInt(view.getUint8(Sqe.opcode)),
    flags: BigInt(view.getUint8(Sqe.flags)),
    ioprio: BigInt(view.getUint16(Sqe.ioprio, true)),
    fd: BigInt(view.getInt32(Sqe.fd, true)),
    off: view.getBigInt64(Sqe.off, true),
    addr: view.getBigUint64(Sqe.addr, true),
    len: BigInt(view.getUint32(Sqe.len, true)),
    opFlags: BigInt(view.getInt32(Sqe.op_flags, true)),
    userData: view.getBigUint64(Sqe.user_data, true),
    bufIndex: BigInt(view.getUint16(Sqe.buf_index, true)),
    personality: BigInt(view.getUint16(Sqe.personality, true)),
    fileIndex: BigInt(view.getUint32(Sqe.file_index, true)),
    addr3: view.getBigUint64(Sqe.addr3, true),
    rest: view.getBigUint64(56, true),
  }
}

const uint32 = fc.integer({ min: 0, max: 0xffffffff })
const offset = fc.oneof(
  fc.constant(-1),
  fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  fc.constantFrom(0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x1fffffffff),
)
// User space ends at 2^47, with five-level page tables at 2^56, which doubles do not hold: 2^53 is what is promised.
const address = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })

describe('writeSqe()', () => {
  test('writes what it is given, exactly, over whatever was there, and leaves user_data and the neighbours alone', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 255 }),
        fc.integer({ min: 0, max: 255 }),
        fc.integer({ min: -100, max: 0x7fffffff }),
        offset,
        address,
        uint32,
        fc.integer({ min: -0x80000000, max: 0x7fffffff }),
        uint32,
        (opcode, flags, fd, off, addr, len, opFlags, fileIndex) => {
          const words = new Int32Array(48).fill(-1)
          writeSqe(words, 16, opcode, flags, fd, off, addr, len, opFlags, fileIndex)
          expect(decode(words, 16)).toEqual({
            opcode: BigInt(opcode),
            flags: BigInt(flags),
            ioprio: 0n,
            fd: BigInt(fd),
            off: BigInt(off),
            addr: BigInt(addr),
            len: BigInt(len),
            opFlags: BigInt(opFlags),
            userData: 0xffffffffffffffffn,
            bufIndex: 0n,
            personality: 0n,
            fileIndex: BigInt(fileIndex),
            addr3: 0n,
            rest: 0n,
          })
          expect([...words.subarray(0, 16), ...words.subarray(32)].every((word) => word === -1)).toBe(true)
        },
      ),
      { seed },
    )
  })
})
