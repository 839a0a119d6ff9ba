// The workloads, for any API by promise. Adding one: its name in order.ts (and WorkloadName in services/tune/types.ts), a function here, one in
// sync-works.ts. Called by station.ts.
import { constants } from 'node:fs'
import type { LegOrder } from '../order.ts'
import { randomPositions, sequentialPositions } from './positions.ts'
import type { Positions } from './positions.ts'
import { replayed } from './replay.ts'
import { logBytesMax, openScratch } from './scratch-file.ts'
import { hasBatches, movedBytes } from './work.ts'
import type { FileLike, Moved, Work, WorkInput } from './work.ts'

type MakeWork = (input: WorkInput) => Promise<Work>

const makers: Readonly<Record<Exclude<LegOrder['workload'], 'http'>, MakeWork>> = {
  'random-read': (input) => transfers(input, random(input), false),
  'sequential-read': (input) => transfers(input, inOrder(input), false),
  'random-write': (input) => transfers(input, random(input), true),
  'sequential-write': (input) => transfers(input, inOrder(input), true),
  'durable-append': durableAppends,
  'small-files': wholeFiles,
  mixed,
  recorded: replayed,
}

export function makeWork(input: WorkInput): Promise<Work> {
  const { workload } = input.order
  if (workload === 'http') throw new Error('what is asked over HTTP is asked by a process of its own (http-load.ts)')
  return makers[workload](input)
}

const random = ({ order, thread }: WorkInput): Positions =>
  randomPositions(order.data.spanBytes, order.blockBytes, thread)
const inOrder = ({ order, thread, threads }: WorkInput): Positions =>
  sequentialPositions(order.data.spanBytes, order.blockBytes, thread, threads)

/** Lanes and what each needs: with batches a lane is a batch. */
function laneShape({ order, depth }: WorkInput): { lanes: number; batch: number } {
  const batch = Math.min(order.batch, depth)
  return { lanes: Math.max(1, Math.floor(depth / batch)), batch }
}

const directFlag = ({ order }: WorkInput): number => (order.data.cache === 'direct' ? constants.O_DIRECT : 0)

function openData(input: WorkInput, writes: boolean): Promise<FileLike> {
  const { file } = input.order.data
  if (file === null) throw new Error(`the workload ${input.order.workload} needs a file`)
  return input.files.open(file, (writes ? constants.O_RDWR : constants.O_RDONLY) | directFlag(input))
}

function checkBatches(batch: number, file: FileLike): void {
  if (batch > 1 && !hasBatches(file)) throw new Error('this API has no batches')
}

async function transfers(input: WorkInput, positions: Positions, writes: boolean): Promise<Work> {
  const { lanes, batch } = laneShape(input)
  const { blockBytes } = input.order
  const buffers = input.buffers.take(lanes * batch, blockBytes)
  const file = await openData(input, writes)
  checkBatches(batch, file)
  const finish = (moved: Moved): number => movedBytes(moved, blockBytes, batch)
  const close = (): Promise<void> => file.close()
  if (batch > 1 && hasBatches(file)) {
    const groups = Array.from({ length: lanes }, (_, lane) => buffers.slice(lane * batch, (lane + 1) * batch))
    const places = groups.map(() => new Float64Array(batch))
    const start = (lane: number): Promise<Moved> => {
      const place = places[lane]!
      for (let at = 0; at < batch; at++) place[at] = positions.next()
      return writes ? file.writeBatch(groups[lane]!, place) : file.readBatch(groups[lane]!, place)
    }
    return { lanes, operationsPerStart: batch, start, finish, close }
  }
  const start = writes
    ? (lane: number): Promise<Moved> => file.write(buffers[lane]!, 0, blockBytes, positions.next())
    : (lane: number): Promise<Moved> => file.read(buffers[lane]!, 0, blockBytes, positions.next())
  return { lanes, operationsPerStart: 1, start, finish, close }
}

/** The places of a log, which begins again from its start. */
function logPositions(recordBytes: number): Positions {
  return sequentialPositions(Math.max(recordBytes, logBytesMax), recordBytes, 0, 1)
}

/** Of each lane: append, then fdatasync. With batches: so many appends, then one fdatasync. */
async function durableAppends(input: WorkInput): Promise<Work> {
  const { lanes, batch } = laneShape(input)
  const { blockBytes, data } = input.order
  const file = await openScratch(data.scratchFolder, directFlag(input), (...opening) => input.files.open(...opening))
  checkBatches(batch, file)
  const buffers = input.buffers.take(lanes * batch, blockBytes)
  const positions = logPositions(blockBytes)
  const groups = Array.from({ length: lanes }, (_, lane) => buffers.slice(lane * batch, (lane + 1) * batch))
  const places = groups.map(() => new Float64Array(batch))
  const start = async (lane: number): Promise<Moved> => {
    let moved: Moved
    if (batch > 1 && hasBatches(file)) {
      const place = places[lane]!
      for (let at = 0; at < batch; at++) place[at] = positions.next()
      moved = await file.writeBatch(groups[lane]!, place)
    } else moved = await file.write(buffers[lane]!, 0, blockBytes, positions.next())
    await file.datasync()
    return moved
  }
  const finish = (moved: Moved): number => movedBytes(moved, blockBytes, batch)
  return { lanes, operationsPerStart: batch, start, finish, close: () => file.close() }
}

async function wholeFiles({ order, files, depth, thread, threads }: WorkInput): Promise<Work> {
  const { paths } = order.data
  if (paths.length === 0) throw new Error('the workload small-files needs files')
  let next = Math.floor((paths.length / threads) * thread)
  const start = (): Promise<Moved> => {
    if (next >= paths.length) next = 0
    return files.readFile(paths[next++]!)
  }
  const finish = (moved: Moved): number => (moved instanceof Uint8Array ? moved.length : 0)
  return Promise.resolve({ lanes: depth, operationsPerStart: 1, start, finish, close: () => Promise.resolve() })
}

const appendsOfTen = 3

/** Seven random reads, three appends to a log of our own, which nobody waits to be durable. */
async function mixed(input: WorkInput): Promise<Work> {
  const { order, depth, thread } = input
  const { blockBytes, data } = order
  const file = await openData(input, false)
  const log = await openScratch(data.scratchFolder, directFlag(input), (...opening) => input.files.open(...opening))
  const buffers = input.buffers.take(depth, blockBytes)
  const places = random(input)
  const ends = logPositions(blockBytes)
  const kinds = randomPositions(10 * 4096, 4096, thread + 7)
  const start = (lane: number): Promise<Moved> =>
    kinds.next() < appendsOfTen * 4096
      ? log.write(buffers[lane]!, 0, blockBytes, ends.next())
      : file.read(buffers[lane]!, 0, blockBytes, places.next())
  const finish = (moved: Moved): number => movedBytes(moved, blockBytes, 1)
  const close = async (): Promise<void> => {
    await file.close()
    await log.close()
  }
  return { lanes: depth, operationsPerStart: 1, start, finish, close }
}
