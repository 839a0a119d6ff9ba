// Driver: Ringmaster with buffers of an arena, and with the same kind of memory unregistered. Chosen by leg-process.ts.
import { statSync } from 'node:fs'
import { allocateSharedMemory } from '../../../native/shared-memory.ts'
import { Ringmaster } from '../../../services/index.ts'
import { BLOCK_BYTES, RandomBlocks, StampChecker } from '../data-file.ts'
import { promiseLoop } from '../loops.ts'
import { cannot, type DriverInput, type Prepared } from './driver.ts'

type MakeBuffers = (rings: Ringmaster, count: number, sizeBytes: number) => readonly Buffer[]

const plainBuffers: MakeBuffers = (_rings, count, sizeBytes) => {
  const memory = allocateSharedMemory(count * sizeBytes)
  return Array.from({ length: count }, (_, lane) => Buffer.from(memory, lane * sizeBytes, sizeBytes))
}

// A leg whose arena is not registered would measure the other leg.
const arenaBuffers: MakeBuffers = (rings, count, sizeBytes) => {
  const arena = rings.arena({ slabBytes: sizeBytes, slabs: count, fixedFor: 'all' })
  if (!arena.registered) throw new Error(`the arena is not registered: ${arena.reason}`)
  return Array.from({ length: count }, () => arena.lease().buffer)
}

export const preparePlain = (input: DriverInput): Promise<Prepared> => prepare(input, plainBuffers)
export const prepareArena = (input: DriverInput): Promise<Prepared> => prepare(input, arenaBuffers)

async function prepare(input: DriverInput, makeBuffers: MakeBuffers): Promise<Prepared> {
  const { workload, depth, blockBytes } = input.scenario
  const { poller } = input
  if (workload !== 'blocks' || blockBytes === undefined) throw cannot('buffers', workload)
  if (poller !== 'kernel' && poller !== 'worker' && poller !== 'caller')
    throw new Error(`there is no poller '${poller}'`)
  const rings = await Ringmaster.start({ poller, rings: 1 })
  const buffers = makeBuffers(rings, depth, blockBytes)
  const file = await rings.open(input.dataFile, 'r')
  const random = new RandomBlocks(statSync(input.dataFile).size - blockBytes + BLOCK_BYTES)
  const stamps = new StampChecker(input.stamped)
  const blocks = new Float64Array(depth)
  const loop = promiseLoop(
    depth,
    (lane) => {
      const block = random.next()
      blocks[lane] = block
      return file.read(buffers[lane]!, 0, blockBytes, block * BLOCK_BYTES)
    },
    ({ bytesRead, buffer }, lane) => {
      if (bytesRead !== blockBytes) throw new Error(`a read of ${blockBytes} bytes returned ${bytesRead}`)
      stamps.check(buffer, blocks[lane]!)
      return 1
    },
  )
  return {
    loop,
    enterCalls: () => rings.stats().rings.reduce((sum, ring) => sum + ring.enterCalls, 0),
    close: async () => {
      await file.close()
      await rings.close()
    },
  }
}
