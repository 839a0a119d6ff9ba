// Driver: node:fs with callbacks. Chosen by leg-process.ts.
import { closeSync, fdatasync, fstatSync, openSync, read, readFile, stat, write } from 'node:fs'
import type { Stats } from 'node:fs'
import { callbackLoop } from '../loops.ts'
import { AppendLog } from './append-log.ts'
import { BlockLanes, laneBuffers } from './blocks.ts'
import type { DriverInput, Prepared, Work } from './driver.ts'
import { prepareFs } from './fs-workloads.ts'
import { SmallFiles } from './small-files.ts'
import { StatPaths } from './stat-paths.ts'

export const prepare = (input: DriverInput): Promise<Prepared> =>
  prepareFs('fs-callback', { blocks, appends, stats, wholeFiles }, input)

function blocks(input: DriverInput, flags: string | number, mixed: boolean): Work {
  const descriptor = openSync(input.dataFile, flags)
  const lanes = new BlockLanes(laneBuffers(input), fstatSync(descriptor).size, input.stamped)
  const { bytes } = lanes
  const loop = callbackLoop<number>(
    input.scenario.depth,
    (lane, done) => {
      const position = lanes.advance(lane)
      if (mixed && lanes.advanceWrites(lane)) write(descriptor, lanes.buffer(lane), 0, bytes, position, done)
      else read(descriptor, lanes.buffer(lane), 0, bytes, position, done)
    },
    (bytesMoved, lane) => {
      lanes.check(lane, bytesMoved)
      return 1
    },
  )
  return { loop, close: () => Promise.resolve(closeSync(descriptor)) }
}

function appends(input: DriverInput): Work {
  const log = new AppendLog(input)
  const descriptor = openSync(log.path, 'r+')
  const record = log.records[0]!
  const loop = callbackLoop<number>(
    1,
    (_, done) => {
      log.advance()
      write(descriptor, record, 0, record.length, log.positions[0], (failure, bytesWritten) => {
        if (failure === null) fdatasync(descriptor, (error) => done(error, bytesWritten))
        else done(failure, 0)
      })
    },
    (bytesWritten) => {
      log.check(bytesWritten)
      return 1
    },
  )
  const close = (): Promise<void> => {
    closeSync(descriptor)
    log.close()
    return Promise.resolve()
  }
  return { loop, close }
}

function stats(input: DriverInput): Work {
  const { depth } = input.scenario
  const paths = new StatPaths(depth, input.dataDirectory)
  const loop = callbackLoop<Stats>(
    depth,
    (lane, done) => stat(paths.advance(lane), done),
    ({ size }, lane) => {
      paths.check(lane, size)
      return 1
    },
  )
  return { loop, close: () => Promise.resolve() }
}

function wholeFiles(input: DriverInput): Work {
  const { depth } = input.scenario
  const files = new SmallFiles(depth, input.dataDirectory, input.stamped)
  const loop = callbackLoop<Buffer>(
    depth,
    (lane, done) => readFile(files.advance(lane), done),
    (content, lane) => {
      files.check(lane, content)
      return 1
    },
  )
  return { loop, close: () => Promise.resolve() }
}
