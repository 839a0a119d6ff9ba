// Driver: Ringmaster itself, by promise, batch, chain and group, with any poller. Chosen by leg-process.ts.
import { statSync } from 'node:fs'
import type { RingFile, Ringmaster } from '../../../services/index.ts'
import { promiseLoop } from '../loops.ts'
import type { BatchShape } from '../model.ts'
import type { AppendLog } from './append-log.ts'
import { BlockLanes, laneBuffers } from './blocks.ts'
import { prepareChains } from './chains.ts'
import { cannot, type DriverInput, type Prepared, type Work } from './driver.ts'
import { park } from './parked.ts'
import { appends, promiseWork, readFlags } from './promise-workloads.ts'
import { receives, sends } from './ringmaster-sockets.ts'
import { startScrapers } from './scraper.ts'
import { onRings, startRings } from './start-rings.ts'

export async function prepare(input: DriverInput): Promise<Prepared> {
  const rings = await startRings(input)
  const stopScrapers = await startScrapers(rings, input.scenario.scrapers ?? 0)
  const prepared = onRings(rings, await prepareWork(rings, input))
  const close = async (): Promise<void> => {
    await stopScrapers()
    await prepared.close()
  }
  return { ...prepared, close }
}

function prepareWork(rings: Ringmaster, input: DriverInput): Promise<Work> | Work {
  const { workload, batch } = input.scenario
  if (workload === 'receive') return receives(rings.raw(), input)
  if (workload === 'send') return sends(rings.raw(), input)
  if (workload === 'chain-read' || workload === 'chain-write' || input.api === 'chain')
    return prepareChains(rings, input)
  if (input.api === 'batch') {
    if (batch === undefined) throw new Error(`the scenario ${input.scenario.name} says nothing about batches`)
    if (workload === 'nop') return nopBatches(rings, batch)
    if (workload === 'read') return readBatches(rings, input, batch)
    throw cannot('ringmaster', input)
  }
  if (input.api === 'group') return groupedAppends(rings, input)
  return workload === 'nop' ? nops(rings, input) : promiseWork(rings, input)
}

function nops(rings: Ringmaster, { scenario }: DriverInput): Work {
  const loop = promiseLoop(
    scenario.depth,
    () => rings.nop(),
    () => 1,
  )
  return { loop, close: park(rings.raw(), scenario.parked ?? 0) }
}

function nopBatches(rings: Ringmaster, batch: BatchShape): Work {
  const loop = promiseLoop(
    batch.inFlightBatches,
    () => rings.nopBatch(batch.sizeEntries),
    () => batch.sizeEntries,
  )
  return { loop, close: () => Promise.resolve() }
}

async function readBatches(rings: Ringmaster, input: DriverInput, batch: BatchShape): Promise<Work> {
  const file = await rings.open(input.dataFile, readFlags(input))
  const fileBytes = statSync(input.dataFile).size
  const batches = Array.from(
    { length: batch.inFlightBatches },
    () => new BlockLanes(laneBuffers(input, batch.sizeEntries), fileBytes, input.stamped),
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

async function writeAsBatch(file: RingFile, log: AppendLog): Promise<void> {
  for (const bytesWritten of await file.writeBatch(log.records, log.positions)) log.check(bytesWritten)
}

function groupedAppends(rings: Ringmaster, input: DriverInput): Promise<Work> {
  if (input.scenario.workload !== 'append') throw cannot('ringmaster', input)
  return appends(rings, input, writeAsBatch)
}
