// start() and close(): what they leave behind, which is nothing, and what becomes of requests that are under way.
import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openRings } from '../../services/open-rings.ts'
import { resolveOptions } from '../../services/options.ts'
import { Ringmaster } from '../../services/ringmaster.ts'
import type { RingmasterOptions } from '../../services/options.ts'
import { somePollers } from '../stands.ts'
import {
  descriptors,
  eventually,
  everyPoller,
  failure,
  allPollers,
  settledWithin,
  steady,
  temporaryFolder,
  threads,
  withoutAddon,
} from './harness.ts'

const folder = temporaryFolder()
const small = join(folder.path, 'small')
let names = 0
const fresh = (): string => join(folder.path, `new${names++}`)

function makePipe(): string {
  const path = fresh()
  execFileSync('mkfifo', [path])
  return path
}

const openHere = (): string[] => descriptors().filter((target) => target.startsWith(folder.path))
// What one test leaves open must not fail the next.
let openBefore: string[] = []
beforeEach(() => {
  openBefore = openHere()
})
/** Threads but for the kernel's own helpers of this thread, which stay while the thread does. */
const ringThreads = (): string[] => threads().filter((name) => !name.startsWith('iou-wrk'))

beforeAll(() => {
  writeFileSync(small, 'hello')
})
afterAll(() => {
  folder.remove()
})

describe.each(allPollers)('twenty rounds of start and close with poller %s', (poller) => {
  it('leave the same descriptors and threads as before', async () => {
    await (await Ringmaster.start({ poller, rings: 2 })).close() // what Node starts on first use stays
    const before = await steady(() => ({ descriptors: descriptors(), threads: ringThreads() }))
    for (let round = 0; round < 8; round++) {
      const memory = round % 2 === 0 || poller === 'threadpool' ? 'user' : 'mapped'
      const rings = await Ringmaster.start({ poller, rings: 2, memory })
      expect(await rings.readFile(small, 'utf8')).toBe('hello')
      await rings.close()
      // A thread that has been joined may be listed for a moment longer.
      await eventually(() => ringThreads().length === before.threads.length)
      expect({ descriptors: descriptors(), threads: ringThreads() }).toEqual(before)
    }
    expect(threads().filter((name) => name.startsWith('iou-sqp'))).toEqual([])
  })
})

