// Node's class FileHandle, which node:fs does not export: learnt from the first one that Node opens. Its own methods, its streams, its way to
// close and its `instanceof` are what ours (file-handle.ts) has, too. What is needed of its insides is looked for and tried; where a Node has it
// otherwise, handles stay Node's own.
import type { HoldableHandle, Holds } from './held-file.ts'

/** What ours overrides, and calls. */
export interface NodeFileHandle extends HoldableHandle {
  read(...args: readonly unknown[]): Promise<unknown>
  readv(...args: readonly unknown[]): Promise<unknown>
  write(...args: readonly unknown[]): Promise<unknown>
  writev(...args: readonly unknown[]): Promise<unknown>
  readFile(...args: readonly unknown[]): Promise<unknown>
  writeFile(...args: readonly unknown[]): Promise<unknown>
  appendFile(...args: readonly unknown[]): Promise<unknown>
  stat(...args: readonly unknown[]): Promise<unknown>
  sync(...args: readonly unknown[]): Promise<unknown>
  datasync(...args: readonly unknown[]): Promise<unknown>
  truncate(...args: readonly unknown[]): Promise<unknown>
  readableWebStream(options?: unknown): unknown
  close(): Promise<void>
}

/** `native`: what closes the descriptor. */
export type NodeFileHandleClass = new (native: object) => NodeFileHandle

type Method = (this: HoldableHandle) => void

/** A method of Node's prototype whose name is a symbol that nobody exports. */
function hiddenMethod(base: NodeFileHandleClass, description: string): { symbol: symbol; method: Method } | null {
  const prototype = base.prototype as object
  const symbol = Object.getOwnPropertySymbols(prototype).find((each) => each.description === description)
  const method: unknown = symbol === undefined ? undefined : Reflect.get(prototype, symbol)
  return symbol !== undefined && typeof method === 'function' ? { symbol, method: method as Method } : null
}

/** The class, and how a handle is told that a request uses its descriptor; null where this Node's is another one. */
export function nodeClassOf(
  handle: object,
): { readonly base: NodeFileHandleClass; readonly holds: Holds; readonly transfer: symbol | null } | null {
  const base = handle.constructor as NodeFileHandleClass
  const ref = hiddenMethod(base, 'kRef')
  const unref = hiddenMethod(base, 'kUnref')
  if (ref === null || unref === null) return null
  const holds: Holds = {
    hold: (held) => {
      ref.method.call(held)
    },
    release: (held) => {
      unref.method.call(held)
    },
  }
  return { base, holds, transfer: hiddenMethod(base, 'messaging_transfer_symbol')?.symbol ?? null }
}

/** Whether a handle that is made with something else than Node's native object is one: it has its descriptor, and closes it when it is not held. */
export async function canBeMade(made: NodeFileHandleClass, holds: Holds): Promise<boolean> {
  const native = {
    fd: 0,
    closes: 0,
    close: (): Promise<void> => {
      native.closes++
      return Promise.resolve()
    },
  }
  try {
    const handle = new made(native)
    if (handle.fd !== 0) return false
    holds.hold(handle)
    const closed = handle.close()
    if (native.closes > 0) return false
    holds.release(handle)
    await closed
    return native.closes === 1 && (handle.fd as number) === -1
  } catch {
    return false
  }
}
