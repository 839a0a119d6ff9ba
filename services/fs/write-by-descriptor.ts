// writeFile() and appendFile() of a path: open, write everything, close; or, where a crash must not undo it, as Ringmaster.writeFile() does. Used by
// whole-files.ts.
import { Op } from '../../native/abi.ts'
import { ringErrors } from '../../native/errors.ts'
import { leaseStamp } from '../../workers/arena.ts'
import { ownDescriptor } from '../../workers/owned-descriptors.ts'
import { throwIfAborted } from '../abort.ts'
import { checkReplaces } from '../atomic-write.ts'
import { checkBoolean, checkEncoding, checkMode, checkPath, checkSignal } from '../arguments.ts'
import { openDescriptor } from '../open-descriptor.ts'
import { closeOnExec, openFlags } from '../open-flags.ts'
import type { RequestHandle, Router } from '../request-handle.ts'
import { closeDescriptor, requestSync } from '../requests.ts'
import { dataBytes, writeWholeFile } from '../write-file.ts'
import { writeChunkBytes } from './contents.ts'
import type { Route } from './route.ts'
import { requestSome } from './transfers.ts'

export interface Write {
  readonly path: string | Buffer
  readonly data: Uint8Array
  readonly flags: number
  readonly mode: number
  readonly flush: boolean
  readonly signal: AbortSignal | undefined
}

/** Unlike services/write-file.ts, it waits where the rings have no room: a part that was written cannot be taken back. */
export async function writeByDescriptor(route: Route, handle: RequestHandle, write: Write): Promise<undefined> {
  const rings = await route.started()
  const { path, data, signal } = write
  throwIfAborted(signal)
  handle.beginTask()
  try {
    const lease = leaseStamp(rings.arenas, data)
    const flags = write.flags | closeOnExec
    const fd = await route.persist(() => openDescriptor(rings, path, flags, write.mode, signal))
    ownDescriptor(fd)
    try {
      await writeOpen(route, handle, rings, fd, write, lease)
    } finally {
      await closeDescriptor(() => handle, fd)
    }
  } finally {
    handle.endTask()
  }
}

async function writeOpen(
  route: Route,
  handle: RequestHandle,
  rings: Router,
  fd: number,
  { data, flush, signal }: Write,
  lease: ReturnType<typeof leaseStamp>,
): Promise<void> {
  for (let done = 0; done < data.byteLength;) {
    throwIfAborted(signal)
    // While no request uses it, a slab that was given back may be leased to somebody else.
    if (leaseStamp(rings.arenas, data) !== lease) throw ringErrors.leaseReleased()
    const chunk = data.subarray(done, done + writeChunkBytes)
    done += await route.persist(() => requestSome(handle, Op.WRITE, fd, chunk, signal))
  }
  if (flush) await route.persist(() => requestSync(handle, fd, false))
}

/** With `atomic` or `durable`, which node:fs/promises does not have: the arguments are judged here. */
export async function writeSafely(
  route: Route,
  path: unknown,
  data: unknown,
  options: Readonly<Record<string, unknown>>,
): Promise<undefined> {
  const rings = await route.started()
  const bytes = dataBytes(data, checkEncoding(options['encoding']) ?? 'utf8')
  const { arenas } = rings
  const request = {
    path: checkPath(path),
    data: bytes,
    flags: openFlags(options['flag'] as string),
    mode: checkMode(options['mode'] ?? 0o666, 'mode'),
    flush: checkBoolean(options['flush'], 'options.flush'),
    atomic: checkBoolean(options['atomic'], 'options.atomic'),
    durable: checkBoolean(options['durable'], 'options.durable'),
    signal: checkSignal(options['signal']),
    ...{ arenas, lease: leaseStamp(arenas, bytes) },
  }
  if (request.atomic) checkReplaces(request.flags, options['flag'])
  await writeWholeFile(rings.pick(), request)
}
