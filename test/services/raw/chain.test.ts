// The chain builder: what it takes, what it refuses, how a chain is stopped, and that nothing is left of it. What chains do is in
// test/conformance/link*.test.ts.
import { writeSync } from 'node:fs'
import { expect, it } from 'vitest'
import { op } from '../../../services/raw/index.ts'
import type { Operation } from '../../../services/raw/index.ts'
import { Ringmaster } from '../../../services/ringmaster.ts'
import { describeOnEveryRing, handleOf } from '../../conformance/every-ring.ts'
import type { Stand } from '../../conformance/every-ring.ts'
import { describeChains, emptyPipe } from '../../conformance/link-cases.ts'
import { callLoosely, settledWithin } from '../harness.ts'

const quiet = { quiet: true } as const
const aborted = { status: 'cancelled', error: { name: 'AbortError', code: 'ABORT_ERR' } }

/** Cannot write its entry, as an operation cannot whose buffer has gone in a way that nobody foresaw. */
function unfillable(): Operation<number> {
  return {
    ...op.nop(),
    fill: () => {
      throw new Error('no entry from me')
    },
  }
}

async function waiting(stand: Stand): Promise<{ step: () => Operation<number>; answer: () => void }> {
  const { read, write } = await emptyPipe(stand)
  return {
    step: () => op.read({ fd: read, buffer: Buffer.alloc(1) }),
    answer: () => void writeSync(write, 'x'),
  }
}

