// `ringmaster/raw` on the poller `threadpool`, whose rings are not the kernel's: what needs one is refused before anything is submitted,
// with the reason; what can do without works.
import { existsSync, readFileSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { Socket } from 'node:net'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Op } from '../../../native/abi.ts'
import { leasedDescriptors } from '../../../native/layout.ts'
import { op, pollStream, recvStream } from '../../../services/raw/index.ts'
import { Ringmaster } from '../../../services/ringmaster.ts'
import { handleOf } from '../../conformance/every-ring.ts'
import { eventually, failure, fieldOf, seededBytes, temporaryFolder } from '../harness.ts'

const folder = temporaryFolder()
let rings: Ringmaster
beforeAll(async () => {
  rings = await Ringmaster.start({ poller: 'threadpool', rings: 2 })
})
afterAll(async () => {
  await rings.close()
  folder.remove()
})

const refused = {
  code: 'ERR_RING_OPERATION_UNSUPPORTED',
  message: expect.stringMatching(/threadpool/) as string,
}

/** What it throws or rejects with: code and message. */
async function refusal(body: () => unknown): Promise<unknown> {
  try {
    await body()
  } catch (error) {
    return { code: fieldOf(error, 'code'), message: fieldOf(error, 'message') }
  }
  return 'no error'
}

/** How often a path is open in this process. */
const opened = (path: string): number =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path
    } catch {
      return false // closed meanwhile
    }
  }).length

describe('what needs a ring in the kernel is refused', () => {
  it.each<[string, (raw: ReturnType<Ringmaster['raw']>) => unknown]>([
    ['a registration by number', (raw) => raw.register(8, null, 0)],
    ['probe', (raw) => raw.registrations.probe()],
    ['personality', (raw) => raw.registrations.personality()],
    ['filesUpdate', (raw) => raw.registrations.filesUpdate({ index: 0, descriptors: [-1] })],
    ['fileAllocRange', (raw) => raw.registrations.fileAllocRange({ index: 0, count: 1 })],
    ['syncCancel', (raw) => raw.registrations.syncCancel({ any: true })],
    ['iowqMaxWorkers', (raw) => raw.registrations.iowqMaxWorkers({})],
    ['iowqAffinity', (raw) => raw.registrations.iowqAffinity([0])],
    ['clock', (raw) => raw.registrations.clock('BOOTTIME')],
    ['napi', (raw) => raw.registrations.unregisterNapi()],
    ['registered buffers', (raw) => raw.buffers.update(0, Buffer.alloc(1))],
    ['clones of them', (raw) => raw.buffers.clone(rings.raw(1))],
    ['provided buffers', (raw) => raw.provideBuffers({ count: 1, sizeBytes: 1 })],
    ['bundles', (raw) => raw.outgoing({ fd: 0 })],
    ['a mailbox', (raw) => raw.messages()],
    ['a message', (raw) => raw.sendMessage({ ringFd: 0, address: 0 }, { data: 0 })],
    ['a futex', (raw) => raw.submit({ ...op.nop(), row: { ...op.nop().row, opcode: Op.FUTEX_WAIT } })],
  ])('%s', async (_, body) => {
    expect(await refusal(() => body(rings.raw()))).toMatchObject(refused)
    expect(await rings.raw().submit(op.nop())).toBe(0)
  })

  it('a stream whose buffers are another ring’s', async () => {
    await using others = await Ringmaster.start({ poller: 'caller', rings: 1 })
    const buffers = others.raw().provideBuffers({ count: 1, sizeBytes: 16 })
    expect(await refusal(() => rings.raw().stream(recvStream({ fd: 0, buffers })))).toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
    })
    buffers.close()
  })

  it('another ring’s personality: nobody is taken for somebody else', async () => {
    await using others = await Ringmaster.start({ poller: 'caller', rings: 1 })
    const personality = others.raw().registrations.personality()
    expect(await failure(rings.raw().submit(op.nop(), { personality }))).toMatchObject({ code: 'EINVAL' })
    personality.unregister()
  })

  it('restrictions, before anything is made', async () => {
    const start = (): Promise<Ringmaster> =>
      Ringmaster.start({ poller: 'threadpool', restrictions: { operations: ['nop'] } })
    const message = expect.stringMatching(/poller 'threadpool' has none/) as string
    expect(await refusal(start)).toEqual({ code: 'ERR_INVALID_ARG_VALUE', message })
  })
})

