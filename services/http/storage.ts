// The seam between HTTP and storage: the little of Ringmaster the file service needs, and nothing of rings.
// `RingFile` satisfies StoredFile as it is; serve.ts makes a Folder of a Ringmaster and its root descriptor, tests
// wrap one to inject faults.
import type { Stats } from 'node:fs'

/** An open file. A promise of `read` settles only when nobody will write to the buffer any more. */
export interface StoredFile {
  readonly fd: number
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }>
  stat(): Promise<Stats>
  close(): Promise<void>
}

/** A directory below which files can be opened, and above which nothing can: the kernel confines every path. */
export interface Folder {
  /** `path` is bytes, because that is what file names are on Linux. `flags` are those of open(2). */
  open(path: Buffer, flags: number): Promise<StoredFile>
}
