// Control calls: what comlink would lose is kept. Errors arrive with their fields, and a call settles though nobody answers.
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { MessageChannel } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'
import { expect, it } from 'vitest'
import { RingUnavailableError, kernelError } from '../../native/errors.ts'
import { exposeControl, linkControl, packError, unpackError } from '../../workers/control.ts'
import { eventually, fieldOf, settledWithin } from '../services/harness.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function link(threadId: () => number) {
  const { port1, port2 } = new MessageChannel()
  exposeControl(
    { threadId, register: (_opcode, argument, count) => ({ result: count, argument }), close: () => undefined },
    port2,
  )
  return { control: linkControl(port1), port: port1 }
}

// Node 20 has it; its types do not.
const hasRef = (port: MessagePort): boolean => Reflect.apply(Reflect.get(port, 'hasRef') as () => boolean, port, [])

it('answers calls', async () => {
  const { control } = link(() => 42)
  expect(await control.call((remote) => remote.threadId())).toBe(42)
  expect(await control.call((remote) => remote.close())).toBeUndefined()
  control.close()
})

it('keeps what an error says: code, errno, syscall, path, cause', async () => {
  const cause = new RingUnavailableError('memlock', 'too little')
  const { control } = link(() => {
    throw Object.assign(kernelError(-12, 'io_uring_setup', '/x'), { cause })
  })
  const error: unknown = await control.call((remote) => remote.threadId()).catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(Error)
  expect(error).toMatchObject({ code: 'ENOMEM', errno: -12, syscall: 'io_uring_setup', path: '/x', name: 'Error' })
  expect(error).toMatchObject({ message: "ENOMEM: not enough memory, io_uring_setup '/x'" })
  expect(fieldOf(error, 'cause')).toMatchObject({ code: 'ERR_RING_UNAVAILABLE', reason: 'memlock', name: 'RingError' })
  control.close()
})

it('passes on what was thrown and is no error', () => {
  for (const thrown of ['text', 5, null, undefined, { plain: true }]) {
    expect(unpackError(packError(thrown))).toEqual(thrown)
  }
})

it('packs an error that is its own cause', () => {
  const error = new Error('round')
  error.cause = error
  expect(unpackError(packError(error))).toMatchObject({ message: 'round' })
})

it('rejects calls when the worker dies: those under way and those to come', async () => {
  const { port1 } = new MessageChannel() // nobody answers
  const control = linkControl(port1)
  const underWay = control.call((remote) => remote.threadId())
  control.lost(new Error('exit code 1'))
  await expect(underWay).rejects.toMatchObject({ code: 'ERR_RING_WORKER_LOST', cause: { message: 'exit code 1' } })
  expect(await settledWithin(control.call((remote) => remote.threadId()))).toBe('ERR_RING_WORKER_LOST')
  control.close()
})

it('keeps the process alive while any call is under way, and no longer', async () => {
  const { port1 } = new MessageChannel()
  const control = linkControl(port1)
  expect(hasRef(port1)).toBe(false)
  let answer: (value: number) => void = () => undefined
  const first = control.call(() => new Promise<number>((resolve) => (answer = resolve)))
  const second = control.call((remote) => remote.threadId())
  answer(1)
  await first
  expect(hasRef(port1)).toBe(true) // the second still waits
  control.lost(undefined)
  await settledWithin(second)
  expect(hasRef(port1)).toBe(false)
  control.close()
})

it('keeps nothing of a call that nobody answers once the link is closed: neither who waited nor what it waited with', async () => {
  const waited: WeakRef<object>[] = []
  const callAndClose = async (): Promise<void> => {
    const { port1 } = new MessageChannel()
    const control = linkControl(port1)
    const state = { control, memory: new ArrayBuffer(1 << 20) }
    waited.push(new WeakRef(state))
    const call = control.call((remote) => remote.close()).catch(() => state.memory.byteLength)
    control.lost(Object.assign(new Error('gone'), { state }))
    expect(await call).toBe(1 << 20)
    control.close()
  }
  for (let round = 0; round < 5; round++) await callAndClose()
  const kept = (): number => {
    collect()
    return waited.filter((state) => state.deref() !== undefined).length
  }
  await sleep(0) // a WeakRef holds what it was made of until the turn is over
  expect(await eventually(() => kept() === 0)).toBe(true)
})
