// Driver: node:fs, blocking. One at a time and deaf to everything else, but it shows what a system call costs. Chosen by
// leg-process.ts.
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs'
import { BLOCK_BYTES } from '../data-file.ts'
import { syncLoop } from '../loops.ts'
import { BlockLanes } from './blocks.ts'
import { cannot, type DriverInput, type Prepared } from './driver.ts'
import { SmallFiles } from './small-files.ts'

export function prepare(input: DriverInput): Promise<Prepared> {
  const { workload } = input.scenario
  if (workload === 'readfile') return Promise.resolve(prepareReadFile(input))
  if (workload === 'read') return Promise.resolve(prepareRead(input))
  return Promise.reject(cannot('fs-sync', workload))
}

function prepareRead(input: DriverInput): Prepared {
  const descriptor = openSync(input.dataFile, 'r')
  const lanes = new BlockLanes(1, fstatSync(descriptor).size, input.stamped)
  const buffer = lanes.buffer(0)
  const loop = syncLoop(() => {
    lanes.check(0, readSync(descriptor, buffer, 0, BLOCK_BYTES, lanes.advance(0)))
    return 1
  })
  return { loop, enterCalls: null, close: () => Promise.resolve(closeSync(descriptor)) }
}

function prepareReadFile(input: DriverInput): Prepared {
  const files = new SmallFiles(1, input.dataDirectory, input.stamped)
  const loop = syncLoop(() => {
    files.check(0, readFileSync(files.advance(0)))
    return 1
  })
  return { loop, enterCalls: null, close: () => Promise.resolve() }
}
