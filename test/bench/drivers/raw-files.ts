// Driver: ringmaster/raw with direct descriptors, or the same with descriptors of the process. Chosen by leg-process.ts.
import { closeSync, openSync, statSync } from 'node:fs'
import { op } from '../../../services/raw/index.ts'
import type { Descriptor, RawRing } from '../../../services/raw/index.ts'
import { promiseLoop } from '../loops.ts'
import { BlockLanes, laneBuffers } from './blocks.ts'
import { cannot } from './driver.ts'
import type { DriverInput, Prepared, Work } from './driver.ts'
import { SmallFiles } from './small-files.ts'
import { onRings, startRings } from './start-rings.ts'

/** What the largest of the small files takes, and one byte more: a whole file is a short read. */
const bufferBytes = 65536

export async function prepare(input: DriverInput): Promise<Prepared> {
  const { workload } = input.scenario
  if (workload !== 'read' && workload !== 'readfile') throw cannot('raw-files', input)
  const rings = await startRings(input)
  const direct = input.api === 'direct'
  return onRings(rings, (workload === 'read' ? reads : opens)(rings.raw(), input, direct))
}

function reads(raw: RawRing, input: DriverInput, direct: boolean): Work {
  const opened = openSync(input.dataFile, 'r')
  if (direct) raw.registrations.filesUpdate({ index: 0, descriptors: [opened] })
  const fd: Descriptor = direct ? { direct: 0 } : opened
  const { depth } = input.scenario
  const lanes = new BlockLanes(laneBuffers(input), statSync(input.dataFile).size, input.stamped)
  const loop = promiseLoop(
    depth,
    (lane) => {
      const position = lanes.advance(lane)
      return raw.submit(op.read({ fd, buffer: lanes.buffer(lane), length: lanes.bytes, position }))
    },
    (bytesRead, lane) => {
      lanes.check(lane, bytesRead)
      return 1
    },
  )
  return {
    loop,
    close: () => Promise.resolve(closeSync(opened)),
  }
}

function opens(raw: RawRing, input: DriverInput, direct: boolean): Work {
  const { depth } = input.scenario
  const files = new SmallFiles(depth, input.dataDirectory, input.stamped)
  const buffers = Array.from({ length: depth }, () => Buffer.allocUnsafeSlow(bufferBytes))
  const open = (path: string, lane: number): Promise<Descriptor> =>
    direct ? raw.submit(op.openat({ path, direct: lane })) : raw.submit(op.openat({ path }))
  const loop = promiseLoop(
    depth,
    async (lane) => {
      const fd = await open(files.advance(lane), lane)
      const bytesRead = await raw.submit(op.read({ fd, buffer: buffers[lane]!, position: 0 }))
      await raw.submit(op.close({ fd }))
      return bytesRead
    },
    (bytesRead, lane) => {
      files.check(lane, buffers[lane]!.subarray(0, bytesRead))
      return 1
    },
  )
  return { loop, close: () => Promise.resolve() }
}
