// A misspelt option would be a default that nobody asked for: what is made with options refuses names that it does not know.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { op, timeoutStream } from '../../../services/raw/index.ts'
import { Ringmaster } from '../../../services/ringmaster.ts'
import { callLoosely, failure, withoutAddon } from '../harness.ts'
import { errorCode } from './errors.ts'

describe.skipIf(withoutAddon)('unknown options are refused by name', () => {
  let rings: Ringmaster
  beforeAll(async () => {
    rings = await Ringmaster.start({ rings: 1, poller: 'caller', sqEntries: 64 })
  })
  afterAll(() => rings.close())

  it.each([
    ['provideBuffers', [{ count: 1, sizeBytes: 1, incremental: false, bufferGroup: 7, group: 8 }], 'group'],
    ['outgoing', [{ fd: 0, count: 2, size: 3 }], 'size'],
    ['sender', [0, { waitingMax: 1, zeroCopy: true }], 'zeroCopy'],
    ['messages', [{ waitingMax: 1, max: 1 }], 'max'],
    ['stream', [timeoutStream({ intervalMs: 1 }), { waitMax: 1 }], 'waitMax'],
  ])('%s()', (method, args, name) => {
    const call = (): unknown => callLoosely(rings.raw(), method, ...(args as unknown[]))
    expect(errorCode(call)).toBe('ERR_INVALID_ARG_VALUE')
    expect(call).toThrow(`'options.${name}' is not an option; there are `)
    const last = args.at(-1)
    const without = (value: unknown): unknown =>
      callLoosely(rings.raw(), method, ...(args.slice(0, -1) as unknown[]), value)
    for (const value of [null, 1, 'text']) expect(errorCode(() => without(value))).toBe('ERR_INVALID_ARG_TYPE')
    const known = Object.fromEntries(Object.entries(last as object).filter(([key]) => key !== name))
    const made = without(known) as { close?: () => void; return?: () => void }
    made.close?.()
    made.return?.()
  })

  it('submit() and chains', async () => {
    const raw = rings.raw()
    const refused = { code: 'ERR_INVALID_ARG_VALUE' }
    expect(await failure(callLoosely(raw, 'submit', op.nop(), { drained: true }))).toMatchObject(refused)
    expect(errorCode(() => callLoosely(raw.chain(), 'link', op.nop(), { quite: true }))).toBe(refused.code)
    expect(await failure(callLoosely(raw.chain().link(op.nop()), 'submit', { timeout: 1 }))).toMatchObject(refused)
    expect(await raw.submit(op.nop({ result: 3 }), { drain: false, async: false })).toBe(3)
  })
})
