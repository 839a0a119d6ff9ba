// A PUT: an upload becomes a file as a whole, or not at all. Called by object-service.ts.
//
//   file without a name ─► write ─► sync of the data ─► link, or rename over what was there ─► sync of the name
//
// Every step's result is looked at; a sync that fails puts up the fence. Whoever reads finds the old file or the new one, and whoever got an
// answer finds the new one after a crash, as far as the root's durability says.
import type { IncomingHttpHeaders } from 'node:http'
import type { Stats } from 'node:fs'
import { writeConditionsHold } from '../http/conditions.ts'
import { codeOf, httpError } from '../http/http-error.ts'
import { validatorsOf } from '../http/validators.ts'
import { ContentCheck } from './digest.ts'
import type { Fence } from './fence.ts'
import type { NameLocks } from './name-locks.ts'
import type { Reservation, Room } from './room/room.ts'
import type { BlobStore, Committed, NewFile, StoreFolder } from './store.ts'
import type { UploadBody } from './upload-body.ts'

/** What is on the device when an upload is acknowledged: file and name; the file; nothing of it, perhaps. */
export const durabilities = ['full', 'data', 'none'] as const
export type Durability = (typeof durabilities)[number]

export interface WriteContext {
  readonly store: BlobStore
  readonly fence: Fence
  readonly locks: NameLocks
  readonly durability: Durability
  /** Where what is stored has limits. */
  readonly room: Room | null
  /** Of a file changed less than this ago an ETag is weak. */
  readonly settleMs: number
}

export interface PutRequest {
  readonly path: ObjectPath
  readonly headers: IncomingHttpHeaders
  readonly body: UploadBody
  /** Stored in front of what comes, and no part of it to its sender. */
  readonly preamble?: Uint8Array | undefined
  /** The client waits to be asked for the body. */
  readonly ask: () => void
}

export interface PutOutcome {
  readonly outcome: 'created' | 'replaced'
  readonly stats: Stats
}

/** Where something is written or removed. */
export interface ObjectPath {
  /** '' is the root. */
  readonly folder: Buffer
  readonly name: Buffer
}

/** @throws HttpError, SystemError */
export async function put(context: WriteContext, request: PutRequest): Promise<PutOutcome> {
  const { fence, durability } = context
  const { path, headers } = request
  fence.check()
  const check = new ContentCheck(headers)
  const folder = await context.store.makeFolder(path.folder, durability === 'full' ? syncing(fence) : null)
  try {
    // Before the body: who waits to be asked for it need not send it in vain.
    if (isConditional(headers) || headers.expect !== undefined) await checkConditions(context, folder, request)
    const reservation = context.room?.hold(pathText(path), () => sizeOf(folder, path.name)) ?? null
    try {
      return await store(context, folder, { ...request, check, reservation })
    } finally {
      reservation?.release()
    }
  } finally {
    await folder.close()
  }
}

interface Upload extends PutRequest {
  readonly check: ContentCheck
  /** null where there are no limits. */
  readonly reservation: Reservation | null
}

async function store(context: WriteContext, folder: StoreFolder, upload: Upload): Promise<PutOutcome> {
  const { fence, durability, locks } = context
  const { path, check, body, preamble, reservation } = upload
  // All of it where it is known, before the client is asked for it.
  await reservation?.ensure((preamble?.length ?? 0) + (body.lengthBytes ?? 0))
  const file = await folder.create()
  try {
    upload.ask()
    const sizeBytes = await receive(file, upload)
    check.finish()
    if (durability !== 'none') await fence.guard(() => file.sync())
    const { outcome, replacedBytes } = await locks.hold(folder.inode, path.name, () =>
      commit(context, folder, file, upload),
    )
    reservation?.settle(sizeBytes, replacedBytes)
    if (durability === 'full') await fence.guard(() => file.syncName())
    return { outcome, stats: await file.stat() }
  } finally {
    await file.close()
  }
}

async function sizeOf(folder: StoreFolder, name: Buffer): Promise<number | null> {
  const stats = await folder.stat(name)
  return stats?.isFile() === true ? stats.size : null
}

/** From the root, each character a byte. */
export const pathText = ({ folder, name }: ObjectPath): string =>
  `${folder.length === 0 ? '' : `${folder.toString('latin1')}/`}${name.toString('latin1')}`

const syncing =
  (fence: Fence) =>
  (folder: StoreFolder): Promise<void> =>
    fence.guard(() => folder.sync())

/** How many bytes it has. */
async function receive(file: NewFile, { body, preamble, check, reservation }: Upload): Promise<number> {
  let position = 0
  if (preamble !== undefined) position += await writeAll(file, preamble, position)
  for (let taken = await body.take(); taken !== null; taken = await body.take()) {
    for (const bytes of taken) {
      check.update(bytes)
      if (body.lengthBytes === null) await reservation?.ensure(position + bytes.length)
      position += await writeAll(file, bytes, position)
    }
  }
  return position
}

async function writeAll(file: NewFile, bytes: Uint8Array, position: number): Promise<number> {
  for (let done = 0; done < bytes.length;) {
    const written = await file.write(done === 0 ? bytes : bytes.subarray(done), position + done)
    if (written === 0) throw httpError(500, 'a write wrote nothing')
    done += written
  }
  return bytes.length
}

/** Once more, right before: what was there when the upload began may have changed. Nobody of the service comes between this and the rename. */
async function commit(
  context: WriteContext,
  folder: StoreFolder,
  file: NewFile,
  request: PutRequest,
): Promise<Committed> {
  if (isConditional(request.headers)) await checkConditions(context, folder, request)
  context.fence.check()
  const { name } = request.path
  const exclusive = request.headers['if-none-match']?.trim() === '*'
  try {
    return await file.commit(name, exclusive)
  } catch (error) {
    if (exclusive && codeOf(error) === 'EEXIST') throw httpError(412, 'it is there already')
    throw error
  }
}

const isConditional = (headers: IncomingHttpHeaders): boolean =>
  headers['if-match'] !== undefined ||
  headers['if-none-match'] !== undefined ||
  headers['if-unmodified-since'] !== undefined

/** @throws HttpError 412; 409 where there is something else than a file */
export async function checkConditions(
  { settleMs }: WriteContext,
  folder: StoreFolder,
  { path, headers }: Pick<PutRequest, 'path' | 'headers'>,
): Promise<Stats | null> {
  const stats = await folder.stat(path.name)
  if (stats !== null && !stats.isFile() && !stats.isSymbolicLink()) throw httpError(409, 'not a regular file')
  const validators = stats === null ? null : validatorsOf(stats, Date.now(), settleMs)
  if (!writeConditionsHold(headers, validators)) throw httpError(412, 'a condition does not hold')
  return stats
}
