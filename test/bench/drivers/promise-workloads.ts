// The workloads by promise, for anything with the shape of node:fs/promises. Used by fs-promises.ts and ringmaster.ts, so that both do
// exactly the same.
import { constants } from 'node:fs'
import { promiseLoop, type Loop } from '../loops.ts'
import { AppendLog } from './append-log.ts'
import { BlockLanes, laneBuffers } from './blocks.ts'
import { cannot, type DriverInput, type Work } from './driver.ts'
import { SmallFiles } from './small-files.ts'
import { StatPaths } from './stat-paths.ts'

export interface FileLike {
  read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }>
  write(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesWritten: number }>
  stat(): Promise<{ size: number }>
  datasync(): Promise<void>
  close(): Promise<void>
}

export interface FilesLike<F extends FileLike> {
  open(path: string, flags: string | number): Promise<F>
  stat(path: string): Promise<{ size: number }>
  readFile(path: string): Promise<Buffer>
}

export function promiseWork<F extends FileLike>(files: FilesLike<F>, input: DriverInput): Promise<Work> | Work {
  switch (input.scenario.workload) {
    case 'read':
      return reads(files, input)
    case 'mixed':
      return readsAndWrites(files, input)
    case 'append':
      return appends(files, input)
    case 'statx':
      return stats(files, input)
    case 'readfile':
      return wholeFiles(files, input)
    case 'idle':
      return { loop: idleLoop, close: () => Promise.resolve() }
    default:
      throw cannot('promise', input)
  }
}

/** Nothing is done; a millisecond that goes by is an operation. */
const idleLoop: Loop = async (deadlineMs) => {
  const startedMs = performance.now()
  await new Promise((resolve) => setTimeout(resolve, deadlineMs - startedMs))
  return Math.max(1, Math.round(performance.now() - startedMs))
}

export const readFlags = (input: DriverInput): number =>
  input.scenario.uncached === true ? constants.O_RDONLY | constants.O_DIRECT : constants.O_RDONLY

async function reads<F extends FileLike>(files: FilesLike<F>, input: DriverInput): Promise<Work> {
  const file = await files.open(input.dataFile, readFlags(input))
  const lanes = new BlockLanes(laneBuffers(input), (await file.stat()).size, input.stamped)
  const { bytes } = lanes
  const loop = promiseLoop(
    input.scenario.depth,
    (lane) => file.read(lanes.buffer(lane), 0, bytes, lanes.advance(lane)),
    ({ bytesRead }, lane) => {
      lanes.check(lane, bytesRead)
      return 1
    },
  )
  return { loop, close: () => file.close() }
}

async function readsAndWrites<F extends FileLike>(files: FilesLike<F>, input: DriverInput): Promise<Work> {
  const file = await files.open(input.dataFile, 'r+')
  const lanes = new BlockLanes(laneBuffers(input), (await file.stat()).size, input.stamped)
  const { bytes } = lanes
  const loop = promiseLoop<{ bytesRead: number } | { bytesWritten: number }>(
    input.scenario.depth,
    (lane) => {
      const position = lanes.advance(lane)
      if (lanes.advanceWrites(lane)) return file.write(lanes.buffer(lane), 0, bytes, position)
      return file.read(lanes.buffer(lane), 0, bytes, position)
    },
    (result, lane) => {
      lanes.check(lane, 'bytesRead' in result ? result.bytesRead : result.bytesWritten)
      return 1
    },
  )
  return { loop, close: () => file.close() }
}

async function writeEach(file: FileLike, log: AppendLog): Promise<void> {
  const write = async (record: Buffer, index: number): Promise<void> => {
    const { bytesWritten } = await file.write(record, 0, record.length, log.positions[index]!)
    log.check(bytesWritten)
  }
  if (log.records.length === 1) await write(log.records[0]!, 0)
  else await Promise.all(log.records.map(write))
}

/** As a log does it: what was appended meanwhile, written by `writeAll`, becomes durable with one fdatasync. */
export async function appends<F extends FileLike>(
  files: FilesLike<F>,
  input: DriverInput,
  writeAll: (file: F, log: AppendLog) => Promise<void> = writeEach,
): Promise<Work> {
  const log = new AppendLog(input)
  const file = await files.open(log.path, 'r+')
  const group = async (): Promise<number> => {
    log.advance()
    await writeAll(file, log)
    await file.datasync()
    return log.records.length
  }
  const close = async (): Promise<void> => {
    await file.close()
    log.close()
  }
  return { loop: promiseLoop(1, group, (count) => count), close }
}

function stats<F extends FileLike>(files: FilesLike<F>, input: DriverInput): Work {
  const { depth } = input.scenario
  const paths = new StatPaths(depth, input.dataDirectory)
  const loop = promiseLoop(
    depth,
    (lane) => files.stat(paths.advance(lane)),
    ({ size }, lane) => {
      paths.check(lane, size)
      return 1
    },
  )
  return { loop, close: () => Promise.resolve() }
}

function wholeFiles<F extends FileLike>(api: FilesLike<F>, input: DriverInput): Work {
  const { depth } = input.scenario
  const files = new SmallFiles(depth, input.dataDirectory, input.stamped)
  const loop = promiseLoop(
    depth,
    (lane) => api.readFile(files.advance(lane)),
    (content, lane) => {
      files.check(lane, content)
      return 1
    },
  )
  return { loop, close: () => Promise.resolve() }
}
