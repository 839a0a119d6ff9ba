// Supervision: a ring worker that ends, throws or falls silent is replaced, its ring is adopted, and requests go on. Against the
// real kernel; ../races has the same for minutes.
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, openSync, readSync, writeFileSync, writeSync } from 'node:fs'
import * as net from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { op } from '../../services/raw/index.ts'
import { Ringmaster } from '../../services/ringmaster.ts'
import { Supervisor } from '../../workers/supervisor.ts'
import type { SupervisedRing, WorkerEvent } from '../../workers/supervisor.ts'
import { somePollers } from '../stands.ts'
import { allPollers, eventually, fieldOf, pollers, settledWithin, temporaryFolder, testSeed } from './harness.ts'
import { held, startLoad, watchPools } from './supervision-harness.ts'

const folder = temporaryFolder()
let pipes = 0
const makePipe = (): string => {
  const path = join(folder.path, `pipe${pipes++}`)
  execFileSync('mkfifo', [path])
  return path
}
let pools: ReturnType<typeof watchPools>
beforeEach(() => {
  pools = watchPools()
})
afterEach(() => {
  pools.stop()
})
afterAll(() => {
  folder.remove()
})

const codeOf = (error: unknown): unknown => fieldOf(error, 'code')

const restarts = (rings: Ringmaster): number => rings.stats().rings.reduce((sum, ring) => sum + ring.workerRestarts, 0)

async function kill(rings: Ringmaster, ring: number): Promise<void> {
  const before = rings.stats().rings[ring]!.workerRestarts
  await pools.thread(ring)!.terminate()
  expect(await eventually(() => rings.stats().rings[ring]!.workerRestarts > before, 20_000)).toBe(true)
}

describe.each(somePollers)(
  'workers that are terminated under load, poller $poller, $memory memory',
  ({ poller, memory }) => {
    it(
      'are replaced; every request settles once, with the right data, and nothing is left',
      { timeout: 120_000 },
      async () => {
        const seed = testSeed(`supervision, ${poller}, ${memory}`)
        await (await Ringmaster.start({ poller, memory, rings: 2 })).close()
        const before = held()
        const rings = await Ringmaster.start({ poller, memory, rings: 2 })
        const load = startLoad(rings, folder.path, seed, 12)
        for (let round = 0; round < 4; round++) {
          await sleep(20)
          await kill(rings, round % 2)
        }
        await load.stop()
        expect({ ...load.outcome, settled: load.outcome.settled > 0 }).toEqual({
          settled: true,
          failures: new Map(),
          wrong: 0,
        })
        expect(restarts(rings)).toBe(4)
        expect(rings.stats().rings.map(({ poller: now, workerState }) => ({ now, workerState }))).toEqual([
          { now: poller, workerState: 'well' },
          { now: poller, workerState: 'well' },
        ])
        await rings.close()
        expect(await eventually(() => held().threads.length === before.threads.length)).toBe(true)
        expect(held()).toEqual(before)
      },
    )
  },
)

