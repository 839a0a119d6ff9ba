// Option `adapt`: when a ring is moved as advised and when it stays, with a clock and rings of the test's own; then on the real kernel,
// where an SQ thread burns. What moving does to requests is in ../moves.test.ts.
import { spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { Adaptation, movePauseMs, movesMax } from '../../../services/adaptation.ts'
import type { Advice, RingAdvice } from '../../../services/advice.ts'
import { Advisor, intervalsJudged } from '../../../services/advisor.ts'
import type { OwnRings } from '../../../services/open-rings.ts'
import { op } from '../../../services/raw/index.ts'
import { Ringmaster } from '../../../services/ringmaster.ts'
import type { RingmasterOptions } from '../../../services/options.ts'
import { parseExposition, sampleValue } from '../../metrics/exposition.ts'
import { canLimitMemlock, ringsAreCharged, underMemlock } from '../../native/support/memlock.ts'
import { eventually, fieldOf } from '../harness.ts'

const advice: Advice = { poller: 'caller', cause: 'burning', reason: 'it burns' }

describe('a ring that would be better off with another poller', () => {
  /** Real rings, of which only the moves are the test's. */
  async function stand(): Promise<{
    rings: Ringmaster
    adapt: (ring?: number) => Promise<string | null>
    pass: (ms: number) => void
    moves: unknown[]
    answer: { stays: string | null }
    clients: { served: boolean }
  }> {
    const rings = await Ringmaster.start({ poller: 'kernel', rings: 2, adviceIntervalMs: 0 })
    const { handles } = fieldOf(rings, 'rings') as OwnRings
    const moves: unknown[] = []
    const answer: { stays: string | null } = { stays: null }
    const clients = { served: false }
    const open: Pick<OwnRings, 'handles' | 'move'> = {
      handles,
      move: (ring, to, stays) => {
        moves.push({ ring, to })
        return Promise.resolve(stays() ?? answer.stays)
      },
    }
    let nowMs = 1000
    const adaptation = new Adaptation(
      open,
      () => clients.served,
      () => nowMs,
    )
    const pass = (ms: number): void => {
      nowMs += ms
    }
    return { rings, adapt: (ring = 0) => adaptation.adapt(ring, advice), pass, moves, answer, clients }
  }

  it('is moved, and the new one says from where and why', async () => {
    const { rings, adapt, moves } = await stand()
    expect(await adapt()).toBeNull()
    expect(moves).toEqual([{ ring: 0, to: { value: 'caller', reason: 'moved from kernel: it burns' } }])
    await rings.close()
  })

  it('is moved once in ten minutes, and twice in all', async () => {
    const { rings, adapt, pass, moves } = await stand()
    expect(await adapt()).toBeNull()
    pass(movePauseMs - 1)
    expect(await adapt()).toMatch(/600 s ago.*after 10 min/)
    pass(1)
    expect(await adapt()).toBeNull()
    pass(1000 * movePauseMs)
    expect(await adapt()).toBe(`it was moved ${movesMax} times already`)
    expect(moves).toHaveLength(2)
    expect(await adapt(1)).toBeNull() // each ring for itself
    await rings.close()
  })

  it('is not tried again and again where it cannot be moved', async () => {
    const { rings, adapt, pass, moves, answer } = await stand()
    answer.stays = 'no memory'
    expect(await adapt()).toBe('no memory')
    pass(movePauseMs / 2)
    expect(await adapt()).toMatch(/300 s ago/)
    pass(movePauseMs / 2)
    answer.stays = null
    expect(await adapt()).toBeNull()
    expect(moves).toHaveLength(2)
    await rings.close()
  })

  it('stays while it serves clients, and for good once somebody has it as it is', async () => {
    const { rings, adapt, pass, moves, clients } = await stand()
    clients.served = true
    expect(await adapt()).toMatch(/clients or resident services/)
    clients.served = false
    // Single operations, as the daemon's word to its service manager, hold nothing.
    await rings.submitOnce(1, op.nop(), {})
    expect(await adapt(1)).toBeNull()
    moves.splice(0)
    rings.raw(1)
    pass(movePauseMs)
    expect(await adapt(1)).toMatch(/rings\.raw\(\)/)
    rings.view().raw(0)
    expect(await adapt(0)).toMatch(/rings\.raw\(\)/)
    expect(moves).toEqual([])
    await rings.close()
  })
})

describe('the advisor that may do what it advises', () => {
  function advisorOf(adapt: () => Promise<string | null>): { pass: () => Promise<void>; told: RingAdvice[] } {
    const told: RingAdvice[] = []
    let nowMs = 0
    let ranNs = 0
    const thread = { runNs: 0, waitNs: 0 }
    const ring = {
      ring: 0,
      poller: () => 'kernel' as const,
      published: () => nowMs,
      read: () => ({ sqThread: { totalNs: ranNs, busyNs: 0 }, client: thread, poller: { runNs: ranNs, waitNs: 0 } }),
    }
    const options = { intervalMs: 3_600_000, now: () => nowMs, onAdvice: (next: RingAdvice) => told.push(next), adapt }
    const advisor = new Advisor([ring], options)
    const pass = async (): Promise<void> => {
      nowMs += 10_000
      ranNs += 10_000e6
      advisor.look()
      await Promise.resolve()
      await Promise.resolve()
    }
    return { pass, told }
  }

  it('tells once that a ring stays, and why; and that it was moved, when it was', async () => {
    const answers = ['it is used', 'it is used', null]
    const { pass, told } = advisorOf(() => Promise.resolve(answers.shift() ?? null))
    for (let look = 1; look < intervalsJudged; look++) await pass()
    expect(told).toEqual([])
    await pass()
    await pass()
    expect(told).toMatchObject([{ poller: 'caller', cause: 'burning', moved: false, stays: 'it is used' }])
    await pass()
    expect(told.slice(1)).toMatchObject([{ present: 'kernel', poller: 'caller', moved: true, stays: null }])
  })

  it('does not ask again while a ring is being moved', async () => {
    let asked = 0
    let moved: (stays: null) => void = () => undefined
    const { pass, told } = advisorOf(() => {
      asked++
      return new Promise((resolve) => {
        moved = resolve
      })
    })
    for (let look = 0; look < intervalsJudged + 5; look++) await pass()
    expect({ asked, told }).toEqual({ asked: 1, told: [] })
    moved(null)
    await pass()
    expect(told).toMatchObject([{ moved: true }])
  })
})

// SqTotalTime, on which the judgement rests, came with 6.9.
const countsSqTime = async (): Promise<boolean> => {
  await using rings = await Ringmaster.start({ poller: 'kernel', rings: 1 })
  return eventually(() => (rings.stats().rings[0]!.sqThread?.totalNs ?? 0) > 0, 2000)
}

/** An SQ thread that burns: it never sleeps, and gets a request now and then. */
const burning = { poller: 'kernel', rings: 1, sqThreadIdleMs: 60_000, adviceIntervalMs: 50, adapt: true } as const

async function burn(
  options: RingmasterOptions,
  prepare: (rings: Ringmaster) => void,
): Promise<{ told: RingAdvice[] } & AsyncDisposable & { rings: Ringmaster }> {
  const told: RingAdvice[] = []
  const rings = await Ringmaster.start({ ...options, onAdvice: (next) => told.push(next) })
  prepare(rings)
  const deadlineMs = performance.now() + 25_000
  while (!told.some(({ cause }) => cause === 'burning') && performance.now() < deadlineMs) {
    await rings.nop()
    await sleep(5)
  }
  return { told, rings, [Symbol.asyncDispose]: () => rings.close() }
}

describe('on this kernel, an SQ thread that burns', () => {
  it('is done without: its ring is moved to the caller, in stats, in metrics and by callback', async ({ skip }) => {
    if (!(await countsSqTime())) return skip('this kernel does not say how long SQ threads run (6.9)')
    await using moved = await burn(burning, () => undefined)
    const { told, rings } = moved
    expect(told[0]).toMatchObject({
      ring: 0,
      present: 'kernel',
      poller: 'caller',
      cause: 'burning',
      moved: true,
      stays: null,
    })
    expect(rings.stats().rings[0]).toMatchObject({
      poller: 'caller',
      moves: 1,
      reason: /^moved from kernel: the SQ thread ran/,
    })
    expect(await eventually(() => told.at(-1)!.cause === 'none')).toBe(true)
    expect(told.slice(1)).toMatchObject([
      { present: 'caller', poller: 'caller', cause: 'none', moved: false, stays: null },
    ])
    const registry = new Registry()
    rings.register(registry)
    const families = parseExposition(await registry.metrics())
    expect(sampleValue(families, 'ringmaster_ring_moves_total', { ring: '0' })).toBe(1)
    expect(sampleValue(families, 'ringmaster_ring_advice', { ring: '0', poller: 'caller', cause: 'none' })).toBe(1)
    expect(await rings.readFile('/proc/self/comm', 'utf8')).not.toBe('')
  })

  it.each([
    ['without the option', { ...burning, adapt: false }, () => undefined, /option adapt is off/],
    ['where somebody has the ring', burning, (rings: Ringmaster) => void rings.raw(), /rings\.raw\(\)/],
    ['where a client is to come', burning, (rings: Ringmaster) => void rings.attach(), /clients/],
  ])('is kept, and that is told: %s', async (_, options, prepare, reason) => {
    if (!(await countsSqTime())) return
    await using kept = await burn(options, prepare)
    expect(kept.told[0]).toMatchObject({
      present: 'kernel',
      poller: 'caller',
      cause: 'burning',
      moved: false,
      stays: reason,
    })
    expect(kept.rings.stats().rings[0]).toMatchObject({ poller: 'kernel', moves: 0 })
  })
})

const library = JSON.stringify(new URL('../../../dist/services/index.js', import.meta.url).href)

/** In a process of its own an SQ thread burns until advice is told; `meanwhile` is done before. What is told, and how the ring is then. */
function toldIn(under: readonly string[], options: object, meanwhile: string): Record<string, unknown> {
  const script = `
    import { execFileSync } from 'node:child_process'
    import { closeSync, openSync, readdirSync } from 'node:fs'
    import { setTimeout as sleep } from 'node:timers/promises'
    import { Ringmaster } from ${library}
    const told = []
    const options = ${JSON.stringify({ ...burning, ...options })}
    const rings = await Ringmaster.start({ ...options, onAdvice: (advice) => told.push(advice) })
    await rings.nop()
    const descriptors = () => readdirSync('/proc/self/fd').length
    const before = descriptors()
    let after = () => undefined
    ${meanwhile}
    for (let turn = 0; turn < 4000 && told.length === 0; turn++) {
      await rings.nop()
      await sleep(5)
    }
    after()
    const works = (await rings.readFile('/proc/self/comm', 'utf8')) !== ''
    const [{ poller, moves, state, workerState }] = rings.stats().rings
    const more = descriptors() - before
    console.log(JSON.stringify({ advice: told[0], works, more, now: { poller, moves, state, workerState } }))
    await rings.close()`
  const [command, ...args] = [...under, process.execPath, '--input-type=module', '-e', script]
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: 60_000 })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  return JSON.parse(stdout) as Record<string, unknown>
}

