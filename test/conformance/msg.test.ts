// Messages between rings: data, descriptors, flags, and what becomes of them where the other's queue is full.
import * as fs from 'node:fs'
import { Worker } from 'node:worker_threads'
import { once } from 'node:events'
import { expect, it } from 'vitest'
import { SetupFlag } from '../../native/abi.ts'
import { binding } from '../../native/binding.ts'
import { op, sendMessageSync } from '../../services/raw/index.ts'
import type { Mailbox, RawRing, RingMessage } from '../../services/raw/index.ts'
import { eventually, failure } from '../services/harness.ts'
import { bareRing } from '../services/raw/bare-ring.ts'
import { errorCode } from '../services/raw/errors.ts'
import { describeOnEveryRing, handleOf } from './every-ring.ts'

async function take(mailbox: Mailbox, count: number): Promise<RingMessage[]> {
  const messages: RingMessage[] = []
  while (messages.length < count) {
    const { value, done } = await mailbox.next()
    if (done === true) break
    messages.push(value)
  }
  return messages
}

const data = (value: number, tag = 0, flags = 0): RingMessage => ({ data: value, tag, flags, descriptor: null })

/** A ring that is set up disabled, with nothing else. */
function disabledRing(): number {
  const params = new Uint8Array(120)
  new DataView(params.buffer).setUint32(8, SetupFlag.R_DISABLED, true)
  const control = new Uint8Array(512)
  const fd = binding().setup(8, params, control)
  if (fd < 0) throw new Error(`io_uring_setup: ${fd}`)
  return fd
}

async function contentOf(raw: RawRing, direct: number): Promise<string> {
  const buffer = Buffer.alloc(64)
  return buffer.toString('utf8', 0, await raw.submit(op.read({ fd: { direct }, buffer, position: 0 })))
}