describe.each(allPollers)('requests that wait for ever when their worker dies, poller %s', (poller) => {
  it('go on waiting, and end when what they wait for comes', async () => {
    const rings = await Ringmaster.start({ poller, rings: 1 })
    const raw = rings.raw()
    const pipe = await rings.open(makePipe(), 'r+')
    const unopened = makePipe()
    await using server = net.createServer((socket) => socket.end('from afar'))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const listener = await raw.submit(op.socket({ family: 'AF_INET', type: 'SOCK_STREAM' }))
    await raw.submit(op.bind({ fd: listener, address: { address: '127.0.0.1', port: 0 } }))
    await raw.submit(op.listen({ fd: listener, backlog: 4 }))
    const reads = [pipe.read(Buffer.alloc(4)), pipe.read(Buffer.alloc(4))]
    const opened = rings.open(unopened, 'w')
    const accepted = raw.submit(op.accept({ fd: listener }))
    const timeout = raw.submit(op.timeout({ timeMs: 300 }))
    for (let death = 0; death < 2; death++) {
      await sleep(30)
      await rings.nop() // behind them all: each has begun to wait
      await kill(rings, 0)
    }
    writeSync(pipe.fd, 'onlyonce')
    expect((await Promise.all(reads)).map(({ buffer }) => buffer.toString()).sort()).toEqual(['once', 'only'])
    const reader = openSync(unopened, 'r+')
    await (await opened).close()
    closeSync(reader)
    await timeout
    expect(await settledWithin(accepted, 20)).toBe('pending')
    await rings.close()
    expect(await settledWithin(accepted)).not.toBe('pending')
    closeSync(listener)
  })

  it('can be cancelled all the same', async () => {
    await using rings = await Ringmaster.start({ poller, rings: 1 })
    const pipe = await rings.open(makePipe(), 'r+')
    const early = new AbortController()
    const late = new AbortController()
    const reads = [early, late].map(({ signal }) =>
      pipe.read(Buffer.alloc(4), { signal }).then(
        () => 'read',
        (error: unknown) => (error as Error).name,
      ),
    )
    await sleep(20)
    const dying = kill(rings, 0)
    early.abort()
    await dying
    late.abort()
    expect(await Promise.all(reads)).toEqual(['AbortError', 'AbortError'])
    await pipe.close()
  })
})

// A task for piscina's thread that never lets go of it, as a defect would.
const standstill = join(folder.path, 'standstill.mjs')
writeFileSync(
  standstill,
  `export default (how) => {
    if (how === 'waits') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
    if (how === 'throws') setImmediate(() => { throw new Error('a defect') })
    if (how === 'exits') process.exit(3)
    while (how === 'spins');
  }`,
)

describe.each(allPollers)('a ring worker that does what it should not, poller %s', (poller) => {
  it.each([
    ['waits', /no heartbeat/],
    ['spins', /no heartbeat/],
    ['throws', /a defect/],
    ['exits', /exited with code 3/],
  ])('%s: it is replaced, and the reason is told', async (how, reason) => {
    const told: WorkerEvent[] = []
    await using rings = await Ringmaster.start({
      poller,
      rings: 1,
      heartbeatTimeoutMs: how === 'waits' || how === 'spins' ? 500 : 0,
      onWorker: (event) => told.push(event),
    })
    pools.misuse(0, standstill, how)
    expect(await eventually(() => restarts(rings) > 0, 20_000)).toBe(true)
    expect(await settledWithin(rings.stat(standstill), 20_000)).toBe('resolved')
    const isSilent = how === 'waits' || how === 'spins'
    const states = told.map(({ ring, state }) => ({ ring, state }))
    expect(states.slice(0, isSilent ? 3 : 2)).toEqual([
      ...(isSilent ? [{ ring: 0, state: 'silent' }] : []),
      { ring: 0, state: 'replacing' },
      { ring: 0, state: 'well' },
    ])
    expect(String(told[0]!.cause)).toMatch(reason)
  })
})

