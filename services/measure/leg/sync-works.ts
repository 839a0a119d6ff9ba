// The workloads on node:fs, blocking: one request at a time. What a system call costs, and for programs that do nothing else the one to beat. Called
// by station.ts.
import { closeSync, constants, fdatasyncSync, openSync, readFileSync, readSync, writeSync } from 'node:fs'
import type { LegOrder } from '../order.ts'
import { plainBuffers } from './buffers.ts'
import { randomPositions, sequentialPositions } from './positions.ts'
import type { Positions } from './positions.ts'
import { logBytesMax, openScratch } from './scratch-file.ts'
import { movedBytes } from './work.ts'
import type { SyncWork } from './work.ts'

export async function makeSyncWork(order: LegOrder): Promise<SyncWork> {
  const { workload, blockBytes, data } = order
  const { spanBytes, paths } = data
  const direct = data.cache === 'direct' ? constants.O_DIRECT : 0
  const [buffer] = plainBuffers(direct !== 0).take(1, blockBytes)
  const opened: number[] = []
  const open = (path: string, flags: number): number => {
    const descriptor = openSync(path, flags, 0o600)
    opened.push(descriptor)
    return descriptor
  }
  const scratch = (): Promise<number> => openScratch(data.scratchFolder, direct, open)
  const close = (): void => {
    for (const descriptor of opened.splice(0)) closeSync(descriptor)
  }
  const reads = (positions: Positions): (() => number) => {
    const descriptor = open(data.file ?? '', constants.O_RDONLY | direct)
    return () => movedBytes(readSync(descriptor, buffer!, 0, blockBytes, positions.next()), blockBytes, 1)
  }
  const writes = (descriptor: number, positions: Positions): (() => number) => {
    return () => movedBytes(writeSync(descriptor, buffer!, 0, blockBytes, positions.next()), blockBytes, 1)
  }
  const random = randomPositions(spanBytes, blockBytes, 0)
  const inOrder = sequentialPositions(spanBytes, blockBytes, 0, 1)
  const ends = sequentialPositions(Math.max(blockBytes, logBytesMax), blockBytes, 0, 1)

  switch (workload) {
    case 'random-read':
      return { perform: reads(random), close }
    case 'sequential-read':
      return { perform: reads(inOrder), close }
    case 'random-write':
      return { perform: writes(open(data.file ?? '', constants.O_RDWR | direct), random), close }
    case 'sequential-write':
      return { perform: writes(open(data.file ?? '', constants.O_RDWR | direct), inOrder), close }
    case 'durable-append': {
      const log = await scratch()
      const append = writes(log, ends)
      const perform = (): number => {
        const bytes = append()
        fdatasyncSync(log)
        return bytes
      }
      return { perform, close }
    }
    case 'small-files': {
      let next = 0
      const perform = (): number => {
        if (next >= paths.length) next = 0
        return readFileSync(paths[next++]!).length
      }
      return { perform, close }
    }
    case 'http':
    case 'recorded':
      throw new Error(`the workload ${workload} is for rings`)
    case 'mixed': {
      const read = reads(random)
      const append = writes(await scratch(), ends)
      const kinds = randomPositions(10 * 4096, 4096, 7)
      return { perform: () => (kinds.next() < 3 * 4096 ? append() : read()), close }
    }
  }
}
