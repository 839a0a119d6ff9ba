// struct statx → fs.Stats, as node:fs makes them. Used by stat(), lstat() and a file's stat().
import { Stats, statSync } from 'node:fs'
import type { BigIntStats } from 'node:fs'
import { Statx } from '../native/abi.ts'

// glibc's makedev(): how a 64-bit st_dev is put together, and what libuv reports.
function deviceNumber(major: number, minor: number): number {
  const low = (minor & 0xff) + (major & 0xfff) * 0x100 + Math.floor(minor / 0x100) * 0x100000
  return low + Math.floor(major / 0x1000) * 0x100000000000
}

interface RawTime {
  readonly seconds: bigint
  readonly nanoseconds: number
}

const time = (view: DataView, at: number): RawTime => ({
  seconds: view.getBigInt64(at, true),
  nanoseconds: view.getUint32(at + 8, true),
})

const u64 = (view: DataView, at: number): number => view.getUint32(at, true) + view.getUint32(at + 4, true) * 4294967296

const milliseconds = ({ seconds, nanoseconds }: RawTime): number => Number(seconds) * 1000 + nanoseconds / 1e6
const dateOf = (ms: number): Date => new Date(Math.round(ms))

/** Reads the struct statx at `at` as fs.Stats. */
export function statsFrom(view: DataView, at: number): Stats {
  const atimeMs = milliseconds(time(view, at + Statx.stx_atime))
  const mtimeMs = milliseconds(time(view, at + Statx.stx_mtime))
  const ctimeMs = milliseconds(time(view, at + Statx.stx_ctime))
  const birthtimeMs = milliseconds(time(view, at + Statx.stx_btime))
  // Object.create: the constructor is deprecated (DEP0180), its prototype is what instanceof and the methods want.
  return Object.assign(Object.create(Stats.prototype) as Stats, {
    dev: deviceNumber(view.getUint32(at + Statx.stx_dev_major, true), view.getUint32(at + Statx.stx_dev_minor, true)),
    mode: view.getUint16(at + Statx.stx_mode, true),
    nlink: view.getUint32(at + Statx.stx_nlink, true),
    uid: view.getUint32(at + Statx.stx_uid, true),
    gid: view.getUint32(at + Statx.stx_gid, true),
    rdev: deviceNumber(
      view.getUint32(at + Statx.stx_rdev_major, true),
      view.getUint32(at + Statx.stx_rdev_minor, true),
    ),
    blksize: view.getUint32(at + Statx.stx_blksize, true),
    ino: u64(view, at + Statx.stx_ino),
    size: u64(view, at + Statx.stx_size),
    blocks: u64(view, at + Statx.stx_blocks),
    atimeMs,
    mtimeMs,
    ctimeMs,
    birthtimeMs,
    atime: dateOf(atimeMs),
    mtime: dateOf(mtimeMs),
    ctime: dateOf(ctimeMs),
    birthtime: dateOf(birthtimeMs),
  })
}

let bigintPrototype: object | undefined

/** Reads the struct statx at `at` as the BigIntStats of `{ bigint: true }`. */
export function bigintStatsFrom(view: DataView, at: number): BigIntStats {
  // node:fs does not export the class; any instance leads to its prototype.
  bigintPrototype ??= Object.getPrototypeOf(statSync('/', { bigint: true })) as object
  const plain = statsFrom(view, at)
  const nanoseconds = (offset: number): bigint => {
    const { seconds, nanoseconds } = time(view, at + offset)
    return seconds * 1_000_000_000n + BigInt(nanoseconds)
  }
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
