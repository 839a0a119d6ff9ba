// One AbortSignal for many requests and streams, as a server has for all that it does: no warning of a leak, all of them are told,
// and the signal is left without listeners when they are over.
import { spawnSync } from 'node:child_process'
import { getEventListeners } from 'node:events'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { addAbortListener, removeAbortListener } from '../../services/abort.ts'
import { withoutAddon } from './harness.ts'

const dist = fileURLToPath(new URL('../../dist/services/', import.meta.url))
const program = `
  const { Ringmaster } = await import(${JSON.stringify(`${dist}index.js`)})
  const { op, timeoutStream } = await import(${JSON.stringify(`${dist}raw/index.js`)})
  const { getEventListeners } = await import('node:events')
  await using_(await Ringmaster.start({ rings: 1, poller: 'caller' }))
  async function using_(rings) {
    const raw = rings.raw()
    const controller = new AbortController()
    const { signal } = controller
    const count = 50
    const streams = Array.from({ length: count }, () => raw.stream(timeoutStream({ intervalMs: 60_000 }), { signal }).next())
    const requests = Array.from({ length: count }, () => raw.submit(op.timeout({ timeMs: 60_000 }), { signal }))
    const chains = Array.from({ length: count }, () => raw.chain().link(op.timeout({ timeMs: 60_000 })).submit({ signal }))
    const messages = Array.from({ length: count }, () => raw.messages({ signal }).next())
    await raw.submit(op.nop())
    const during = getEventListeners(signal, 'abort').length
    controller.abort()
    const codes = async (promises) => [...new Set((await Promise.allSettled(promises)).map(({ reason }) => reason?.code))]
    const cut = (await Promise.all(chains)).filter(([step]) => step.error?.code === 'ABORT_ERR').length
    const outcomes = [await codes(streams), await codes(requests), await codes(messages), cut]
    console.log(JSON.stringify([during, getEventListeners(signal, 'abort').length, ...outcomes]))
    await rings.close()
  }`

describe.skipIf(withoutAddon || !existsSync(dist))('one signal for 50 streams, requests, chains and mailboxes', () => {
  it('is one listener, without a warning, and cancels them all', () => {
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toEqual([1, 0, ['ABORT_ERR'], ['ABORT_ERR'], ['ABORT_ERR'], 50])
  })
})

describe('listeners of one signal', () => {
  it('are called once each, not when they were taken away, also by one of them, nor when they come too late', () => {
    const controller = new AbortController()
    const { signal } = controller
    const called: string[] = []
    const listener = (name: string) => (): void => {
      called.push(name)
    }
    const [first, second, third, late] = ['first', 'second', 'third', 'late'].map(listener)
    addAbortListener(signal, first!)
    addAbortListener(signal, second!)
    removeAbortListener(signal, first!)
    addAbortListener(signal, () => {
      removeAbortListener(signal, third!)
      addAbortListener(signal, late!)
    })
    addAbortListener(signal, third!)
    controller.abort()
    expect(called).toEqual(['second'])
    removeAbortListener(signal, late!)
    removeAbortListener(signal, late!)
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it('leave none behind when the last is taken away, and begin anew', () => {
    const controller = new AbortController()
    const { signal } = controller
    let calls = 0
    const listener = (): void => {
      calls++
    }
    for (let round = 0; round < 3; round++) {
      addAbortListener(signal, listener)
      expect(getEventListeners(signal, 'abort')).toHaveLength(1)
      removeAbortListener(signal, listener)
      expect(getEventListeners(signal, 'abort')).toHaveLength(0)
    }
    addAbortListener(signal, listener)
    controller.abort()
    expect(calls).toBe(1)
    addAbortListener(undefined, listener)
    removeAbortListener(undefined, listener)
  })
})
