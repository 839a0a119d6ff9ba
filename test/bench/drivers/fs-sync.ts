// Driver: node:fs, blocking. One at a time and deaf to everything else, but it shows what a system call costs. Chosen by
// leg-process.ts.
import { closeSync, fdatasyncSync, fstatSync, openSync, readFileSync, readSync, statSync, writeSync } from 'node:fs'
import { syncLoop } from '../loops.ts'
import { AppendLog } from './append-log.ts'
import { BlockLanes, laneBuffers } from './blocks.ts'
import type { DriverInput, Prepared, Work } from './driver.ts'
import { prepareFs } from './fs-workloads.ts'
import { SmallFiles } from './small-files.ts'
import { StatPaths } from './stat-paths.ts'

export const prepare = (input: DriverInput): Promise<Prepared> =>
  prepareFs('fs-sync', { blocks, appends, stats, wholeFiles }, input)

function blocks(input: DriverInput, flags: string | number, mixed: boolean): Work {
  const descriptor = openSync(input.dataFile, flags)
  const lanes = new BlockLanes(laneBuffers(input, 1), fstatSync(descriptor).size, input.stamped)
  const { bytes } = lanes
  const buffer = lanes.buffer(0)
  const loop = syncLoop(() => {
    const position = lanes.advance(0)
    const moved =
      mixed && lanes.advanceWrites(0)
        ? writeSync(descriptor, buffer, 0, bytes, position)
        : readSync(descriptor, buffer, 0, bytes, position)
    lanes.check(0, moved)
    return 1
  })
  return { loop, close: () => Promise.resolve(closeSync(descriptor)) }
}

function appends(input: DriverInput): Work {
  const log = new AppendLog(input)
  const descriptor = openSync(log.path, 'r+')
  const loop = syncLoop(() => {
    log.advance()
    for (let index = 0; index < log.records.length; index++) {
      const record = log.records[index]!
      log.check(writeSync(descriptor, record, 0, record.length, log.positions[index]))
    }
    fdatasyncSync(descriptor)
    return log.records.length
  })
  const close = (): Promise<void> => {
    closeSync(descriptor)
    log.close()
    return Promise.resolve()
  }
  return { loop, close }
}

function stats(input: DriverInput): Work {
  const paths = new StatPaths(1, input.dataDirectory)
  const loop = syncLoop(() => {
    paths.check(0, statSync(paths.advance(0)).size)
    return 1
  })
  return { loop, close: () => Promise.resolve() }
}

function wholeFiles(input: DriverInput): Work {
  const files = new SmallFiles(1, input.dataDirectory, input.stamped)
  const loop = syncLoop(() => {
    files.check(0, readFileSync(files.advance(0)))
    return 1
  })
  return { loop, close: () => Promise.resolve() }
}
