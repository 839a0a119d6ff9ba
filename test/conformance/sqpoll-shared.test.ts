// Conformance, row SQPOLL: rings that share an SQ thread. What liburing's sq-poll-share, sq-poll-dup and shared-wq check, and what
// sharing does to chains, proven first where the kernel carries them out and then where the client does.
import { openSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { SetupFlag, SqeFlag } from '../../native/abi.ts'
import { binding } from '../../native/binding.ts'
import { readSqThread } from '../../native/fdinfo.ts'
import { placeRings } from '../../native/layout.ts'
import { prepNop, prepNopResult } from '../../native/operations/control.ts'
import { openRing } from '../../native/ring-memory.ts'
import { allocateSharedMemory } from '../../native/shared-memory.ts'
import type { Completion } from '../../workers/slots.ts'
import { op } from '../../services/raw/index.ts'
import type { Chain, Operation, RawRing } from '../../services/raw/index.ts'
import { Ringmaster } from '../../services/ringmaster.ts'
import { prepareControl } from '../../workers/ring-handle.ts'
import { descriptors, eventually, seededBytes, temporaryFolder, threads } from '../services/harness.ts'
import { describeOnEveryRing, handleOf } from './every-ring.ts'

const kernelOnly = ({ poller }: { poller: string }): boolean => poller === 'kernel'
const shared = { sqThreads: 'shared', rings: 3 } as const
const sqThreads = (): string[] => threads().filter((name) => name.startsWith('iou-sqp'))
const sqThreadOf = (raw: RawRing): number => readSqThread(raw.ringFd)?.tid ?? -1

/** A chain whose head fails, given to the kernel as it is. Returns how many of the others it cancelled. */
async function cancelledByKernel(raw: RawRing, entries: number): Promise<number> {
  const { client } = handleOf(raw)
  const results: number[] = []
  const collect: Completion = { complete: (_slots, _slot, result) => results.push(result) }
  client.chain(entries)
  for (let index = 0; index < entries; index++) {
    client.claim(0, collect, null, null)
    const flags = index === entries - 1 ? 0 : SqeFlag.IO_LINK
    if (index === 0) prepNopResult(client.words, client.at, flags, -5)
    else prepNop(client.words, client.at, flags)
  }
  expect(await eventually(() => results.length === entries)).toBe(true)
  return results.filter((result) => result === -125).length
}

describeOnEveryRing(
  'SQPOLL, shared',
  (stand) => {
    const all = (): RawRing[] => [0, 1, 2].map((ring) => stand.rings.raw(ring))

    it('sq-poll-share: the rings have one SQ thread, and each gets its work done', async () => {
      const file = stand.path()
      const content = seededBytes(64 * 512, 7)
      writeFileSync(file, content)
      const fd = stand.own(openSync(file, 'r'))
      expect(await eventually(() => new Set(all().map(sqThreadOf)).size === 1)).toBe(true)
      expect(sqThreads()).toHaveLength(1)
      const reads = all().flatMap((raw) =>
        Array.from({ length: 64 }, async (_, index) => {
          const buffer = Buffer.alloc(512)
          await raw.submit(op.read({ fd, buffer, position: index * 512 }))
          return buffer.equals(content.subarray(index * 512, (index + 1) * 512))
        }),
      )
      expect((await Promise.all(reads)).every(Boolean)).toBe(true)
    })

    it('sq-poll-share: each ring wakes the thread that all of them let sleep', async () => {
      for (const raw of all()) {
        await sleep(80) // longer than sqThreadIdleMs
        expect(await raw.submit(op.nop())).toBe(0)
      }
    })

    it('sq-poll-share: the kernel cuts chains there, which is why it gets none', async () => {
      expect(all().every((raw) => !handleOf(raw).chainsWhole)).toBe(true)
      // It takes eight entries of a ring at a time: what is behind them runs though the head has failed.
      let cut = 0
      for (let round = 0; round < 100; round++) if ((await cancelledByKernel(stand.raw, 12)) < 11) cut++
      expect(cut).toBeGreaterThan(0)
    })

    it('sq-poll-share: chains of the library are whole: nothing behind a failed head runs, however long', async () => {
      for (let round = 0; round < 20; round++) {
        let chain: Chain<number[]> = stand.raw.chain().link(op.nop({ result: -5 }))
        for (let index = 0; index < 24; index++) chain = chain.link(op.nop())
        const statuses = (await chain.submit()).map(({ status }) => status)
        expect(statuses).toEqual(['failed', ...Array.from({ length: 24 }, () => 'cancelled')])
      }
    })

    it('sq-poll-share: a small file is read whole there too, without a chain', async () => {
      const file = stand.path()
      writeFileSync(file, 'read me')
      const read = () => stand.rings.readFile(file, 'utf8')
      expect(await Promise.all(Array.from({ length: 50 }, read))).toEqual(Array.from({ length: 50 }, () => 'read me'))
      await expect(stand.rings.readFile(`${file}.not`)).rejects.toMatchObject({ code: 'ENOENT' })
    })

    it('sq-poll-share: a chain that drains is refused, with the reason; a single step is no chain', async () => {
      const refusal = { code: 'ERR_RING_OPERATION_UNSUPPORTED', message: expect.stringContaining('shared') as string }
      const chain = stand.raw.chain().link(op.nop()).link(op.nop())
      await expect(chain.submit({ drain: true })).rejects.toMatchObject(refusal)
      expect(await stand.raw.chain().link(op.nop()).submit({ drain: true })).toMatchObject([{ status: 'done' }])
    })

    it('sq-poll-share: a drain beside limited chains begins when their steps are over, and the limits still cut them', async () => {
      const { raw, own } = stand
      const { read, write } = await raw.submit(op.pipe())
      own(read)
      own(write)
      for (let round = 0; round < 20; round++) {
        const order: string[] = []
        const noted = (name: string): Operation<unknown> => ({ ...op.nop(), result: () => order.push(name) })
        const limited = raw
          .chain()
          .hardlink(op.read({ fd: read, buffer: Buffer.alloc(1) })) // of an empty pipe: only its limit ends it
          .timeout(1 + (round % 4) * 5)
          .link(noted('step behind'))
          .timeout(60_000)
          .submit()
        const drained = raw.submit(noted('drained'), { drain: true })
        const single = raw.chain().link(noted('drained, too')).submit({ drain: true })
        const after = raw.submit(noted('after'))
        const outcomes = await limited
        expect(outcomes.map(({ status }) => status)).toEqual(['timed-out', 'done'])
        await Promise.all([drained, single, after])
        // Steps are submitted one by one: the second comes behind what was submitted meanwhile.
        expect(order).toEqual(['drained', 'drained, too', 'after', 'step behind'])
      }
    })
  },
  shared,
  kernelOnly,
)

describe('SQPOLL, sharing from start to end', () => {
  it('sq-poll-share: with a thread of its own a ring has whole chains, in the kernel', async () => {
    await using rings = await Ringmaster.start({ poller: 'kernel', rings: 2 })
    const raw = rings.raw()
    expect(sqThreadOf(raw)).not.toBe(sqThreadOf(rings.raw(1)))
    for (let round = 0; round < 100; round++) expect(await cancelledByKernel(raw, 12)).toBe(11)
    await using alone = await Ringmaster.start({ poller: 'kernel', rings: 1, sqThreads: 'shared' })
    expect(handleOf(alone.raw()).chainsWhole).toBe(true)
    expect(await cancelledByKernel(alone.raw(), 12)).toBe(11)
  })

  it('sq-poll-share: when they are closed nothing is left: no thread, no descriptor', async () => {
    const before = descriptors().filter((name) => name.includes('io_uring'))
    const rings = await Ringmaster.start({ poller: 'kernel', rings: 4, sqThreads: 'shared' })
    await Promise.all([0, 1, 2, 3].map((ring) => rings.raw(ring).submit(op.nop())))
    await rings.close()
    expect(sqThreads()).toEqual([])
    expect(descriptors().filter((name) => name.includes('io_uring'))).toEqual(before)
  })

  it('sq-poll-dup: the thread lives on for the others when the ring it was made with has been closed', async () => {
    const rings = await Ringmaster.start({ poller: 'kernel', rings: 3, sqThreads: 'shared' })
    const [first, second, third] = [rings.raw(0), rings.raw(1), rings.raw(2)]
    const tid = sqThreadOf(first)
    expect(await handleOf(first).close(100, 1000)).toBe(true)
    for (const raw of [second, third]) {
      expect(await raw.submit(op.nop())).toBe(0)
      expect(sqThreadOf(raw)).toBe(tid)
      expect(
        await raw
          .chain()
          .link(op.nop({ result: -5 }))
          .link(op.nop())
          .submit(),
      ).toMatchObject([{ status: 'failed' }, { status: 'cancelled' }])
    }
    await rings.close()
    expect(sqThreads()).toEqual([])
  })

  it('shared-wq: a ring attaches to a ring and to nothing else', () => {
    const { places, sizeBytes } = placeRings(3, {
      sqEntries: 8,
      cqEntries: 16,
      slots: 1,
      leasesSizeBytes: 0,
      metricsSizeBytes: 0,
    })
    const memory = allocateSharedMemory(sizeBytes)
    const folder = temporaryFolder()
    const file = openSync(`${folder.path}/file`, 'w')
    const setup = { sqEntries: 8, cqEntries: 16, sqThreadIdleMs: 10, sqThreadCpu: -1, memory: 'auto' } as const
    const holds = places.map((place) => prepareControl(memory, place))
    try {
      const flags = SetupFlag.SQPOLL
      const attach = (attachFd: number) => () => openRing(memory, places[1]!, { ...setup, flags, attachFd })
      expect(attach(file)).toThrow(expect.objectContaining({ code: 'EINVAL', syscall: 'io_uring_setup' }))
      expect(attach(2 ** 30)).toThrow(expect.objectContaining({ code: expect.stringMatching(/ENXIO|EBADF/) as string }))
      const { ringFd } = openRing(memory, places[0]!, { ...setup, flags })
      const attached = attach(ringFd)()
      expect(attached.setupFlags & SetupFlag.ATTACH_WQ).toBe(SetupFlag.ATTACH_WQ)
    } finally {
      for (const hold of holds) binding().release(hold)
      binding().closeFd(file)
      folder.remove()
    }
  })
})
