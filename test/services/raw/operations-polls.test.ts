// Proves poll_add, poll_remove, epoll_ctl and epoll_wait with pipes.
import * as fs from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { flags, op } from '../../../services/raw/index.ts'
import { settledWithin } from '../harness.ts'
import type { Bench } from './conformance.ts'
import { describeFamily } from './conformance.ts'
import { epollInstance, watched } from './epoll-instance.ts'
import { errorCode } from './errors.ts'

const { POLLIN, POLLOUT, POLLHUP } = flags.PollEvent

async function pipe({ submit, own }: Bench): Promise<{ read: number; write: number }> {
  const ends = await submit(op.pipe())
  own(ends.read)
  own(ends.write)
  return ends
}

describeFamily('polls', (proves) => {
  proves('poll_add', 'says what is ready, when it is', async (bench) => {
    const { submit, code, own } = bench
    const { read, write } = await pipe(bench)
    expect(await submit(op.pollAdd({ fd: write, events: ['POLLOUT'] }))).toBe(POLLOUT)
    const polling = submit(op.pollAdd({ fd: read, events: ['POLLIN', 'POLLPRI'] }))
    expect(await settledWithin(polling, 20)).toBe('pending')
    fs.writeSync(write, 'x')
    expect(await polling).toBe(POLLIN)
    const direct = await submit(op.pipe({ direct: 'allocate' }))
    await submit(op.close({ fd: direct.write }))
    expect(await submit(op.pollAdd({ fd: direct.read, events: 0 }))).toBe(POLLHUP)
    await submit(op.close({ fd: direct.read }))
    expect(await code(op.pollAdd({ fd: 2 ** 30, events: ['POLLIN'] }))).toBe('EBADF')
    expect(await submit(op.pollAdd({ fd: own(fs.openSync('/etc/passwd', 'r')), events: ['POLLIN'] }))).toBe(POLLIN)
  })

  proves('poll_remove', 'removes the poll it names, and no other', async (bench) => {
    const { submit, code } = bench
    const { read, write } = await pipe(bench)
    const [one, two] = [op.pollAdd({ fd: read, events: ['POLLIN'] }), op.pollAdd({ fd: read, events: ['POLLIN'] })]
    const first = settledWithin(submit(one))
    const second = submit(two)
    await sleep(5)
    expect(await submit(op.pollRemove({ operation: one }))).toBe(0)
    expect(await first).toBe('ECANCELED')
    fs.writeSync(write, 'x')
    expect(await second).toBe(POLLIN)
    expect(await code(op.pollRemove({ operation: two }))).toBe('ENOENT')
    expect(await code(op.pollRemove({ operation: op.nop() }))).toBe('ENOENT')
  })

  proves('poll_remove', 'changes what a poll waits for', async (bench) => {
    const { submit } = bench
    const { write } = await pipe(bench)
    const poll = op.pollAdd({ fd: write, events: ['POLLPRI'] })
    const polling = submit(poll)
    await sleep(5)
    expect(await submit(op.pollRemove({ operation: poll, events: ['POLLOUT'] }))).toBe(0)
    expect(await polling).toBe(POLLOUT)
  })

  proves('epoll_ctl', 'adds, changes and removes descriptors', async (bench) => {
    const { submit, code, own } = bench
    const { read, write } = await pipe(bench)
    const { epollFd, close } = await epollInstance(bench.submit)
    const add = { epollFd, command: 'EPOLL_CTL_ADD', fd: read, events: ['EPOLLIN'], data: 2 ** 40 + 3 } as const
    expect(await submit(op.epollCtl(add))).toBe(0)
    expect(watched(epollFd)).toEqual([{ fd: read, events: 0x19, data: 2 ** 40 + 3 }])
    expect(await code(op.epollCtl(add))).toBe('EEXIST')
    expect(await submit(op.epollCtl({ ...add, command: 'EPOLL_CTL_MOD', events: ['EPOLLIN', 'EPOLLET'] }))).toBe(0)
    expect(watched(epollFd)).toEqual([{ fd: read, events: 0x80000019, data: 2 ** 40 + 3 }])
    expect(await submit(op.epollCtl({ epollFd, command: 'EPOLL_CTL_DEL', fd: read }))).toBe(0)
    expect(watched(epollFd)).toEqual([])
    expect(await code(op.epollCtl({ epollFd, command: 'EPOLL_CTL_DEL', fd: read }))).toBe('ENOENT')
    expect(await code(op.epollCtl({ epollFd: write, command: 'EPOLL_CTL_ADD', fd: read }))).toBe('EINVAL')
    expect(await code(op.epollCtl({ ...add, fd: own(fs.openSync('/etc/passwd', 'r')) }))).toBe('EPERM')
    await close()
  })

  proves('epoll_wait', 'gives what is ready, with its data', async (bench) => {
    const { submit, code, raw } = bench
    const { read, write } = await pipe(bench)
    const { epollFd, close } = await epollInstance(bench.submit)
    const data = Number.MAX_SAFE_INTEGER
    await submit(op.epollCtl({ epollFd, command: 'EPOLL_CTL_ADD', fd: read, events: ['EPOLLIN'], data }))
    const waiting = submit(op.epollWait({ epollFd, eventsMax: 4 }))
    expect(await settledWithin(waiting, 20)).toBe('pending')
    await submit(op.epollCtl({ epollFd, command: 'EPOLL_CTL_ADD', fd: write, events: ['EPOLLOUT'] }))
    expect(await waiting).toEqual([{ events: POLLOUT, data: write }])
    fs.writeSync(write, 'x')
    const reports = await submit(op.epollWait({ epollFd }))
    expect(reports).toHaveLength(2)
    expect(reports).toContainEqual({ events: POLLIN, data })
    expect(await submit(op.epollWait({ epollFd, eventsMax: 1 }))).toHaveLength(1)
    expect(await code(op.epollWait({ epollFd: read }))).toBe('EINVAL')
    await submit(op.epollCtl({ epollFd, command: 'EPOLL_CTL_DEL', fd: read }))
    await submit(op.epollCtl({ epollFd, command: 'EPOLL_CTL_DEL', fd: write }))
    const [outcome] = await raw.chain().link(op.epollWait({ epollFd })).timeout(10).submit()
    expect(outcome?.status).toBe('timed-out')
    await close()
  })
})

it('refuses misuse at once', () => {
  expect(errorCode(() => op.epollWait({ epollFd: 1, eventsMax: 0 }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => op.epollCtl({ epollFd: 1, command: 1, fd: 1, data: 2 ** 53 }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => Reflect.apply(op.pollAdd, null, [{ fd: 1 }]))).toBe('no error')
  expect(errorCode(() => Reflect.apply(op.pollAdd, null, [{ fd: 1, events: ['IN'] }]))).toBe('ERR_INVALID_ARG_VALUE')
  expect(errorCode(() => Reflect.apply(op.pollRemove, null, [{ operation: 7 }]))).toBe('ERR_INVALID_ARG_TYPE')
})
