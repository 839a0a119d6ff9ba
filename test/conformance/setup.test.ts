// Row SETUP: what a ring says and takes before and beside its requests: probe, query, personalities, eventfd, NAPI, io-wq.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { expect, it } from 'vitest'
import { capabilities } from '../../native/capabilities.ts'
import { RegisterOp, SetupFlag } from '../../native/abi.ts'
import { binding } from '../../native/binding.ts'
import { allowPrivilegeChanges } from '../../services/process-guard.ts'
import { op, registrationTable, withPersonality } from '../../services/raw/index.ts'
import type { Operation } from '../../services/raw/index.ts'
import { errorCode } from '../services/raw/errors.ts'
import { readSqThread } from '../../native/fdinfo.ts'
import { eventually, failure, fieldOf, settledWithin } from '../services/harness.ts'
import type { Poller } from '../../workers/poller-kind.ts'
import { describeOnEveryRing, handleOf } from './every-ring.ts'

/** Somebody who owns nothing and may do nothing. */
const nobody = 65534
const root = process.getuid?.() === 0

/** Runs `body` as nobody, all threads of the process, and comes back. */
function asNobody<T>(body: () => T): T {
  allowPrivilegeChanges() // here, for a moment, to register them
  process.setegid!(nobody)
  process.seteuid!(nobody)
  try {
    return body()
  } finally {
    process.seteuid!(0)
    process.setegid!(0)
  }
}

/** The CPUs that each kernel worker thread of a task may run on, as /proc shows them. */
function workerCpus(submitter: number): string[] {
  return fs.readdirSync('/proc/self/task').flatMap((task) => {
    try {
      const status = fs.readFileSync(`/proc/self/task/${task}/status`, 'latin1')
      if (!status.startsWith(`Name:\tiou-wrk-${submitter}\n`)) return []
      return [/^Cpus_allowed_list:\s*(.*)$/m.exec(status)![1]!]
    } catch {
      return [] // ended meanwhile
    }
  })
}

