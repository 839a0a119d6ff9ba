// A thread that dies in mid-flight: the ring worker, which a ring outlives, and a worker of the user's own that had rings.
import { execFileSync, spawnSync } from 'node:child_process'
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { Ringmaster } from '../../services/ringmaster.ts'
import { RingWorkerPool } from '../../workers/pool.ts'
import { watchPools } from '../workers/open-ring.ts'
import { inTurn, somePollers } from '../stands.ts'
import { allPollers, descriptors, eventually, settledWithin, steady, temporaryFolder, threads } from './harness.ts'

// Each round starts a thread that loads the library and ends it: on a machine that is busy with other things that takes its time.
vi.setConfig({ testTimeout: 120_000 })

const folder = temporaryFolder()
const small = join(folder.path, 'small')
writeFileSync(small, 'hello')
let pipes = 0
afterAll(() => {
  folder.remove()
})

function makePipe(): string {
  const path = join(folder.path, `pipe${pipes++}`)
  execFileSync('mkfifo', [path])
  return path
}

const held = (): { descriptors: string[]; threads: string[] } => ({
  descriptors: descriptors(),
  threads: threads().filter((name) => !name.startsWith('iou-wrk')),
})

describe.each(somePollers.filter(({ poller }) => poller !== 'threadpool'))(
  'a ring worker that is killed, poller $poller, $memory memory',
  ({ poller, memory }) => {
    it('takes no request along; all settle, and close is clean', async () => {
      await (await Ringmaster.start({ poller, memory, rings: 2 })).close()
      const before = await steady(held)
      const killThreads = watchPools()
      const rings = await Ringmaster.start({ poller, memory, rings: 2, closeGraceMs: 50, closeDeadlineMs: 1000 })
      const pipe = await rings.open(makePipe(), 'r+')
      const waiting = [pipe.read(Buffer.alloc(4)), pipe.read(Buffer.alloc(4))]
      const outcomes = Promise.all(waiting.map((read) => settledWithin(read)))
      let going = true
      const failures: unknown[] = []
      const lane = async (): Promise<void> => {
        while (going) {
          await rings.readFile(small, 'utf8').then(
            (text) => text === 'hello' || failures.push(text),
            (error: unknown) => failures.push(error),
          )
        }
      }
      const lanes = Array.from({ length: 20 }, lane)
      await sleep(10)
      await killThreads()
      expect(
        await eventually(() => rings.stats().rings.every(({ workerRestarts }) => workerRestarts > 0), 20_000),
      ).toBe(true)
      going = false
      expect(await settledWithin(Promise.all(lanes))).toBe('resolved')
      writeSync(pipe.fd, 'lateagain'.slice(0, 8))
      expect(failures).toEqual([])
      expect(await outcomes).toEqual(['resolved', 'resolved'])
      expect(await rings.readFile(small, 'utf8')).toBe('hello')
      expect(rings.stats().rings[0]).toMatchObject({ workerState: 'well', workerRestarts: 1 })
      await pipe.close()
      await rings.close()
      expect(await eventually(() => held().threads.length === before.threads.length)).toBe(true)
      expect(held()).toEqual(before)
    })
  },
)

it('a ring worker without a successor, poller threadpool: every request settles, with ERR_RING_LOST, and nothing is left', async () => {
  await (await Ringmaster.start({ poller: 'threadpool', rings: 2 })).close()
  const before = await steady(held)
  const killThreads = watchPools()
  const rings = await Ringmaster.start({ poller: 'threadpool', rings: 2, closeGraceMs: 50, closeDeadlineMs: 1000 })
  const pipe = await rings.open(makePipe(), 'r+')
  const waiting = [
    ...Array.from({ length: 20 }, () => pipe.read(Buffer.alloc(4))), // for readiness
    ...Array.from({ length: 20 }, () => rings.open(makePipe(), 'w')), // on threads
  ].map((request) => settledWithin(request, 25_000))
  await sleep(20)
  await killThreads()
  const starts = vi.spyOn(RingWorkerPool.prototype, 'start').mockRejectedValue(new Error('no thread can be made'))
  expect(await eventually(() => rings.stats().rings.every(({ workerState }) => workerState === 'gone'), 25_000)).toBe(
    true,
  )
  starts.mockRestore()
  expect(new Set(await Promise.all(waiting))).toEqual(new Set(['ERR_RING_LOST']))
  expect(await settledWithin(rings.readFile(small))).toBe('ERR_RING_LOST')
  expect(rings.stats().rings[0]).toMatchObject({ state: 'lost', reason: /worker is gone/ })
  await pipe.close()
  await rings.close()
  expect(await eventually(() => held().threads.length === before.threads.length)).toBe(true)
  expect(held()).toEqual(before)
})

