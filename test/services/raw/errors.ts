// What a call that throws says. Used by the tests of misuse.
import { fieldOf } from '../harness.ts'

/** The code of what `call` throws; 'no error' without. */
export function errorCode(call: () => unknown): string {
  try {
    call()
    return 'no error'
  } catch (error) {
    return String(fieldOf(error, 'code') ?? error)
  }
}
