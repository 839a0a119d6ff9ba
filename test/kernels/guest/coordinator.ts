// What the coordinator does, on every poller with the memory that is chosen: limits of views and of time, threads that join, ring workers that are
// terminated under load, and closing without the event loop. Called by smoke.ts.
import { once } from 'node:events'
import * as fs from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { Ringmaster } from '../../../services/index.ts'
import type { RingmasterOptions } from '../../../services/index.ts'
import { op } from '../../../services/raw/index.ts'
import { RingWorkerPool } from '../../../workers/pool.ts'
import { pattern } from './bench.ts'
import { check, codeOf, holds, same, wants } from './check.ts'
import { holdings, settled } from './pollers.ts'

const content = pattern(60_000, 17)
/** For what may take an emulated CPU long. */
const waitMsMax = 150_000

function file(bytes?: Buffer): string {
  const path = `${fs.mkdtempSync('/tmp/ringmaster-')}/file`
  if (bytes !== undefined) fs.writeFileSync(path, bytes)
  return path
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (const endsMs = performance.now() + waitMsMax; !condition(); await sleep(10))
    holds(performance.now() < endsMs, what)
}

async function views(rings: Ringmaster): Promise<void> {
  const view = rings.view({ inFlightMax: 1, backlogMax: 2 })
  const abort = new AbortController()
  const first = codeOf(view.raw().submit(op.timeout({ timeMs: 3_600_000 }), { signal: abort.signal }))
  const late = codeOf(view.raw().submit(op.nop(), { timeoutMs: 20 }))
  const waiting = view.raw().submit(op.nop())
  same(await codeOf(view.raw().submit(op.nop())), 'ERR_RING_BACKLOG_FULL', 'one too many')
  same(view.stats(), { inFlight: 1, waiting: 2 }, 'what the view has')
  same(await late, 'ERR_RING_TIMEOUT', 'what waited for too long')
  abort.abort()
  same([await first, await waiting], ['ABORT_ERR', 0])
  same(view.stats(), { inFlight: 0, waiting: 0 }, 'what the view has in the end')
  const background = rings.view({ priority: 'background' })
  holds((await background.readFile(file(content))).equals(content), 'background reads are right')
}

async function deadlines(rings: Ringmaster): Promise<void> {
  same(await codeOf(rings.raw().submit(op.timeout({ timeMs: 3_600_000 }), { timeoutMs: 20 })), 'ERR_RING_TIMEOUT')
  same(await rings.readFile(file(Buffer.from('in time')), { encoding: 'utf8', timeoutMs: 600_000 }), 'in time')
  await until(() => rings.stats().rings.every(({ inFlight }) => inFlight === 0), 'nothing is left in flight')
}

const services = new URL('../../../services/index.js', import.meta.url).href
const client = `
  const { parentPort, workerData } = require('node:worker_threads')
  const run = async () => {
    const { Ringmaster } = await import(${JSON.stringify(services)})
    const rings = await Ringmaster.join(workerData.handle)
    const bytes = await rings.readFile(workerData.from)
    await rings.writeFile(workerData.to, bytes)
    await rings.close()
    return 'done'
  }
  run().then((answer) => parentPort.postMessage(answer), (error) => parentPort.postMessage(String(error)))`

async function clients(rings: Ringmaster): Promise<void> {
  const [from, to, handle] = [file(content), file(), rings.attach()]
  const { transferList } = handle
  const thread = new Worker(client, { eval: true, workerData: { handle, from, to }, transferList })
  const [[answer]] = (await Promise.all([once(thread, 'message'), once(thread, 'exit')])) as [unknown[], unknown]
  same(answer, 'done')
  holds(fs.readFileSync(to).equals(content), 'a thread that joined has written what it read')
  await until(() => rings.stats().clients.length === 0, 'no client is left')
}

/** The threads of the pools that are made from now on; there is no public way to harm them. */
function watchPools(): { terminate: (ring: number) => void; stop: () => void } {
  const start: RingWorkerPool['start'] = Reflect.get(RingWorkerPool.prototype, 'start')
  const pools: RingWorkerPool[] = []
  RingWorkerPool.prototype.start = function (...given): ReturnType<typeof start> {
    pools.push(this)
    return start.apply(this, given)
  }
  return {
    terminate: (ring) => pools.at(-1)?.terminate(ring),
    stop: () => {
      RingWorkerPool.prototype.start = start
    },
  }
}

async function terminations(options: RingmasterOptions): Promise<void> {
  const pools = watchPools()
  const rings = await Ringmaster.start(options)
  try {
    const abort = new AbortController()
    const never = codeOf(rings.raw().submit(op.timeout({ timeMs: 3_600_000 }), { signal: abort.signal }))
    const path = file(content)
    let [going, wrong, requests] = [true, 0, 0]
    const lanes = Array.from({ length: 8 }, async () => {
      for (; going; requests++) if (!(await rings.readFile(path)).equals(content)) wrong++
    })
    for (const ring of [0, 1]) pools.terminate(ring)
    await until(() => rings.stats().rings.every(({ workerRestarts }) => workerRestarts > 0), 'workers are replaced')
    const already = requests
    await until(() => requests > already + 16, 'requests go on')
    going = false
    await Promise.all(lanes)
    same(wrong, 0, 'results that are wrong')
    abort.abort()
    same(await never, 'ABORT_ERR', 'what was in flight all the time')
    await until(() => rings.stats().rings.every(({ workerState }) => workerState === 'well'), 'all are well')
  } finally {
    pools.stop()
    await rings.close()
  }
}

async function withoutEventLoop(options: RingmasterOptions): Promise<void> {
  const before = holdings().join()
  const rings = await Ringmaster.start(options)
  const path = file()
  const written = await rings.open(path, 'w+')
  const writes = Array.from({ length: 200 }, (_, index) => written.write(content, index * 64, 64, index * 64))
  same(rings.closeSync(), true, 'closeSync()')
  holds(fs.readFileSync(path).equals(content.subarray(0, 200 * 64)), 'all that was asked for is in the file')
  for (const { bytesWritten } of await Promise.all(writes)) same(bytesWritten, 64)
  await written.close()
  same(await settled(before), before, 'descriptors and threads')
}

export async function checkCoordinator(): Promise<void> {
  for (const poller of ['kernel', 'caller', 'worker', 'threadpool'] as const) {
    const area = `coordinator, ${poller}`
    if (!wants(area)) continue
    const options = { poller, rings: 2, sqEntries: 64 }
    const rings = await Ringmaster.start(options)
    await check(area, 'views keep their limits', () => views(rings))
    await check(area, 'requests keep their time limits', () => deadlines(rings))
    await check(area, 'threads join, and leave', () => clients(rings))
    await rings.close()
    await check(area, 'ring workers that are terminated are replaced, and nothing is lost', () => terminations(options))
    await check(area, 'closeSync() finishes all, and leaves nothing', () => withoutEventLoop(options))
  }
}
