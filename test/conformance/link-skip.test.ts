// Conformance, row LINK: steps without a completion of their own. What liburing's skip-cqe checks, and what it means for who
// counts completions: the client, and the addon when a thread ends with such chains in flight.
import { openSync, readFileSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { once } from 'node:events'
import { expect, it } from 'vitest'
import { Control } from '../../native/layout.ts'
import { SlotState } from '../../workers/slots.ts'
import { op } from '../../services/raw/index.ts'
import type { Chain, Operation } from '../../services/raw/index.ts'
import { seededRandom, testSeed } from '../services/harness.ts'
import { describeOnEveryRing, handleOf } from './every-ring.ts'
import { completionsOf, describeChains, emptyPipe, failing, refused } from './link-cases.ts'

const seed = testSeed('link-skip')
const done = { status: 'done' }
const cancelled = { status: 'cancelled' }
const failed = { status: 'failed', error: { code: 'EIO' } }
const quiet = { quiet: true } as const

describeOnEveryRing('LINK, without completions', (stand) => {
  /** Completions that arrive while a chain is carried out. */
  async function counted<T extends readonly unknown[]>(chain: Chain<T>): Promise<{ outcomes: unknown; cqes: number }> {
    const before = completionsOf(stand.raw)
    const outcomes = await chain.submit()
    return { outcomes, cqes: completionsOf(stand.raw) - before }
  }

  it('skip-cqe: of a chain of quiet steps only the last completes, and all are done', async () => {
    for (const steps of [2, 6, 20]) {
      let chain: Chain<(number | undefined)[]> = stand.raw.chain()
      for (let index = 1; index < steps; index++) chain = chain.link(op.nop(), quiet)
      const { outcomes, cqes } = await counted(chain.link(op.nop()))
      expect(outcomes).toMatchObject(Array.from({ length: steps }, () => done))
      expect(cqes).toBe(1)
    }
  })

  it('skip-cqe: a quiet step that fails completes, and nothing after it does', async () => {
    const { raw } = stand
    const head = await counted(raw.chain().link(failing(), quiet).link(op.nop(), quiet).link(op.nop()).link(op.nop()))
    expect(head).toMatchObject({ outcomes: [failed, cancelled, cancelled, cancelled], cqes: 1 })
    const middle = await counted(raw.chain().link(op.nop(), quiet).link(failing(), quiet).link(op.nop()))
    expect(middle).toMatchObject({ outcomes: [done, failed, cancelled], cqes: 1 })
  })

  it('skip-cqe: a step that fails after quiet ones completes, and so does all that it cancels', async () => {
    const { raw } = stand
    const last = await counted(raw.chain().link(op.nop(), quiet).link(op.nop(), quiet).link(failing()))
    expect(last).toMatchObject({ outcomes: [done, done, failed], cqes: 1 })
    const between = await counted(
      raw.chain().link(op.nop(), quiet).link(failing()).link(op.nop(), quiet).link(op.nop()),
    )
    expect(between).toMatchObject({ outcomes: [done, failed, cancelled, cancelled], cqes: 3 })
  })

  it('skip-cqe: where the kernel would leave open what is over, quiet steps complete: last, hard-linked, limited', async () => {
    const { raw } = stand
    expect(await counted(raw.chain().link(op.nop(), quiet))).toMatchObject({ outcomes: [done], cqes: 1 })
    const hard = await counted(raw.chain().hardlink(failing(), quiet).link(op.nop(), quiet).link(op.nop()))
    expect(hard).toMatchObject({ outcomes: [failed, done, done], cqes: 3 })
    const limited = await counted(raw.chain().link(op.nop(), quiet).timeout(60_000).link(op.nop()))
    expect(limited).toMatchObject({ outcomes: [done, done], cqes: 3 })
  })

  it('skip-cqe: a chain that is refused as a whole is over with one completion', async () => {
    const { raw } = stand
    const refusal = await counted(raw.chain().link(op.nop(), quiet).link(refused()).link(op.nop()))
    expect(refusal).toMatchObject({ outcomes: [cancelled, cancelled, cancelled], cqes: 1 })
  })

  it('skip-cqe: an abort ends quiet steps that wait, with what depends on them', async () => {
    const { raw } = stand
    const { read } = await emptyPipe(stand)
    const abort = new AbortController()
    const buffer = Buffer.alloc(1)
    const chain = raw
      .chain()
      .link(op.nop(), quiet)
      .link(op.read({ fd: read, buffer }), quiet)
      .link(op.nop())
    const running = chain.submit({ signal: abort.signal })
    await raw.submit(op.nop())
    abort.abort()
    const aborted = { status: 'cancelled', error: { name: 'AbortError' } }
    expect(await running).toMatchObject([done, aborted, aborted])
  })

  it('skip-cqe: after them the ring drains as before, though the kernel would refuse IOSQE_IO_DRAIN', async () => {
    const { raw } = stand
    await raw.chain().link(op.nop(), quiet).link(op.nop()).submit()
    const order: string[] = []
    const noted = (name: string): Operation<unknown> => ({ ...op.nop(), result: () => order.push(name) })
    const slow = { ...op.timeout({ timeMs: 10 }), result: () => order.push('before') }
    await Promise.all([raw.submit(slow), raw.submit(noted('drained'), { drain: true }), raw.submit(noted('after'))])
    expect(order).toEqual(['before', 'drained', 'after'])
  })

  it('skip-cqe: whatever fails where, and whichever are quiet: every slot is free afterwards, none is counted twice', async () => {
    const { raw } = stand
    const { client } = handleOf(raw)
    const random = seededRandom(seed)
    for (let round = 0; round < 60; round++) {
      const chains = Array.from({ length: 8 }, async () => {
        let chain: Chain<(number | undefined)[]> = raw.chain()
        const steps = 1 + Math.floor(random() * 10)
        for (let index = 0; index < steps; index++) {
          const operation = random() < 0.1 ? failing() : random() < 0.03 ? refused() : op.nop()
          const options = { quiet: random() < 0.6, async: random() < 0.2 }
          chain = random() < 0.15 ? chain.hardlink(operation, options) : chain.link(operation, options)
          if (random() < 0.1) chain = chain.timeout(60_000)
        }
        expect(await chain.submit()).toHaveLength(steps)
      })
      await Promise.all(chains)
    }
    expect(client.inFlight).toBe(0)
    expect(client.slots.used).toBe(0)
    expect(client.slots.state.every((state) => state === SlotState.free)).toBe(true)
    expect(client.slots.credits.every((credit) => credit === 1)).toBe(true)
    expect(stand.rings.stats().rings[0]!.staleCompletions).toBe(0)
  })
})

describeChains('LINK, quiet steps', (stand) => {
  it('skip-cqe: quiet steps do what they are there for; only short transfers have a value', async () => {
    const { raw, path, own } = stand
    const file = path()
    const fd = own(openSync(file, 'w+'))
    const write = (text: string, position: number) => op.write({ fd, buffer: Buffer.from(text), position })
    const outcomes = await raw
      .chain()
      .link(write('abc', 0), quiet)
      .link(write('X', 1), quiet)
      .link(write('d', 3))
      .submit()
    expect(outcomes).toEqual([
      { status: 'done', value: undefined },
      { status: 'done', value: undefined },
      { status: 'done', value: 1 },
    ])
    expect(readFileSync(file, 'utf8')).toBe('aXcd')
    const read = op.read({ fd, buffer: Buffer.alloc(10), position: 0 })
    const short = await raw.chain().link(op.nop(), quiet).link(read, quiet).link(op.nop()).submit()
    expect(short).toMatchObject([done, { status: 'short', value: 4, wantedBytes: 10 }, cancelled])
  })
})

describeOnEveryRing('LINK, a thread that ends with quiet steps in flight', (stand) => {
  it('skip-cqe: the kernel has let go of all of them when it is gone, by count and not for want of time', async () => {
    const dist = (file: string): string => JSON.stringify(new URL(`../../dist/${file}`, import.meta.url).href)
    const program = `
      import { parentPort } from 'node:worker_threads'
      import { Ringmaster } from ${dist('services/index.js')}
      import { op } from ${dist('services/raw/index.js')}
      const raw = (await Ringmaster.start(${JSON.stringify({ ...stand.kind, rings: 1 })})).raw()
      const { read: fd } = await raw.submit(op.pipe())
      const wait = () => op.read({ fd, buffer: Buffer.alloc(1) })
      const quiet = { quiet: true }
      for (let index = 0; index < 4; index++) {
        void raw.chain().link(op.nop(), quiet).link(wait(), quiet).link(op.nop(), quiet).link(op.nop()).link(op.nop()).submit()
        void raw.chain().link(op.nop(), quiet).link(op.nop(), quiet).link(wait()).link(op.nop(), quiet).link(op.nop()).submit()
        void raw.chain().link(wait(), quiet).link(op.nop()).timeout(60_000).submit()
        void raw.chain().link(op.nop()).hardlink(wait(), quiet).link(op.nop()).submit()
      }
      await raw.submit(op.nop())
      parentPort.postMessage(raw.handle.client.control)`
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(program)}`))
    const [control] = (await once(worker, 'message')) as [Int32Array]
    expect(Atomics.load(control, Control.in_flight >> 2)).toBeGreaterThan(12)
    await worker.terminate()
    // Where the addon gives up waiting it leaves behind how many it was still waiting for.
    expect(Atomics.load(control, Control.in_flight >> 2)).toBe(0)
  })
})