describe.each(pollers)('a ring whose descriptor is closed behind its back, poller %s', (poller) => {
  it('is lost: what it has is rejected, what may be repeated goes to another ring, and a new one takes its place', async () => {
    const rings = await Ringmaster.start({ poller, rings: 2, heartbeatTimeoutMs: 500, closeGraceMs: 50 })
    const raw = rings.raw(0)
    const pipe = openSync(makePipe(), constants.O_RDWR)
    const path = join(folder.path, 'elsewhere')
    writeFileSync(path, 'elsewhere')
    const read = settledWithin(raw.submit(op.read({ fd: pipe, buffer: Buffer.alloc(4) })), 20_000)
    await raw.submit(op.nop())
    const lane = async (): Promise<void> => {
      while (rings.stats().rings[0]!.renewals === 0) {
        expect((await rings.stat(path)).size).toBe(9)
        expect(await rings.readFile(path, 'utf8')).toBe('elsewhere')
        await (await rings.open(path)).close()
      }
    }
    const lanes = Array.from({ length: 8 }, lane)
    closeSync(raw['handle'].geometry.ringFd)
    // What the kernel had it may have cancelled on its own, before anybody noticed.
    expect(['ERR_RING_LOST', 'ECANCELED']).toContain(await read)
    expect(await settledWithin(Promise.all(lanes), 20_000)).toBe('resolved')
    expect(rings.stats().rings.map(({ state, renewals }) => ({ state, renewals }))).toEqual([
      { state: 'open', renewals: 1 },
      { state: 'open', renewals: 0 },
    ])
    const late: Promise<unknown> = raw.submit(op.nop()) // `raw` is of the ring that was lost
    expect(await late.catch(codeOf)).toBe('ERR_RING_LOST')
    await rings.raw(0).submit(op.nop())
    expect(await rings.readFile(path, 'utf8')).toBe('elsewhere')
    const other = openSync(path, 'r') // may have got the number
    await rings.close()
    expect(readSync(other, Buffer.alloc(9))).toBe(9)
    closeSync(other)
    closeSync(pipe)
  })
})

describe.each(pollers)('the only ring, lost again and again, poller %s', (poller) => {
  it('is made anew each time: files stay open, arenas go on, and nothing is left', { timeout: 120_000 }, async () => {
    await (await Ringmaster.start({ poller, rings: 1 })).close()
    const before = held()
    const rings = await Ringmaster.start({ poller, rings: 1, heartbeatTimeoutMs: 500 })
    const path = join(folder.path, `renewed-${poller}`)
    writeFileSync(path, 'still here')
    const file = await rings.open(path)
    const arena = rings.arena({ slabBytes: 4096, slabs: 2, fixedFor: 'all' })
    for (let loss = 1; loss <= 3; loss++) {
      const pending = settledWithin(rings.raw(0).submit(op.timeout({ timeMs: 3_600_000 })), 20_000)
      closeSync(rings.raw(0)['handle'].geometry.ringFd)
      expect(await eventually(() => rings.stats().rings[0]!.renewals === loss, 20_000)).toBe(true)
      expect(['ERR_RING_LOST', 'ECANCELED', 'ETIME']).toContain(await pending)
      const { buffer, bytesRead } = await file.read(Buffer.alloc(16), { position: 0 })
      expect(buffer.toString('latin1', 0, bytesRead)).toBe('still here')
      using lease = arena.lease()
      expect((await file.read(lease.buffer, { position: 0 })).bytesRead).toBe(10)
      expect(rings.stats().rings[0]).toMatchObject({ state: 'open', poller, workerState: 'well' })
    }
    expect(arena.registered).toBe(true)
    await pools.thread(0)!.terminate() // its worker is looked after as before
    expect(await eventually(() => restarts(rings) === 1, 20_000)).toBe(true)
    expect(await rings.readFile(path, 'utf8')).toBe('still here')
    await file.close()
    await rings.close()
    expect(await eventually(() => held().threads.length === before.threads.length)).toBe(true)
    expect(held()).toEqual(before)
  })
})

