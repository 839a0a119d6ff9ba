// Registrations: who makes them, what becomes of them when the ring or its worker is gone, cancelling by a call, and that what the
// kernel cannot do is refused before it is submitted.
import { describe, expect, it, vi } from 'vitest'
import { acceptStream, op } from '../../../services/raw/index.ts'
import { Ringmaster } from '../../../services/ringmaster.ts'
import { watchPools } from '../../workers/open-ring.ts'
import { describeOnEveryRing } from '../../conformance/every-ring.ts'
import { eventually, failure, pollers, settledWithin } from '../harness.ts'
import { errorCode } from './errors.ts'

const waiting = (): ReturnType<typeof op.timeout> => op.timeout({ timeMs: 60_000 })

describeOnEveryRing('registrations.syncCancel', (stand) => {
  it('cancels one request, which then settles for itself', async () => {
    const { raw } = stand
    const [first, second] = [waiting(), waiting()]
    const pending = [raw.submit(first), raw.submit(second)]
    await raw.submit(op.nop())
    expect(await raw.registrations.syncCancel({ operation: first })).toBe(0)
    expect(await failure(pending[0]!)).toMatchObject({ code: 'ECANCELED' })
    expect(await settledWithin(pending[1]!, 20)).toBe('pending')
    expect(await raw.registrations.syncCancel({ operation: second })).toBe(0)
    expect(await settledWithin(pending[1]!)).toBe('ECANCELED')
  })

  it('cancels a request that was submitted just before, and has not got to the kernel', async () => {
    const { raw } = stand
    for (let round = 0; round < 20; round++) {
      const operation = waiting()
      const pending = settledWithin(raw.submit(operation), 10_000)
      expect(await raw.registrations.syncCancel({ operation, timeoutMs: 10_000 })).toBe(0)
      expect(await pending).toBe('ECANCELED')
    }
  })

  it('cancels all of a kind, and says how many', async () => {
    const { raw } = stand
    const pending = [1, 2, 3].map(() => raw.submit(waiting()))
    const { read, write } = await raw.submit(op.pipe())
    stand.own(read)
    stand.own(write)
    const poll = raw.submit(op.pollAdd({ fd: read, events: ['POLLIN'] }))
    await raw.submit(op.nop())
    expect(await raw.registrations.syncCancel({ opcode: 'timeout', all: true })).toBe(3)
    for (const one of pending) expect(await settledWithin(one)).toBe('ECANCELED')
    expect(await settledWithin(poll, 20)).toBe('pending')
    expect(await raw.registrations.syncCancel({ fd: read })).toBe(0)
    expect(await settledWithin(poll)).toBe('ECANCELED')
  })

  it('finds nothing where there is nothing, and refuses to match nothing in particular', async () => {
    const { registrations } = stand.raw
    expect(await failure(registrations.syncCancel({ operation: waiting() }))).toMatchObject({ code: 'ENOENT' })
    expect(await failure(registrations.syncCancel({}))).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' })
    expect(await failure(registrations.syncCancel({ any: true, timeoutMs: -1 }))).toMatchObject({
      code: 'ERR_OUT_OF_RANGE',
    })
  })
})

describe.each(pollers)('with the %s poller', (poller) => {
  it('registrations of a closed ring are refused, whichever thread would make them', async () => {
    const rings = await Ringmaster.start({ rings: 1, poller })
    const { registrations } = rings.raw()
    const personality = registrations.personality()
    await rings.close()
    expect(errorCode(() => registrations.probe())).toBe('ERR_RING_CLOSED')
    expect(errorCode(() => rings.raw().directSlots.lease())).toBe('ERR_RING_CLOSED')
    expect(errorCode(() => personality.unregister())).toBe('ERR_RING_CLOSED')
    expect(await failure(registrations.iowqMaxWorkers({}))).toMatchObject({ code: 'ERR_RING_CLOSED' })
    expect(await failure(registrations.syncCancel({ any: true }))).toMatchObject({ code: 'ERR_RING_CLOSED' })
  })

  it('registrations go on when the ring worker has ended', async () => {
    const endThreads = watchPools()
    await using rings = await Ringmaster.start({ rings: 1, poller })
    const { registrations } = rings.raw()
    await endThreads()
    expect(await eventually(() => rings.stats().rings[0]!.workerRestarts === 1, 20_000)).toBe(true)
    await rings.nop() // the limits are a thread's, which has some once it has entered the ring
    expect((await registrations.iowqMaxWorkers({ bounded: 2 })).bounded).toBeGreaterThan(0)
    expect((await registrations.iowqMaxWorkers({})).bounded).toBe(2)
    expect(registrations.probe().lastOpcode).toBeGreaterThan(0)
  })
})

describe('requireFeature', () => {
  it('lets streams pass that this kernel has, and refuses others with the reason, before anything is submitted', async () => {
    vi.resetModules() // as in a process that has started nothing yet
    const { loadSupport, requireFeature } = await import('../../../services/raw/support.ts')
    requireFeature('recvZc') // nothing is known yet, and nothing can be submitted
    await loadSupport()
    expect(errorCode(() => acceptStream({ fd: 0 }))).toBe('no error')
    expect(errorCode(() => requireFeature('recvZc'))).toBe('ERR_RING_OPERATION_UNSUPPORTED')
    expect(() => {
      requireFeature('resizeRings')
    }).toThrow(/this kernel has no resizeRings .*DEFER_TASKRUN/)
  })

  it('is asked by Ringmaster.features() too', async () => {
    await using rings = await Ringmaster.start({ rings: 1 })
    const features = await rings.features()
    expect(features.recvZc.ok).toBe(false)
    expect(features.cancelAny).toMatchObject({ ok: true, reason: null })
  })
})