describeChains('a chain', (stand) => {
  it('is refused without steps, and longer than the ring', async () => {
    await expect(stand.raw.chain().submit()).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' })
    const chain = stand.raw.chain()
    for (let index = 0; index < 65; index++) chain.link(op.nop())
    await expect(chain.submit()).rejects.toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
    const longest = stand.raw.chain()
    for (let index = 0; index < 64; index++) longest.link(op.nop())
    expect(await longest.submit()).toHaveLength(64)
  })

  it('takes operations and nothing else', () => {
    const chain = stand.raw.chain()
    expect(() => void callLoosely(chain, 'link', {})).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }))
    expect(() => chain.link(op.nop()).timeout(-1)).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }))
  })

  it('can be submitted again when it is over, and not before', async () => {
    const { step, answer } = await waiting(stand)
    const chain = stand.raw.chain().link(step()).link(op.nop())
    for (let round = 0; round < 3; round++) {
      const running = chain.submit()
      await expect(chain.submit()).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' })
      answer()
      expect(await running).toEqual([
        { status: 'done', value: 1 },
        { status: 'done', value: 0 },
      ])
    }
  })

  it('does nothing at all where its first entry cannot be written', async () => {
    const { raw } = stand
    let ran = false
    const seen: Operation<boolean> = { ...op.nop(), result: () => (ran = true) }
    await expect(raw.chain().link(unfillable()).link(seen).submit()).rejects.toThrow('no entry from me')
    await expect(raw.chain().hardlink(unfillable()).timeout(5).link(seen).submit()).rejects.toThrow('no entry from me')
    expect(await raw.submit(op.nop())).toBe(0)
    expect(ran).toBe(false)
  })

  it('is not begun when its signal has fired', async () => {
    const chain = stand.raw.chain().link(op.nop())
    await expect(chain.submit({ signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' })
    await expect(callLoosely(chain, 'submit', { signal: 'now' })).rejects.toMatchObject({
      code: 'ERR_INVALID_ARG_TYPE',
    })
  })

  it('is cancelled by its signal, and says what was done before', async () => {
    const { step } = await waiting(stand)
    const abort = new AbortController()
    const running = stand.raw
      .chain()
      .link(op.nop())
      .link(step())
      .timeout(60_000)
      .link(op.nop())
      .submit({ signal: abort.signal })
    expect(await settledWithin(running, 20)).toBe('pending')
    abort.abort()
    expect(await running).toMatchObject([{ status: 'done' }, aborted, aborted])
  })

  it('goes on after an abort where it is hard-linked: what is to be undone is undone, what would wait does not', async () => {
    const { step } = await waiting(stand)
    const abort = new AbortController()
    const chain = stand.raw.chain().hardlink(step()).hardlink(step()).link(op.nop())
    const running = chain.submit({ signal: abort.signal })
    expect(await settledWithin(running, 20)).toBe('pending')
    abort.abort()
    expect(await running).toMatchObject([aborted, aborted, { status: 'done' }])
  })

  it('hears no signal that fires later', async () => {
    const abort = new AbortController()
    const { signal } = abort
    expect(await stand.raw.chain().link(op.nop()).link(op.nop()).submit({ signal })).toHaveLength(2)
    abort.abort()
    expect(await stand.raw.submit(op.nop())).toBe(0)
  })

  it('has steps that a kernel worker thread carries out at once', async () => {
    const outcomes = await stand.raw.chain().link(op.nop(), { async: true }).link(op.nop(), { async: true }).submit()
    expect(outcomes).toMatchObject([{ status: 'done' }, { status: 'done' }])
  })

  it('leaves no slot in use', () => {
    const { client } = handleOf(stand.raw)
    expect([client.inFlight, client.slots.used]).toEqual([0, 0])
  })
})

describeOnEveryRing(
  'a chain in a full ring',
  (stand) => {
    const occupy = async (): Promise<{ free: () => void; over: Promise<unknown> }> => {
      const { read, write } = await emptyPipe(stand)
      const reads = Array.from({ length: 64 }, () => stand.raw.submit(op.read({ fd: read, buffer: Buffer.alloc(1) })))
      return { free: () => void writeSync(write, Buffer.alloc(64)), over: Promise.all(reads) }
    }

    it('waits as one, and can be stopped there, quiet steps or not', async () => {
      const { free, over } = await occupy()
      const abort = new AbortController()
      const stopped = stand.raw
        .chain()
        .link(op.nop(), quiet)
        .link(op.nop())
        .link(op.nop())
        .submit({ signal: abort.signal })
      const waits = stand.raw.chain().link(op.nop(), quiet).link(op.nop(), quiet).link(op.nop()).submit()
      expect(stand.rings.stats().rings[0]!.backlog).toBe(6)
      abort.abort()
      expect(await stopped).toMatchObject([aborted, aborted, aborted])
      expect(await settledWithin(waits, 10)).toBe('pending')
      free()
      await over
      expect((await waits).map(({ status }) => status)).toEqual(['done', 'done', 'done'])
      const { client } = handleOf(stand.raw)
      expect([client.inFlight, client.slots.used]).toEqual([0, 0])
    })

    it('fails as one where too many wait, and has done nothing', async () => {
      const { free, over } = await occupy()
      const fits = Array.from({ length: 4 }, () => stand.raw.chain().link(op.nop()).link(op.nop()).submit())
      await expect(stand.raw.chain().link(op.nop()).link(op.nop()).submit()).rejects.toMatchObject({
        code: 'ERR_RING_BACKLOG_FULL',
      })
      free()
      await over
      expect(await Promise.all(fits)).toHaveLength(4)
    })
  },
  { cqEntries: 128, backlogMax: 8 },
)

describeOnEveryRing('closing with chains in flight', (stand) => {
  it.each(['own', 'shared'] as const)('settles every one of them, SQ threads: %s', async (sqThreads) => {
    const more = stand.kind.poller === 'kernel' ? { sqThreads } : {}
    const options = { ...stand.kind, rings: 2, closeGraceMs: 20, closeDeadlineMs: 20_000, ...more }
    const rings = await Ringmaster.start(options)
    const raw = rings.raw()
    const { read, write } = await raw.submit(op.pipe())
    stand.own(read)
    stand.own(write)
    const wait = (): Operation<number> => op.read({ fd: read, buffer: Buffer.alloc(1) })
    const chains = [
      raw.chain().link(wait()).link(op.nop()).submit(),
      raw.chain().link(op.nop(), quiet).link(wait(), quiet).link(op.nop()).submit(),
      raw.chain().hardlink(wait()).timeout(60_000).link(op.nop()).submit(),
    ]
    await rings.close()
    const outcomes = await Promise.all(chains)
    expect(outcomes.map((steps) => steps.length)).toEqual([2, 3, 2])
    expect(outcomes[1]).toMatchObject([{ status: 'done' }, { status: 'cancelled' }, { status: 'cancelled' }])
    await expect(raw.chain().link(op.nop()).submit()).rejects.toMatchObject({ code: 'ERR_RING_CLOSED' })
  })
})
