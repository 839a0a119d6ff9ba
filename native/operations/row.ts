// What is known about an operation, and how its SQE is written. One file per family beside this one; adding an opcode means
// copying a neighbour there and listing it in index.ts.

/** What must stay put from publication until the operation's last CQE (under SQPOLL: all of it). */
export type KeptAlive = 'buffer' | 'path' | 'struct'

export interface OperationRow {
  /** IORING_OP_*. */
  readonly opcode: number
  /** Name in metrics and tables: the kernel's, in lower case. */
  readonly name: string
  /** Name in errors: as libuv says it. */
  readonly syscall: string
  /** What a result of zero or more means. */
  readonly result: 'bytes' | 'descriptor' | 'zero' | 'count'
  readonly keptAlive: readonly KeptAlive[]
  /** First kernel that has it. */
  readonly since: string
  /** Where its arguments are documented. */
  readonly source: string
}

/**
 * Writes a whole SQE but its user_data, which the ring client owns. Every other word is written, because entries are used
 * again and again. `address` and `offset` are exact up to 2^53; an offset of -1 means the file's own position.
 */
export function writeSqe(
  words: Int32Array,
  at: number,
  opcode: number,
  sqeFlags: number,
  fd: number,
  offset: number,
  address: number,
  length: number,
  opFlags: number,
  fileIndex: number,
): void {
  words[at] = opcode | (sqeFlags << 8)
  words[at + 1] = fd
  words[at + 2] = offset | 0
  words[at + 3] = Math.floor(offset / 4294967296) | 0
  words[at + 4] = address | 0
  words[at + 5] = (address / 4294967296) | 0
  words[at + 6] = length
  words[at + 7] = opFlags
  words[at + 10] = 0
  words[at + 11] = fileIndex
  words[at + 12] = 0
  words[at + 13] = 0
  words[at + 14] = 0
  words[at + 15] = 0
}

/** After writeSqe: flags that stand in ioprio (of sends, receives and accepts). */
export function setIoFlags(words: Int32Array, at: number, ioFlags: number): void {
  words[at] = (words[at]! & 0xffff) | (ioFlags << 16)
}

/** After writeSqe: the operation's own flags, for prep functions that leave them 0 (RWF_* of reads and writes). */
export function setOpFlags(words: Int32Array, at: number, opFlags: number): void {
  words[at + 7] = opFlags
}

/** After writeSqe: a registered buffer's index, or the group of provided buffers to take one from. */
export function setBuffer(words: Int32Array, at: number, indexOrGroup: number): void {
  words[at + 10] = indexOrGroup
}

/** Any free slot of the table of direct descriptors (IORING_FILE_INDEX_ALLOC, 5.19), for setDirect(). */
export const allocateDirect: number = -2

/** After writeSqe: what is opened becomes direct descriptor `index` of the ring, and no descriptor of the process. */
export function setDirect(words: Int32Array, at: number, index: number): void {
  words[at + 11] = index + 1
}
