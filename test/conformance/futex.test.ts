// Waiting for words in memory: order, counts, several at once, what is refused, and a process that is killed while it waits.
import { expect, it } from 'vitest'
import { op } from '../../services/raw/index.ts'
import { eventually, failure, settledWithin } from '../services/harness.ts'
import { isGone, startProgram } from './child.ts'
import { describeOnEveryRing } from './every-ring.ts'

const makeWord = (): Int32Array => new Int32Array(new SharedArrayBuffer(8))

describeOnEveryRing('futex', (stand) => {
  for (const async of [false, true]) {
    for (const vectored of [false, true]) {
      const kind = `${vectored ? 'waitv' : 'wait'}${async ? ' on a kernel thread' : ''}`
      const wait = (array: Int32Array, value = 0): Promise<string> => {
        const waiter = { array, value }
        const operation = vectored ? op.futexWaitv({ waiters: [waiter] }) : op.futexWait(waiter)
        return settledWithin(stand.raw.submit(operation, { async }), 10_000)
      }
      // Wakes one after the other until `count` were there to be woken: the waiters may still be on their way.
      const wake = async (array: Int32Array, count: number): Promise<void> => {
        for (let left = count; left > 0;) left -= await stand.raw.submit(op.futexWake({ array, count: 1 }))
      }

      it(`futex: ${kind}: one wake ends one wait`, async () => {
        const array = makeWord()
        const waits = [wait(array), wait(array)]
        let ended = 0
        for (const waiting of waits) void waiting.then(() => ended++)
        await wake(array, 1)
        expect(await eventually(() => ended > 0)).toBe(true)
        await stand.raw.submit(op.nop())
        expect(ended).toBe(1)
        await wake(array, 1)
        expect(await Promise.all(waits)).toEqual(['resolved', 'resolved'])
        expect(await stand.raw.submit(op.futexWake({ array }))).toBe(0)
      })

      it(`futex: ${kind}: a word that has changed is not waited for`, async () => {
        expect(await wait(makeWord(), 1)).toBe('EAGAIN')
      })
    }
  }

  it('futex: those who came first are woken first', async () => {
    const { raw } = stand
    const array = makeWord()
    const order: number[] = []
    const waits = [0, 1, 2].map((index) => raw.submit(op.futexWait({ array, value: 0 })).then(() => order.push(index)))
    await raw.submit(op.nop())
    for (let left = 3; left > 0;) left -= await raw.submit(op.futexWake({ array, count: 1 }))
    await Promise.all(waits)
    expect(order).toEqual([0, 1, 2])
  })

  it('futex: of several words the one that was woken is told, and waits elsewhere go on', async () => {
    const { raw } = stand
    const words = [makeWord(), makeWord(), makeWord()]
    const first = raw.submit(op.futexWaitv({ waiters: words.map((array) => ({ array, value: 0 })) }))
    const operation = op.futexWait({ array: words[0]!, value: 0 })
    const second = settledWithin(raw.submit(operation), 10_000)
    while ((await raw.submit(op.futexWake({ array: words[2]!, count: 1 }))) === 0);
    expect(await first).toBe(2)
    expect(await settledWithin(second, 1)).toBe('pending')
    await raw.submit(op.asyncCancel({ operation }))
    expect(await second).toBe('ECANCELED')
  })

  it('futex: a wake that no mask fits wakes nobody', async () => {
    const { raw } = stand
    const array = makeWord()
    const waiting = settledWithin(raw.submit(op.futexWait({ array, value: 0, mask: 1 })), 10_000)
    await raw.submit(op.nop())
    expect(await raw.submit(op.futexWake({ array, mask: 2 }))).toBe(0)
    while ((await raw.submit(op.futexWake({ array, mask: 3 }))) === 0);
    expect(await waiting).toBe('resolved')
  })

  it('futex: flags that there are not are refused', async () => {
    const { raw } = stand
    const array = makeWord()
    for (const operation of [
      op.futexWait({ array, value: 0, flags: 0x1000 }),
      op.futexWake({ array, flags: 0x1000 }),
      op.futexWaitv({ waiters: [{ array, value: 0, flags: 0x1000 }] }),
    ])
      expect(await failure(raw.submit(operation))).toMatchObject({ code: 'EINVAL' })
  })

  it('futex-kill: a process that is killed with waits in flight is gone, private or shared, on kernel threads or not', async () => {
    const script = `
      const raw = (await Ringmaster.start(options)).raw()
      for (const async of [false, true]) for (const flags of [['FUTEX2_PRIVATE'], []]) {
        const waiter = { array: new Int32Array(new SharedArrayBuffer(4)), value: 0, flags }
        raw.submit(op.futexWait(waiter), { async }).catch(() => undefined)
        raw.submit(op.futexWaitv({ waiters: [waiter] }), { async }).catch(() => undefined)
      }
      await raw.submit(op.nop())
      console.log('waiting')
      setInterval(() => undefined, 1000)`
    const program = startProgram(stand.kind, script)
    expect(await eventually(() => program.printed() === 'waiting\n', 20_000)).toBe(true)
    program.child.kill('SIGKILL')
    expect(await program.ended).toMatchObject({ code: null, signal: 'SIGKILL', stderr: '' })
    expect(await eventually(() => isGone(program.child.pid!))).toBe(true)
  })
})
