// Every call of `ringmaster/fs` and of its FileHandle ends as it does with node:fs/promises: a table of calls, each made of both.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createFs } from '../../services/fs/index.ts'
import { Ringmaster } from '../../services/ringmaster.ts'
import { withoutAddon } from '../services/harness.ts'
import { calls } from './calls.ts'
import { handleCalls } from './handle-calls.ts'
import { differences } from './harness.ts'
import type { LooseFs } from './harness.ts'

describe.skipIf(withoutAddon)('each call ends as with node:fs/promises', () => {
  let rings: Ringmaster
  let ours: LooseFs
  beforeAll(async () => {
    rings = await Ringmaster.start({ rings: 1, poller: 'caller' })
    ours = createFs(rings) as object as LooseFs
    await ((await ours['open']!('/')) as { close(): Promise<void> }).close() // Node's own, which shows its class
  })
  afterAll(() => rings.close())

  it.for(Object.entries({ ...calls, ...handleCalls }))('%s', async ([, some]) => {
    expect(some.length).toBeGreaterThan(0)
    expect(await differences(ours, some)).toEqual([])
  })
})
