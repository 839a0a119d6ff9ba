// The start option `restrictions`: names → what the kernel is told. Used by options.ts and open-rings.ts.
import { RegisterOp, SqeFlag } from '../native/abi.ts'
import { invalidArgType, invalidArgValue } from '../native/errors.ts'
import { operations } from '../native/operations/index.ts'
import type { RingRestrictions } from '../workers/restrictions.ts'

/**
 * What every ring of a Ringmaster accepts; the kernel refuses all else with EACCES, and nobody can undo it (5.10). What is
 * not given is not restricted; at least one must be. Always allowed, because nothing could be ended without them: nop, async_cancel, and the
 * registration register_sync_cancel. What the library itself sets up is set up before.
 */
export interface RestrictionsOption {
  /** Names as in `ringmaster operations`. readFile() for instance needs openat, read and close. */
  readonly operations?: readonly string[]
  /** Names as in registrationTable(). */
  readonly registrations?: readonly string[]
  /** readFile() and chains need FIXED_FILE, IO_LINK and IO_HARDLINK. */
  readonly sqeFlags?: readonly (keyof typeof SqeFlag)[]
}

const everyFlag = Object.values(SqeFlag).reduce((bits, bit) => bits | bit, 0)
const registrationNames = new Map(Object.entries(RegisterOp).map(([name, opcode]) => [name.toLowerCase(), opcode]))
const operationNames = new Map(operations.map(({ name, opcode }) => [name, opcode]))
const flagNames = new Map<string, number>(Object.entries(SqeFlag))
const fields = ['operations', 'registrations', 'sqeFlags']

/** @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE; the message names the field. */
export function checkRestrictions(option: unknown): RingRestrictions | undefined {
  if (option === undefined) return undefined
  if (typeof option !== 'object' || option === null || Array.isArray(option))
    throw invalidArgType('options.restrictions', 'of type object', option)
  for (const field of Object.keys(option)) {
    if (!fields.includes(field))
      throw invalidArgValue(
        `options.restrictions.${field}`,
        Reflect.get(option, field),
        `is no restriction; there are ${fields.join(', ')}`,
      )
  }
  if (fields.every((field) => Reflect.get(option, field) === undefined))
    throw invalidArgValue('options.restrictions', option, `must name at least one of ${fields.join(', ')}`)
  const numbers = (field: string, known: ReadonlyMap<string, number>): number[] | null => {
    const names: unknown = Reflect.get(option, field)
    if (names === undefined) return null
    if (!Array.isArray(names)) throw invalidArgType(`options.restrictions.${field}`, 'an array of names', names)
    return names.map((name: unknown) => {
      const found = typeof name === 'string' ? known.get(name) : undefined
      if (found === undefined)
        throw invalidArgValue(`options.restrictions.${field}`, name, `must name one of ${[...known.keys()].join(', ')}`)
      return found
    })
  }
  return {
    operations: numbers('operations', operationNames) ?? [...operationNames.values()],
    registrations: numbers('registrations', registrationNames),
    sqeFlags: numbers('sqeFlags', flagNames)?.reduce((bits, bit) => bits | bit, 0) ?? everyFlag,
  }
}

/** The kernel refuses a list that names what it does not have: which nobody can do anyway. */
export function withoutUnsupported(restrictions: RingRestrictions, supported: readonly number[]): RingRestrictions {
  return { ...restrictions, operations: restrictions.operations.filter((opcode) => supported.includes(opcode)) }
}
