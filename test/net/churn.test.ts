// Connections that end in every way at random moments, with every poller: each is over soon, and nothing is left of them, neither
// descriptors nor requests. `npm run test:long` has twenty times as many.
import { describe, expect, it, vi } from 'vitest'
import { Ringmaster } from '../../services/ringmaster.ts'
import { raceRandom, rounds } from '../races/races.ts'
import { eventually, pollers } from '../services/harness.ts'
import { churn, openDescriptors } from './churn.ts'
import { ringSide } from './sides.ts'

vi.setConfig({ testTimeout: 600_000 })

describe.each(pollers)('connections that end at random with poller %s', (poller) => {
  it('are over soon, and leave nothing behind', async () => {
    const random = raceRandom(`net churn, ${poller}`)
    await using rings = await Ringmaster.start({ rings: 2, poller })
    const ours = ringSide(rings)
    await churn(ours, random, 20)
    const before = openDescriptors()
    await churn(ours, random, rounds(200))
    const requests = (): number => rings.stats().rings.reduce((sum, { inFlight }) => sum + inFlight, 0)
    expect(await eventually(() => requests() === 0)).toBe(true)
    expect(await eventually(() => openDescriptors() <= before)).toBe(true)
  })
})
