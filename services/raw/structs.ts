// Structs that operations point to: laid out in memory of their own, kept with the operation. Used by operations/*.ts.
// Addresses are written when the SQE is, because a caller's buffer may have been detached since the operation was made.
import { addressOfView } from '../../native/addresses.ts'
import { invalidArgType, outOfRange } from '../../native/errors.ts'
import { checkPart, partAddress, partLength } from './checks.ts'
import type { BufferPart } from './checks.ts'

const iovecBytes = 16
/** IOV_MAX of the kernel (UIO_MAXIOV). */
const vectorsMax = 1024

/** Writes a 64-bit number that is exact up to 2^53. */
export function putU64(bytes: Buffer, at: number, value: number): void {
  bytes.writeUInt32LE(value % 4294967296, at)
  bytes.writeUInt32LE(Math.floor(value / 4294967296), at + 4)
}

/** Buffers as an array of struct iovec. */
export interface Vectors {
  readonly parts: readonly BufferPart[]
  readonly structs: Buffer
  readonly totalBytes: number
}

/** @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE (more than 1024 buffers) */
export function checkVectors(buffers: unknown): Vectors {
  if (!Array.isArray(buffers)) throw invalidArgType('buffers', 'an array of Buffer, TypedArray, or DataView', buffers)
  if (buffers.length > vectorsMax) throw outOfRange('buffers.length', `<= ${vectorsMax}`, buffers.length)
  const parts = buffers.map((buffer: unknown) => checkPart(buffer, 0, undefined))
  const totalBytes = parts.reduce((sum, { length }) => sum + length, 0)
  return { parts, structs: Buffer.alloc(Math.max(1, parts.length) * iovecBytes), totalBytes }
}

/** Writes the iovecs as the buffers are now; returns the address of the first. */
export function vectorsAddress({ parts, structs }: Vectors): number {
  parts.forEach((part, index) => {
    putU64(structs, index * iovecBytes, partAddress(part))
    putU64(structs, index * iovecBytes + 8, partLength(part))
  })
  return addressOfView(structs)
}

/** struct epoll_event is packed on x64 only (include/uapi/linux/eventpoll.h). */
const epollPacked = process.arch === 'x64'
export const epollEventBytes: number = epollPacked ? 12 : 16
const epollDataAt = epollPacked ? 4 : 8

/** What an epoll instance says about a descriptor. */
export interface EpollReport {
  /** EPOLL* bits. */
  readonly events: number
  /** What was registered with the descriptor. */
  readonly data: number
}

export function putEpollEvent(bytes: Buffer, at: number, events: number, data: number): void {
  bytes.writeInt32LE(events, at)
  putU64(bytes, at + epollDataAt, data)
}

export function epollReport(bytes: Buffer, at: number): EpollReport {
  const low = bytes.readUInt32LE(at + epollDataAt)
  const high = bytes.readUInt32LE(at + epollDataAt + 4)
  return { events: bytes.readInt32LE(at), data: low + high * 4294967296 }
}

/** How a child of this process changed. */
export interface ProcessChange {
  readonly pid: number
  readonly uid: number
  readonly cause: 'exited' | 'killed' | 'dumped' | 'trapped' | 'stopped' | 'continued'
  /** `exited`: the exit code. Otherwise: the signal's number. */
  readonly status: number
}

/** siginfo_t, as much as waitid(2) fills: si_code, si_pid, si_uid, si_status of the SIGCHLD part on 64-bit. */
export const siginfoBytes: number = 128
const causes = ['exited', 'killed', 'dumped', 'trapped', 'stopped', 'continued'] as const

/** Null where nothing has changed (WNOHANG). */
export function processChange(siginfo: Buffer): ProcessChange | null {
  const pid = siginfo.readInt32LE(16)
  if (pid === 0) return null
  const cause = causes[siginfo.readInt32LE(8) - 1] ?? 'exited'
  return { pid, uid: siginfo.readUInt32LE(16 + 4), cause, status: siginfo.readInt32LE(24) }
}

/** struct open_how of openat2(2). */
export function openHow(flags: number, mode: number, resolve: number): Buffer {
  const bytes = Buffer.alloc(24)
  putU64(bytes, 0, flags >>> 0)
  putU64(bytes, 8, mode)
  putU64(bytes, 16, resolve >>> 0)
  return bytes
}
