// What `ringmaster/raw` says to arguments that its types would not let pass: coded errors, at once, and nothing is submitted.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { op, timeoutStream, withPersonality } from '../../../services/raw/index.ts'
import type { RawRing } from '../../../services/raw/index.ts'
import { Ringmaster } from '../../../services/ringmaster.ts'
import { callLoosely, failure, fieldOf, seededRandom, testSeed } from '../harness.ts'

/** How a call that is made with anything fails, at once or later. */
async function refusal(target: object, method: string, ...args: readonly unknown[]): Promise<Record<string, unknown>> {
  return failure(Promise.resolve().then(() => callLoosely(target, method, ...args)))
}

const wrongType = { code: 'ERR_INVALID_ARG_TYPE' }

describe('arguments of raw rings', () => {
  let rings: Ringmaster
  let raw: RawRing
  beforeAll(async () => {
    rings = await Ringmaster.start({ rings: 1, poller: 'caller' })
    raw = rings.raw()
  })
  afterAll(() => rings.close())

  const submitOptions = [null, 5, 'x', [], { signal: 5 }, { async: 'yes' }, { drain: 1 }, { personality: null }]
  it.each(submitOptions)('submit() takes no options like %j', async (options) => {
    expect(await refusal(raw, 'submit', op.nop(), options)).toMatchObject(wrongType)
  })

  it.each([null, 5, [], { quiet: 'no' }, { async: 1 }])(
    'a step of a chain takes no options like %j',
    async (options) => {
      expect(await refusal(raw.chain(), 'link', op.nop(), options)).toMatchObject(wrongType)
      expect(await refusal(raw.chain(), 'hardlink', op.nop(), options)).toMatchObject(wrongType)
    },
  )

  it.each([null, 5, [], { signal: 5 }, { drain: 'false' }])('a chain is not submitted with %j', async (options) => {
    expect(await refusal(raw.chain().link(op.nop()), 'submit', options)).toMatchObject(wrongType)
  })

  it('every function of `op` makes an operation or refuses with a code, whatever it is given', () => {
    const given = [
      undefined,
      null,
      -1,
      1.5,
      NaN,
      'x',
      [],
      () => 0,
      Symbol('s'),
      2n,
      Buffer.alloc(4),
      { direct: -1 },
      { fd: 0 },
    ]
    const random = seededRandom(testSeed('arguments of op'))
    const any = (): unknown => given[Math.floor(random() * given.length)]
    const outcome = (make: () => unknown): unknown => {
      try {
        return fieldOf(fieldOf(make(), 'row'), 'name') === undefined ? 'no operation' : 'made'
      } catch (error) {
        return String(fieldOf(error, 'code')).startsWith('ERR_') ? 'refused' : error
      }
    }
    for (const make of Object.values(op) as ((options: unknown) => unknown)[]) {
      for (const options of given) expect(['made', 'refused']).toContain(outcome(() => make(options)))
      for (let times = 0; times < 50; times++) {
        const values: Record<string | symbol, unknown> = {}
        const options = new Proxy(values, { get: (_, name) => (values[name] ??= any()), has: () => random() < 0.5 })
        expect(['made', 'refused']).toContain(outcome(() => make(options)))
      }
    }
    expect(() => {
      Reflect.apply(withPersonality, undefined, [op.nop(), null])
    }).toThrow(expect.objectContaining(wrongType))
    expect(() => {
      Reflect.apply(withPersonality, undefined, [null, 1])
    }).toThrow(expect.objectContaining(wrongType))
  })

  it('a limit without a step says what is missing', () => {
    expect(() => raw.chain().timeout(5)).toThrow(/there is none: add one first/)
  })

  it('stream() takes what the functions for streams make, and options', async () => {
    for (const source of [null, {}, 5, op.nop()]) expect(await refusal(raw, 'stream', source)).toMatchObject(wrongType)
    for (const options of [null, 5, { signal: 5 }])
      expect(await refusal(raw, 'stream', timeoutStream({ intervalMs: 5 }), options)).toMatchObject(wrongType)
  })

  it('buffers are cloned from a ring', async () => {
    for (const from of [null, {}, { buffers: {} }])
      expect(await refusal(raw.buffers, 'clone', from)).toMatchObject(wrongType)
  })

  it('register() takes numbers and a view', async () => {
    for (const args of [
      ['x', null, 0],
      [8, 'x', 1],
      [8, {}, 1],
      [8, null, 'x'],
    ])
      expect(await refusal(raw, 'register', ...args)).toMatchObject(wrongType)
    for (const args of [
      [NaN, null, 0],
      [8, null, -1],
    ])
      expect(await refusal(raw, 'register', ...args)).toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
  })

  it('what is on or off is told by booleans', async () => {
    const buffer = Buffer.alloc(1)
    const wrong: readonly (readonly [name: string, options: unknown])[] = [
      ['timeout', { timeMs: 1, absolute: 'false' }],
      ['fsync', { fd: 0, dataOnly: 1 }],
      ['socket', { family: 'AF_INET', type: 'SOCK_STREAM', inherit: 'no' }],
      ['recv', { fd: 0, buffer, pollFirst: 0 }],
      ['sendZc', { fd: 0, buffer, reportUsage: 'x' }],
      ['asyncCancel', { fd: 0, all: 'yes' }],
      ['nop', []],
    ]
    for (const [name, options] of wrong) expect(await refusal(op, name, options)).toMatchObject(wrongType)
  })

  it('a path in memory that was transferred away is refused', async () => {
    const path = new Uint8Array([47])
    structuredClone(path.buffer, { transfer: [path.buffer] })
    expect(await refusal(op, 'statx', { path })).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' })
  })

  it('nothing of all this was submitted', () => {
    expect(rings.stats().rings[0]).toMatchObject({ inFlight: 0, backlog: 0 })
  })

  it.each(['kernel', 'worker', 'caller'] as const)(
    '%s: a limit that the ring refuses is why its step failed',
    async (poller) => {
      await using restricted = await Ringmaster.start({ rings: 1, poller, restrictions: { operations: ['nop'] } })
      const outcomes = await restricted.raw().chain().link(op.nop()).timeout(50).submit()
      expect(outcomes).toMatchObject([{ status: 'failed', error: { code: 'EACCES' } }])
      expect((outcomes[0] as { error: Error }).error.message).toMatch(/restrictions/)
    },
  )

  it.each(['kernel', 'worker', 'caller'] as const)(
    '%s: a mailbox whose ring is closed takes nothing',
    async (poller) => {
      const other = await Ringmaster.start({ rings: 1, poller })
      const mailbox = other.raw().messages()
      await other.close()
      // Its descriptor's number may be this one's by now.
      await using next = await Ringmaster.start({ rings: 1, poller })
      const here = next.raw().messages()
      expect(here.address).not.toBe(mailbox.address)
      expect(await failure(raw.sendMessage(mailbox, { data: 1 }))).toMatchObject({ code: 'ERR_RING_CLOSED' })
      await raw.sendMessage(here, { data: 2 })
      expect(await here.next()).toMatchObject({ value: { data: 2 } })
      await here.return()
    },
  )
})
