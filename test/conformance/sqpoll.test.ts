// Conformance, row SQPOLL: rings whose queue the kernel's thread consumes. What liburing's sqpoll-sleep, sqpoll-exit-hang, sqpoll-exec,
// sqpoll-disable-exit, sq-poll-kthread, sqwait, sq-space_left, fdinfo, fdinfo-sqpoll, empty-eownerdead, wq-aff and d4ae271dfaae
// check. Sharing a thread is in sqpoll-shared.test.ts.
import { spawnSync } from 'node:child_process'
import { copyFileSync, openSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { describe, expect, it } from 'vitest'
import { EnterFlag, SetupFlag } from '../../native/abi.ts'
import { binding } from '../../native/binding.ts'
import { readSqThread } from '../../native/fdinfo.ts'
import { prepNop } from '../../native/operations/control.ts'
import { op } from '../../services/raw/index.ts'
import { Ringmaster } from '../../services/ringmaster.ts'
import { openTestRing, reserve } from '../native/support/rings.ts'
import { eventually, seededBytes, threads } from '../services/harness.ts'
import { describeOnEveryRing, handleOf } from './every-ring.ts'
import type { Stand } from './every-ring.ts'

/** IORING_REGISTER_IOWQ_AFF. */
const registerIowqAff = 17

const sqThreads = (): string[] => threads().filter((name) => name.startsWith('iou-sqp'))
const dist = (file: string): string => JSON.stringify(new URL(`../../dist/${file}`, import.meta.url).href)

/** Runs a script with the compiled library in a process of its own; it has twenty seconds. */
function run(script: string): { status: number | null; signal: string | null; stdout: string; stderr: string } {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    timeout: 20_000,
  })
  return { status, signal, stdout, stderr }
}

/** Whether the ring's SQ thread says that it must be woken. */
function asleep({ raw }: Stand): boolean {
  const { geometry, client } = handleOf(raw)
  return (Atomics.load(client['ring'].words, geometry.sqFlags) & 1) !== 0
}

