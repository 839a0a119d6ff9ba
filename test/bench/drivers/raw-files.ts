// Driver: ringmaster/raw with direct descriptors, or the same with descriptors of the process. Chosen by leg-process.ts.
import { closeSync, openSync, statSync } from 'node:fs'
import { Ringmaster } from '../../../services/index.ts'
import { op } from '../../../services/raw/index.ts'
import type { Descriptor, RawRing } from '../../../services/raw/index.ts'
import { BLOCK_BYTES } from '../data-file.ts'
import { promiseLoop } from '../loops.ts'
import type { Loop } from '../loops.ts'
import { BlockLanes } from './blocks.ts'
import { cannot } from './driver.ts'
import type { DriverInput, Prepared } from './driver.ts'
import { SmallFiles } from './small-files.ts'

/** What the largest of the small files takes, and one byte more: a whole file is a short read. */
const bufferBytes = 65536

export const prepareFd = (input: DriverInput): Promise<Prepared> => prepare(input, false)
export const prepareDirect = (input: DriverInput): Promise<Prepared> => prepare(input, true)

async function prepare(input: DriverInput, direct: boolean): Promise<Prepared> {
  const { poller } = input
  if (poller !== 'kernel' && poller !== 'worker' && poller !== 'caller') throw new Error(`no poller '${poller}'`)
  const rings = await Ringmaster.start({ rings: 1, poller })
  const raw = rings.raw()
  const { workload } = input.scenario
  if (workload === 'nop') throw cannot('raw', workload)
  const work = workload === 'read' ? reads(raw, input, direct) : opens(raw, input, direct)
  return {
    loop: work.loop,
    enterCalls: () => rings.stats().rings.reduce((sum, ring) => sum + ring.enterCalls, 0),
    close: async () => {
      work.close()
      await rings.close()
    },
  }
}

function reads(raw: RawRing, input: DriverInput, direct: boolean): { loop: Loop; close: () => void } {
  const opened = openSync(input.dataFile, 'r')
  if (direct) raw.registrations.filesUpdate({ index: 0, descriptors: [opened] })
  const fd: Descriptor = direct ? { direct: 0 } : opened
  const { depth } = input.scenario
  const lanes = new BlockLanes(depth, statSync(input.dataFile).size, input.stamped)
  const loop = promiseLoop(
    depth,
    (lane) => {
      const position = lanes.advance(lane)
      return raw.submit(op.read({ fd, buffer: lanes.buffer(lane), length: BLOCK_BYTES, position }))
    },
    (bytesRead, lane) => {
      lanes.check(lane, bytesRead)
      return 1
    },
  )
  return {
    loop,
    close: () => {
      closeSync(opened)
    },
  }
}

function opens(raw: RawRing, input: DriverInput, direct: boolean): { loop: Loop; close: () => void } {
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
  return { loop, close: () => undefined }
}
