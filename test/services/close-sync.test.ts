// closeSync(): what close() does, without the event loop. What it leaves behind, and what becomes of what is in flight.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Ringmaster } from '../../services/ringmaster.ts'
import type { RingmasterOptions } from '../../services/options.ts'
import { conservationFaults } from './conservation.ts'
import {
  descriptors,
  eventually,
  everyPoller,
  fieldOf,
  settledWithin,
  steady,
  temporaryFolder,
  threads,
} from './harness.ts'
import type { RingHandle } from '../../workers/ring-handle.ts'

const folder = temporaryFolder()
const small = join(folder.path, 'small')
let names = 0
const fresh = (): string => join(folder.path, `new${names++}`)
beforeAll(() => {
  writeFileSync(small, 'hello')
})
afterAll(() => {
  folder.remove()
})

function makePipe(): string {
  const path = fresh()
  execFileSync('mkfifo', [path])
  return path
}

const handlesOf = (rings: Ringmaster): RingHandle[] => fieldOf(fieldOf(rings, 'rings'), 'handles') as RingHandle[]
/** Threads but for the kernel's own helpers of this thread, which stay while the thread does. */
const ringThreads = (): string[] => threads().filter((name) => !name.startsWith('iou-wrk'))

describe.each(everyPoller)('closeSync() with poller $poller in $memory memory', ({ poller, memory }) => {
  const start = (options: RingmasterOptions = {}): Promise<Ringmaster> =>
    Ringmaster.start({ rings: 2, sqEntries: 64, poller, memory, closeGraceMs: 5000, closeDeadlineMs: 5000, ...options })

  it('leaves no ring and no SQ thread when it returns, and no thread and no descriptor soon after', async () => {
    await (await start()).close() // what Node starts on first use stays
    const before = await steady(() => ({ descriptors: descriptors(), threads: ringThreads() }))
    const kernels = (): string[] => [
      ...descriptors().filter((target) => target.includes('io_uring')),
      ...threads().filter((name) => name.startsWith('iou-sqp')),
    ]
    const kernelsBefore = kernels()
    for (let round = 0; round < 5; round++) {
      const rings = await start()
      expect(await rings.readFile(small, 'utf8')).toBe('hello')
      expect(rings.closeSync()).toBe(true)
      expect(kernels()).toEqual(kernelsBefore)
    }
    await eventually(() => ringThreads().length === before.threads.length)
    await eventually(() => descriptors().length === before.descriptors.length)
    expect({ descriptors: descriptors(), threads: ringThreads() }).toEqual(before)
  })

  it('carries out what was asked for, and tells when the event loop turns again', async () => {
    const rings = await start()
    const path = fresh()
    const file = await rings.open(path, 'w+')
    const writes = Array.from({ length: 2000 }, (_, index) => file.write(Buffer.alloc(64, index), 0, 64, index * 64))
    expect(rings.closeSync()).toBe(true)
    const bytes = readFileSync(path)
    expect(bytes.length).toBe(2000 * 64)
    for (let index = 0; index < 2000; index++) expect(bytes[index * 64]).toBe(index & 0xff)
    expect(new Set((await Promise.all(writes)).map(({ bytesWritten }) => bytesWritten))).toEqual(new Set([64]))
    expect(handlesOf(rings).flatMap((handle) => conservationFaults(handle))).toEqual([])
    await file.close()
  })

  it('cancels what never ends, and settles all: requests, those that wait, tasks of several requests', async () => {
    const rings = await start({ closeGraceMs: 10, directDescriptors: 1, cqEntries: 128 })
    const pipe = await rings.open(makePipe(), 'r+')
    const calls = [
      ...Array.from({ length: 500 }, () => pipe.read(Buffer.alloc(4))),
      ...Array.from({ length: 50 }, () => rings.readFile(small)),
      rings.readFile(makePipe()),
      rings.open(makePipe(), 'w'),
    ].map((call) => settledWithin(call))
    expect(rings.closeSync()).toBe(true)
    expect(rings.stats().rings.map(({ state }) => state)).toEqual(['closed', 'closed'])
    expect(await Promise.all(calls)).not.toContain('pending')
    expect(await settledWithin(rings.nop())).toBe('ERR_RING_CLOSED')
    await pipe.close()
  })

  it('takes over from a close() that is under way, whose promise settles too', async () => {
    const rings = await start()
    const pipe = await rings.open(makePipe(), 'r+')
    const read = settledWithin(pipe.read(Buffer.alloc(4)))
    const closing = settledWithin(rings.close(), 20_000)
    writeSync(pipe.fd, 'late')
    expect(rings.closeSync()).toBe(true)
    expect(await read).toBe('resolved')
    expect(await closing).toBe('resolved')
    expect(rings.closeSync()).toBe(true)
    await rings.close()
    await pipe.close()
  })

  it('may follow a close() that is over, or be followed by one', async () => {
    const first = await start()
    await first.close()
    expect(first.closeSync()).toBe(true)
    const second = await start()
    expect(second.closeSync()).toBe(true)
    await second.close()
  })

  it('gives up at the deadline, and says so', async () => {
    const rings = await start({ closeGraceMs: 0, closeDeadlineMs: 0 })
    const pipe = await rings.open(makePipe(), 'r+')
    const calls = Array.from({ length: 200 }, () => settledWithin(pipe.read(Buffer.alloc(1))))
    expect(rings.closeSync()).toBe(false)
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['ERR_RING_CLOSED']))
    await pipe.close()
  })
})
