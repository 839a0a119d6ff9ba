// Fits a recording to the files that there are: the same names where they are there, others in their place, offsets in proportion where the size is
// another. Called by services/tune/real-machine.ts.
import { constants } from 'node:fs'
import { access, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { pieceBytesMax } from '../recording/format.ts'
import type { RecordedOperation, Recording } from '../recording/format.ts'
import { writesIn } from '../recording/read.ts'
import type { LegData } from './order.ts'
import { DataError } from './own-data.ts'

/** What began with a block of the file system does so again. */
const blockBytes = 4096

interface Target {
  readonly path: string
  readonly bytes: number
}

export interface FittedReplay {
  readonly data: LegData
  /** Of the recording's files those that are there by name. */
  readonly named: number
}

/** `data`: of `recorded`, with the folder and the files that take the place of those that are not there. */
export async function fitReplay(data: LegData, recording: Recording): Promise<FittedReplay> {
  const { root = '', paths, scratchFolder } = data
  if (writesIn(recording))
    await access(scratchFolder, constants.W_OK).catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error)
      throw new DataError(`nothing can be written beside what is read: ${reason}`, { cause: error })
    })
  const folder = await realpath(root)
  const present: Target[] = []
  for (const path of paths) present.push({ path, bytes: (await stat(path)).size })
  // Files of ours were made for the recording, in its order.
  const own = data.ownFolder !== null
  const found: (Target | null)[] = own ? present : []
  if (!own) for (const { path } of recording.files) found.push(path === null ? null : await fileBelow(folder, path))
  const targets = replaceMissing(found, recording.files, present)
  const visits = recording.visits.map((visit) => {
    const sizeBytes = targets[visit.file]!.bytes
    const before = recording.files[visit.file]!.bytes
    return { ...visit, operations: wholeVisit(visit.operations).flatMap((each) => fit(each, before, sizeBytes)) }
  })
  const left = visits.filter(({ operations }) => operations.length > 0)
  if (left.length === 0) throw new DataError('nothing of the recording can be done on these files: they are empty')
  const named = found.filter((each) => each !== null).length
  return { data: { ...data, paths: targets.map(({ path }) => path), visits: left }, named }
}

/** The longest is taken for the longest that is missing, and so on. */
function replaceMissing(
  found: readonly (Target | null)[],
  files: Recording['files'],
  present: readonly Target[],
): Target[] {
  const targets = [...found]
  const rising = [...present].sort((a, b) => a.bytes - b.bytes)
  const missing = files.flatMap(({ bytes }, place) => (found[place] === null ? [{ bytes, place }] : []))
  missing.sort((a, b) => a.bytes - b.bytes)
  for (const [rank, { place }] of missing.entries())
    targets[place] = rising[Math.ceil(((rank + 1) * rising.length) / missing.length) - 1]!
  return targets.filter((target) => target !== null)
}

/** Recordings are made elsewhere: nothing in one may lead out of the folder, by its name or by a symbolic link. */
async function fileBelow(folder: string, path: string): Promise<Target | null> {
  if (path.includes('\0')) return null
  try {
    const real = await realpath(join(folder, path))
    if (!real.startsWith(folder.endsWith(sep) ? folder : folder + sep)) return null
    const stats = await stat(real)
    return stats.isFile() ? { path: real, bytes: stats.size } : null
  } catch {
    return null
  }
}

/** What is opened is closed at the end, and neither in between. */
function wholeVisit(operations: readonly RecordedOperation[]): RecordedOperation[] {
  const inner = operations.filter(([kind]) => kind !== 'open' && kind !== 'close')
  return operations[0]?.[0] === 'open' ? [['open'], ...inner, ['close']] : inner
}

/** Reads are inside of the file that there is, and no longer than a buffer of the replay. What is written goes to a file of its own. */
function fit(operation: RecordedOperation, beforeBytes: number, sizeBytes: number): RecordedOperation[] {
  if (operation[0] !== 'read' && operation[0] !== 'write') return [operation]
  const [kind, offset, recordedBytes] = operation
  const lengthBytes = kind === 'read' ? Math.min(recordedBytes, sizeBytes) : recordedBytes
  const proportional = beforeBytes === 0 ? offset : Math.floor((offset / beforeBytes) * sizeBytes)
  const inBlocks = offset % blockBytes === 0 ? proportional - (proportional % blockBytes) : proportional
  const scaled = beforeBytes === sizeBytes ? offset : inBlocks
  const startBytes = kind === 'read' ? Math.max(0, Math.min(scaled, sizeBytes - lengthBytes)) : 0
  const pieces: RecordedOperation[] = []
  for (let at = 0; at < lengthBytes; at += pieceBytesMax)
    pieces.push([kind, startBytes + at, Math.min(pieceBytesMax, lengthBytes - at)])
  return pieces
}