describeOnEveryRing(
  'SQPOLL',
  (stand) => {
    it('sqpoll-sleep: without work the thread sleeps and says so, and wakes for the next request', async () => {
      const { raw, rings } = stand
      for (let round = 0; round < 5; round++) {
        expect(await eventually(() => asleep(stand))).toBe(true)
        const before = rings.stats().rings[0]!.sqWakeups
        expect(await raw.submit(op.nop())).toBe(0)
        expect(rings.stats().rings[0]!.sqWakeups).toBeGreaterThan(before)
      }
    })

    it('sqpoll-exec: a program that was just written can be run: the close closes it, by itself', async () => {
      const { raw, path } = stand
      const program = path()
      copyFileSync('/bin/true', program)
      for (let round = 0; round < 30; round++) {
        const fd = await raw.submit(op.openat({ path: program, flags: ['O_RDWR'] }))
        await raw.submit(op.write({ fd, buffer: readFileSync('/bin/true'), position: 0 }))
        expect(await raw.submit(op.close({ fd }))).toBe(0)
        // ETXTBSY while somebody has it open for writing. The thread lets go of the file right after the close has completed
        // (task work), which may be a moment too late for who runs it at once; what must not be is that it waits for more work.
        expect(await eventually(() => spawnSync(program).error === undefined)).toBe(true)
      }
    })

    it('sqwait: who waits for room in the queue gets it, however small the queue', async () => {
      const { raw } = stand
      const { sqEntries } = handleOf(raw).geometry
      for (let round = 0; round < 20; round++) {
        const all = Array.from({ length: sqEntries * 4 }, () => raw.submit(op.nop()))
        expect(binding().enter(raw.ringFd, 0, 0, EnterFlag.SQ_WAIT)).toBeGreaterThanOrEqual(0)
        await Promise.all(all)
      }
    })

    it('empty-eownerdead: entering a ring that has nothing to do is no error', async () => {
      const { raw } = stand
      for (const flags of [EnterFlag.SQ_WAKEUP, EnterFlag.GETEVENTS, EnterFlag.SQ_WAKEUP | EnterFlag.GETEVENTS]) {
        expect(await eventually(() => asleep(stand))).toBe(true)
        expect(binding().enter(raw.ringFd, 0, 0, flags)).toBe(0)
        expect(binding().enter(raw.ringFd, 1, 0, flags)).toBeGreaterThanOrEqual(0)
      }
      expect(await raw.submit(op.nop())).toBe(0)
    })

    it('fdinfo: can be read at any time, tells who the thread is, and disturbs nobody', async () => {
      const { raw, path, own } = stand
      const content = seededBytes(65536, 11)
      const file = path()
      writeFileSync(file, content)
      const fd = own(openSync(file, 'r'))
      const seen = new Set<number>()
      const masks = new Set<string>()
      let reading = true
      const watch = (async () => {
        while (reading) {
          // While the SQ thread has the ring's lock the kernel leaves the ring out: what is there is right.
          const info = readFileSync(`/proc/self/fdinfo/${raw.ringFd}`, 'latin1')
          const mask = /^SqMask:\s+(\S+)$/m.exec(info)?.[1]
          if (mask !== undefined) masks.add(mask)
          const thread = readSqThread(raw.ringFd)
          if (thread !== null) seen.add(thread.tid)
          await new Promise(setImmediate)
        }
      })()
      const reads = Array.from({ length: 256 }, async (_, index) => {
        const buffer = Buffer.alloc(4096)
        const position = (index % 16) * 4096
        await raw.submit(op.read({ fd, buffer, position }))
        return buffer.equals(content.subarray(position, position + 4096))
      })
      expect((await Promise.all(reads)).every(Boolean)).toBe(true)
      expect(await eventually(() => readSqThread(raw.ringFd) !== null && masks.size > 0)).toBe(true)
      reading = false
      await watch
      expect([...masks]).toEqual(['0x3f'])
      expect(seen.size).toBeLessThanOrEqual(1)
    })

    it('d4ae271dfaae: reads of direct descriptors all have their own result, pass after pass', async () => {
      const { raw, path } = stand
      const content = seededBytes(32 * 4096, 13)
      const file = path()
      writeFileSync(file, content)
      const slot = raw.directSlots.lease()
      await raw.submit(op.openat({ path: file, direct: slot }))
      for (let pass = 0; pass < 4; pass++) {
        const reads = Array.from({ length: 32 }, async (_, index) => {
          const buffer = Buffer.alloc(4096)
          const bytes = await raw.submit(op.read({ fd: slot, buffer, position: index * 4096 }))
          return bytes === 4096 && buffer.equals(content.subarray(index * 4096, (index + 1) * 4096))
        })
        expect((await Promise.all(reads)).every(Boolean)).toBe(true)
      }
      slot.release()
    })
  },
  { sqThreadIdleMs: 5 },
  ({ poller }) => poller === 'kernel',
)

