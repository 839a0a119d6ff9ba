// The seam between the blob service and storage: what put.ts, object-service.ts and listing.ts need of a root. blob-root.ts has it on a ring;
// tests wrap it to inject faults.
import type { Stats } from 'node:fs'
import type { Folder } from '../http/storage.ts'

/** A folder below the root, open. Names are single names, as bytes. */
export interface StoreFolder {
  readonly fd: number
  readonly inode: number
  /** A file without a name, or with one that nobody asks for. */
  create(): Promise<NewFile>
  /** null where there is nothing. Links are not followed: they are what is replaced and removed. */
  stat(name: Buffer): Promise<Stats | null>
  unlink(name: Buffer): Promise<void>
  /** What it says of its files is on the device. */
  sync(): Promise<void>
  close(): Promise<void>
}

export interface Committed {
  readonly outcome: 'created' | 'replaced'
  /** Of the file that had the name; null where none had. */
  readonly replacedBytes: number | null
}

export interface NewFile {
  /** How many bytes were written: perhaps fewer. */
  write(bytes: Uint8Array, positionBytes: number): Promise<number>
  /** What was written is on the device. */
  sync(): Promise<void>
  stat(): Promise<Stats>
  /** Gives it its name. `exclusive`: EEXIST where that is another's. */
  commit(name: Buffer, exclusive: boolean): Promise<Committed>
  /** The name that it got is on the device, and that it has one. */
  syncName(): Promise<void>
  /** Lets go of it; it is gone where it was not committed. */
  close(): Promise<void>
}

/** Paths are confined by the kernel. */
export interface BlobStore extends Folder {
  /** '' is the root. ENOENT, ENOTDIR, EXDEV, ELOOP. */
  openFolder(path: Buffer): Promise<StoreFolder>
  /** As openFolder(), and made where it is not there; `durable`: so that a crash does not undo it, told of each folder to be synced. */
  makeFolder(path: Buffer, syncs: ((folder: StoreFolder) => Promise<void>) | null): Promise<StoreFolder>
}
