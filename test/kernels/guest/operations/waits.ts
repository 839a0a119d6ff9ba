// Proofs of operations that wait or that concern the ring itself: polls, timeouts, futexes, children, cancellation, tables, messages.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { features, flags, op, readStream } from '../../../../services/raw/index.ts'
import type { Operation } from '../../../../services/raw/index.ts'
import type { Bench } from '../bench.ts'
import { systemCall } from '../bench.ts'
import { codeOf, holds, same } from '../check.ts'
import type { Proofs } from './proof.ts'

const { POLLIN } = flags.PollEvent
const word = (value: number): Int32Array => new Int32Array(new SharedArrayBuffer(8)).fill(value)

/** Until what was submitted has got to the kernel: the ring is consumed in order. */
const underWay = async (bench: Bench): Promise<void> => {
  await bench.submit(op.nop())
  await sleep(20)
}

/** An operation that waits is ended by another one. */
async function cancelled(bench: Bench, waiting: Operation<unknown>, ends: Operation<unknown>): Promise<string> {
  const code = bench.code(waiting)
  await underWay(bench)
  await bench.submit(ends)
  return code
}

const epoll = (bench: Bench): number => bench.own(systemCall('epoll_create1', 0))

export const waitProofs: Proofs = {
  nop: async (bench) => {
    same(await bench.submit(op.nop()), 0)
    if ((await features()).nopInjectResult.ok || bench.poller === 'threadpool')
      same(await bench.submit(op.nop({ result: 42 })), 42)
  },
  async_cancel: async (bench) => {
    const read = op.read({ fd: bench.pipe().read, buffer: Buffer.alloc(1) })
    same(await cancelled(bench, read, op.asyncCancel({ operation: read })), 'ECANCELED')
    same(await bench.code(op.asyncCancel({ operation: op.nop() })), 'ENOENT')
    const { cancelOp, cancelUserData } = await features()
    if (bench.poller === 'threadpool') return
    if (!cancelOp.ok || !cancelUserData.ok) {
      const byKind = (async () => bench.submit(op.asyncCancel({ opcode: 'poll_add' })))()
      same(await codeOf(byKind), 'ERR_RING_OPERATION_UNSUPPORTED')
      return
    }
    const [poll, timeout] = [
      op.pollAdd({ fd: bench.pipe().read, events: ['POLLIN'] }),
      op.timeout({ timeMs: 3_600_000 }),
    ]
    const [polling, waiting] = [bench.code(poll), bench.code(timeout)]
    await underWay(bench)
    same(await bench.code(op.asyncCancel({ operation: timeout, opcode: 'poll_add' })), 'ENOENT', 'a mismatch')
    same(await bench.submit(op.asyncCancel({ opcode: 'poll_add', all: true })), 1, 'polls that were cancelled')
    same(await polling, 'ECANCELED')
    await bench.submit(op.asyncCancel({ operation: timeout, opcode: 'timeout' }))
    same(await waiting, 'ECANCELED')
  },
  poll_add: async (bench) => {
    const { read, write } = bench.pipe()
    const polling = bench.submit(op.pollAdd({ fd: read, events: ['POLLIN'] }))
    await underWay(bench)
    fs.writeSync(write, 'x')
    same(await polling, POLLIN)
  },
  poll_remove: async (bench) => {
    const poll = op.pollAdd({ fd: bench.pipe().read, events: ['POLLIN'] })
    same(await cancelled(bench, poll, op.pollRemove({ operation: poll })), 'ECANCELED')
    const changed = op.pollAdd({ fd: bench.pipe().write, events: ['POLLPRI'] })
    const polling = bench.submit(changed)
    await underWay(bench)
    same(await bench.submit(op.pollRemove({ operation: changed, events: ['POLLOUT'] })), 0)
    same(await polling, flags.PollEvent.POLLOUT)
  },
  epoll_ctl: async (bench) => {
    const { read } = bench.pipe()
    const epollFd = epoll(bench)
    const add = { epollFd, command: 'EPOLL_CTL_ADD', fd: read, events: ['EPOLLIN'], data: 2 ** 40 + 3 } as const
    same(await bench.submit(op.epollCtl(add)), 0)
    holds(
      fs.readFileSync(`/proc/self/fdinfo/${epollFd}`, 'latin1').includes(`data: ${' '.repeat(5)}10000000003`),
      'it is watched',
    )
    same(await bench.code(op.epollCtl(add)), 'EEXIST')
  },
  epoll_wait: async (bench) => {
    const { read, write } = bench.pipe()
    const epollFd = epoll(bench)
    await bench.submit(op.epollCtl({ epollFd, command: 'EPOLL_CTL_ADD', fd: read, events: ['EPOLLIN'], data: 7 }))
    fs.writeSync(write, 'x')
    same(await bench.submit(op.epollWait({ epollFd })), [{ events: POLLIN, data: 7 }])
  },
  timeout: async (bench) => {
    for (const clock of ['monotonic', 'boottime', 'realtime'] as const) {
      const startMs = performance.now()
      same(await bench.submit(op.timeout({ timeMs: 20.5, clock })), 'elapsed')
      holds(performance.now() - startMs >= 20, `${clock}: it waits that long at least`)
    }
  },
  timeout_remove: async (bench) => {
    const timeout = op.timeout({ timeMs: 3_600_000 })
    same(await cancelled(bench, timeout, op.timeoutRemove({ operation: timeout })), 'ECANCELED')
    same(await bench.code(op.timeoutRemove({ operation: timeout })), 'ENOENT')
  },
  link_timeout: async (bench) => {
    const read = op.read({ fd: bench.pipe().read, buffer: Buffer.alloc(1) })
    const outcomes = await bench.raw
      .chain()
      .link(read)
      .link(op.linkTimeout({ timeMs: 15 }))
      .submit()
    same(
      outcomes.map(({ status }) => status),
      ['timed-out', 'done'],
    )
  },
  futex_wait: async (bench) => {
    const array = word(5)
    const waiting = bench.submit(op.futexWait({ array, value: 5 }))
    await underWay(bench)
    same(await bench.other.submit(op.futexWake({ array })), 1)
    same(await waiting, 0)
    same(await bench.code(op.futexWait({ array, value: 1 })), 'EAGAIN')
  },
  futex_wake: async (bench) => {
    same(await bench.submit(op.futexWake({ array: word(5) })), 0)
  },
  futex_waitv: async (bench) => {
    const waiters = [word(1), word(2)].map((array, index) => ({ array, value: index + 1 }))
    const waiting = bench.submit(op.futexWaitv({ waiters }))
    await underWay(bench)
    same(await bench.other.submit(op.futexWake({ array: waiters[1]!.array })), 1)
    same(await waiting, 1)
  },
  waitid: async (bench) => {
    const child = spawn('/bin/sh', ['-c', 'exec sleep 1000'], { stdio: 'ignore' })
    await once(child, 'spawn')
    const id = child.pid!
    const stopping = bench.submit(op.waitid({ idType: 'P_PID', id, options: ['WSTOPPED'] }))
    child.kill('SIGSTOP')
    const change = await stopping
    same([change?.pid, change?.cause], [id, 'stopped'])
    child.kill('SIGKILL')
    await once(child, 'exit')
  },
  files_update: async (bench) => {
    const descriptors = [bench.open(bench.path('zero')), bench.open(bench.path('one'))]
    same(await bench.submit(op.filesUpdate({ descriptors, index: 40 })), 2)
    const buffer = Buffer.alloc(3)
    same(await bench.submit(op.read({ fd: { direct: 41 }, buffer, position: 0 })), 3)
    same(buffer.toString(), 'one')
    same(await bench.submit(op.filesUpdate({ descriptors: [-1, -1], index: 40 })), 2)
    same(await bench.code(op.read({ fd: { direct: 41 }, buffer, position: 0 })), 'EBADF')
    const [slot] = await bench.submit(op.filesUpdate({ descriptors: descriptors.slice(0, 1), index: 'allocate' }))
    same(await bench.submit(op.close({ fd: slot! })), 0)
  },
  fixed_fd_install: async (bench) => {
    const path = bench.path('installed')
    const direct = await bench.submit(op.openat({ path, direct: 'allocate' }))
    const fd = bench.own(await bench.submit(op.fixedFdInstall({ fd: direct })))
    same(fs.readlinkSync(`/proc/self/fd/${fd}`), path)
    await bench.submit(op.close({ fd: direct }))
  },
  provide_buffers: async (bench) => {
    const fd = bench.open(bench.path('abcdefghij'))
    const memory = Buffer.alloc(8, '.')
    await bench.submit(op.provideBuffers({ buffer: memory, sizeBytes: 4, bufferGroup: 500, firstId: 100 }))
    const { bytes, bufferId } = await bench.submit(op.read({ fd, bufferGroup: 500, position: 0 }))
    const at = (bufferId! - 100) * 4
    same([bytes, memory.toString('latin1', at, at + 4)], [4, 'abcd'])
    same(await bench.submit(op.removeBuffers({ bufferGroup: 500, count: 10 })), 1)
  },
  remove_buffers: async (bench) => {
    await bench.submit(op.provideBuffers({ buffer: Buffer.alloc(40), sizeBytes: 4, bufferGroup: 501 }))
    same(await bench.submit(op.removeBuffers({ bufferGroup: 501, count: 3 })), 3)
    same(await bench.submit(op.removeBuffers({ bufferGroup: 501, count: 100 })), 7)
    same(await bench.code(op.removeBuffers({ bufferGroup: 502, count: 1 })), 'ENOENT')
  },
  read_multishot: async (bench) => {
    const { read, write } = bench.pipe()
    const buffers = bench.raw.provideBuffers({ count: 4, sizeBytes: 16 })
    const stream = bench.raw.stream(readStream({ fd: read, buffers }))
    for (const text of ['one', 'two']) {
      const next = stream.next()
      fs.writeSync(write, text)
      const { value } = await next
      same(String(value?.bytes), text)
      value?.release()
    }
    await stream.return()
    buffers.close()
  },
  msg_ring: async (bench) => {
    const mailbox = bench.other.messages()
    await bench.raw.sendMessage(mailbox, { data: 42 })
    const { value } = await mailbox.next()
    same(value?.data, 42)
    const fd = bench.open('/dev/null')
    same(await codeOf(bench.raw.submit(op.msgRing({ ringFd: fd, result: 0 }))), 'EBADFD')
    await mailbox.return()
  },
}
