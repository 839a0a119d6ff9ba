// Fills the entry that was just claimed for an operation. Used by RawRing, Chain and streams.
import { prepNop } from '../../native/operations/control.ts'
import type { RingClient } from '../../workers/ring-client.ts'
import type { Operation } from './operation.ts'

/**
 * Writes the operation's SQE. A claimed entry is published whatever happens, so where fill() throws (a detached buffer, an
 * operation of the user's own) a no-op takes its place: never what the entry held before. Returns the error, or null.
 */
export function fillEntry(client: RingClient, operation: Operation<unknown>, sqeFlags: number): Error | null {
  const { words, at } = client
  try {
    operation.fill(words, at, sqeFlags)
    return null
  } catch (error) {
    prepNop(words, at, 0)
    return error instanceof Error ? error : new Error(String(error))
  }
}