describe.each(somePollers)('close() on poller $poller in $memory memory', ({ poller, memory }) => {
  const start = (options: RingmasterOptions = {}): Promise<Ringmaster> =>
    Ringmaster.start({ rings: 1, poller, memory, closeGraceMs: 50, closeDeadlineMs: 1000, ...options })

  it('may be called often, and every call waits for the end', async () => {
    const rings = await start()
    const before = rings.close()
    expect(rings.close()).toBe(before)
    await Promise.all([before, rings.close()])
    await rings.close()
    await rings[Symbol.asyncDispose]()
    expect(rings.stats().rings[0]!.state).toBe('closed')
  })

  it('makes every later call fail with ERR_RING_CLOSED', async () => {
    const rings = await start()
    const file = await rings.open(small, 'r+')
    await rings.close()
    const calls = [
      () => rings.nop(),
      () => rings.nopBatch(3),
      () => rings.open(small),
      () => rings.openBeneath(file, 'x'),
      () => rings.stat(small),
      () => rings.lstat(small),
      () => rings.readFile(small),
      () => rings.writeFile(fresh(), 'x'),
      () => file.read(Buffer.alloc(1)),
      () => file.write(Buffer.alloc(1)),
      () => file.readBatch([Buffer.alloc(1)], [0]),
      () => file.stat(),
      () => file.sync(),
      () => file.datasync(),
    ]
    for (const call of calls) expect(await failure(call())).toMatchObject({ code: 'ERR_RING_CLOSED' })
    await file.close()
    expect(openHere()).toEqual(openBefore)
  })

  it('lets what is in flight finish', async () => {
    const rings = await start({ closeGraceMs: 2000 })
    const path = makePipe()
    const file = await rings.open(path, 'r+')
    const read = file.read(Buffer.alloc(4))
    const large = fresh()
    writeFileSync(large, Buffer.alloc(3 << 20, 7))
    const whole = rings.readFile(large)
    const written = fresh()
    const writing = rings.writeFile(written, Buffer.alloc(3 << 20, 8))
    await sleep(1)
    const closing = rings.close()
    setTimeout(() => writeSync(file.fd, 'late'), 20)
    expect((await read).buffer.toString()).toBe('late')
    expect((await whole).equals(readFileSync(large))).toBe(true)
    await writing
    expect(statSync(written).size).toBe(3 << 20)
    await closing
    await file.close()
    expect(openHere()).toEqual(openBefore)
  })

  it('cancels what never ends, and settles it', async () => {
    const rings = await start()
    const file = await rings.open(makePipe(), 'r+')
    const calls = [
      ...Array.from({ length: 100 }, () => file.read(Buffer.alloc(4))),
      rings.readFile(makePipe()),
      rings.open(makePipe(), 'w'),
    ].map((call) => settledWithin(call))
    await sleep(5)
    expect(await settledWithin(rings.close())).toBe('resolved')
    const outcomes = new Set(await Promise.all(calls))
    for (const outcome of outcomes) expect(['ECANCELED', 'EINTR', 'ERR_RING_CLOSED']).toContain(outcome)
    await file.close()
    expect(openHere()).toEqual(openBefore)
  })

  it('settles what waits in the backlog and for a lease, three thousand of each', async () => {
    const rings = await start({ sqEntries: 8, cqEntries: 128, directDescriptors: 1 })
    const file = await rings.open(makePipe(), 'r+')
    const reads = Array.from({ length: 3_000 }, () => settledWithin(file.read(Buffer.alloc(1)), 20_000))
    const files = Array.from({ length: 3_000 }, () => settledWithin(rings.readFile(small), 20_000))
    await sleep(5)
    expect(await settledWithin(rings.close(), 20_000)).toBe('resolved')
    const outcomes = new Set(await Promise.all([...reads, ...files]))
    expect(outcomes.has('pending')).toBe(false)
    await file.close()
  })

  it('closes what a writeFile and a readFile that are cut off had open', async () => {
    const rings = await start({ closeGraceMs: 0, directDescriptors: 0 })
    const large = fresh()
    writeFileSync(large, '')
    execFileSync('truncate', ['-s', '64M', large])
    const reading = settledWithin(rings.readFile(large))
    const writing = settledWithin(rings.writeFile(fresh(), Buffer.alloc(64 << 20)))
    await eventually(() => openHere().length === openBefore.length + 2)
    await rings.close()
    expect(await Promise.all([reading, writing])).not.toContain('pending')
    expect(openHere()).toEqual(openBefore)
  })

  it('settles what cannot be cancelled when the deadline is over', async () => {
    const rings = await start({ closeGraceMs: 0, closeDeadlineMs: 0 })
    const file = await rings.open(makePipe(), 'r+')
    const calls = Array.from({ length: 200 }, () => settledWithin(file.read(Buffer.alloc(1))))
    await rings.close()
    expect(await Promise.all(calls)).not.toContain('pending')
    await file.close()
    await eventually(() => openHere().length === openBefore.length)
    expect(openHere()).toEqual(openBefore)
  })

  it('finds a file closable though the backlog is full', async () => {
    await using rings = await start({ sqEntries: 8, cqEntries: 128, backlogMax: 0 })
    const pipe = await rings.open(makePipe(), 'r+')
    const file = await rings.open(small)
    const held: Promise<unknown>[] = []
    // The submission queue has eight places and no backlog behind it: whoever finds the poller behind tries again.
    while (held.length < 64) {
      const read = pipe.read(Buffer.alloc(1))
      const refused = read.then(
        () => false,
        () => true,
      )
      if (!(await Promise.race([refused, sleep(1).then(() => false)]))) held.push(read)
    }
    expect(await failure(rings.nop())).toMatchObject({ code: 'ERR_RING_BACKLOG_FULL' })
    expect(await settledWithin(file.close())).toBe('resolved')
    expect(openHere().filter((target) => target === small)).toEqual(openBefore.filter((target) => target === small))
    writeSync(pipe.fd, Buffer.alloc(64))
    await Promise.all(held)
    await pipe.close()
  })
})

describe('start()', () => {
  it.skipIf(withoutAddon)('leaves nothing behind where the ring cannot be made', async () => {
    await (await Ringmaster.start({ poller: 'kernel' })).close()
    const before = await steady(() => ({ descriptors: descriptors(), threads: ringThreads() }))
    for (let round = 0; round < 3; round++) {
      // The first ring is made, the second is not: a CPU that start() itself would have refused.
      const layout = { rings: 2, poller: 'kernel', reason: 'a test', pins: [-1, 8191] } as const
      const failed = await failure(openRings(resolveOptions({ poller: 'kernel' }), layout))
      expect(failed).toMatchObject({ code: 'EINVAL', errno: -22, syscall: 'io_uring_setup' })
      expect(await eventually(() => ringThreads().length === before.threads.length)).toBe(true)
      expect({ descriptors: descriptors(), threads: ringThreads() }).toEqual(before)
    }
  })

  it('makes several at once that know nothing of each other', async () => {
    const kinds = [...everyPoller, ...everyPoller]
    const several = await Promise.all(kinds.map((kind) => Ringmaster.start({ ...kind, rings: 1 })))
    const texts = await Promise.all(several.map((rings) => rings.readFile(small, 'utf8')))
    expect(texts).toEqual(kinds.map(() => 'hello'))
    await several[0]!.close()
    expect(await several[1]!.readFile(small, 'utf8')).toBe('hello')
    await Promise.all(several.map((rings) => rings.close()))
  })

  it('is undone by await using', async () => {
    let kept: Ringmaster
    {
      await using rings = await Ringmaster.start({ rings: 1 })
      kept = rings
      await rings.nop()
    }
    expect(kept.stats().rings[0]!.state).toBe('closed')
  })

  it('opens what closes by itself at exec: nothing is inherited', async () => {
    await using rings = await Ringmaster.start({ rings: 1 })
    await using file = await rings.open(small)
    const flags = /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${file.fd}`, 'latin1'))![1]!
    expect(Number.parseInt(flags, 8) & 0o2000000).toBe(0o2000000)
    const node = openSync(small, constants.O_RDONLY)
    closeSync(node)
  })
})