it('a worker that is terminated inside a call of the addon does not take the process along', () => {
  const addon = fileURLToPath(new URL('../../native/build/Release/ringmaster.node', import.meta.url))
  const script = `
    const { Worker } = require('node:worker_threads')
    const { once } = require('node:events')
    const loop = "const { enter } = require(process.argv[1]); require('node:worker_threads').parentPort.postMessage(0);"
      + "for (;;) enter(-1, 0, 0, 0)"
    const main = async () => {
      for (let round = 0; round < 30; round++) {
        const worker = new Worker(loop, { eval: true })
        await once(worker, 'message')
        await worker.terminate()
      }
      console.log('alive')
    }
    main()`.replaceAll('process.argv[1]);', `${JSON.stringify(addon).replaceAll('"', "'")});`)
  const { stdout, stderr, signal } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', timeout: 25_000 })
  expect({ stdout, signal, stderr: stderr.slice(0, 200) }).toEqual({ stdout: 'alive\n', signal: null, stderr: '' })
})

describe.each(allPollers)("a user's own worker with poller %s", (poller) => {
  it('may be terminated in mid-flight, again and again', async () => {
    const script = `
      const { parentPort, workerData } = require('node:worker_threads')
      import(workerData.module).then(async ({ Ringmaster }) => {
        const rings = await Ringmaster.start({ rings: 2, poller: workerData.poller })
        const pipe = await rings.open(workerData.pipe, 'r+')
        for (let index = 0; index < 50; index++) pipe.read(Buffer.alloc(100)).catch(() => undefined)
        const lane = async () => { for (;;) await rings.readFile(workerData.small) }
        for (let index = 0; index < 20; index++) lane().catch(() => undefined)
        const opening = async () => { for (;;) await (await rings.open(workerData.small)).close() }
        for (let index = 0; index < 20; index++) opening().catch(() => undefined)
        parentPort.postMessage('going')
      })`
    const module = new URL('../../dist/services/index.js', import.meta.url).href
    const round = async (): Promise<void> => {
      const worker = new Worker(script, { eval: true, workerData: { module, poller, pipe: makePipe(), small } })
      await once(worker, 'message')
      await sleep(5)
      await worker.terminate()
    }
    await round()
    // What a thread of ours is opening at that very moment is nobody's: readFile's direct descriptors are the process's there.
    const heldNow = (): ReturnType<typeof held> => {
      const now = held()
      return poller === 'threadpool' ? { ...now, descriptors: now.descriptors.filter((name) => name !== small) } : now
    }
    await eventually(() => threads().every((name) => !name.startsWith('iou-sqp')))
    const before = heldNow()
    for (let index = 0; index < 2; index++) await round()
    await eventually(() => held().threads.length === before.threads.length)
    expect(heldNow()).toEqual(before)
  })

  const endings: readonly (readonly [string, string])[] = [
    ['is terminated', ''],
    ['calls process.exit()', 'process.exit(3)'],
    ["closes inside 'exit'", "process.on('exit', () => rings.closeSync()); process.exit(3)"],
    ['throws', "throw new Error('mine')"],
  ]
  it.each(inTurn(endings, allPollers.indexOf(poller), 2))(
    'leaves no file and no ring open when it %s, and nothing of others is closed',
    async (_how, ending) => {
      const script = `
      const { parentPort, workerData } = require('node:worker_threads')
      import(workerData.module).then(async ({ Ringmaster }) => {
        const rings = await Ringmaster.start({ rings: 1, poller: workerData.poller })
        const files = await Promise.all(Array.from({ length: 100 }, () => rings.open(workerData.small)))
        for (const file of files.slice(50)) await file.close()
        const lane = async (file) => { for (;;) await file.read(Buffer.alloc(100), 0, 100, 0) }
        for (const file of files.slice(0, 50)) lane(file).catch(() => undefined)
        parentPort.once('message', () => { ${ending} })
        parentPort.postMessage('going')
      })`
      const module = new URL('../../dist/services/index.js', import.meta.url).href
      const round = async (): Promise<void> => {
        const worker = new Worker(script, { eval: true, workerData: { module, poller, small } })
        await once(worker, 'message')
        worker.on('error', () => undefined)
        const ended = new Promise((resolve) => worker.once('exit', resolve))
        // Numbers that the thread has closed: it must not close them again.
        const ours = Array.from({ length: 60 }, () => openSync(small, 'r'))
        if (ending === '') await worker.terminate()
        else worker.postMessage('end')
        await ended
        for (const fd of ours) expect(readFileSync(fd, 'utf8')).toBe('hello')
        for (const fd of ours) closeSync(fd)
      }
      await round()
      await eventually(() => threads().every((name) => !name.startsWith('iou-sqp')))
      const before = await steady(held)
      for (let index = 0; index < 3; index++) await round()
      await eventually(() => held().threads.length === before.threads.length)
      await eventually(() => held().descriptors.length === before.descriptors.length)
      expect(held()).toEqual(before)
    },
  )
})
