// Driver: node:fs/promises. Chosen by leg-process.ts.
import { open, readFile } from 'node:fs/promises'
import { BLOCK_BYTES } from '../data-file.ts'
import { promiseLoop } from '../loops.ts'
import { BlockLanes } from './blocks.ts'
import { cannot, type DriverInput, type Prepared } from './driver.ts'
import { SmallFiles } from './small-files.ts'

export async function prepare(input: DriverInput): Promise<Prepared> {
  const { workload, depth } = input.scenario
  if (workload === 'readfile') return prepareReadFile(input, depth)
  if (workload === 'read') return prepareRead(input, depth)
  throw cannot('fs-promises', workload)
}

async function prepareRead(input: DriverInput, depth: number): Promise<Prepared> {
  const file = await open(input.dataFile, 'r')
  const lanes = new BlockLanes(depth, (await file.stat()).size, input.stamped)
  const loop = promiseLoop(
    depth,
    (lane) => file.read(lanes.buffer(lane), 0, BLOCK_BYTES, lanes.advance(lane)),
    ({ bytesRead }, lane) => {
      lanes.check(lane, bytesRead)
      return 1
    },
  )
  return { loop, enterCalls: null, close: () => file.close() }
}

function prepareReadFile(input: DriverInput, depth: number): Prepared {
  const files = new SmallFiles(depth, input.dataDirectory, input.stamped)
  const loop = promiseLoop(
    depth,
    (lane) => readFile(files.advance(lane)),
    (content, lane) => {
      files.check(lane, content)
      return 1
    },
  )
  return { loop, enterCalls: null, close: () => Promise.resolve() }
}
