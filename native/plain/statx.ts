// What fs.stat() found, as struct statx: the form in which completions bring it. Used by calls.ts.
import type { BigIntStats } from 'node:fs'
import { Statx, statxMask } from '../abi.ts'

const nsPerSecond = 1_000_000_000n

function putTime(view: DataView, at: number, timeNs: bigint): void {
  // Times before 1970: nanoseconds count forward from the second below.
  const nanoseconds = ((timeNs % nsPerSecond) + nsPerSecond) % nsPerSecond
  view.setBigInt64(at, (timeNs - nanoseconds) / nsPerSecond, true)
  view.setUint32(at + 8, Number(nanoseconds), true)
}

// glibc's gnu_dev_major() and gnu_dev_minor(); services/stats.ts puts them together again, so every number survives the way.
function putDevice(view: DataView, at: number, device: bigint): void {
  view.setUint32(at, Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n)), true)
  view.setUint32(at + 4, Number((device & 0xffn) | ((device >> 12n) & 0xffffff00n)), true)
}

/** Fills the struct statx in `bytes`. */
export function putStatx(bytes: Buffer, stats: BigIntStats): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  view.setUint32(Statx.stx_mask, statxMask, true)
  view.setUint32(Statx.stx_blksize, Number(stats.blksize), true)
  view.setUint32(Statx.stx_nlink, Number(stats.nlink), true)
  view.setUint32(Statx.stx_uid, Number(stats.uid), true)
  view.setUint32(Statx.stx_gid, Number(stats.gid), true)
  view.setUint16(Statx.stx_mode, Number(stats.mode), true)
  view.setBigUint64(Statx.stx_ino, stats.ino, true)
  view.setBigUint64(Statx.stx_size, stats.size, true)
  view.setBigUint64(Statx.stx_blocks, stats.blocks, true)
  putTime(view, Statx.stx_atime, stats.atimeNs)
  putTime(view, Statx.stx_btime, stats.birthtimeNs)
  putTime(view, Statx.stx_ctime, stats.ctimeNs)
  putTime(view, Statx.stx_mtime, stats.mtimeNs)
  putDevice(view, Statx.stx_rdev_major, stats.rdev)
  putDevice(view, Statx.stx_dev_major, stats.dev)
}