describe('what can do without works', () => {
  it('an arena, unregistered and saying why', async () => {
    const arena = rings.arena({ slabs: 2 })
    expect(arena).toMatchObject({ registered: false, reason: expect.stringMatching(/threadpool/) as string })
    const [from, into] = [arena.lease(), arena.lease()]
    expect(from.bufferIndex).toBeNull()
    const path = `${folder.path}/arena`
    seededBytes(from.buffer.length, 5).copy(from.buffer)
    await using file = await rings.open(path, 'w+')
    expect((await file.write(from.buffer, 0, null, 0)).bytesWritten).toBe(from.buffer.length)
    expect((await file.read(into.buffer, 0, into.buffer.length, 0)).bytesRead).toBe(from.buffer.length)
    expect(readFileSync(path).equals(into.buffer)).toBe(true)
    from.release()
    into.release()
    await arena.close()
  })

  it('leased direct slots: every one, and a release closes the file that is open in it', async () => {
    const raw = rings.raw()
    const path = `${folder.path}/slots`
    writeFileSync(path, 'slots')
    const slots = Array.from({ length: leasedDescriptors }, () => raw.directSlots.lease())
    for (const slot of slots) await raw.submit(op.openat({ path, direct: slot }))
    expect(opened(path)).toBe(leasedDescriptors)
    const buffer = Buffer.alloc(5)
    expect(await raw.submit(op.read({ fd: slots.at(-1)!, buffer, position: 0 }))).toBe(5)
    expect(buffer.toString()).toBe('slots')
    for (const slot of slots) slot.release()
    expect(await eventually(() => opened(path) === 0)).toBe(true)
    const again = raw.directSlots.lease()
    expect(await failure(raw.submit(op.read({ fd: again, buffer, position: 0 })))).toMatchObject({ code: 'EBADF' })
    again.release()
  })

  it('chains with quiet steps, and a barrier after them', async () => {
    const raw = rings.raw()
    const path = `${folder.path}/quiet`
    const outcomes = await raw
      .chain()
      .link(op.mkdirat({ path }), { quiet: true })
      .link(op.unlinkat({ path, flags: ['AT_REMOVEDIR'] }), { quiet: true })
      .link(op.nop())
      .submit()
    expect(outcomes).toMatchObject([{ status: 'done' }, { status: 'done' }, { status: 'done', value: 0 }])
    expect(existsSync(path)).toBe(false)
    const failed = await raw
      .chain()
      .link(op.nop({ result: -5 }), { quiet: true })
      .link(op.nop(), { quiet: true })
      .submit()
    expect(failed.map(({ status }) => status)).toEqual(['failed', 'cancelled'])
    expect(await raw.submit(op.nop(), { drain: true })).toBe(0)
    expect(handleOf(raw).client.slots.used).toBe(0)
  })

  it('sends of several buffers, and a sender that copies and says so', async () => {
    const raw = rings.raw()
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const accepted = once(server, 'connection') as Promise<[Socket]>
    const fd = await raw.submit(op.socket({ family: 'AF_INET', type: 'SOCK_STREAM' }))
    await raw.submit(op.connect({ fd, address: { address: '127.0.0.1', port } }))
    const [peer] = await accepted
    const closed = once(peer, 'close') // may come before the answer to our own close
    const received: Buffer[] = []
    peer.on('data', (data: Buffer) => received.push(data))
    const buffers = [Buffer.from('one '), Buffer.from('two '), Buffer.from('three ')]
    expect(await raw.submit(op.sendVector({ fd, buffers }))).toBe(14)
    expect(await raw.submit(op.sendVector({ fd, buffers, flags: ['MSG_WAITALL'] }))).toBe(14)
    const sender = raw.sender(fd, { zeroCopyThresholdBytes: 0 })
    expect(sender.zeroCopy).toMatchObject({ active: false, reason: 'unsupported' })
    const large = seededBytes(1 << 20, 6)
    expect(await sender.send(large)).toBe(large.length)
    await raw.submit(op.close({ fd }))
    await closed
    server.close()
    const expected = Buffer.concat([...buffers, ...buffers, large])
    expect(Buffer.concat(received).equals(expected)).toBe(true)
  })

  it('a poll that is changed while it goes on', async () => {
    const raw = rings.raw()
    const { read, write } = await raw.submit(op.pipe())
    const source = pollStream({ fd: write, events: ['POLLIN'] })
    const polls = raw.stream(source)
    const first = polls.next()
    await raw.submit(op.nop())
    expect(await raw.submit(source.update(['POLLOUT']))).toBe(0)
    expect(await first).toEqual({ done: false, value: 4 })
    await polls.return()
    await raw.submit(op.close({ fd: read }))
    await raw.submit(op.close({ fd: write }))
  })

  it('what a barrier waits for is cancelled, though the cancellation comes after the barrier', async () => {
    const raw = rings.raw()
    const { read, write } = await raw.submit(op.pipe())
    const reading = op.read({ fd: read, buffer: Buffer.alloc(1) })
    const before = failure(raw.submit(reading))
    const barrier = raw.submit(op.nop(), { drain: true })
    const behind = raw.submit(op.nop())
    await raw.submit(op.asyncCancel({ operation: reading }))
    expect(await before).toMatchObject({ code: 'ECANCELED' })
    expect([await barrier, await behind]).toEqual([0, 0])
    await raw.submit(op.close({ fd: read }))
    await raw.submit(op.close({ fd: write }))
  })

  it('the advisor does not look: nothing polls', () => {
    expect(rings.stats().rings[0]!.advice).toMatchObject({ cause: 'none', reason: 'nothing polls for it' })
    expect(rings.stats().spinNs).toBe(0)
  })
})
