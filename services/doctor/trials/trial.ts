// What a trial is. Used by child.ts and by the trials beside it.

/** Tells facts as they are found, each time an object: if the process does not come to its end, what was told so far counts. */
export type Tell = (facts: object) => void

export type Trial = (argument: string, tell: Tell) => Promise<void> | void
