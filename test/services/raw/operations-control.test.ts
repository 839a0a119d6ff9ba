// Proves nop and async_cancel.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { op } from '../../../services/raw/index.ts'
import { settledWithin } from '../harness.ts'
import { describeFamily } from './conformance.ts'
import { errorCode } from './errors.ts'

describeFamily('control', (proves) => {
  proves('nop', 'completes with 0, and with what it is told to', async ({ submit, code }) => {
    expect(await submit(op.nop())).toBe(0)
    expect(await submit(op.nop({ result: 7 }))).toBe(7)
    expect(await code(op.nop({ result: -5 }))).toBe('EIO')
  })

  proves('nop', 'can be submitted again, and many at once', async ({ submit }) => {
    const operation = op.nop()
    expect(await submit(operation)).toBe(0)
    expect(await submit(operation)).toBe(0)
    const many = await Promise.all(Array.from({ length: 500 }, (_, result) => submit(op.nop({ result }))))
    expect(many).toEqual(Array.from({ length: 500 }, (_, index) => index))
  })

  proves('async_cancel', 'cancels the operation it names and no other', async ({ submit, own }) => {
    const { read, write } = await submit(op.pipe())
    own(read)
    own(write)
    const [first, second] = [
      op.read({ fd: read, buffer: Buffer.alloc(1) }),
      op.pollAdd({ fd: read, events: ['POLLIN'] }),
    ]
    const reading = settledWithin(submit(first))
    const polling = submit(second)
    await sleep(5)
    expect(await submit(op.asyncCancel({ operation: first }))).toBe(0)
    expect(await reading).toBe('ECANCELED')
    expect(await settledWithin(polling, 20)).toBe('pending')
    await submit(op.write({ fd: write, buffer: Buffer.from('x') }))
    expect(await polling).toBe(1)
  })

  proves('async_cancel', 'counts the matches by descriptor, by opcode and of everything', async ({ submit, own }) => {
    const pipes = [await submit(op.pipe()), await submit(op.pipe())]
    for (const { read, write } of pipes) {
      own(read)
      own(write)
    }
    const poll = (fd: number): Promise<string> => settledWithin(submit(op.pollAdd({ fd, events: ['POLLIN'] })))
    const [a, b] = [pipes[0]!.read, pipes[1]!.read]
    const byFd = [poll(a), poll(a), poll(b)]
    await sleep(5)
    expect(await submit(op.asyncCancel({ fd: a, all: true }))).toBe(2)
    expect(await Promise.all(byFd.slice(0, 2))).toEqual(['ECANCELED', 'ECANCELED'])
    const byOpcode = [byFd[2]!, poll(a), settledWithin(submit(op.timeout({ timeMs: 60_000 })))]
    await sleep(5)
    expect(await submit(op.asyncCancel({ opcode: 'poll_add', all: true }))).toBe(2)
    expect(await Promise.all(byOpcode.slice(0, 2))).toEqual(['ECANCELED', 'ECANCELED'])
    const everything = [byOpcode[2]!, poll(a), poll(b)]
    await sleep(5)
    expect(await submit(op.asyncCancel({ any: true, all: true }))).toBe(3)
    expect(await Promise.all(everything)).toEqual(['ECANCELED', 'ECANCELED', 'ECANCELED'])
  })

  proves(
    'async_cancel',
    'needs all that is given to match, and says when nothing does',
    async ({ submit, code, own }) => {
      const { read, write } = await submit(op.pipe())
      own(read)
      own(write)
      const poll = op.pollAdd({ fd: read, events: ['POLLIN'] })
      const polling = settledWithin(submit(poll))
      await sleep(5)
      expect(await code(op.asyncCancel({ operation: poll, fd: write }))).toBe('ENOENT')
      expect(await code(op.asyncCancel({ operation: poll, opcode: 'read' }))).toBe('ENOENT')
      expect(await code(op.asyncCancel({ operation: op.nop() }))).toBe('ENOENT')
      expect(await submit(op.asyncCancel({ operation: poll, fd: read, opcode: 'poll_add' }))).toBe(0)
      expect(await polling).toBe('ECANCELED')
    },
  )
})

it('refuses misuse at once', () => {
  expect(errorCode(() => op.nop({ result: 1.5 }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => op.asyncCancel({}))).toBe('ERR_INVALID_ARG_VALUE')
  expect(errorCode(() => op.asyncCancel({ opcode: 'reed' }))).toBe('ERR_INVALID_ARG_VALUE')
  expect(errorCode(() => op.asyncCancel({ fd: -1 }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => Reflect.apply(op.asyncCancel, null, [undefined]))).toBe('ERR_INVALID_ARG_TYPE')
  expect(errorCode(() => Reflect.apply(op.asyncCancel, null, [{ operation: 1 }]))).toBe('ERR_INVALID_ARG_TYPE')
})
