// Paths as a command gets them: none, or one that says something. Used by bench.ts and tune.ts.
import { CommandError, exitCodes } from './exit.ts'

/** Null: none was given. @throws CommandError: an empty one is a variable that is not set, and would be the current folder */
export function named(path: string | undefined): string | null {
  if (path === '')
    throw new CommandError('PATH is empty: name a file or folder, or none for data of its own', exitCodes.usage)
  return path ?? null
}

/** A variable that is not set, too. */
export const emptyHtml = '--html is empty: name the file that the report is to be written to'
