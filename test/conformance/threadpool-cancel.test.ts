// Cancellation, polls and timeouts: the same with system calls on threads as in the kernel, which is the reference here.
import { execFileSync } from 'node:child_process'
import { closeSync, openSync, writeSync } from 'node:fs'
import { connect } from 'node:net'
import { expect, it } from 'vitest'
import { acceptStream, op, pollStream, timeoutStream } from '../../services/raw/index.ts'
import { eventually, fieldOf, settledWithin } from '../services/harness.ts'
import type { Stand } from './every-ring.ts'
import { describeOnEveryRing, handleOf } from './every-ring.ts'

async function pipeOf({ raw, own }: Stand): Promise<{ read: number; write: number }> {
  const { read, write } = await raw.submit(op.pipe())
  return { read: own(read), write: own(write) }
}

/** Until the ring has taken all that was published. */
const taken = ({ raw }: Stand): Promise<boolean> =>
  eventually(() => {
    const { client } = handleOf(raw)
    return client.inFlight > 0 && fieldOf(fieldOf(client, 'ring'), 'unconsumed') === 0
  })

describeOnEveryRing(
  'cancellation',
  (stand) => {
    it('io-cancel: a read that waits ends with ECANCELED, and the cancellation says 0', async () => {
      const { raw } = stand
      const { read } = await pipeOf(stand)
      const reading = op.read({ fd: read, buffer: Buffer.alloc(1) })
      const settled = settledWithin(raw.submit(reading))
      await taken(stand)
      expect(await raw.submit(op.asyncCancel({ operation: reading }))).toBe(0)
      expect(await settled).toBe('ECANCELED')
    })

    it('io-cancel: an open that waits for the other end of a FIFO is stopped by its signal', async () => {
      const { raw, path } = stand
      const fifo = path()
      execFileSync('mkfifo', [fifo])
      const controller = new AbortController()
      const opening = settledWithin(
        raw.submit(op.openat({ path: fifo, flags: 'w' }), { signal: controller.signal, async: true }),
      )
      await taken(stand)
      controller.abort()
      expect(await opening).toBe('ABORT_ERR')
    })

    it('cancel-fd-userdata: by descriptor, all of them and no other', async () => {
      const { raw } = stand
      const [one, other] = [await pipeOf(stand), await pipeOf(stand)]
      const read = (fd: number): Promise<string> => settledWithin(raw.submit(op.read({ fd, buffer: Buffer.alloc(1) })))
      const [first, second, third] = [read(one.read), read(one.read), read(other.read)]
      await taken(stand)
      expect(await raw.submit(op.asyncCancel({ fd: one.read, all: true }))).toBe(2)
      expect([await first, await second]).toEqual(['ECANCELED', 'ECANCELED'])
      writeSync(other.write, 'x')
      expect(await third).toBe('resolved')
    })

    it('poll-cancel-all: everything at once', async () => {
      const { raw } = stand
      const { read } = await pipeOf(stand)
      const polls = Array.from({ length: 20 }, () =>
        settledWithin(raw.submit(op.pollAdd({ fd: read, events: ['POLLIN'] }))),
      )
      await taken(stand)
      expect(await raw.submit(op.asyncCancel({ any: true, all: true }))).toBe(20)
      expect(new Set(await Promise.all(polls))).toEqual(new Set(['ECANCELED']))
    })

    it('cancel-race: of a read and its cancellation one wins, never both and never neither', async () => {
      const { raw } = stand
      for (let round = 0; round < 50; round++) {
        const { read, write } = await raw.submit(op.pipe())
        const buffer = Buffer.alloc(1)
        const reading = op.read({ fd: read, buffer })
        const [outcome, cancelled] = await Promise.all([
          settledWithin(raw.submit(reading)),
          settledWithin(raw.submit(op.asyncCancel({ operation: reading }))),
          raw.submit(op.write({ fd: write, buffer: Buffer.from('z') })),
        ])
        if (outcome === 'resolved') expect([buffer.toString(), cancelled]).not.toEqual(['z', 'resolved'])
        else expect([outcome, buffer[0], cancelled]).toEqual(['ECANCELED', 0, 'resolved'])
        closeSync(read)
        closeSync(write)
      }
    })

    it('poll-many: a hundred pipes, each told apart', async () => {
      const { raw } = stand
      const pipes = await Promise.all(Array.from({ length: 100 }, () => pipeOf(stand)))
      const ready: number[] = []
      const polls = pipes.map(({ read }, index) =>
        raw.submit(op.pollAdd({ fd: read, events: ['POLLIN'] })).then(() => ready.push(index)),
      )
      for (const { write } of pipes) writeSync(write, 'x')
      await Promise.all(polls)
      expect(ready.sort((a, b) => a - b)).toEqual(pipes.map((_, index) => index))
    })

    it('poll-mshot-wake: a multishot poll announces what comes, each time it comes', async () => {
      const { raw } = stand
      const { read, write } = await pipeOf(stand)
      const polls = raw.stream(pollStream({ fd: read, events: 1 }))
      for (let round = 0; round < 3; round++) {
        const next = polls.next()
        writeSync(write, 'x')
        expect((await next).value).toBe(1)
        await raw.submit(op.read({ fd: read, buffer: Buffer.alloc(1) }))
      }
      await polls.return()
    })

    it('accept-mshot-stress: one request accepts them all', async () => {
      const { raw, own } = stand
      const fd = own(await raw.submit(op.socket({ family: 'AF_UNIX', type: 'SOCK_STREAM' })))
      const path = stand.path()
      await raw.submit(op.bind({ fd, address: { path } }))
      await raw.submit(op.listen({ fd, backlog: 64 }))
      const connections = raw.stream(acceptStream({ fd }))
      const clients = Array.from({ length: 40 }, () => connect(path))
      for (let index = 0; index < 40; index++) {
        const { value } = await connections.next()
        closeSync(value!)
      }
      await connections.return()
      for (const client of clients) client.destroy()
    })

    it('timeout: in the order in which they are due, not in that of their submission', async () => {
      const { raw } = stand
      const order: number[] = []
      const wait = (timeMs: number): Promise<unknown> =>
        raw.submit(op.timeout({ timeMs })).then(
          () => order.push(timeMs),
          () => order.push(timeMs),
        )
      await Promise.all([wait(150), wait(1), wait(75)])
      expect(order).toEqual([1, 75, 150])
    })

    it('timeout: a multishot one comes as often as it says', async () => {
      const ticks: unknown[] = []
      for await (const tick of stand.raw.stream(timeoutStream({ intervalMs: 2, count: 4 }))) ticks.push(tick)
      expect(ticks).toHaveLength(4)
    })

    it('close-opath: closing a descriptor does not end what waits on it', async () => {
      const { raw } = stand
      const { read, write } = await raw.submit(op.pipe())
      const buffer = Buffer.alloc(4)
      const reading = raw.submit(op.read({ fd: read, buffer }))
      await taken(stand)
      await raw.submit(op.close({ fd: read }))
      // Its number is another file's now, and the read is not that file's.
      const again = openSync('/dev/zero', 'r')
      writeSync(write, 'data')
      expect([await reading, buffer.toString()]).toEqual([4, 'data'])
      closeSync(again)
      closeSync(write)
    })
  },
  {},
  () => true,
)
