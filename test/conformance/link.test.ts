// Conformance, row LINK: chains and their time limits. What liburing's link, link-timeout, accept-link, poll-link and
// linked-defer-close check.
import { once } from 'node:events'
import * as net from 'node:net'
import { readFileSync, writeFileSync, openSync, writeSync, fstatSync } from 'node:fs'
import { expect, it } from 'vitest'
import { op } from '../../services/raw/index.ts'
import type { Chain } from '../../services/raw/index.ts'
import type { Stand } from './every-ring.ts'
import { describeChains, emptyPipe, failing, refused } from './link-cases.ts'

const done = { status: 'done' }
const cancelled = { status: 'cancelled', error: { code: 'ECANCELED' } }
const failed = { status: 'failed', error: { code: 'EIO' } }
const timedOut = { status: 'timed-out', error: { code: 'ECANCELED' } }

/** A socket of the ring's that listens, and its port. */
async function listener({ raw, own }: Stand): Promise<{ fd: number; port: number }> {
  const fd = own(await raw.submit(op.socket({ family: 'AF_INET', type: 'SOCK_STREAM' })))
  await raw.submit(op.bind({ fd, address: { address: '127.0.0.1', port: 0 } }))
  await raw.submit(op.listen({ fd }))
  const inode = /\d+/.exec(String(fstatSync(fd).ino))![0]
  const rows = readFileSync('/proc/self/net/tcp', 'latin1').split('\n')
  const row = rows.find((line) => line.trim().split(/\s+/)[9] === inode)!
  return { fd, port: parseInt(row.trim().split(/\s+/)[1]!.split(':')[1]!, 16) }
}