const goesOn = { works: true, more: 0, now: { poller: 'kernel', moves: 0, state: 'open', workerState: 'well' } }

describe('where no other ring can be made, the old one goes on, and nothing is left of the attempt:', () => {
  const canLimit = spawnSync('prlimit', ['--version']).status === 0

  it.runIf(canLimit)('no descriptors', async ({ skip }) => {
    if (!(await countsSqTime())) return skip('this kernel does not say how long SQ threads run (6.9)')
    // One is left, for reading /proc.
    const answer = toldIn(
      [],
      {},
      `execFileSync('prlimit', ['--pid', String(process.pid), '--nofile=200:'])
       const taken = []
       try { for (;;) taken.push(openSync('/dev/null')) } catch (error) { if (error.code !== 'EMFILE') throw error }
       closeSync(taken.pop())
       after = () => { for (const fd of taken) closeSync(fd) }`,
    )
    expect(answer).toMatchObject(goesOn)
    expect(answer['advice']).toMatchObject({
      moved: false,
      stays: expect.stringMatching(/could not be opened.*EMFILE/) as string,
    })
  })

  it.runIf(canLimitMemlock)('memory for half as many entries only', async ({ skip }) => {
    if (!(await countsSqTime())) return skip('this kernel does not say how long SQ threads run (6.9)')
    if (!ringsAreCharged) return skip('this kernel does not charge rings to the memlock limit')
    const answer = toldIn(underMemlock(220 * 1024), { sqEntries: 1024, cqEntries: 4096 }, '')
    expect(answer).toMatchObject(goesOn)
    expect(answer['advice']).toMatchObject({
      moved: false,
      stays: expect.stringMatching(/no memory for more than \d+ and \d+ entries/) as string,
    })
  })
})
