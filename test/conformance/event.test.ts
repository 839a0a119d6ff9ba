// Eventfds and epoll instances: a ring's completions are signalled, once or not at all, and rings can wait for each other's signals.
import { readSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { RegisterOp } from '../../native/abi.ts'
import { binding } from '../../native/binding.ts'
import { Control } from '../../native/layout.ts'
import { op, sendMessageSync } from '../../services/raw/index.ts'
import type { RawRing } from '../../services/raw/index.ts'
import { expectStale } from '../services/conservation.ts'
import { eventually, fieldOf, settledWithin } from '../services/harness.ts'
import { bareRing } from '../services/raw/bare-ring.ts'
import type { BareRing } from '../services/raw/bare-ring.ts'
import { epollInstance } from '../services/raw/epoll-instance.ts'
import { describeOnEveryRing, handleOf } from './every-ring.ts'
import type { Stand } from './every-ring.ts'

const makeEventFd = ({ own }: Stand): number => own(binding().eventfd())

/** A ring that signals an eventfd, which nobody else reads. */
function signallingRing(stand: Stand): { ring: BareRing; eventFd: number } {
  const ring = bareRing()
  const eventFd = makeEventFd(stand)
  expect(binding().register(ring.fd, RegisterOp.REGISTER_EVENTFD, Int32Array.of(eventFd), 1)).toBe(0)
  return { ring, eventFd }
}

/** The eventfd that a ring of Ringmaster signals while its client sleeps. */
function eventFdOf(raw: RawRing): number {
  const control = fieldOf(handleOf(raw).client, 'control')
  if (!(control instanceof Int32Array)) throw new Error('a client without a control block')
  return control[Control.event_fd >> 2]!
}

/** What is in an eventfd, which is empty then; null where nothing is. */
function take(eventFd: number): number | null {
  const count = Buffer.alloc(8)
  try {
    readSync(eventFd, count)
    return count.readUInt32LE(0)
  } catch {
    return null
  }
}

describeOnEveryRing('event', (stand) => {
  it('eventfd: a completion wakes a poll of the eventfd, and the read that is linked to it', async () => {
    const { raw } = stand
    const { ring, eventFd } = signallingRing(stand)
    const buffer = Buffer.alloc(8)
    const chain = raw
      .chain()
      .link(op.pollAdd({ fd: eventFd, events: ['POLLIN'] }))
      .link(op.read({ fd: eventFd, buffer }))
      .submit()
    expect(await settledWithin(chain, 1)).toBe('pending')
    sendMessageSync({ ringFd: ring.fd, address: 0 }, { data: 7 })
    expect(await chain).toMatchObject([
      { status: 'done', value: 1 },
      { status: 'done', value: 8 },
    ])
    expect(buffer.readUInt32LE(0)).toBe(1)
    expect(ring.completions()).toMatchObject([{ result: 7 }])
    ring.close()
  })

  it('eventfd-disable: completions that come while signals are off leave none behind, those after do', async () => {
    const { raw } = stand
    const { ring, eventFd } = signallingRing(stand)
    ring.silence()
    const reading = settledWithin(raw.submit(op.pollAdd({ fd: eventFd, events: ['POLLIN'] })), 10_000)
    for (let data = 0; data < 12; data++) sendMessageSync({ ringFd: ring.fd, address: 0 }, { data })
    expect(take(eventFd)).toBeNull()
    expect(ring.completions()).toHaveLength(12)
    expect(await settledWithin(reading, 1)).toBe('pending')
    ring.listen()
    sendMessageSync({ ringFd: ring.fd, address: 0 }, { data: 12 })
    expect(await reading).toBe('resolved')
    expect(take(eventFd)).toBe(1)
    ring.close()
  })

  it('eventfd-ring: two rings that wait for each other, asleep both, are woken both by one completion', async () => {
    const { raw, other } = stand
    for (let round = 0; round < 5; round++) {
      const waits = [
        raw.submit(op.pollAdd({ fd: eventFdOf(other), events: ['POLLIN'] })),
        other.submit(op.pollAdd({ fd: eventFdOf(raw), events: ['POLLIN'] })),
      ]
      await sleep(5) // long enough for both to fall asleep, as a rule; either way each must end
      let over = false
      const ended = Promise.all(waits).then(() => (over = true))
      const startedMs = performance.now()
      // A completion that came while its ring was awake was not signalled: nothing is owed for it. And the client may have read its
      // eventfd before a sleeping SQ thread comes to look at it: then the poll goes on. An SQ thread that is awake is faster.
      await eventually(() => {
        if (performance.now() - startedMs > 500) void Promise.all([raw.submit(op.nop()), other.submit(op.nop())])
        expectStale(handleOf(raw)) // the message is for nobody
        if (!over) sendMessageSync({ ringFd: raw.ringFd, address: 0x80000000 }, { data: 0 })
        return over
      })
      expect(over).toBe(true)
      await ended
    }
  })

  it('evfd-short-read: asking for more than an eventfd has gives what it has', async () => {
    const { raw } = stand
    const eventFd = makeEventFd(stand)
    const buffer = Buffer.alloc(16)
    const reading = raw.submit(op.read({ fd: eventFd, buffer }))
    expect(await settledWithin(reading, 5)).toBe('pending')
    const one = Buffer.alloc(8)
    one.writeUInt32LE(5)
    writeSync(eventFd, one)
    expect(await reading).toBe(8)
    expect(buffer.readUInt32LE(0)).toBe(5)
  })

  it('epwait: what is ready, what becomes ready, and what is taken out while somebody waits', async () => {
    const { raw, own } = stand
    const { epollFd, close } = await epollInstance((operation) => raw.submit(operation))
    const pipes = [await raw.submit(op.pipe()), await raw.submit(op.pipe())]
    for (const { read, write } of pipes) {
      own(read)
      own(write)
      await raw.submit(op.epollCtl({ epollFd, command: 'EPOLL_CTL_ADD', fd: read, events: ['EPOLLIN'], data: read }))
    }
    const [one, two] = pipes as [(typeof pipes)[0], (typeof pipes)[0]]
    const drain = (fd: number): number => readSync(fd, Buffer.alloc(16))
    for (const { write } of pipes) writeSync(write, 'foo')
    const ready = await raw.submit(op.epollWait({ epollFd, eventsMax: 2 }))
    expect(ready.map(({ data }) => data).sort()).toEqual([one.read, two.read].sort())
    for (const { read } of pipes) drain(read)

    const waiting = raw.submit(op.epollWait({ epollFd, eventsMax: 2 }))
    expect(await settledWithin(waiting, 5)).toBe('pending')
    writeSync(two.write, 'foo')
    expect(await waiting).toMatchObject([{ data: two.read, events: 1 }])
    drain(two.read)

    const second = raw.submit(op.epollWait({ epollFd, eventsMax: 2 }))
    await raw.submit(op.epollCtl({ epollFd, command: 'EPOLL_CTL_DEL', fd: one.read }))
    writeSync(one.write, 'foo')
    expect(await settledWithin(second, 5)).toBe('pending')
    writeSync(two.write, 'foo')
    expect(await second).toMatchObject([{ data: two.read }])

    drain(two.read)
    const operation = op.epollWait({ epollFd })
    const third = settledWithin(raw.submit(operation), 10_000)
    expect(await raw.submit(op.asyncCancel({ operation }))).toBe(0)
    expect(await third).toBe('ECANCELED')
    await raw.submit(op.epollCtl({ epollFd, command: 'EPOLL_CTL_DEL', fd: two.read }))
    await close()
  })
})
