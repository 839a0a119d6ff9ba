// Driver: Ringmaster itself, by promise and by batch, with any poller. Chosen by leg-process.ts.
import { statSync } from 'node:fs'
import { Ringmaster } from '../../../services/index.ts'
import { BLOCK_BYTES } from '../data-file.ts'
import { promiseLoop, type Loop } from '../loops.ts'
import type { BatchShape } from '../model.ts'
import { BlockLanes } from './blocks.ts'
import { prepareChains } from './chains.ts'
import { cannot, type DriverInput, type Prepared } from './driver.ts'
import { receives, sends } from './ringmaster-sockets.ts'
import { SmallFiles } from './small-files.ts'

interface Work {
  readonly loop: Loop
  readonly close: () => Promise<void>
}

export async function prepare(input: DriverInput): Promise<Prepared> {
  const rings = await Ringmaster.start(startOptions(input.poller))
  const work = await prepareWork(rings, input)
  return {
    loop: work.loop,
    enterCalls: () => rings.stats().rings.reduce((sum, ring) => sum + ring.enterCalls, 0),
    note: describe(rings),
    close: async () => {
      await work.close()
      await rings.close()
    },
  }
}

function prepareWork(rings: Ringmaster, input: DriverInput): Promise<Work> | Work {
  const { workload, depth, batch } = input.scenario
  if (workload === 'receive') return receives(rings.raw(), input)
  if (workload === 'send') return sends(rings.raw(), input)
  if (input.api === 'batch') {
    if (batch === undefined) throw new Error(`the scenario ${input.scenario.name} says nothing about batches`)
    if (workload === 'nop') return nopBatches(rings, batch)
    if (workload === 'read') return readBatches(rings, input, batch)
    throw cannot('ringmaster batch', workload)
  }
  if (workload === 'chain-read' || workload === 'chain-write') return prepareChains(rings, input)
  if (workload === 'nop') return nops(rings, depth)
  if (workload === 'read') return reads(rings, input, depth)
  return wholeFiles(rings, input, depth)
}

/** `auto` is left to choose everything; a hand-picked poller gets one ring, as every other leg has one. */
function startOptions(poller: string): Parameters<typeof Ringmaster.start>[0] {
  switch (poller) {
    case 'auto':
      return { poller }
    case 'kernel':
    case 'worker':
    case 'caller':
      return { poller, rings: 1 }
    default:
      throw new Error(`there is no poller '${poller}'`)
  }
}

function describe(rings: Ringmaster): string {
  const used = rings.stats().rings.map((ring) => ring.poller)
  return `${used.length} ring${used.length === 1 ? '' : 's'}, poller ${[...new Set(used)].join(' and ')}`
}

function nops(rings: Ringmaster, depth: number): Work {
  const loop = promiseLoop(
    depth,
    () => rings.nop(),
    () => 1,
  )
  return { loop, close: () => Promise.resolve() }
}

function nopBatches(rings: Ringmaster, batch: BatchShape): Work {
  const loop = promiseLoop(
    batch.inFlightBatches,
    () => rings.nopBatch(batch.sizeEntries),
    () => batch.sizeEntries,
  )
  return { loop, close: () => Promise.resolve() }
}

async function reads(rings: Ringmaster, input: DriverInput, depth: number): Promise<Work> {
  const file = await rings.open(input.dataFile, 'r')
  const lanes = new BlockLanes(depth, statSync(input.dataFile).size, input.stamped)
  const loop = promiseLoop(
    depth,
    (lane) => file.read(lanes.buffer(lane), 0, BLOCK_BYTES, lanes.advance(lane)),
    ({ bytesRead }, lane) => {
      lanes.check(lane, bytesRead)
      return 1
    },
  )
  return { loop, close: () => file.close() }
}

async function readBatches(rings: Ringmaster, input: DriverInput, batch: BatchShape): Promise<Work> {
  const file = await rings.open(input.dataFile, 'r')
  const fileBytes = statSync(input.dataFile).size
  const batches = Array.from(
    { length: batch.inFlightBatches },
    () => new BlockLanes(batch.sizeEntries, fileBytes, input.stamped),
  )
  const loop = promiseLoop(
    batches.length,
    (index) => {
      const entries = batches[index]!
      for (let entry = 0; entry < batch.sizeEntries; entry++) entries.advance(entry)
      return file.readBatch(entries.buffers, entries.positions)
    },
    (results, index) => {
      const entries = batches[index]!
      if (results.length !== batch.sizeEntries)
        throw new Error(`a batch of ${batch.sizeEntries} gave ${results.length} results`)
      for (let entry = 0; entry < batch.sizeEntries; entry++) entries.check(entry, results[entry]!)
      return batch.sizeEntries
    },
  )
  return { loop, close: () => file.close() }
}

function wholeFiles(rings: Ringmaster, input: DriverInput, depth: number): Work {
  const files = new SmallFiles(depth, input.dataDirectory, input.stamped)
  const loop = promiseLoop(
    depth,
    (lane) => rings.readFile(files.advance(lane)),
    (content, lane) => {
      files.check(lane, content)
      return 1
    },
  )
  return { loop, close: () => Promise.resolve() }
}
