// The file system of PATH: what kind it is, whether it answers, whether io_uring can read from it without a thread, O_DIRECT, free space.
import { readText } from '../../machine/text.ts'
import { shellWord } from '../../shell-word.ts'
import { asRoot } from '../commands.ts'
import type { Context } from '../context.ts'
import { formatBytes } from '../finding.ts'
import type { Finding } from '../finding.ts'
import { kindOf, mountAbove, parseMounts } from '../mounts.ts'
import type { Mount, MountKind } from '../mounts.ts'

/** What these checks go by. */
type Subject = Pick<Context, 'plan' | 'storage'>

const words: Readonly<Record<MountKind, string>> = {
  local: 'data is read and written as by any program',
  memory: 'files are in memory: nothing is durable here, and what is measured here is not a disk',
  overlay:
    "a container's own layers: the first write to a file of a lower layer copies all of it, and what is written is gone with the container",
  network:
    'a server answers: requests wait for the network, and fsync is as good as the server is. With a hard mount they wait for ever while it is gone',
  fuse: 'a process answers: each request wakes it, and what fsync does is its business',
  kernel: 'these are no files with data',
}

/** What to put data on instead. */
const elsewhere: Readonly<Record<MountKind, string | null>> = {
  local: null,
  memory: null,
  overlay: 'keep data on a volume (docker run -v /srv/data:/data, a PersistentVolumeClaim) and name that as PATH',
  network: 'keep data that has to be fast on a local disk and name that as PATH',
  fuse: 'name the folder behind it as PATH, or a local disk',
  kernel: 'name a folder with data as PATH',
}

const described = ({ type, source, point }: Mount): string => `${type} (${source}) at ${point}`

/** By name alone, for a path that does not answer. */
const mountByName = (path: string): Mount | null => mountAbove(parseMounts(readText('/', 'proc/self/mountinfo')), path)

/** Why a path cannot be had, and what mends it. */
function denied(path: string, code: string): Pick<Finding, 'why' | 'fix'> {
  if (code !== 'EACCES') return { why: 'it cannot be looked at', fix: 'name another PATH' }
  const user = process.geteuid?.() ?? 'NAME'
  return {
    why: `user ${user} may not read it, or not search a folder on the way (namei -l ${shellWord(path)} shows which)`,
    fix: `run as a user who may; or chmod a+rX ${shellWord(path)}, and chmod a+x the folders above it that lack it`,
  }
}

function checkPath({ plan, storage }: Subject): Finding {
  const { facts, end, detail } = storage
  const base = { id: 'storage.path', title: 'PATH', need: 'a file or folder' }
  if (end !== 'done' && facts.asking === undefined)
    return {
      ...base,
      have: `${plan.path}: not tried`,
      verdict: 'unknown',
      why: `the process that was to try it came to nothing (${detail})`,
      fix: null,
    }
  if (end !== 'done') {
    const mount = mountByName(plan.path)
    const on = mount === null ? '' : `; it is on ${described(mount)}`
    const left = facts.made === undefined ? '' : `; ${facts.made} may have been left behind`
    const why = `asking for ${facts.asking ?? 'it'} ended without an answer (${detail})${on}${left}`
    const fix =
      mount === null || !['network', 'fuse'].includes(kindOf(mount))
        ? null
        : asRoot(`umount -l ${shellWord(mount.point)}`)
    return { ...base, have: `${plan.path} does not answer`, verdict: 'broken', why, fix }
  }
  if ((facts.pathError ?? null) !== null)
    return {
      ...base,
      have: `${plan.path}: ${facts.pathError}`,
      verdict: 'broken',
      ...denied(plan.path, facts.pathError ?? ''),
    }
  const isOther = facts.kind === 'other'
  return {
    ...base,
    have: `${plan.path} (${facts.kind ?? 'other'})`,
    verdict: isOther ? 'broken' : 'ok',
    why: isOther ? 'neither a file nor a folder: it cannot be served, tuned for or measured' : 'it answers',
    fix: isOther ? 'name a folder or a file as PATH' : null,
  }
}

function checkType({ storage }: Subject): Finding[] {
  const { mount, kind: what } = storage.facts
  if (mount === null || mount === undefined || what === 'other') return []
  const kind = kindOf(mount)
  const isSlow = kind === 'overlay' || kind === 'network' || kind === 'fuse'
  return [
    {
      id: 'storage.type',
      title: 'file system',
      need: 'a local one',
      have: described(mount),
      verdict: isSlow ? 'degraded' : kind === 'local' ? 'ok' : 'info',
      why: words[kind],
      fix: elsewhere[kind],
    },
  ]
}

