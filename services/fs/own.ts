// Node's own node:fs/promises, and its types in the form that the API of `ringmaster/fs` has: whatever the Node.js and the @types/node of the program
// have. Used by everything here that leaves a call to Node.
import * as own from 'node:fs/promises'

export { own }

export type OwnPromises = typeof own

/** The type of an export of node:fs/promises; `undefined` where these types do not have it yet. */
export type Own<Name extends string> = Name extends keyof OwnPromises ? OwnPromises[Name] : undefined

/** A function of node:fs/promises with arguments that nobody has looked at: Node looks. */
export type AnyCall = (...args: readonly unknown[]) => Promise<unknown>

/** What is called by the name; where this Node has none, the TypeError that a program gets. */
export function ownCall(name: string): AnyCall {
  return Reflect.get(own, name) as AnyCall
}

export const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined)
