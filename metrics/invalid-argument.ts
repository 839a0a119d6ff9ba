// The error for what users hand in and cannot be used, as the rest of the library throws it: metrics/ imports nobody. Thrown by exporter.ts and
// render.ts.
import { inspect } from 'node:util'

export function invalidArgument(name: string, expected: string, given: unknown): TypeError {
  const shown = inspect(given, { depth: 0, breakLength: Infinity }).slice(0, 100)
  const error = new TypeError(`${name} must be ${expected}, given ${shown}`)
  return Object.assign(error, { code: 'ERR_INVALID_ARG_TYPE' })
}
