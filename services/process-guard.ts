// What concerns the whole process while it has rings: when it exits, and who it is. Used by open-rings.ts, which says when rings are
// opened and closed, and by Ringmaster.
//
// A ring's SQ thread keeps the credentials it was made with (CVE-2024-22017): a process that gives up its privileges would go on
// reading with them. So the functions of `process` that change credentials are refused while there are rings. They are replaced once,
// when the main thread loads the library (only there do they exist), and look when they are called: rings may be another thread's, and
// putting the originals back would undo whatever others have put in their place meanwhile.
import { readFileSync, readdirSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'
import { ringErrors } from '../native/errors.ts'
import { untilSync } from '../workers/sleep-sync.ts'

const guarded = ['setuid', 'setgid', 'seteuid', 'setegid', 'setgroups', 'initgroups']

/** The kernel ends SQ threads in the background. */
const sqThreadsGoneMs = 200

let openCount = 0
let exitBegun = false
let privilegesAllowed = false

const noteExit = (): void => {
  exitBegun = true
}

/** This thread begins to open rings. The returned function says that they are closed; safe to repeat. */
export function ringsOpened(): () => void {
  if (openCount++ === 0) process.prependListener('exit', noteExit) // ahead of listeners that close rings
  let open = true
  return () => {
    if (!open) return
    open = false
    if (--openCount === 0) process.off('exit', noteExit)
  }
}

/** Whether this thread exits: the event loop does not turn any more. Known while rings are open. */
export function exits(): boolean {
  return exitBegun
}

/** SQ threads of this process, whichever of its threads made them. */
function sqThreads(): number {
  try {
    return readdirSync('/proc/self/task').filter((tid) => {
      try {
        return readFileSync(`/proc/self/task/${tid}/comm`, 'latin1').startsWith('iou-sqp-')
      } catch {
        return false // ended meanwhile
      }
    }).length
  } catch {
    return 0 // no /proc, or no Linux
  }
}

const keepsPrivileges = (): boolean => openCount > 0 || !untilSync(() => sqThreads() === 0, sqThreadsGoneMs)

/** Puts guards in front of what changes the credentials of the process. Called once, when the library is loaded. */
export function guardPrivileges(): void {
  if (!isMainThread) return
  for (const name of guarded) {
    const original: unknown = Reflect.get(process, name)
    if (typeof original !== 'function') continue // not on Windows
    const change = original as (...args: readonly unknown[]) => unknown
    const guard = (...args: readonly unknown[]): unknown => {
      if (!privilegesAllowed && keepsPrivileges()) throw ringErrors.privileges(name)
      return Reflect.apply(change, process, args)
    }
    Object.defineProperty(guard, 'name', { value: name })
    Object.defineProperty(guard, 'length', { value: change.length })
    Reflect.set(process, name, guard)
  }
}

/**
 * Allows `process.setuid()`, `setgid()`, `seteuid()`, `setegid()`, `setgroups()` and `initgroups()` while there are rings, for good. For who
 * knows that these keep the rights they were started with: an SQ thread goes on opening, reading and writing with its creator's
 * credentials (CVE-2024-22017), and so do requests in flight. Call it in the main thread.
 */
export function allowPrivilegeChanges(): void {
  privilegesAllowed = true
}
