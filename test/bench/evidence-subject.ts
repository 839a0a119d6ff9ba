// The process that is looked at: does what one proof needs and prints its own figures, one JSON object per line. Started by
// evidence/*: node [--expose-gc] evidence-subject.js reads|growth|cycles|idle POLLER COUNT FILE
import { stat } from 'node:fs/promises'
import { Ringmaster } from '../../services/index.ts'
import { BLOCK_BYTES } from './data-file.ts'
import { BlockLanes } from './drivers/blocks.ts'
import { descriptors, surplus, tasks } from './process-facts.ts'

const DEPTH = 64
const CHECKPOINTS = 10
/** The kernel ends an SQ thread and drops a ring after close(2) has returned; so long it may take. */
const SETTLE_LIMIT_MS = 2000
const IDLE_WORKLOAD_READS = 10_000

const [task = '', poller = '', countText = '0', file = ''] = process.argv.slice(2)
const count = Number(countText)

switch (task) {
  case 'reads':
    await withRings((rings) => readBlocks(rings, count))
    break
  case 'growth':
    await growth()
    break
  case 'cycles':
    await cycles()
    break
  case 'idle':
    await idle()
    break
  default:
    throw new Error(`there is no task '${task}'`)
}

function print(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

/** `none` is the control: the same process without rings. */
async function withRings(use: (rings: Ringmaster) => Promise<void>): Promise<void> {
  if (poller !== 'kernel' && poller !== 'worker' && poller !== 'caller') throw new Error(`no poller '${poller}'`)
  const rings = await Ringmaster.start({ rings: 1, poller })
  await use(rings)
  await rings.close()
}

/** So many reads, 64 in flight, by promise; `passed` is called at ten points on the way. */
async function readBlocks(rings: Ringmaster, reads: number, passed: (done: number) => void = () => {}): Promise<void> {
  if (reads === 0) return
  const handle = await rings.open(file, 'r')
  const buffers = Array.from({ length: DEPTH }, () => Buffer.allocUnsafeSlow(BLOCK_BYTES))
  const lanes = new BlockLanes(buffers, (await stat(file)).size, false)
  const interval = Math.ceil(reads / CHECKPOINTS)
  let started = 0
  let done = 0
  const runLane = async (lane: number): Promise<void> => {
    while (started < reads) {
      started++
      const { bytesRead } = await handle.read(lanes.buffer(lane), 0, BLOCK_BYTES, lanes.advance(lane))
      lanes.check(lane, bytesRead)
      if (++done % interval === 0) passed(done)
    }
  }
  await Promise.all(Array.from({ length: DEPTH }, (_, lane) => runLane(lane)))
  await handle.close()
}

async function growth(): Promise<void> {
  const { gc } = globalThis
  if (gc === undefined) throw new Error('started without --expose-gc')
  const checkpoint = (operations: number): void => {
    // Twice: the first run may only find what the second can free.
    gc()
    gc()
    const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage()
    print({ operations, heapUsed, external, arrayBuffers, rss })
  }
  await withRings(async (rings) => {
    await readBlocks(rings, count, checkpoint)
  })
}

async function cycles(): Promise<void> {
  // Node starts its thread pool with the first operation that needs it, and libuv keeps a spare descriptor from the first
  // stream on: neither is ours to give back.
  await Promise.all(Array.from({ length: 8 }, () => stat(file)))
  process.stdout.write('')
  const threadsBefore = tasks('self').map(({ name }) => name)
  const descriptorsBefore = descriptors('self')
  for (let round = 1; round <= count; round++) {
    await withRings((rings) => readBlocks(rings, 1000))
    const closedMs = performance.now()
    let threads: readonly string[]
    let open: readonly string[]
    do {
      threads = surplus(
        threadsBefore,
        tasks('self').map(({ name }) => name),
      )
      open = surplus(descriptorsBefore, descriptors('self'))
      if (threads.length + open.length === 0) break
      await new Promise((resolve) => setTimeout(resolve, 5))
    } while (performance.now() - closedMs < SETTLE_LIMIT_MS)
    print({ round, threads, descriptors: open, settleMs: performance.now() - closedMs })
  }
}

async function idle(): Promise<void> {
  // Alive until standard input ends: the parent looks at us from outside, so that looking costs us nothing.
  const ended = new Promise<void>((resolve) => process.stdin.once('end', resolve).resume())
  const wait = async (): Promise<void> => {
    print({ ready: true })
    await ended
  }
  if (poller === 'none') await wait()
  else {
    await withRings(async (rings) => {
      await readBlocks(rings, IDLE_WORKLOAD_READS)
      await wait()
    })
  }
}
