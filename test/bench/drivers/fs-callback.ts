// Driver: node:fs with callbacks. Chosen by leg-process.ts.
import { closeSync, fstatSync, openSync, read, readFile } from 'node:fs'
import { BLOCK_BYTES } from '../data-file.ts'
import { callbackLoop } from '../loops.ts'
import { BlockLanes } from './blocks.ts'
import { cannot, type DriverInput, type Prepared } from './driver.ts'
import { SmallFiles } from './small-files.ts'

export function prepare(input: DriverInput): Promise<Prepared> {
  const { workload, depth } = input.scenario
  if (workload === 'readfile') return Promise.resolve(prepareReadFile(input, depth))
  if (workload === 'read') return Promise.resolve(prepareRead(input, depth))
  return Promise.reject(cannot('fs-callback', workload))
}

function prepareRead(input: DriverInput, depth: number): Prepared {
  const descriptor = openSync(input.dataFile, 'r')
  const lanes = new BlockLanes(depth, fstatSync(descriptor).size, input.stamped)
  const loop = callbackLoop<number>(
    depth,
    (lane, done) => read(descriptor, lanes.buffer(lane), 0, BLOCK_BYTES, lanes.advance(lane), done),
    (bytesRead, lane) => {
      lanes.check(lane, bytesRead)
      return 1
    },
  )
  return { loop, enterCalls: null, close: () => Promise.resolve(closeSync(descriptor)) }
}

function prepareReadFile(input: DriverInput, depth: number): Prepared {
  const files = new SmallFiles(depth, input.dataDirectory, input.stamped)
  const loop = callbackLoop<Buffer>(
    depth,
    (lane, done) => readFile(files.advance(lane), done),
    (content, lane) => {
      files.check(lane, content)
      return 1
    },
  )
  return { loop, enterCalls: null, close: () => Promise.resolve() }
}
