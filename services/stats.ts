// struct statx → fs.Stats, as node:fs makes them. Used by stat(), lstat() and a file's stat().
import { Stats, statSync } from 'node:fs'
import type { BigIntStats } from 'node:fs'
import { Statx } from '../native/abi.ts'

// glibc's makedev(): how a 64-bit st_dev is put together, and what libuv reports.
function deviceNumber(major: number, minor: number): number {
  const low = (minor & 0xff) + (major & 0xfff) * 0x100 + Math.floor(minor / 0x100) * 0x100000
  return low + Math.floor(major / 0x1000) * 0x100000000000
}

const u64 = (view: DataView, at: number): number => view.getUint32(at, true) + view.getUint32(at + 4, true) * 4294967296

// Signed seconds from their halves: a BigInt per time would be garbage in the path of every stat.
const milliseconds = (view: DataView, at: number): number =>
  (view.getInt32(at + 4, true) * 4294967296 + view.getUint32(at, true)) * 1000 + view.getUint32(at + 8, true) / 1e6

const dateOf = (ms: number): Date => new Date(Math.round(ms))

// From Node 22 on the prototype makes the dates when they are asked for; before, they are the object's own.
const hasOwnDates = !('atime' in Stats.prototype)

/** Reads the struct statx at `at` as fs.Stats. */
export function statsFrom(view: DataView, at: number): Stats {
  // Object.create: the constructor is deprecated (DEP0180), its prototype is what instanceof and the methods want.
  // The order of the fields is core's.
  const stats = Object.create(Stats.prototype) as Stats
  stats.dev = deviceNumber(
    view.getUint32(at + Statx.stx_dev_major, true),
    view.getUint32(at + Statx.stx_dev_minor, true),
  )
  stats.mode = view.getUint16(at + Statx.stx_mode, true)
  stats.nlink = view.getUint32(at + Statx.stx_nlink, true)
  stats.uid = view.getUint32(at + Statx.stx_uid, true)
  stats.gid = view.getUint32(at + Statx.stx_gid, true)
  stats.rdev = deviceNumber(
    view.getUint32(at + Statx.stx_rdev_major, true),
    view.getUint32(at + Statx.stx_rdev_minor, true),
  )
  stats.blksize = view.getUint32(at + Statx.stx_blksize, true)
  stats.ino = u64(view, at + Statx.stx_ino)
  stats.size = u64(view, at + Statx.stx_size)
  stats.blocks = u64(view, at + Statx.stx_blocks)
  stats.atimeMs = milliseconds(view, at + Statx.stx_atime)
  stats.mtimeMs = milliseconds(view, at + Statx.stx_mtime)
  stats.ctimeMs = milliseconds(view, at + Statx.stx_ctime)
  stats.birthtimeMs = milliseconds(view, at + Statx.stx_btime)
  if (hasOwnDates) {
    stats.atime = dateOf(stats.atimeMs)
    stats.mtime = dateOf(stats.mtimeMs)
    stats.ctime = dateOf(stats.ctimeMs)
    stats.birthtime = dateOf(stats.birthtimeMs)
  }
  return stats
}

let bigintPrototype: object | undefined

/** Reads the struct statx at `at` as the BigIntStats of `{ bigint: true }`. */
export function bigintStatsFrom(view: DataView, at: number): BigIntStats {
  // node:fs does not export the class; any instance leads to its prototype.
  bigintPrototype ??= Object.getPrototypeOf(statSync('/', { bigint: true })) as object
  const plain = statsFrom(view, at)
  const nanoseconds = (offset: number): bigint =>
    view.getBigInt64(at + offset, true) * 1_000_000_000n + BigInt(view.getUint32(at + offset + 8, true))
  const atimeNs = nanoseconds(Statx.stx_atime)
  const mtimeNs = nanoseconds(Statx.stx_mtime)
  const ctimeNs = nanoseconds(Statx.stx_ctime)
  const birthtimeNs = nanoseconds(Statx.stx_btime)
  return Object.assign(Object.create(bigintPrototype) as BigIntStats, {
    dev: BigInt(plain.dev),
    mode: BigInt(plain.mode),
    nlink: BigInt(plain.nlink),
    uid: BigInt(plain.uid),
    gid: BigInt(plain.gid),
    rdev: BigInt(plain.rdev),
    blksize: BigInt(plain.blksize),
    ino: view.getBigUint64(at + Statx.stx_ino, true),
    size: view.getBigUint64(at + Statx.stx_size, true),
    blocks: view.getBigUint64(at + Statx.stx_blocks, true),
    atimeMs: atimeNs / 1_000_000n,
    mtimeMs: mtimeNs / 1_000_000n,
    ctimeMs: ctimeNs / 1_000_000n,
    birthtimeMs: birthtimeNs / 1_000_000n,
    atimeNs,
    mtimeNs,
    ctimeNs,
    birthtimeNs,
    // Core makes these of whole milliseconds, those of plain Stats of fractions.
    atime: dateOf(Number(atimeNs / 1_000_000n)),
    mtime: dateOf(Number(mtimeNs / 1_000_000n)),
    ctime: dateOf(Number(ctimeNs / 1_000_000n)),
    birthtime: dateOf(Number(birthtimeNs / 1_000_000n)),
  })
}
