// Commands that only root may run, as they are typed by whoever asked. Used by fixes.ts, group-fixes.ts, denial.ts and by checks.
import { shellWord } from '../shell-word.ts'

const isRoot = (): boolean => process.geteuid?.() === 0

export const asRoot = (command: string): string => (isRoot() ? command : `sudo ${command}`)

/** The shell opens the file, not sudo. */
export const writeFix = (value: string, path: string): string =>
  isRoot() ? `echo ${value} > ${shellWord(path)}` : `echo ${value} | sudo tee ${shellWord(path)}`
