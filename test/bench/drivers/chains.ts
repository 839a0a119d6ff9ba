// Chains against awaits, on one raw ring: open → read → close on direct descriptors, write → fdatasync, appends. For the driver ringmaster.ts.
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Ringmaster } from '../../../services/index.ts'
import { op } from '../../../services/raw/index.ts'
import type { StepOutcome } from '../../../services/raw/index.ts'
import { promiseLoop } from '../loops.ts'
import { AppendLog } from './append-log.ts'
import { cannot } from './driver.ts'
import type { DriverInput, Work } from './driver.ts'
import { SmallFiles } from './small-files.ts'

/** Larger than the files are: the read is a short one, and the close is hard-linked. */
const bufferBytes = 8192
const writeBytes = 4096

function bytesOf(outcome: StepOutcome<number>): number {
  if (outcome.status === 'done' || outcome.status === 'short') return outcome.value
  throw outcome.error
}

function openReadClose(rings: Ringmaster, input: DriverInput): Work {
  const { depth } = input.scenario
  const raw = rings.raw()
  const files = new SmallFiles(depth, input.dataDirectory, input.stamped)
  const lanes = Array.from({ length: depth }, () => ({
    slot: raw.directSlots.lease(),
    buffer: Buffer.alloc(bufferBytes),
  }))
  const byChain = async (lane: number): Promise<number> => {
    const { slot, buffer } = lanes[lane]!
    const [, read] = await raw
      .chain()
      .link(op.openat({ path: files.advance(lane), direct: slot }))
      .hardlink(op.read({ fd: slot, buffer }))
      .link(op.close({ fd: slot }))
      .submit()
    return bytesOf(read)
  }
  const byAwaits = async (lane: number): Promise<number> => {
    const { slot, buffer } = lanes[lane]!
    await raw.submit(op.openat({ path: files.advance(lane), direct: slot }))
    const bytes = await raw.submit(op.read({ fd: slot, buffer }))
    await raw.submit(op.close({ fd: slot }))
    return bytes
  }
  const loop = promiseLoop(depth, input.api === 'chain' ? byChain : byAwaits, (bytes, lane) => {
    files.check(lane, lanes[lane]!.buffer.subarray(0, bytes))
    return 1
  })
  const close = (): Promise<void> => {
    for (const { slot } of lanes) slot.release()
    return Promise.resolve()
  }
  return { loop, close }
}

function writeFsync(rings: Ringmaster, input: DriverInput): Work {
  const { depth } = input.scenario
  const raw = rings.raw()
  const directory = mkdtempSync(join(input.dataDirectory, 'chain-write-'))
  const lanes = Array.from({ length: depth }, (_, lane) => {
    const fd = openSync(join(directory, String(lane)), 'w')
    const write = op.write({ fd, buffer: Buffer.alloc(writeBytes, lane), position: 0 })
    const fsync = op.fsync({ fd, dataOnly: true })
    return { fd, write, fsync, chain: raw.chain().link(write).link(fsync) }
  })
  const byChain = async (lane: number): Promise<number> => {
    const [written, synced] = await lanes[lane]!.chain.submit()
    return bytesOf(written) + bytesOf(synced)
  }
  const byAwaits = async (lane: number): Promise<number> => {
    const { write, fsync } = lanes[lane]!
    const bytes = await raw.submit(write)
    return bytes + (await raw.submit(fsync))
  }
  const loop = promiseLoop(depth, input.api === 'chain' ? byChain : byAwaits, (bytes) => {
    if (bytes !== writeBytes) throw new Error(`${bytes} of ${writeBytes} bytes were written`)
    return 1
  })
  const close = (): Promise<void> => {
    for (const { fd } of lanes) closeSync(fd)
    rmSync(directory, { recursive: true })
    return Promise.resolve()
  }
  return { loop, close }
}

/** One durable append after the other, write and fdatasync linked. */
function appends(rings: Ringmaster, input: DriverInput): Work {
  const raw = rings.raw()
  const log = new AppendLog(input)
  const fd = openSync(log.path, 'r+')
  const [record] = log.records as [Buffer]
  const append = async (): Promise<number> => {
    log.advance()
    const [written, synced] = await raw
      .chain()
      .link(op.write({ fd, buffer: record, position: log.positions[0]! }))
      .link(op.fsync({ fd, dataOnly: true }))
      .submit()
    log.check(bytesOf(written) + bytesOf(synced))
    return 1
  }
  const close = (): Promise<void> => {
    closeSync(fd)
    log.close()
    return Promise.resolve()
  }
  return { loop: promiseLoop(1, append, (count) => count), close }
}

/** What a scenario about chains does, by awaits or by chains. */
export function prepareChains(rings: Ringmaster, input: DriverInput): Work {
  if (input.scenario.workload === 'chain-read') return openReadClose(rings, input)
  if (input.scenario.workload === 'chain-write') return writeFsync(rings, input)
  if (input.scenario.workload === 'append') return appends(rings, input)
  throw cannot('ringmaster', input)
}
