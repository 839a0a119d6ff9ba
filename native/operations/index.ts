// The table of operations: one row per opcode that has an API. Used for names in metrics and errors.
import { Op } from '../abi.ts'
import { asyncCancel, nop } from './control.ts'
import { close, fsync, read, write } from './files.ts'
import { openat, openat2, statx } from './paths.ts'
import type { OperationRow } from './row.ts'

/** Every operation with an API, in no particular order. */
export const operations: readonly OperationRow[] = [nop, fsync, asyncCancel, openat, close, statx, read, write, openat2]

const opcodesMax = 64
const names: readonly string[] = Array.from({ length: opcodesMax }, (_, opcode) => {
  return (
    Object.entries(Op)
      .find(([, number]) => number === opcode)?.[0]
      .toLowerCase() ?? `opcode_${opcode}`
  )
})
const syscalls: readonly string[] = names.map(
  (name, opcode) => operations.find((row) => row.opcode === opcode)?.syscall ?? name,
)

/** 1 for opcodes whose result counts bytes. */
export const countsBytes: Uint8Array = Uint8Array.from(names, (_, opcode) =>
  operations.some((row) => row.opcode === opcode && row.result === 'bytes') ? 1 : 0,
)

/** An opcode's name, for metrics. */
export function operationName(opcode: number): string {
  return names[opcode] ?? `opcode_${opcode}`
}

/** What errors call an opcode. */
export function operationSyscall(opcode: number): string {
  return syscalls[opcode] ?? `opcode_${opcode}`
}