describe.each(['user', 'mapped'] as const)('SQPOLL from start to end, %s memory', (memory) => {
  it('sq-space_left: room is what the thread has not taken yet, and all of it once it has', async () => {
    const { ring, submit, wait, reap, close } = openTestRing({ sqEntries: 8, flags: SetupFlag.SQPOLL, memory })
    try {
      for (let round = 0; round < 50; round++) {
        for (let taken = 0; taken < 8; taken++) {
          expect([ring.hasRoom(8 - taken), ring.hasRoom(9 - taken)]).toEqual([true, false])
          prepNop(ring.sqes, reserve(ring, taken), 0)
        }
        submit()
        expect(await eventually(() => ring.hasRoom(8))).toBe(true)
        expect(ring.unconsumed).toBe(0)
        wait(8)
        expect(reap()).toHaveLength(8)
      }
    } finally {
      close()
    }
  })

  it('sq-poll-kthread: the thread ends with its ring', async () => {
    const rings = await Ringmaster.start({ poller: 'kernel', rings: 2, memory })
    await rings.raw().submit(op.nop())
    expect(sqThreads()).toHaveLength(2)
    await rings.close()
    expect(sqThreads()).toEqual([])
  })

  it('sq-poll-kthread, sqpoll-exit-hang: a process that leaves its ring open, work in flight or not, ends with its thread', () => {
    const begin = `
      import { Ringmaster } from ${dist('services/index.js')}
      import { op } from ${dist('services/raw/index.js')}
      const raw = (await Ringmaster.start({ poller: 'kernel', rings: 1, memory: '${memory}' })).raw()`
    const idle = `console.log(await raw.submit(op.nop())); process.exit(3)`
    const busy = `
      const { read: fd } = await raw.submit(op.pipe())
      for (let index = 0; index < 50; index++) raw.submit(op.read({ fd, buffer: Buffer.alloc(1) })).catch(() => undefined)
      raw.chain().link(op.nop(), { quiet: true }).link(op.read({ fd, buffer: Buffer.alloc(1) }), { quiet: true }).link(op.nop()).submit()
      process.exit(3)`
    expect(run(`${begin}\n${idle}`)).toEqual({ status: 3, signal: null, stdout: '0\n', stderr: '' })
    expect(run(`${begin}\n${busy}`)).toEqual({ status: 3, signal: null, stdout: '', stderr: '' })
  })

  it('sqpoll-disable-exit: a process ends that has made a ring and never enabled it', () => {
    const script = `
      import { openRing } from ${dist('native/ring-memory.js')}
      import { placeRings } from ${dist('native/layout.js')}
      import { allocateSharedMemory } from ${dist('native/shared-memory.js')}
      const sizes = { sqEntries: 8, cqEntries: 16, slots: 1, leasesSizeBytes: 0, metricsSizeBytes: 0 }
      const { places, sizeBytes } = placeRings(1, sizes)
      const flags = ${SetupFlag.SQPOLL | SetupFlag.R_DISABLED}
      const setup = { sqEntries: 8, cqEntries: 16, flags, sqThreadIdleMs: 10, sqThreadCpu: -1, memory: '${memory}' }
      console.log(openRing(allocateSharedMemory(sizeBytes), places[0], setup).ringFd > 0)`
    expect(run(script)).toEqual({ status: 0, signal: null, stdout: 'true\n', stderr: '' })
  })

  it('fdinfo-sqpoll: may be read while the thread ends', async () => {
    for (let round = 0; round < 10; round++) {
      const rings = await Ringmaster.start({ poller: 'kernel', rings: 1, memory, sqThreadIdleMs: 1 })
      const { ringFd } = rings.raw()
      const closing = rings.close()
      let open = true
      void closing.then(() => (open = false))
      while (open) {
        readSqThread(ringFd)
        await new Promise(setImmediate)
      }
      await closing
    }
    expect(sqThreads()).toEqual([])
  })

  it('wq-aff: what the thread hands to kernel worker threads runs where the ring was told', async () => {
    await using rings = await Ringmaster.start({ poller: 'kernel', rings: 1, memory })
    const raw = rings.raw()
    const cpu = binding().affinity()[0]!
    const mask = new Uint8Array(128)
    mask[cpu >> 3] = 1 << (cpu & 7)
    expect(binding().register(raw.ringFd, registerIowqAff, mask, mask.length)).toBe(0)
    await Promise.all(Array.from({ length: 8 }, () => raw.submit(op.nop(), { async: true })))
    expect(await eventually(() => readSqThread(raw.ringFd) !== null)).toBe(true)
    const name = `iou-wrk-${readSqThread(raw.ringFd)?.tid ?? 0}`
    const comm = (tid: string): string => readFileSync(`/proc/self/task/${tid}/comm`, 'latin1').trim()
    const workers = readdirSync('/proc/self/task').filter((tid) => comm(tid) === name)
    expect(workers.length).toBeGreaterThan(0)
    for (const tid of workers) {
      const status = readFileSync(`/proc/self/task/${tid}/status`, 'latin1')
      expect(/Cpus_allowed_list:\s+(\S+)/.exec(status)?.[1]).toBe(String(cpu))
    }
  })

  it('wq-aff: a CPU that is not there is refused, for the thread too', async () => {
    const missing = 8191
    expect(availableParallelism()).toBeLessThan(missing)
    const start = Ringmaster.start({ poller: 'kernel', rings: 1, memory, sqThreadCpu: missing })
    await expect(start).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' })
    const cpu = binding().affinity().at(-1)!
    await using rings = await Ringmaster.start({ poller: 'kernel', rings: 1, memory, sqThreadCpu: cpu })
    await rings.raw().submit(op.nop())
    const { ringFd } = rings.raw()
    expect(await eventually(() => readSqThread(ringFd) !== null)).toBe(true)
    const { tid } = readSqThread(ringFd) ?? { tid: 0 }
    const status = readFileSync(`/proc/self/task/${tid}/status`, 'latin1')
    expect(/Cpus_allowed_list:\s+(\S+)/.exec(status)?.[1]).toBe(String(cpu))
  })
})
