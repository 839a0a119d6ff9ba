// Cancelling with one system call, io_uring_register(2) with REGISTER_SYNC_CANCEL: it returns when what was cancelled is over.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { CancelFlag, Op, RegisterOp } from '../../native/abi.ts'
import { binding } from '../../native/binding.ts'
import { op } from '../../services/raw/index.ts'
import type { RawRing } from '../../services/raw/index.ts'
import { settledWithin } from '../services/harness.ts'
import { describeOnEveryRing } from './every-ring.ts'

const ENOENT = -2
const ETIME = -62
const interrupted = ['ECANCELED', 'EINTR']

interface SyncCancel {
  readonly slot?: number
  readonly generation?: number
  readonly fd?: number
  readonly opcode?: number
  readonly flags: number
  readonly timeoutNs?: number
}

/** struct io_uring_sync_cancel_reg: addr, fd, flags, timeout, opcode. */
function syncCancel(raw: RawRing, request: SyncCancel): number {
  const argument = new DataView(new ArrayBuffer(64))
  argument.setInt32(0, request.slot ?? 0, true)
  argument.setInt32(4, request.generation ?? 0, true)
  argument.setInt32(8, request.fd ?? -1, true)
  argument.setUint32(12, request.flags, true)
  argument.setBigInt64(24, BigInt(request.timeoutNs ?? 50_000_000), true)
  argument.setUint8(32, request.opcode ?? 0)
  return binding().register(raw.ringFd, RegisterOp.REGISTER_SYNC_CANCEL, argument, 1)
}

/**
 * Cancels until the requests are over; returns what the calls found. Again and again, because the poller may still be on its way
 * to the requests, and a kernel thread that has not begun to wait yet misses its interruption.
 */
async function cancelUntilOver(raw: RawRing, request: SyncCancel, ends: readonly Promise<string>[]): Promise<number[]> {
  const answers: number[] = []
  let over = false
  const all = Promise.all(ends).then((outcomes) => {
    over = true
    return outcomes
  })
  while (!over) {
    answers.push(syncCancel(raw, request))
    await sleep(1)
  }
  for (const outcome of await all) expect(interrupted).toContain(outcome)
  return answers.filter((answer) => answer !== ENOENT)
}

describeOnEveryRing('cancel, sync', (stand) => {
  const makePipe = async (): Promise<number> => {
    const { read, write } = await stand.raw.submit(op.pipe())
    stand.own(write)
    return stand.own(read)
  }
  const startRead = (fd: number, async: boolean): { end: Promise<string>; slot: number; generation: number } => {
    const operation = op.read({ fd, buffer: Buffer.alloc(32) })
    const end = settledWithin(stand.raw.submit(operation, { async }), 10_000)
    const { slot, generation } = operation.ticket
    return { end, slot, generation }
  }

  it('sync-cancel: registrations.syncCancel() finds what runs on kernel threads, of whichever task they are', async () => {
    const { raw } = stand
    for (const by of ['operation', 'fd', 'opcode', 'all'] as const) {
      const fd = await makePipe()
      const operation = op.read({ fd, buffer: Buffer.alloc(1) })
      const end = settledWithin(raw.submit(operation, { async: true }), 10_000)
      const options = { operation: { operation }, fd: { fd }, opcode: { opcode: 'read' }, all: { fd, all: true } }[by]
      // A thread that has not begun to wait yet is not found, or misses its interruption.
      let answer: unknown
      const found = async (): Promise<boolean> => {
        answer = await raw.registrations.syncCancel({ ...options, timeoutMs: 20 }).catch((error: unknown) => error)
        return (await settledWithin(end, 5)) !== 'pending'
      }
      while (!(await found()));
      expect(interrupted).toContain(await end)
      expect(answer).toBeDefined()
    }
  })

  for (const async of [false, true]) {
    const where = async ? 'on a kernel thread' : 'that waits for its pipe'

    it(`sync-cancel: a read ${where}, by its name, by opcode and by descriptor, and nothing is left to find`, async () => {
      const { raw } = stand
      const fd = await makePipe()
      for (const by of ['name', 'opcode', 'fd']) {
        const { end, slot, generation } = startRead(fd, async)
        const request = {
          name: { slot, generation, flags: 0 },
          opcode: { opcode: Op.READ, flags: CancelFlag.OP },
          fd: { fd, flags: CancelFlag.FD },
        }[by]!
        const answers = await cancelUntilOver(raw, request, [end])
        for (const answer of answers) expect(async ? [0, ETIME] : [0]).toContain(answer)
        expect(answers.length).toBeGreaterThan(0)
        expect(syncCancel(raw, request)).toBe(ENOENT)
      }
    })

    it(`sync-cancel: every read ${where}, and it says how many it found`, async () => {
      const { raw } = stand
      const fd = await makePipe()
      const reads = Array.from({ length: 4 }, () => startRead(fd, async).end)
      const answers = await cancelUntilOver(raw, { fd, flags: CancelFlag.FD | CancelFlag.ALL }, reads)
      const found = answers.reduce((sum, answer) => sum + answer, 0)
      // One that has not ended yet may be found again.
      expect(found).toBeGreaterThanOrEqual(4)
      expect(syncCancel(raw, { fd, flags: CancelFlag.FD | CancelFlag.ALL })).toBe(0)
    })

    it(`sync-cancel: a read ${where}, with next to no time to wait for its end`, async () => {
      const { raw } = stand
      const { end } = startRead(await makePipe(), async)
      const answers = await cancelUntilOver(raw, { opcode: Op.READ, flags: CancelFlag.OP, timeoutNs: 1 }, [end])
      for (const answer of answers) expect([0, ETIME]).toContain(answer)
      expect(answers.length).toBeGreaterThan(0)
    })
  }
})
