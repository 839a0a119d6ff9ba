// What a FileHandle of `ringmaster/fs` has beside what Node's has: where its requests go, and whose turn it is at the file's own position. Made by
// file-handle.ts, used by what makes requests for a handle.
import { fstatSync } from 'node:fs'
import type { Route } from './route.ts'

/** What Node's FileHandle is to us. Its `hold` and `release` say that a request uses the descriptor: close() waits for them. */
export interface HoldableHandle {
  readonly fd: number
}

export interface Holds {
  hold(handle: HoldableHandle): void
  release(handle: HoldableHandle): void
}

export class HeldFile {
  readonly route: Route
  /** A ring has opened it. */
  readonly isOurs: boolean
  private readonly handle: HoldableHandle
  private readonly holds: Holds
  private atPosition = 0
  private isRegular: boolean | null = null
  private readonly turns: (() => void)[] = []

  constructor(route: Route, handle: HoldableHandle, holds: Holds, isOurs: boolean) {
    this.route = route
    this.isOurs = isOurs
    this.handle = handle
    this.holds = holds
  }

  /** The process's descriptor; -1 once closed. */
  get fd(): number {
    return this.handle.fd
  }

  hold(): void {
    this.holds.hold(this.handle)
  }

  release(): void {
    this.holds.release(this.handle)
  }

  /**
   * Two requests at the file's own position must follow each other: read(2) and write(2) hold a lock over it, io_uring does not, and both would
   * find the same bytes. Null: it may go ahead. Every one that goes ahead ends with endTurn().
   */
  turn(): Promise<void> | null {
    if (this.takeTurn()) return null
    return new Promise((resolve) => {
      this.turns.push(resolve)
    })
  }

  /** As turn(), where nobody will wait. */
  takeTurn(): boolean {
    if (this.atPosition > 0 && this.hasPosition()) return false
    this.atPosition++
    return true
  }

  endTurn(): void {
    const next = this.turns.shift()
    if (next === undefined) this.atPosition--
    else next()
  }

  /** Only regular files have one: who reads a terminal must not hold up who writes to it. */
  private hasPosition(): boolean {
    try {
      this.isRegular ??= fstatSync(this.fd).isFile()
    } catch {
      return false // closed meanwhile: the request says so
    }
    return this.isRegular
  }
}