describeOnEveryRing('msg', (stand) => {
  it('msg-ring: a ring sends to itself', async () => {
    const { raw } = stand
    const mailbox = raw.messages()
    expect(await raw.submit(op.msgRing({ ringFd: raw.ringFd, userData: mailbox.address, result: 0x10 }))).toBe(0)
    sendMessageSync(mailbox, { data: 0x20 })
    expect(await take(mailbox, 2)).toEqual([data(0x10), data(0x20)])
    await mailbox.return()
  })

  it('msg-ring: a ring sends to another, which waits and has nothing else to do', async () => {
    const { raw, other } = stand
    const mailbox = other.messages()
    for (let round = 0; round < 20; round++) {
      const waiting = take(mailbox, 1)
      // Now and then long enough for the other side to fall asleep.
      if (round % 5 === 0) await eventually(() => false, 20)
      if (round % 2 === 0) await raw.sendMessage(mailbox, { data: round, tag: 0xffffffff })
      else sendMessageSync(mailbox, { data: round, tag: 0xffffffff })
      expect(await waiting).toEqual([data(round, 0xffffffff)])
    }
    await mailbox.return()
  })

  it('msg-ring: a thread without a ring sends to one', async () => {
    const { raw } = stand
    const mailbox = raw.messages()
    const script = `
      const { workerData } = require('node:worker_threads')
      import(workerData.module).then(({ sendMessageSync }) => {
        for (let data = 0; data < 100; data++) sendMessageSync(workerData.to, { data, tag: 7 })
      })`
    const module = new URL('../../dist/services/raw/index.js', import.meta.url).href
    const to = { ringFd: mailbox.ringFd, address: mailbox.address }
    const exit = once(new Worker(script, { eval: true, workerData: { module, to } }), 'exit')
    expect(await take(mailbox, 100)).toEqual(Array.from({ length: 100 }, (_, value) => data(value, 7)))
    await exit
    await mailbox.return()
  })

  it('msg-ring: what is no ring is refused, and so is one that is disabled', async () => {
    const { raw, own } = stand
    const mailbox = raw.messages()
    const file = own(fs.openSync('/dev/null', 'r'))
    const disabled = own(disabledRing())
    for (const [ringFd, code] of [
      [file, 'EBADFD'],
      [disabled, 'EBADFD'],
      [2 ** 30, 'EBADF'],
    ] as const) {
      expect(await failure(raw.sendMessage({ ringFd, address: 0 }, { data: 1 }))).toMatchObject({ code })
      expect(errorCode(() => sendMessageSync({ ringFd, address: 0 }, { data: 1 }))).toBe(code)
    }
    expect(await failure(raw.sendMessage(mailbox, { data: 2 ** 31 }))).toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
    expect(errorCode(() => sendMessageSync(mailbox, { data: 1.5 }))).toBe('ERR_OUT_OF_RANGE')
    await mailbox.return()
  })

  it('msg-ring-fd: a descriptor goes into a free slot of the other ring, which can use it when the giver has closed its own', async () => {
    const { raw, other, path } = stand
    const mailbox = other.messages()
    const name = path()
    fs.writeFileSync(name, 'handed over')
    const fd = await raw.submit(op.openat({ path: name, direct: 'allocate' }))
    const slot = await raw.sendDescriptor(mailbox, fd, { tag: 3 })
    await raw.submit(op.close({ fd }))
    const [message] = await take(mailbox, 1)
    expect(message).toEqual({ data: slot, tag: 3, flags: 0, descriptor: { direct: slot } })
    expect(await contentOf(other, slot)).toBe('handed over')
    await other.submit(op.close({ fd: message!.descriptor! }))
    expect(await failure(raw.sendDescriptor(mailbox, fd))).toMatchObject({ code: 'EBADF' })
    await mailbox.return()
  })

  it('msg-ring-fd: silently, into a slot that is named, over what is there; not to itself', async () => {
    const { raw, other, path } = stand
    const mailbox = other.messages()
    const names = [path(), path()]
    names.forEach((name, index) => {
      fs.writeFileSync(name, `file ${index}`)
    })
    const fds = await Promise.all(names.map((name) => raw.submit(op.openat({ path: name, direct: 'allocate' }))))
    for (const [index, fd] of fds.entries()) {
      await raw.submit(op.msgRing({ ringFd: other.ringFd, fd, into: 60, userData: mailbox.address, silent: true }))
      expect(await contentOf(other, 60)).toBe(`file ${index}`)
    }
    const slot = await raw.sendDescriptor(mailbox, fds[0]!, { silent: true })
    expect(await contentOf(other, slot)).toBe('file 0')
    // Had there been messages for those, they would be before this one.
    await raw.sendMessage(mailbox, { data: 1 })
    expect(await take(mailbox, 1)).toEqual([data(1)])
    expect(
      await failure(raw.submit(op.msgRing({ ringFd: raw.ringFd, fd: fds[0]!, into: 5, silent: true }))),
    ).toMatchObject({
      code: 'EINVAL',
    })
    for (const fd of fds) await raw.submit(op.close({ fd }))
    for (const direct of [60, slot]) await other.submit(op.close({ fd: { direct } }))
    await mailbox.return()
  })

  it('msg-ring-fd: a full table is no place for one more, and nothing is said then', async () => {
    const { raw, other, path, own } = stand
    const mailbox = other.messages()
    const name = path()
    fs.writeFileSync(name, 'x')
    const fd = await raw.submit(op.openat({ path: name, direct: 'allocate' }))
    const taken: { direct: number }[] = []
    const plain = own(fs.openSync(name, 'r'))
    let full = false
    while (!full) {
      const update = other.submit(op.filesUpdate({ descriptors: [plain], index: 'allocate' }))
      full = await update.then(
        (slots) => (taken.push(...slots), false),
        () => true,
      )
    }
    expect(await failure(raw.sendDescriptor(mailbox, fd))).toMatchObject({ code: 'ENFILE' })
    await other.submit(op.close({ fd: taken[0]! }))
    expect(await raw.sendDescriptor(mailbox, fd)).toBe(taken[0]!.direct)
    expect(await take(mailbox, 1)).toMatchObject([{ descriptor: taken[0]! }])
    await Promise.all(taken.map((slot) => other.submit(op.close({ fd: slot }))))
    await raw.submit(op.close({ fd }))
    await mailbox.return()
  })

  it('msg-ring-flags: flags arrive as they were sent, every time', async () => {
    const { raw, other } = stand
    const mailbox = other.messages()
    // Among them those that mean something in a ring's own completions: more to come, a notification, a buffer.
    const flags = [0x1, 0x2, 0x8, 0xf, 0xfffffff0, 0xffffffff, 0x1234_5678, 0]
    for (const flag of flags) await raw.sendMessage(mailbox, { data: -1, tag: flag, flags: flag })
    expect(await take(mailbox, flags.length)).toEqual(flags.map((flag) => data(-1, flag, flag)))
    const target = bareRing()
    await raw.submit(op.msgRing({ ringFd: target.fd, result: 5, cqeFlags: 0x8000_0001, userData: 9 }))
    expect(target.completions()).toEqual([{ userData: 9n, result: 5, flags: 0x80000001 }])
    target.close()
    expect(handleOf(other).client.inFlight).toBe(0)
    await mailbox.return()
  })

  it('msg-ring-overflow: more than the other queue holds are kept by the kernel, and none is lost', async () => {
    const { raw } = stand
    const target = bareRing() // 16 completions
    await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        raw.submit(op.msgRing({ ringFd: target.fd, result: index, userData: index })),
      ),
    )
    const seen: number[] = []
    for (let looks = 0; looks < 50 && seen.length < 50; looks++)
      seen.push(...target.completions().map(({ result }) => result))
    expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, index) => index))
    target.close()
  })

  it('msg-ring-overflow: of a flood while its receiver is busy nothing is lost', async () => {
    const { raw, rings } = stand
    const count = 1500 // completions there are 256 of
    const mailbox = raw.messages({ waitingMax: count })
    const before = rings.stats().rings[0]!.cqOverflows
    for (let index = 0; index < count; index++) sendMessageSync(mailbox, { data: index })
    expect(await take(mailbox, count)).toEqual(Array.from({ length: count }, (_, index) => data(index)))
    expect(rings.stats().rings[0]!.cqOverflows).toBeGreaterThan(before)
    expect(mailbox.dropped).toBe(0)
    expect(await raw.submit(op.nop())).toBe(0)
    await mailbox.return()
  })
})
