// Mailboxes: who reads what, what becomes of messages that nobody reads, and how a mailbox ends.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { op, sendMessageSync } from '../../../services/raw/index.ts'
import type { RawRing } from '../../../services/raw/index.ts'
import { Ringmaster } from '../../../services/ringmaster.ts'
import { expectStale } from '../conservation.ts'
import { handleOf } from './conformance.ts'
import { eventually, failure, pollers, seededRandom, settledWithin, temporaryFolder, testSeed } from '../harness.ts'
import { errorCode } from './errors.ts'

const folder = temporaryFolder()
const file = `${folder.path}/file`
writeFileSync(file, 'content')
afterAll(() => folder.remove())

describe.each(pollers)('a mailbox of a ring with poller %s', (poller) => {
  let rings: Ringmaster
  let raw: RawRing
  let other: RawRing
  beforeAll(async () => {
    rings = await Ringmaster.start({ rings: 2, poller, sqEntries: 64 })
    raw = rings.raw(0)
    other = rings.raw(1)
  })
  afterAll(() => rings.close())
  const arrived = async (): Promise<void> => {
    // What was sent before it has been reaped when this is over.
    await raw.submit(op.nop())
  }

  it('gets its own messages and no others, whatever is underway beside them', async () => {
    const random = seededRandom(testSeed('mailboxes'))
    const mailboxes = [raw.messages(), raw.messages(), raw.messages()]
    const sent: number[][] = mailboxes.map(() => [])
    const nops: Promise<number>[] = []
    for (let data = 0; data < 600; data++) {
      const which = Math.floor(random() * mailboxes.length)
      sent[which]!.push(data)
      if (random() < 0.5) await other.sendMessage(mailboxes[which]!, { data })
      else sendMessageSync(mailboxes[which]!, { data })
      if (random() < 0.5) nops.push(raw.submit(op.nop({ result: data })))
    }
    for (const [which, mailbox] of mailboxes.entries()) {
      const seen: number[] = []
      while (seen.length < sent[which]!.length) seen.push((await mailbox.next()).value!.data)
      expect(seen).toEqual(sent[which])
      await mailbox.return()
    }
    const results = await Promise.all(nops)
    expect(results).toEqual([...results].sort((a, b) => a - b))
  })

  it('drops what is more than it may hold, counts it, and closes the descriptors among it', async () => {
    const mailbox = raw.messages({ waitingMax: 2 })
    const fd = await other.submit(op.openat({ path: file, direct: 'allocate' }))
    const slots: number[] = []
    for (let count = 0; count < 4; count++) slots.push(await other.sendDescriptor(mailbox, fd))
    await arrived()
    expect(await eventually(() => mailbox.dropped === 2)).toBe(true)
    const read = (direct: number) => raw.submit(op.read({ fd: { direct }, buffer: Buffer.alloc(9), position: 0 }))
    const gone = async (direct: number): Promise<boolean> => (await settledWithin(read(direct))) === 'EBADF'
    for (const slot of slots.slice(2)) while (!(await gone(slot))) await sleep(1)
    expect(await Promise.all(slots.slice(0, 2).map(read))).toEqual([7, 7])
    expect((await mailbox.next()).value).toMatchObject({ descriptor: { direct: slots[0] } })
    await raw.submit(op.close({ fd: { direct: slots[0]! } }))
    // What was not read is closed with the mailbox.
    await mailbox.return()
    while (!(await gone(slots[1]!))) await sleep(1)
    await other.submit(op.close({ fd }))
  })

  it('gives what has come to readers in the order in which they asked', async () => {
    const mailbox = raw.messages()
    const readers = [mailbox.next(), mailbox.next(), mailbox.next()]
    for (let data = 0; data < 3; data++) sendMessageSync(mailbox, { data })
    expect((await Promise.all(readers)).map(({ value }) => value?.data)).toEqual([0, 1, 2])
    await mailbox.return()
  })

  it('ends its readers when it is closed, and what is sent to it then is stale', async () => {
    const mailbox = raw.messages()
    const reader = mailbox.next()
    await mailbox.return()
    expect(await reader).toEqual({ done: true, value: undefined })
    expect(await mailbox.next()).toEqual({ done: true, value: undefined })
    expectStale(handleOf(raw))
    const before = rings.stats().rings[0]!.staleCompletions
    sendMessageSync(mailbox, { data: 1 })
    const next = raw.messages()
    sendMessageSync(next, { data: 2 })
    expect((await next.next()).value).toMatchObject({ data: 2 })
    expect(rings.stats().rings[0]!.staleCompletions).toBe(before + 1)
    await next.return()
  })

  it('closes descriptors that come when it is closed, more of them than its ring has room for', async () => {
    expectStale(handleOf(raw))
    const fd = await other.submit(op.openat({ path: file, direct: 'allocate' }))
    // The receiver does nothing meanwhile. How soon it looks is up to the poller.
    const send = async (to: { ringFd: number; address: number }): Promise<void> => {
      const endMs = performance.now() + 10_000
      while ((await settledWithin(other.sendDescriptor(to, fd), 10_000)) !== 'resolved') {
        expect(performance.now()).toBeLessThan(endMs)
        await sleep(1)
      }
    }
    for (let count = 0; count < 140; count++) {
      const mailbox = raw.messages()
      const sent = send(mailbox)
      await mailbox.return()
      await sent
      await send(mailbox)
    }
    await other.submit(op.close({ fd }))
  }, 30_000)

  it('is closed by its signal, which its reader is told once', async () => {
    const abort = new AbortController()
    const mailbox = raw.messages({ signal: abort.signal })
    const reader = failure(mailbox.next())
    abort.abort()
    expect(await reader).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' })
    expect(await mailbox.next()).toEqual({ done: true, value: undefined })
    expect(errorCode(() => raw.messages({ signal: abort.signal }))).toBe('ABORT_ERR')
    expect(errorCode(() => raw.messages({ waitingMax: 0 }))).toBe('ERR_OUT_OF_RANGE')
  })

  it('does not hold up the end of its ring: what came before can be read, then it is over', async () => {
    const short = await Ringmaster.start({ rings: 1, poller, closeGraceMs: 3_600_000 })
    const target = short.raw()
    const [idle, used] = [target.messages(), target.messages()]
    const reader = idle.next()
    sendMessageSync(used, { data: 5 })
    await target.submit(op.nop())
    await short.close()
    expect(await reader).toMatchObject({ done: true })
    expect((await used.next()).value).toMatchObject({ data: 5 })
    expect(await used.next()).toMatchObject({ done: true })
    expect(errorCode(() => target.messages())).toBe('ERR_RING_CLOSED')
  })

  it('of a ring that was closed cannot be sent to, and who knows its numbers only is told so too', async () => {
    const short = await Ringmaster.start({ rings: 1, poller, sqEntries: 64 })
    const mailbox = short.raw().messages()
    const { ringFd, address } = mailbox
    await short.close()
    expect(await failure(raw.sendMessage(mailbox, { data: 1 }))).toMatchObject({ code: 'ERR_RING_CLOSED' })
    // The number may be another file's by now.
    const gone =
      /^(EBADF|EBADFD): .*no ring has that ringFd: it was closed, so ask its thread for the address of a new mailbox/
    const to = { ringFd, address }
    await expect(raw.sendMessage(to, { data: 1 })).rejects.toThrow(gone)
    await expect(raw.submit(op.msgRing({ ringFd, userData: address, result: 1 }))).rejects.toThrow(gone)
    expect(() => {
      sendMessageSync(to, { data: 1 })
    }).toThrow(gone)
    const fd = await raw.submit(op.openat({ path: file, direct: 'allocate' }))
    await expect(raw.sendDescriptor(to, fd)).rejects.toThrow('no ring has that ringFd')
    await raw.submit(op.close({ fd }))
  })

  it('whose ring, or whose sender’s ring, is closed with messages under way: each send settles, and what arrived is read', async () => {
    const random = seededRandom(testSeed('mailboxes closed under way'))
    for (let round = 0; round < 12; round++) {
      const [sender, receiver] = await Promise.all(
        [1, 1].map((rings) => Ringmaster.start({ rings, poller, sqEntries: 64 })),
      )
      const mailbox = receiver!.raw().messages({ waitingMax: 100_000 })
      const count = 1 + Math.floor(random() * 400)
      const closing: Promise<void>[] = []
      const sends = Array.from({ length: count }, (_, data) => {
        const sent = sender!.raw().sendMessage(mailbox, { data })
        if (data === Math.floor(count / 2)) closing.push((round % 2 === 0 ? sender! : receiver!).close())
        return failure(sent)
      })
      const outcomes = (await Promise.all(sends)).map(({ code }) => code)
      await Promise.all(closing)
      if (round % 2 === 0) {
        // All that was sent has arrived before this.
        sendMessageSync(mailbox, { data: -1 })
      }
      await receiver!.close()
      const read: number[] = []
      for await (const { data } of mailbox) read.push(data)
      const arrived = outcomes.flatMap((code, data) => (code === undefined ? [data] : []))
      for (const code of outcomes) expect([undefined, 'ERR_RING_CLOSED', 'EBADF', 'EBADFD']).toContain(code)
      // Those that were sent while the receiver was closing may have come too late.
      if (round % 2 === 0) expect(read).toEqual([...arrived, -1])
      else expect(read).toEqual(arrived.slice(0, read.length))
      await sender!.close()
    }
  }, 60_000)

  it('keeps the process alive while somebody reads, and no longer', () => {
    const [library, rawLibrary] = ['index.js', 'raw/index.js'].map((name) =>
      JSON.stringify(new URL(`../../../dist/services/${name}`, import.meta.url).href),
    )
    const script = `
      import { Ringmaster } from ${library}
      import { sendMessageSync } from ${rawLibrary}
      const rings = await Ringmaster.start({ rings: 1, poller: '${poller}' })
      const mailbox = rings.raw().messages()
      setTimeout(() => sendMessageSync(mailbox, { data: 1 }), 300).unref()
      console.log((await mailbox.next()).value.data)
      // Nobody reads any more: the process ends although the mailbox is open.`
    const { status, stdout, stderr, signal } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      timeout: 20_000,
    })
    expect({ status, stdout, stderr, signal }).toEqual({ status: 0, stdout: '1\n', stderr: '', signal: null })
  })
})
