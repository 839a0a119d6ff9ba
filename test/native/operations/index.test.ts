// The table of operations: names as the kernel has them, for every opcode there is, and rows that do not contradict each other.
import { describe, expect, test } from 'vitest'
import { Op } from '../../../native/abi.ts'
import { countsBytes, operationName, operationSyscall, operations } from '../../../native/operations/index.ts'

describe('the table of operations', () => {
  test('has one row per opcode, named as the kernel names it, and says since when and where it is documented', () => {
    expect(new Set(operations.map(({ opcode }) => opcode)).size).toBe(operations.length)
    for (const { opcode, name, since, source } of operations) {
      expect(
        Object.entries(Op)
          .find(([, number]) => number === opcode)?.[0]
          .toLowerCase(),
      ).toBe(name)
      expect(since).toMatch(/^\d+\.\d+$/)
      expect(source).toMatch(/\(\d\)/)
    }
  })

  test('names every opcode of the kernel, also those without an API, and those that are newer than it', () => {
    for (const [name, opcode] of Object.entries(Op)) expect(operationName(opcode)).toBe(name.toLowerCase())
    expect(operationName(63)).toBe('opcode_63')
    expect(operationName(200)).toBe('opcode_200')
  })

  test('calls operations in errors as libuv does', () => {
    const called = {
      [Op.OPENAT]: 'open',
      [Op.OPENAT2]: 'open',
      [Op.STATX]: 'stat',
      [Op.READ]: 'read',
      [Op.FSYNC]: 'fsync',
    }
    for (const [opcode, syscall] of Object.entries(called)) expect(operationSyscall(Number(opcode))).toBe(syscall)
    expect(operationSyscall(Op.TEE)).toBe('tee')
    expect(operationSyscall(200)).toBe('opcode_200')
  })

  test('counts bytes where the result is bytes, and nowhere else', () => {
    const counting = Object.values(Op).filter((opcode) => countsBytes[opcode] === 1)
    // As their man pages say, "returns the number of bytes": transfers of every kind, and the sizes of extended attributes.
    const names = [
      'READV',
      'WRITEV',
      'READ_FIXED',
      'WRITE_FIXED',
      'READV_FIXED',
      'WRITEV_FIXED',
      'READ',
      'WRITE',
    ] as const
    const others = ['READ_MULTISHOT', 'SEND', 'RECV', 'SENDMSG', 'RECVMSG', 'SEND_ZC', 'SENDMSG_ZC', 'RECV_ZC'] as const
    const rest = ['SPLICE', 'TEE', 'FGETXATTR', 'GETXATTR'] as const
    expect(new Set(counting)).toEqual(new Set([...names, ...others, ...rest].map((name) => Op[name])))
  })
})
