// What is denied here is not tried, and is said: io_uring as a whole, or SQPOLL alone.
import { describe, expect, it } from 'vitest'
import { deniedBy } from '../../services/tune/real-machine.ts'
import { formatPlan, planOf } from '../../services/tune/report/plan.ts'
import { deniedWarning, isAnythingLeft } from '../../services/tune/turnable.ts'
import { defaultLayout } from '../../services/tune/layouts.ts'
import { formatReport } from '../../services/tune/report/text.ts'
import { machineNamed, simulatedReport } from './report-world.ts'
import { facts, quiet } from './simulated-machine.ts'

const sysctl = 'the sysctl kernel.io_uring_disabled=2 turns io_uring off for everybody'
const all = { kernel: sysctl, worker: sysctl, caller: sysctl }
const machine = machineNamed('4 CPUs, cached')
const threads = defaultLayout({ poller: 'threadpool', rings: 1, sqThreads: 'none', sqThreadIdleMs: 50 })
const workload = 'random-read' as const
const flat = (text: string): string => text.replace(/\s+/g, ' ')

it('what the kernel says of rings and of SQ threads is which pollers are denied', () => {
  const no = { ok: false, message: 'no' }
  expect(deniedBy({ rings: { ok: true }, sqpoll: { ok: true } })).toEqual({})
  expect(deniedBy({ rings: { ok: true }, sqpoll: no })).toEqual({ kernel: 'no' })
  expect(deniedBy({ rings: no, sqpoll: no })).toEqual({ kernel: 'no', worker: 'no', caller: 'no' })
})

describe('where io_uring is denied', () => {
  it('only threads are measured, and the report says why', async () => {
    const simulation = { machine, workload, disturbance: quiet, seed: 1, denied: all }
    const report = await simulatedReport(simulation, { budgetSeconds: 120 })
    const { tried, notChosen } = report.search!
    expect(new Set(tried.map(({ layout }) => layout.poller))).toEqual(new Set(['threadpool']))
    const pollers = notChosen.filter(({ knob }) => knob === 'poller')
    expect(pollers.map(({ value, why }) => [value, why])).toEqual(
      ['kernel', 'worker', 'caller'].map((value) => [value, `impossible here: ${sysctl}`]),
    )
    expect(report.machine.denied).toEqual(all)
    const text = flat(formatReport(report, { colour: false, width: 120 }))
    expect(text).toContain(`io_uring cannot be used here: ${sysctl}. Only the poller threadpool`)
  })

  it('the plan says what is impossible, and which knobs are idle without it', () => {
    const request = { workload, machine: { ...facts(machine), denied: all }, current: threads, knobs: null }
    const plan = planOf({ ...request, budgetSeconds: 300, data: 'data' })
    const knob = (name: string): (typeof plan.knobs)[number] => plan.knobs.find((each) => each.name === name)!
    expect(knob('poller').values).toEqual(['threadpool'])
    expect(knob('poller').impossible.map(({ value, reason }) => [value, reason])).toEqual([
      ['kernel', sysctl],
      ['worker', sysctl],
      ['caller', sysctl],
    ])
    expect(knob('spinNs').idle).toBe('poller threadpool does without io_uring')
    expect([knob('depth').idle, knob('clients').idle]).toEqual([null, null])
    const text = formatPlan(plan)
    expect(text).toMatch(/poller +threadpool\n +impossible: kernel \(SQPOLL\), worker, caller: the sysctl/)
    expect(text).toMatch(/spin +not turned: poller threadpool does without io_uring/)
  })

  it('knobs of rings alone leave nothing to do', () => {
    const request = { workload, machine: { ...facts(machine), denied: all }, current: threads }
    expect(isAnythingLeft({ ...request, knobs: ['poller', 'sqThreads', 'spinNs'] })).toBe(false)
    expect(isAnythingLeft({ ...request, knobs: ['poller', 'depth'] })).toBe(true)
    expect(isAnythingLeft({ ...request, knobs: null })).toBe(true)
  })
})

it('where SQPOLL alone is denied the others are tried', () => {
  const denied = { kernel: 'SQPOLL is denied (EPERM)' }
  expect(deniedWarning({ denied })).toBe(
    'SQPOLL cannot be used here: SQPOLL is denied (EPERM). The poller kernel is left out',
  )
  const request = { workload, machine: { ...facts(machine), denied }, current: threads, knobs: null }
  const plan = planOf({ ...request, budgetSeconds: 300, data: 'data' })
  const idle = plan.knobs.filter((knob) => knob.idle !== null).map(({ name }) => name)
  expect(idle).toEqual(['sqThreads', 'sqThreadIdleMs', 'sqThreadCpu'])
})

it('where nothing is denied no knob is idle, and nothing is said', () => {
  const current = defaultLayout({ poller: 'kernel', rings: 1, sqThreads: 'own', sqThreadIdleMs: 50 })
  const request = { workload, machine: facts(machine), current, knobs: null }
  const plan = planOf({ ...request, budgetSeconds: 300, data: 'data' })
  expect(plan.knobs.filter(({ idle, impossible }) => idle !== null || impossible.length > 0)).toEqual([])
  expect([plan.warning, deniedWarning(facts(machine))]).toEqual([null, null])
})
