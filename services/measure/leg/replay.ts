// A recording done again: each lane takes the next file's visit, in the order in which they were recorded, and does its operations one after the other.
// A start is one operation. Files are opened for reading only; what was written goes to a file without a name. Called by works.ts.
import { constants } from 'node:fs'
import type { RecordedOperation, RecordedVisit } from '../../recording/format.ts'
import { sequentialPositions } from './positions.ts'
import { logBytesMax, openScratch } from './scratch-file.ts'
import { movedBytes } from './work.ts'
import type { FileLike, Moved, Work, WorkInput } from './work.ts'

interface Lane {
  readonly buffer: Buffer
  visit: RecordedVisit | null
  /** The operation of the visit that is next. */
  at: number
  file: FileLike | null
  /** Of the one that is under way; 0: none moves. */
  wantedBytes: number
}

export async function replayed({ order, files, buffers, depth, thread, threads }: WorkInput): Promise<Work> {
  const { paths, visits = [], scratchFolder } = order.data
  if (visits.length === 0) throw new Error('the workload recorded needs a recording')
  const opens = (each: RecordedVisit['operations']): boolean => each[0]?.[0] === 'open'
  const all = visits.flatMap((visit) => visit.operations)
  const longestBytes = all.reduce((most, [, , length = 0]) => Math.max(most, length), 1)
  const writes = all.some(([kind]) => kind === 'write' || kind === 'sync')
  const scratch = writes ? await openScratch(scratchFolder, 0, (...opening) => files.open(...opening)) : null
  const ends = sequentialPositions(Math.max(longestBytes, logBytesMax), longestBytes, 0, 1)
  const lanes = buffers.take(depth, longestBytes).map((buffer): Lane => {
    return { buffer, visit: null, at: 0, file: null, wantedBytes: 0 }
  })
  // Of visits that do not open theirs.
  const held = new Map<number, FileLike>()
  for (const { file, operations } of visits)
    if (!opens(operations) && !held.has(file)) held.set(file, await files.open(paths[file]!, constants.O_RDONLY))
  let next = Math.floor((visits.length / threads) * thread)

  const nextOf = (lane: Lane): RecordedOperation => {
    if (lane.visit === null || lane.at === lane.visit.operations.length) {
      if (next >= visits.length) next = 0
      lane.visit = visits[next++]!
      lane.at = 0
      if (!opens(lane.visit.operations)) lane.file = held.get(lane.visit.file)!
    }
    return lane.visit.operations[lane.at++]!
  }
  const start = (number: number): Promise<Moved> => {
    const lane = lanes[number]!
    const [kind, offset = 0, length = 0] = nextOf(lane)
    lane.wantedBytes = length
    switch (kind) {
      case 'open':
        return open(lane, paths[lane.visit!.file]!)
      case 'stat':
        return statOf(lane.file!)
      case 'read':
        return lane.file!.read(lane.buffer, 0, length, offset)
      case 'write':
        return scratch!.write(lane.buffer, 0, length, ends.next())
      case 'sync':
        return scratch!.datasync()
      case 'close':
        return close(lane)
    }
  }
  const open = async (lane: Lane, path: string): Promise<void> => {
    lane.file = await files.open(path, constants.O_RDONLY)
  }
  const finish = (moved: Moved, number: number): number => {
    const { wantedBytes } = lanes[number]!
    return wantedBytes === 0 ? 0 : movedBytes(moved, wantedBytes, 1)
  }
  const closeAll = async (): Promise<void> => {
    const kept = new Set(held.values())
    for (const { file } of lanes) if (file !== null) kept.add(file)
    for (const file of kept) await file.close()
    await scratch?.close()
  }
  return { lanes: depth, operationsPerStart: 1, start, finish, close: closeAll }
}

async function close(lane: Lane): Promise<void> {
  const { file } = lane
  lane.file = null
  await file?.close()
}

interface StatFile extends FileLike {
  stat(): Promise<unknown>
}

const hasStat = (file: FileLike): file is StatFile => 'stat' in file

async function statOf(file: FileLike): Promise<void> {
  if (!hasStat(file)) throw new Error('this API has no stat')
  await file.stat()
}
