// The SQ thread of a ring dies: io_uring_enter(2) says EOWNERDEAD. Injected by strace into a process of its own, once: the ring is lost,
// and another one is opened in its place.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { temporaryFolder } from './harness.ts'

const folder = temporaryFolder()
afterAll(() => {
  folder.remove()
})
const library = JSON.stringify(new URL('../../dist/services/index.js', import.meta.url).href)
const raw = JSON.stringify(new URL('../../dist/services/raw/index.js', import.meta.url).href)
const promClient = JSON.stringify(import.meta.resolve('prom-client'))
const has = (command: string): boolean => spawnSync(command, ['--version']).status === 0
/** Tracing may be forbidden where strace is installed. */
const canTrace = has('strace') && spawnSync('strace', ['-f', '-o', '/dev/null', 'true']).status === 0

describe.runIf(canTrace)('an SQ thread that dies (injected by strace)', () => {
  it.each([1, 2])('takes its ring with it, and the ring is made anew: %i rings', (rings) => {
    const path = join(folder.path, 'data')
    writeFileSync(path, 'as before')
    const script = `
      import { setTimeout as sleep } from 'node:timers/promises'
      import { Ringmaster } from ${library}
      import { op } from ${raw}
      const rings = await Ringmaster.start({ poller: 'kernel', rings: ${rings}, heartbeatTimeoutMs: 500 })
      const file = await rings.open(${JSON.stringify(path)})
      const pending = rings.raw(0).submit(op.timeout({ timeMs: 3_600_000 })).catch((error) => error.code)
      const renewals = () => rings.stats().rings.reduce((sum, ring) => sum + ring.renewals, 0)
      const states = new Set()
      for (let turn = 0; turn < 5000 && renewals() === 0; turn++) {
        for (const { state } of rings.stats().rings) states.add(state)
        await sleep(1)
      }
      const { bytesRead } = await file.read(Buffer.alloc(16), { position: 0 })
      await file.close()
      const [first] = rings.stats().rings
      const lost = first.renewals === 1 ? await pending : 'another ring'
      console.log(JSON.stringify({
        renewals: renewals(), lost, bytesRead, states: [...states].sort(), now: [first.state, first.poller],
        text: await rings.readFile(${JSON.stringify(path)}, 'utf8'),
      }))
      await rings.close()`
    const inject = ['-e', 'trace=io_uring_enter', '-e', 'inject=io_uring_enter:error=EOWNERDEAD:when=12']
    const args = ['-f', '-o', '/dev/null', ...inject, process.execPath, '--input-type=module', '-e', script]
    const { stdout, stderr } = spawnSync('strace', args, { encoding: 'utf8', timeout: 60_000 })
    expect(stderr).toBe('')
    const told = JSON.parse(stdout) as { lost: string; states: string[] }
    expect(told).toEqual({
      renewals: 1,
      lost: expect.stringMatching(/^(ERR_RING_LOST|another ring)$/) as string,
      bytesRead: 9,
      states: expect.arrayContaining(['lost', 'open']) as string[],
      now: ['open', 'kernel'],
      text: 'as before',
    })
    if (rings === 1) expect(told.lost).toBe('ERR_RING_LOST')
  })

  it('is in the counters, which go on where they were', () => {
    const script = `
      import { setTimeout as sleep } from 'node:timers/promises'
      import { Registry } from ${promClient}
      import { Ringmaster } from ${library}
      import { op } from ${raw}
      const registry = new Registry()
      const rings = await Ringmaster.start({ poller: 'kernel', rings: 1, heartbeatTimeoutMs: 500, sqThreadIdleMs: 50 })
      rings.register(registry)
      const countersNow = async () => {
        const counters = new Map()
        for (const line of (await registry.metrics()).split('\\n')) {
          const [series, value] = line.split(' ')
          // Times of a thread begin with the thread: that is a counter's reset, and no loss.
          if (/_(total|count|sum|bucket)[{]/.test(series) && !/thread_|run_queue/.test(series)) counters.set(series, Number(value))
        }
        return counters
      }
      const back = []
      let before = await countersNow()
      let requests = 0
      const look = async () => {
        const now = await countersNow()
        for (const [series, value] of before) if (!(now.get(series) >= value)) back.push(series)
        before = now
        const { requests: last } = rings.stats().rings[0]
        if (last < requests) back.push('stats().requests')
        requests = last
      }
      for (let count = 0; count < 50; count++) await rings.stat('/').catch(() => undefined)
      let lost = 0
      const pending = Array.from({ length: 20 }, () =>
        rings.raw(0).submit(op.timeout({ timeMs: 3_600_000 })).catch((error) => { if (error.code === 'ERR_RING_LOST') lost++ }))
      await look()
      for (let turn = 0; turn < 400 && rings.stats().rings[0].renewals === 0; turn++) {
        await rings.stat('/').catch(() => undefined)
        await look()
        await sleep(60)
      }
      await Promise.all(pending)
      await rings.nop()
      await look()
      const find = (...parts) => [...before].filter(([series]) => parts.every((part) => series.includes(part)))
      const sum = (...parts) => find(...parts).reduce((total, [, value]) => total + value, 0)
      console.log(JSON.stringify({
        renewals: sum('ringmaster_ring_renewals_total'), lost, back,
        requests: sum('ringmaster_operations_total', 'timeout'), completions: sum('ringmaster_operation_completions_total', 'timeout'),
        errors: sum('ringmaster_operation_errors_total', 'timeout'),
      }))
      await rings.close()`
    const inject = ['-e', 'trace=io_uring_enter', '-e', 'inject=io_uring_enter:error=EOWNERDEAD:when=12']
    const args = ['-f', '-o', '/dev/null', ...inject, process.execPath, '--input-type=module', '-e', script]
    const { stdout, stderr } = spawnSync('strace', args, { encoding: 'utf8', timeout: 60_000 })
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toEqual({ renewals: 1, lost: 20, back: [], requests: 20, completions: 20, errors: 20 })
  })
})