function checkNowait({ storage }: Subject): Finding[] {
  const { file, mount, fileError, kind } = storage.facts
  if (mount === null || mount === undefined || kind === 'other') return []
  const base = { id: 'storage.nowait', title: 'reads without waiting', need: 'RWF_NOWAIT' }
  const nowait = file?.nowait ?? null
  if (file === null || file === undefined || nowait === null) {
    const why =
      (file ?? null) === null
        ? `there is no file to try it with, and none could be made (${fileError ?? 'not tried'})`
        : 'the addon or the kernel cannot ask'
    return [{ ...base, have: 'not tried', verdict: 'unknown', why, fix: null }]
  }
  const where = file.tried === 'own' ? '' : ` (${file.tried})`
  if (nowait)
    return [
      {
        ...base,
        have: `works${where}`,
        verdict: 'ok',
        why: 'what is cached is read in the thread that takes the request',
        fix: null,
      },
    ]
  const isMemory = ['memory', 'kernel'].includes(kindOf(mount))
  return [
    {
      ...base,
      have: `EOPNOTSUPP${where}`,
      verdict: isMemory ? 'info' : 'degraded',
      why: 'this file system cannot say that a read would have to wait: io_uring hands each to a kernel worker thread (iou-wrk), also what is cached',
      fix: isMemory ? null : 'ext4, XFS or btrfs for data that is to be read fast',
    },
  ]
}

function checkDirect({ storage }: Subject): Finding[] {
  const { file } = storage.facts
  if (file === null || file === undefined) return []
  const { directError, directMemoryBytes: memory, directOffsetBytes: offset } = file
  const base = { id: 'storage.direct', title: 'O_DIRECT', need: 'only to bypass the page cache' }
  if (directError === 'EACCES' || directError === 'EPERM')
    return [{ ...base, have: directError, verdict: 'unknown', why: `${file.tried} may not be read`, fix: null }]
  if (directError !== null || memory === 0)
    return [
      {
        ...base,
        have: directError ?? 'not offered',
        verdict: 'info',
        why: 'this file system has no direct I/O: requests go through the page cache',
        fix: null,
      },
    ]
  if (memory === null || offset === null)
    return [
      {
        ...base,
        have: 'works, 4096 bytes',
        verdict: 'ok',
        why: 'tried with 4096 bytes; what it wants aligned the kernel does not say here (STATX_DIOALIGN)',
        fix: null,
      },
    ]
  const isUsual = offset <= 4096 && memory <= 4096
  return [
    {
      ...base,
      have: `works; memory aligned to ${memory} bytes, offsets and lengths to ${offset}`,
      verdict: isUsual ? 'ok' : 'info',
      why: isUsual
        ? 'arenas are aligned to 4096 (STATX_DIOALIGN)'
        : 'more than the 4096 that arenas are aligned to (STATX_DIOALIGN)',
      fix: null,
    },
  ]
}

/** Below this file systems slow down, and root alone may write to some. */
const freeShareMin = 0.05

function checkSpace({ storage }: Subject): Finding[] {
  if (storage.facts.kind === 'other') return []
  const { freeBytes, sizeBytes, freeInodes = 0, inodes = 0 } = storage.facts
  if (freeBytes === undefined || sizeBytes === undefined || sizeBytes === 0) return []
  const isShort = freeBytes < sizeBytes * freeShareMin
  const isOutOfInodes = inodes > 0 && freeInodes < inodes * freeShareMin
  const noInodes = isOutOfInodes ? `; ${freeInodes} of ${inodes} inodes` : ''
  return [
    {
      id: 'storage.space',
      title: 'free space',
      need: `${freeShareMin * 100} %`,
      have: `${formatBytes(freeBytes)} of ${formatBytes(sizeBytes)}${noInodes}`,
      verdict: isShort || isOutOfInodes ? 'degraded' : 'ok',
      why:
        isShort || isOutOfInodes
          ? 'writes will soon fail with ENOSPC, and a full file system scatters what it writes'
          : 'there is room',
      fix: null,
    },
  ]
}

export function checkFileSystem(context: Subject): Promise<Finding[]> {
  const { facts } = context.storage
  const path = checkPath(context)
  if ((facts.pathError ?? null) !== null) return Promise.resolve([path])
  if (context.storage.end !== 'done') return Promise.resolve([path, ...checkType(context)])
  return Promise.resolve([
    path,
    ...checkType(context),
    ...checkNowait(context),
    ...checkDirect(context),
    ...checkSpace(context),
  ])
}
