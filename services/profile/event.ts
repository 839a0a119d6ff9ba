// What somebody who starts rings with a profile is told of it. Used by options.ts, load.ts and the daemon.

/**
 * `loaded`: it was made on this machine. `differs`: on another, or this one was changed; it is used all the same. `impossible`: this machine cannot have its
 * layout, and the rings were started without it.
 */
export interface ProfileEvent {
  readonly state: 'loaded' | 'differs' | 'impossible'
  readonly path: string
  /** How the machines differ, a phrase each. */
  readonly differences: readonly string[]
  /** All of it, for people. */
  readonly message: string
}
