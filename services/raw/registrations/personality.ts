// Personalities: credentials that operations may be carried out with instead of the ring's own. Used by Registrations and
// RawRing.submit().
import { RegisterOp } from '../../../native/abi.ts'
import type { RingHandle } from '../../../workers/ring-handle.ts'
import { checkInteger } from '../../arguments.ts'
import { checkOperation } from '../operation.ts'
import type { Operation } from '../operation.ts'
import { register } from './call.ts'

/** The credentials that this process had when they were registered, by the kernel's number. */
export interface Personality {
  readonly id: number
  /** Takes them from the ring; operations under way keep them. Safe to repeat. @throws SystemError */
  unregister(): void
  [Symbol.dispose](): void
}

/**
 * Registers the credentials that this thread has now: user, groups, capabilities, security label. To change them for that moment with
 * process.seteuid() and its like, call allowPrivilegeChanges() first: they are refused while there are rings.
 */
export function registerPersonality(handle: RingHandle): Personality {
  const id = register(handle, RegisterOp.REGISTER_PERSONALITY, null, 0)
  let registered = true
  const unregister = (): void => {
    if (!registered) return
    register(handle, RegisterOp.UNREGISTER_PERSONALITY, null, id)
    registered = false
  }
  return { id, unregister, [Symbol.dispose]: unregister }
}

/** After an SQE was written: whose credentials to use. The low half of the word is the buffer's index or group. */
export function setPersonality(words: Int32Array, at: number, id: number): void {
  words[at + 10] = (words[at + 10]! & 0xffff) | (id << 16)
}

/** The number, of a personality or as it is. @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE */
export function personalityId(personality: Personality | number): number {
  const given: unknown = personality
  const id = typeof given === 'object' && given !== null && 'id' in given ? given.id : given
  return checkInteger(id, 'personality', 1, 65535)
}

/**
 * The same operation, carried out with a personality's credentials: for steps of chains and for streams; submit() has an
 * option. Rejects with EINVAL where no such personality is registered. Since 5.6.
 * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE
 */
export function withPersonality<R>(operation: Operation<R>, personality: Personality | number): Operation<R> {
  checkOperation(operation)
  const id = personalityId(personality)
  return {
    ...operation,
    fill: (words, at, sqeFlags) => {
      operation.fill(words, at, sqeFlags)
      setPersonality(words, at, id)
    },
  }
}
