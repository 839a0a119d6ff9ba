// What is known of every operation, here and now: the table of `ringmaster operations`. The running kernel says which it has,
// the exports of operations/ which can be called, native/operations/tested.ts which are proven.
import { capabilities } from '../../native/capabilities.ts'
import { operations } from '../../native/operations/index.ts'
import { testedOperations } from '../../native/operations/tested.ts'
import * as constructors from './operations/index.ts'

export interface OperationEntry {
  /** IORING_OP_*. */
  readonly opcode: number
  /** The kernel's name, in lower case; `opcode_N` for one that is newer than this table. */
  readonly name: string
  /** The running kernel has it (REGISTER_PROBE). */
  readonly supported: boolean
  /** The function of `op` in `ringmaster/raw`; null: there is none. */
  readonly api: string | null
  /** First kernel that has it; null: not known. */
  readonly since: string | null
  /** Proven by a test on a real kernel. */
  readonly tested: boolean
}

const camelCase = (name: string): string => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())

const proven = new Set(Object.values(testedOperations).flat())

function apiOf(name: string): string | null {
  const api = camelCase(name)
  return Object.hasOwn(constructors, api) ? api : null
}

/** All operations that this library or this kernel knows, by opcode. Where io_uring cannot be used, none is supported. */
export async function operationTable(): Promise<OperationEntry[]> {
  const { opcodes } = await capabilities()
  const known = operations.map(({ opcode, name, since }): OperationEntry => {
    return { opcode, name, supported: opcodes.includes(opcode), api: apiOf(name), since, tested: proven.has(name) }
  })
  const newer = opcodes
    .filter((opcode) => !operations.some((row) => row.opcode === opcode))
    .map((opcode): OperationEntry => {
      return { opcode, name: `opcode_${opcode}`, supported: true, api: null, since: null, tested: false }
    })
  return [...known, ...newer].sort((a, b) => a.opcode - b.opcode)
}