describeOnEveryRing('SETUP', (stand) => {
  it('probe: names every opcode once, in order, and supports what others have found out', async () => {
    const { operations, lastOpcode } = stand.raw.registrations.probe()
    expect(operations.map(({ opcode }) => opcode)).toEqual(operations.map((_, index) => index))
    expect(operations.at(-1)!.opcode).toBe(lastOpcode)
    const supported = operations.filter((row) => row.supported).map(({ opcode }) => opcode)
    expect(supported).toEqual((await capabilities()).opcodes)
    expect(operations[0]).toEqual({ opcode: 0, name: 'nop', supported: true })
  })

  it('io_uring_register: an opcode that no kernel has, and a count that none takes, are refused', () => {
    expect(errorCode(() => stand.raw.register(1000, null, 0))).toBe('EINVAL')
    expect(errorCode(() => stand.raw.register(RegisterOp.REGISTER_PROBE, Buffer.alloc(16), 100_000))).toBe('EINVAL')
    expect(errorCode(() => stand.raw.register(RegisterOp.REGISTER_PERSONALITY, Buffer.alloc(16), 1))).toBe('EINVAL')
  })

  it('eventfd-reg: a ring takes one eventfd, which is its client’s, and another is refused with the reason', async () => {
    const { raw } = stand
    expect(errorCode(() => raw.registrations.eventfd())).toBe('ERR_RING_REGISTRATION_REFUSED')
    const another = binding().eventfd()
    stand.own(another)
    expect(errorCode(() => raw.register(RegisterOp.REGISTER_EVENTFD, Int32Array.of(another), 1))).toBe('EBUSY')
    expect(await settledWithin(raw.submit(op.timeout({ timeMs: 20 })))).toBe('resolved') // asleep, and woken by its own
  })

  it('single-issuer: rings are not of that kind, so that any of their threads may register', () => {
    expect(handleOf(stand.raw).geometry.setupFlags & (SetupFlag.SINGLE_ISSUER | SetupFlag.DEFER_TASKRUN)).toBe(0)
    stand.raw.registrations.personality().unregister() // this thread did not make the ring
  })

  it('personality: one that is not registered, or not any more, ends requests with EINVAL', async () => {
    const { raw } = stand
    const personality = raw.registrations.personality()
    expect(await raw.submit(op.nop(), { personality })).toBe(0)
    personality.unregister()
    personality.unregister()
    expect(await failure(raw.submit(op.nop(), { personality }))).toMatchObject({ code: 'EINVAL' })
    expect(await raw.submit(op.nop())).toBe(0)
    expect(errorCode(() => raw.register(RegisterOp.UNREGISTER_PERSONALITY, null, personality.id))).toBe('EINVAL')
  })

  it.runIf(root)('personality: a request has its credentials, its neighbours have the ring’s', async () => {
    const { raw, path } = stand
    const name = path()
    fs.writeFileSync(name, 'secret', { mode: 0o600 })
    using weak = asNobody(() => raw.registrations.personality())
    using own = raw.registrations.personality()
    const open = (): Operation<number> => op.openat({ path: name })
    const denied = { code: 'EACCES', path: name }
    expect(await failure(raw.submit(open(), { personality: weak }))).toMatchObject(denied)
    stand.own(await raw.submit(open(), { personality: own }))
    stand.own(await raw.submit(open()))
    const [first, second] = await raw.chain().hardlink(withPersonality(open(), weak.id)).link(open()).submit()
    expect(first).toMatchObject({ status: 'failed', error: { code: 'EACCES' } })
    expect(second.status).toBe('done')
    stand.own(Number(fieldOf(second, 'value')))
  })

  it('napi-test: settings are kept, read back when they change, and gone when unregistered', async () => {
    const { registrations } = stand.raw
    const off = { busyPollUs: 0, preferBusyPoll: false }
    expect(registrations.napi({ busyPollUs: 50, preferBusyPoll: true })).toEqual(off)
    expect(registrations.napi({ busyPollUs: 20, preferBusyPoll: false })).toEqual({
      busyPollUs: 50,
      preferBusyPoll: true,
    })
    expect(registrations.unregisterNapi()).toEqual({ busyPollUs: 20, preferBusyPoll: false })
    expect(registrations.napi(off)).toEqual(off)
    expect(await stand.raw.submit(op.nop())).toBe(0)
  })

  it('wq-aff: worker threads that are started run where they were told to', async () => {
    const { raw, path, kind } = stand
    const names = Array.from({ length: 6 }, path)
    for (const name of names) execFileSync('mkfifo', [name])
    await raw.registrations.iowqAffinity([0])
    // Each open waits for somebody to write, on a thread of its own: more than were started before.
    const opens = names.map((name) => raw.submit(op.openat({ path: name }), { async: true }))
    const handle = handleOf(raw)
    const submitters: Partial<Record<Poller, (number | undefined)[]>> = {
      kernel: [readSqThread(raw.ringFd)?.tid],
      worker: [handle.workerThreadId, process.pid],
      caller: [process.pid],
    }
    const started = (): boolean => submitters[kind.poller]!.some((tid) => workerCpus(tid!).includes('0'))
    expect(await eventually(started)).toBe(true)
    for (const name of names) stand.own(fs.openSync(name, fs.constants.O_RDWR | fs.constants.O_NONBLOCK))
    for (const fd of await Promise.all(opens)) stand.own(fd)
    await raw.registrations.unregisterIowqAffinity()
    expect(await failure(raw.registrations.iowqAffinity([]))).toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
    expect(await failure(raw.registrations.iowqAffinity([8191]))).toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
  })

  it('io_uring_register: limits of worker threads are read back as they were set', async () => {
    const { registrations } = stand.raw
    const before = await registrations.iowqMaxWorkers({})
    expect(before.bounded).toBeGreaterThan(0)
    expect(await registrations.iowqMaxWorkers({ bounded: 3 })).toEqual(before)
    expect(await registrations.iowqMaxWorkers({ unbounded: 5 })).toEqual({ ...before, bounded: 3 })
    expect(await registrations.iowqMaxWorkers(before)).toEqual({ bounded: 3, unbounded: 5 })
    expect(await registrations.iowqMaxWorkers({})).toEqual(before)
  })

  it('timeout: the clock of waits may be CLOCK_MONOTONIC or CLOCK_BOOTTIME, and no other', () => {
    const { registrations } = stand.raw
    registrations.clock('BOOTTIME')
    registrations.clock('MONOTONIC')
    expect(
      errorCode(() => Reflect.apply(Reflect.get(registrations, 'clock') as () => void, registrations, ['REALTIME'])),
    ).toBe('ERR_INVALID_ARG_VALUE')
    expect(errorCode(() => stand.raw.register(RegisterOp.REGISTER_CLOCK, Uint32Array.of(0, 0, 0, 0), 0))).toBe('EINVAL')
  })

  it('resize-rings, init-mem, zcrx: what these rings cannot have is refused, and says why', () => {
    const { registrations } = stand.raw
    for (const refused of ['resizeRings', 'memRegion', 'zcrxIfq'] as const)
      expect(errorCode(() => registrations[refused]())).toBe('ERR_RING_REGISTRATION_REFUSED')
  })
})

describeOnEveryRing(
  'SETUP',
  (stand) => {
    it('ring-query: is answered without a ring and with any, and fits what others say', async () => {
      const answer = stand.raw.registrations.query()
      const { features } = await capabilities()
      expect(answer.requestOpcodes).toBe(stand.raw.registrations.probe().lastOpcode + 1)
      expect(answer.registerOpcodes).toBeGreaterThan(RegisterOp.REGISTER_QUERY)
      expect(Number(answer.features)).toBe(features)
      const { setupFlags } = handleOf(stand.raw).geometry
      expect(Number(answer.setupFlags) & setupFlags).toBe(setupFlags)
      expect(Number(answer.sqeFlags)).toBe(0x7f)
    })

    it('ring-query: the table of registrations knows every one that the kernel has', () => {
      const table = registrationTable()
      expect(table.map(({ opcode }) => opcode)).toEqual(table.map((_, index) => index))
      expect(table.filter(({ since }) => since === null)).toEqual([])
      expect(table.filter(({ supported }) => supported === true).length).toBe(
        stand.raw.registrations.query().registerOpcodes,
      )
    })
  },
  {},
  // Without REGISTER_QUERY there is nothing to compare.
  ({ poller }) =>
    poller !== 'threadpool' &&
    registrationTable().some(({ opcode, supported }) => opcode === RegisterOp.REGISTER_QUERY && supported === true),
)