describe('Supervisor', () => {
  /** A ring without threads, whose starts go as told. */
  function makeRing(start: () => Promise<void>): { ring: SupervisedRing; told: string[] } {
    const told: string[] = []
    const ring: SupervisedRing = {
      heartbeats: () => 0,
      died: () => told.push('died'),
      replace: async () => {
        told.push('replace')
        await start()
      },
      terminate: () => told.push('terminate'),
      check: () => undefined,
      gaveUp: () => told.push('gave up'),
    }
    return { ring, told }
  }

  it('replaces a worker however often it dies', async () => {
    const { ring, told } = makeRing(() => Promise.resolve())
    const supervisor = new Supervisor({ heartbeatTimeoutMs: 0 })
    supervisor.add(ring)
    for (let death = 1; death <= 6; death++) {
      supervisor.died(0, new Error('died'))
      expect(await eventually(() => told.length === death * 2)).toBe(true)
      await sleep(1)
    }
    await supervisor.close()
    expect(told).toEqual(Array.from({ length: 6 }, () => ['died', 'replace']).flat())
  })

  it('waits longer from one failed start to the next, and gives up after ten', { timeout: 60_000 }, async () => {
    const { ring, told } = makeRing(() => Promise.reject(new Error('no thread')))
    const supervisor = new Supervisor({ heartbeatTimeoutMs: 0 })
    supervisor.add(ring)
    supervisor.died(0, new Error('died'))
    expect(await eventually(() => told.includes('gave up'), 30_000)).toBe(true)
    expect(told).toEqual(['died', ...Array.from({ length: 10 }, () => 'replace'), 'gave up'])
    await supervisor.close()
  })

  it('tries on after it gave up, tells why the last one did not start, and is told when one does', async () => {
    let starts = 0
    const { ring, told } = makeRing(() =>
      ++starts > 10 ? Promise.resolve() : Promise.reject(new Error(`no thread ${starts}`)),
    )
    const events: string[] = []
    const onWorker = ({ state, cause }: WorkerEvent): void => void events.push(`${state} ${(cause as Error).message}`)
    const supervisor = new Supervisor({ heartbeatTimeoutMs: 0, onWorker })
    supervisor.add(ring)
    supervisor.died(0, new Error('died'))
    expect(await eventually(() => starts === 11, 45_000)).toBe(true)
    expect(told).toEqual(['died', ...Array.from({ length: 10 }, () => 'replace'), 'gave up', 'replace'])
    expect(events).toEqual(['replacing died', 'gone no thread 10', 'well no thread 10'])
    await supervisor.close()
  }, 60_000)

  it('starts none once it is closed: who has none then goes without', async () => {
    const { ring, told } = makeRing(() => Promise.resolve())
    const supervisor = new Supervisor({ heartbeatTimeoutMs: 0 })
    supervisor.add(ring)
    supervisor.died(0, new Error('died'))
    await supervisor.close()
    expect(told).toEqual(['died', 'gave up'])
  })

  it('takes no long turn of its own thread for a silence of the worker', async () => {
    const { ring, told } = makeRing(() => Promise.resolve())
    const supervisor = new Supervisor({ heartbeatTimeoutMs: 200 })
    supervisor.add(ring)
    for (const endMs = performance.now() + 600; performance.now() < endMs;);
    await new Promise(setImmediate)
    expect(told).toEqual([])
    expect(await eventually(() => told.includes('terminate'))).toBe(true) // a real silence
    await supervisor.close()
  })

  it('tells of a silent worker before it has ended, which may take long, and then for how long it was silent', async () => {
    let looks = 0
    const { ring, told } = makeRing(() => Promise.resolve())
    const events: WorkerEvent[] = []
    const onWorker = (event: WorkerEvent): void => void events.push(event)
    const supervisor = new Supervisor({ heartbeatTimeoutMs: 200, onWorker })
    supervisor.add({ ...ring, check: () => void looks++ })
    expect(await eventually(() => told.includes('terminate'))).toBe(true)
    expect(events.map(({ ring, state }) => ({ ring, state }))).toEqual([{ ring: 0, state: 'silent' }])
    // It holds on; a look is 40 ms.
    const before = looks
    expect(await eventually(() => looks >= before + 20)).toBe(true)
    expect(events.length).toBe(1)
    supervisor.died(0, new Error('terminated'))
    expect(events[1]?.state).toBe('replacing')
    const saidMs = /it had no heartbeat for (\d+) ms/.exec(String(events[1]?.cause))?.[1]
    expect(Number(saidMs)).toBeGreaterThan(400)
    await supervisor.close()
  })
})
