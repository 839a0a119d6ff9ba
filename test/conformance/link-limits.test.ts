// Conformance, row LINK: time limits of steps that block in a kernel worker thread, where the kernel arms no linked timeout. What
// liburing's link-timeout and link_timeout check, and what they do not: the step behind one that went there, splice, accept on a
// blocking socket.
import { fstatSync, writeSync } from 'node:fs'
import { expect, it } from 'vitest'
import { op } from '../../services/raw/index.ts'
import type { Operation, StepOutcome } from '../../services/raw/index.ts'
import { seededRandom, testSeed } from '../services/harness.ts'
import { describeOnEveryRing, handleOf } from './every-ring.ts'
import { describeChains, emptyPipe } from './link-cases.ts'

const seed = testSeed('link-limits')
const done = { status: 'done' }
const timedOut = { status: 'timed-out' }
const statuses = (outcomes: readonly StepOutcome[]): string[] => outcomes.map(({ status }) => status)
const blocking = (fd: number): Operation<number> => op.read({ fd, buffer: Buffer.alloc(1) })

describeChains('LINK, limits in kernel worker threads', (stand) => {
  it('link-timeout: a step that begins in a kernel worker thread, because the one before it did, is timed out', async () => {
    const { raw, path } = stand
    const { read } = await emptyPipe(stand)
    const heads: Operation<unknown>[] = [
      op.statx({ path: '/' }),
      op.mkdirat({ path: path() }),
      op.unlinkat({ path: path() }), // fails
    ]
    const chains = heads.map((head) =>
      raw.chain().hardlink(head).link(blocking(read)).timeout(10).link(op.nop()).submit(),
    )
    for (const outcomes of await Promise.all(chains))
      expect(outcomes.slice(1)).toMatchObject([timedOut, { status: 'cancelled' }])
    const forced = raw.chain().link(op.nop(), { async: true }).link(blocking(read)).timeout(10)
    expect(await forced.submit()).toMatchObject([done, timedOut])
  })

  it('link-timeout: a splice from an empty pipe is timed out, and what hangs on it by a hard link runs', async () => {
    const { raw } = stand
    const { read } = await emptyPipe(stand)
    const { write } = await emptyPipe(stand)
    const splice = (): Operation<number> => op.splice({ fdIn: read, fdOut: write, length: 1 })
    expect(await raw.chain().link(splice()).timeout(10).link(op.nop()).submit()).toMatchObject([
      timedOut,
      { status: 'cancelled' },
    ])
    expect(await raw.chain().hardlink(splice()).timeout(10).link(op.nop()).submit()).toMatchObject([timedOut, done])
    const explicit = raw
      .chain()
      .link(splice())
      .link(op.linkTimeout({ timeMs: 10 }))
    expect(await explicit.submit()).toMatchObject([timedOut, { status: 'done', value: 'elapsed' }])
  })

  it('link-timeout: an accept that nobody connects to, on a socket that blocks, is timed out', async () => {
    const { raw, own } = stand
    const fd = own(await raw.submit(op.socket({ family: 'AF_INET', type: 'SOCK_STREAM' })))
    await raw.submit(op.bind({ fd, address: { address: '127.0.0.1', port: 0 } }))
    await raw.submit(op.listen({ fd }))
    expect(await raw.chain().link(op.accept({ fd })).timeout(10).submit()).toMatchObject([timedOut])
    expect(fstatSync(fd).isSocket()).toBe(true)
  })

  it('link-timeout: a limit by a clock and until a time is kept there too, and one that has passed', async () => {
    const { raw } = stand
    const { read } = await emptyPipe(stand)
    const limits = [
      { timeMs: Date.now() + 15, absolute: true, clock: 'realtime' },
      { timeMs: Number(process.hrtime.bigint() / 1_000_000n) + 15, absolute: true },
      { timeMs: 5, clock: 'boottime' },
      { timeMs: 1, absolute: true },
    ] as const
    for (const limit of limits) {
      const chain = raw
        .chain()
        .hardlink(op.statx({ path: '/' }))
        .link(blocking(read))
        .timeout(limit)
      expect(await chain.submit()).toMatchObject([done, timedOut])
    }
  })

  it('link-timeout: limits of several steps begin with their steps, and none is cut short', async () => {
    const { raw } = stand
    const { read } = await emptyPipe(stand)
    const lasting = (): Operation<unknown> => op.timeout({ timeMs: 60 })
    // Longer than any of the limits, if they all began with the chain.
    const chain = raw
      .chain()
      .hardlink(op.statx({ path: '/' }))
      .hardlink(lasting(), { quiet: true })
      .timeout(30_000)
      .hardlink(lasting())
      .timeout(30_000)
      .hardlink(blocking(read))
      .timeout(5)
      .hardlink(lasting())
      .timeout(30_000)
    expect(statuses(await chain.submit())).toEqual(['done', 'done', 'done', 'timed-out', 'done'])
  })

  it('link-timeout: data that comes in time is read, and the limit is over with the step', async () => {
    const { raw } = stand
    const { read, write } = await emptyPipe(stand)
    const buffer = Buffer.alloc(1)
    const chain = raw
      .chain()
      .link(op.statx({ path: '/' }))
      .link(op.read({ fd: read, buffer }))
      .timeout(30_000)
      .submit()
    writeSync(write, 'x')
    expect(await chain).toMatchObject([done, { status: 'done', value: 1 }])
    expect(buffer.toString()).toBe('x')
    expect(handleOf(raw).client.inFlight).toBe(0)
  })

  it('link_timeout: of many limits that race with their steps in kernel worker threads none is lost', async () => {
    const { raw } = stand
    const random = seededRandom(seed)
    const { read } = await emptyPipe(stand)
    let left = 400
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        while (left-- > 0) {
          const chain = raw
            .chain()
            .link(blocking(read), { async: true })
            .timeout(random() * 2)
            .link(op.nop())
          expect(statuses(await chain.submit())).toEqual(['timed-out', 'cancelled'])
        }
      }),
    )
  })
})

describeOnEveryRing('LINK, limits that are changed', (stand) => {
  it('link_timeout: a limit that was made longer holds until then, one that was made shorter no longer', async () => {
    const { raw } = stand
    const { read, write } = await emptyPipe(stand)
    const long = op.linkTimeout({ timeMs: 60 })
    const lengthened = raw.chain().link(blocking(read)).link(long).submit()
    await raw.submit(op.timeoutRemove({ operation: long, timeMs: 30_000 }))
    await raw.submit(op.timeout({ timeMs: 150 }))
    writeSync(write, 'x')
    expect(await lengthened).toMatchObject([{ status: 'done', value: 1 }, { status: 'cancelled' }])
    const short = op.linkTimeout({ timeMs: 30_000 })
    const shortened = raw.chain().link(blocking(read)).link(short).submit()
    await raw.submit(op.timeoutRemove({ operation: short, timeMs: 5 }))
    expect(await shortened).toMatchObject([timedOut, { status: 'done', value: 'elapsed' }])
  })
})
