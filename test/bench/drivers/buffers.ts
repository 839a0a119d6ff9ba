// Driver: Ringmaster with buffers of an arena, and with the same kind of memory unregistered. Chosen by leg-process.ts.
import { statSync } from 'node:fs'
import { allocateSharedMemory } from '../../../native/shared-memory.ts'
import type { Ringmaster } from '../../../services/index.ts'
import { BLOCK_BYTES } from '../data-file.ts'
import { promiseLoop } from '../loops.ts'
import { BlockLanes } from './blocks.ts'
import { cannot, type DriverInput, type Prepared, type Work } from './driver.ts'
import { readFlags } from './promise-workloads.ts'
import { onRings, startRings } from './start-rings.ts'

export async function prepare(input: DriverInput): Promise<Prepared> {
  if (input.scenario.workload !== 'read') throw cannot('buffers', input)
  const rings = await startRings(input)
  return onRings(rings, await reads(rings, input))
}

async function reads(rings: Ringmaster, input: DriverInput): Promise<Work> {
  const { depth, blockBytes = BLOCK_BYTES } = input.scenario
  const buffers = (input.api === 'arena' ? arenaBuffers : plainBuffers)(rings, depth, blockBytes)
  const file = await rings.open(input.dataFile, readFlags(input))
  const lanes = new BlockLanes(buffers, statSync(input.dataFile).size, input.stamped)
  const loop = promiseLoop(
    depth,
    (lane) => file.read(lanes.buffer(lane), 0, blockBytes, lanes.advance(lane)),
    ({ bytesRead }, lane) => {
      lanes.check(lane, bytesRead)
      return 1
    },
  )
  return { loop, close: () => file.close() }
}

function plainBuffers(_rings: Ringmaster, count: number, sizeBytes: number): readonly Buffer[] {
  const memory = allocateSharedMemory(count * sizeBytes)
  return Array.from({ length: count }, (_, lane) => Buffer.from(memory, lane * sizeBytes, sizeBytes))
}

// A leg whose arena is not registered would measure the other leg.
function arenaBuffers(rings: Ringmaster, count: number, sizeBytes: number): readonly Buffer[] {
  const arena = rings.arena({ slabBytes: sizeBytes, slabs: count, fixedFor: 'all' })
  if (!arena.registered) throw new Error(`the arena is not registered: ${arena.reason}`)
  return Array.from({ length: count }, () => arena.lease().buffer)
}