describeChains('LINK', (stand) => {
  it('link: one step runs after the other', async () => {
    const { raw, path } = stand
    const fd = stand.own(openSync(path(), 'w+'))
    const back = Buffer.alloc(6)
    const chain = raw
      .chain()
      .link(op.write({ fd, buffer: Buffer.from('abcdef'), position: 0 }))
      .link(op.write({ fd, buffer: Buffer.from('XY'), position: 2 }))
      .link(op.read({ fd, buffer: back, position: 0 }))
    expect(await chain.submit()).toEqual([
      { status: 'done', value: 6 },
      { status: 'done', value: 2 },
      { status: 'done', value: 6 },
    ])
    expect(back.toString()).toBe('abXYef')
  })

  it('link: a head that fails cancels what depends on it, however much that is', async () => {
    const { raw } = stand
    for (const dependents of [1, 2, 7, 11, 30]) {
      let chain: Chain<number[]> = raw.chain().link(failing())
      for (let index = 0; index < dependents; index++) chain = chain.link(op.nop())
      const outcomes = await chain.submit()
      expect(outcomes).toMatchObject([failed, ...Array.from({ length: dependents }, () => cancelled)])
    }
  })

  it('link: a step in the middle that fails cancels what is behind it only', async () => {
    const { raw } = stand
    const outcomes = await raw.chain().link(op.nop()).link(failing()).link(op.nop()).link(op.nop()).submit()
    expect(outcomes).toMatchObject([done, failed, cancelled, cancelled])
  })

  it('link: two chains are two: the failure of one is nothing to the other', async () => {
    const { raw } = stand
    const [first, second] = await Promise.all([
      raw.chain().link(failing()).link(op.nop()).submit(),
      raw.chain().link(op.nop()).link(op.nop()).submit(),
    ])
    expect(first).toMatchObject([failed, cancelled])
    expect(second).toMatchObject([done, done])
  })

  it('link: on hard links one step runs after the other whatever became of it', async () => {
    const { raw } = stand
    const timer = op.timeout({ timeMs: 1, breaksChain: true })
    const later = op.timeout({ timeMs: 1, breaksChain: true })
    const outcomes = await raw.chain().hardlink(timer).hardlink(later).hardlink(failing()).link(op.nop()).submit()
    expect(outcomes).toMatchObject([done, done, failed, done])
  })

  it('link: a short transfer cuts a soft link and not a hard one', async () => {
    const { raw, path } = stand
    const file = path()
    writeFileSync(file, 'short')
    const read = () => op.read({ fd: stand.own(openSync(file, 'r')), buffer: Buffer.alloc(10), position: 0 })
    const short = { status: 'short', value: 5, wantedBytes: 10 }
    expect(await raw.chain().link(read()).link(op.nop()).submit()).toMatchObject([short, cancelled])
    expect(await raw.chain().hardlink(read()).link(op.nop()).submit()).toMatchObject([short, done])
  })

  it('link: a step that reads nothing it may read (bad descriptor) fails with what depends on it', async () => {
    const outcomes = await stand.raw
      .chain()
      .link(op.readv({ fd: 2 ** 30, buffers: [Buffer.alloc(1)] }))
      .link(op.nop())
      .submit()
    expect(outcomes).toMatchObject([{ status: 'failed', error: { code: 'EBADF', syscall: 'read' } }, cancelled])
  })

  it('link: what a chain was for can be seen when it has resolved, many chains at once', async () => {
    const { raw, path } = stand
    const fd = stand.own(openSync(path(), 'w+'))
    const chains = Array.from({ length: 40 }, async (_, index) => {
      const back = Buffer.alloc(1)
      const outcomes = await raw
        .chain()
        .link(op.write({ fd, buffer: Buffer.of(index), position: index }))
        .link(op.nop())
        .link(op.read({ fd, buffer: back, position: index }))
        .submit()
      return [outcomes.every(({ status }) => status === 'done'), back[0]]
    })
    expect(await Promise.all(chains)).toEqual(Array.from({ length: 40 }, (_, index) => [true, index]))
  })

  it('link-timeout: ends a step that takes too long, and with it what depends on it', async () => {
    const { read } = await emptyPipe(stand)
    const step = () => op.read({ fd: read, buffer: Buffer.alloc(1) })
    expect(await stand.raw.chain().link(step()).timeout(5).submit()).toMatchObject([timedOut])
    const soft = await stand.raw.chain().link(step()).timeout(5).link(op.nop()).submit()
    expect(soft).toMatchObject([timedOut, cancelled])
    const hard = await stand.raw.chain().hardlink(step()).timeout(5).link(op.nop()).submit()
    expect(hard).toMatchObject([timedOut, done])
  })

  it('link-timeout: is not felt where the step is in time', async () => {
    const { raw } = stand
    expect(await raw.chain().link(op.nop()).timeout(60_000).submit()).toMatchObject([done])
    const both = await raw.chain().link(op.nop()).timeout(60_000).link(op.nop()).timeout(60_000).submit()
    expect(both).toMatchObject([done, done])
    const wait = op.timeout({ timeMs: 1 })
    expect(await raw.chain().link(wait).timeout(60_000).link(op.nop()).submit()).toMatchObject([done, done])
  })

  it('link-timeout: a step that fails by itself has failed, its limit notwithstanding', async () => {
    const outcomes = await stand.raw.chain().link(failing()).timeout(60_000).link(op.nop()).timeout(60_000).submit()
    expect(outcomes).toMatchObject([failed, cancelled])
  })

  it('link-timeout: counts on every clock, and to a time', async () => {
    const { read } = await emptyPipe(stand)
    const monotonicMs = Number(process.hrtime.bigint()) / 1e6
    for (const time of [
      { timeMs: 5, clock: 'boottime' },
      { timeMs: 5, clock: 'realtime' },
      { timeMs: Date.now() + 20, clock: 'realtime', absolute: true },
      { timeMs: monotonicMs + 20, absolute: true },
      { timeMs: 1, clock: 'realtime', absolute: true },
    ] as const) {
      const step = op.read({ fd: read, buffer: Buffer.alloc(1) })
      expect(await stand.raw.chain().link(step).timeout(time).submit()).toMatchObject([timedOut])
    }
  })

  it('link-timeout: limits the step before it and no other', async () => {
    const { read, write } = await emptyPipe(stand)
    const chain = stand.raw
      .chain()
      .link(op.read({ fd: read, buffer: Buffer.alloc(1) }))
      .timeout(60_000)
      .link(op.timeout({ timeMs: 20 }))
      .link(op.read({ fd: read, buffer: Buffer.alloc(1) }))
      .timeout(5)
    const running = chain.submit()
    writeSync(write, 'x')
    expect(await running).toMatchObject([done, done, timedOut])
  })

  it('link-timeout: is refused where there is nothing to limit', () => {
    const { raw } = stand
    expect(() => raw.chain().timeout(1)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }))
    expect(() => raw.chain().link(op.nop()).timeout(1).timeout(1)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }),
    )
    expect(() => raw.chain().link(op.linkTimeout({ timeMs: 1 }))).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }),
    )
  })

  it('accept-link: a connection that comes in time is accepted, one that does not is given up', async () => {
    const { raw, own } = stand
    const { fd, port } = await listener(stand)
    expect(await raw.chain().link(op.accept({ fd })).timeout(5).submit()).toMatchObject([timedOut])
    const accepting = raw.chain().link(op.accept({ fd })).timeout(60_000).link(op.nop()).submit()
    const client = net.connect(port, '127.0.0.1')
    try {
      const [accepted, after] = await accepting
      expect([accepted.status, after.status]).toEqual(['done', 'done'])
      if (accepted.status === 'done') own(accepted.value)
    } finally {
      client.destroy()
    }
  })

  it('poll-link: readiness that comes in time is reported, and what depends on it runs', async () => {
    const { raw } = stand
    const { read, write } = await emptyPipe(stand)
    const poll = () => op.pollAdd({ fd: read, events: ['POLLIN'] })
    expect(await raw.chain().link(poll()).timeout(5).submit()).toMatchObject([timedOut])
    const back = Buffer.alloc(3)
    const running = raw
      .chain()
      .link(poll())
      .timeout(60_000)
      .link(op.read({ fd: read, buffer: back }))
      .submit()
    writeSync(write, 'now')
    expect(await running).toMatchObject([
      { status: 'done', value: 1 },
      { status: 'done', value: 3 },
    ])
    expect(back.toString()).toBe('now')
  })

  it('linked-defer-close: a close that is linked to a send closes: the peer sees data, then the end', async () => {
    const { raw } = stand
    const server = net.createServer({ allowHalfOpen: true })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const arrived = once(server, 'connection').then(async ([socket]: net.Socket[]) => {
      const chunks: Buffer[] = []
      for await (const chunk of socket!) chunks.push(chunk as Buffer)
      socket!.destroy()
      return Buffer.concat(chunks).toString()
    })
    const fd = await raw.submit(op.socket({ family: 'AF_INET', type: 'SOCK_STREAM' }))
    const { port } = server.address() as net.AddressInfo
    await raw.submit(op.connect({ fd, address: { address: '127.0.0.1', port } }))
    const outcomes = await raw
      .chain()
      .link(op.send({ fd, buffer: Buffer.from('one ') }))
      .hardlink(op.send({ fd, buffer: Buffer.from('two') }))
      .link(op.close({ fd }))
      .submit()
    expect(outcomes).toMatchObject([done, done, done])
    expect(await arrived).toBe('one two')
    server.close()
  })
})

describeChains('LINK, what the kernel refuses', (stand) => {
  it('link: an entry that the kernel does not take fails, and of its chain nothing is done behind it', async () => {
    const invalid = { status: 'failed', error: { code: 'EINVAL' } }
    for (const kind of ['link', 'hardlink'] as const) {
      const outcomes = await stand.raw.chain()[kind](refused()).link(op.nop()).submit()
      expect(outcomes[0]).toMatchObject(invalid)
      if (kind === 'link') expect(outcomes[1]).toMatchObject(cancelled)
    }
  })
})
