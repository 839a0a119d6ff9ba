// Proves send, recv, sendmsg, recvmsg, send_zc, sendmsg_zc against node:net and node:dgram, and that recv_zc is refused.
import * as dgram from 'node:dgram'
import { once } from 'node:events'
import * as fs from 'node:fs'
import * as net from 'node:net'
import { expect, it } from 'vitest'
import { op } from '../../../services/raw/index.ts'
import { seededBytes } from '../harness.ts'
import type { Bench } from './conformance.ts'
import { describeFamily } from './conformance.ts'
import { errorCode } from './errors.ts'

const content = seededBytes(100_000, 5)

/** A descriptor connected to a socket of node:net. */
async function connected({ submit, own }: Bench): Promise<{ fd: number; peer: net.Socket }> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const connection = once(server, 'connection')
  const fd = own(await submit(op.socket({ family: 'AF_INET', type: 'SOCK_STREAM' })))
  const { port } = server.address() as net.AddressInfo
  await submit(op.connect({ fd, address: { address: '127.0.0.1', port } }))
  const [peer] = (await connection) as [net.Socket]
  server.close()
  return { fd, peer }
}

async function received(peer: net.Socket, length: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let count = 0
  for await (const chunk of peer.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    count += chunk.length
    if (count >= length) break
  }
  return Buffer.concat(chunks)
}

/** A datagram socket of ours and one of node:dgram. */
async function datagrams({ submit, own }: Bench): Promise<{ fd: number; node: dgram.Socket; to: net.AddressInfo }> {
  const node = dgram.createSocket('udp4')
  node.bind(0, '127.0.0.1')
  await once(node, 'listening')
  const fd = own(await submit(op.socket({ family: 'AF_INET', type: 'SOCK_DGRAM' })))
  await submit(op.bind({ fd, address: { address: '127.0.0.1', port: 0 } }))
  return { fd, node, to: node.address() }
}

describeFamily('messages', (proves) => {
  proves('send', 'sends what node:net receives', async (bench) => {
    const { submit, code } = bench
    const { fd, peer } = await connected(bench)
    const all = received(peer, 100_000)
    expect(await submit(op.send({ fd, buffer: content, flags: ['MSG_WAITALL'], pollFirst: true }))).toBe(100_000)
    expect((await all).equals(content)).toBe(true)
    const part = received(peer, 3)
    expect(await submit(op.send({ fd, buffer: content, offset: 5, length: 3 }))).toBe(3)
    expect((await part).equals(content.subarray(5, 8))).toBe(true)
    expect(await code(op.send({ fd: 0x3fffffff, buffer: content }))).toBe('EBADF')
    expect(await code(op.send({ fd: bench.own(fs.openSync('/dev/null', 'w')), buffer: content }))).toBe('ENOTSOCK')
    peer.resetAndDestroy()
    await submit(op.pollAdd({ fd, events: ['POLLIN'] }))
    expect(await code(op.send({ fd, buffer: content }))).toBe('ECONNRESET')
    expect(await code(op.send({ fd, buffer: content }))).toBe('EPIPE')
  })

  proves('send', 'sends to an address', async (bench) => {
    const { submit, code } = bench
    const { fd, node, to } = await datagrams(bench)
    const message = once(node, 'message')
    expect(await submit(op.send({ fd, buffer: Buffer.from('to you'), to }))).toBe(6)
    expect(String((await message)[0])).toBe('to you')
    expect(await code(op.send({ fd, buffer: Buffer.from('to whom?') }))).toBe('EDESTADDRREQ')
    expect(await code(op.send({ fd, buffer: content, to }))).toBe('EMSGSIZE')
    node.close()
  })

  proves('recv', 'receives what node:net sends, and its end', async (bench) => {
    const { submit, code } = bench
    const { fd, peer } = await connected(bench)
    const buffer = Buffer.alloc(100_000)
    const receiving = submit(op.recv({ fd, buffer, flags: ['MSG_WAITALL'] }))
    peer.write(content)
    expect(await receiving).toBe(100_000)
    expect(buffer.equals(content)).toBe(true)
    peer.write('peek')
    expect(await submit(op.recv({ fd, buffer, length: 4, flags: ['MSG_PEEK'], pollFirst: true }))).toBe(4)
    expect(await submit(op.recv({ fd, buffer, offset: 10, length: 4 }))).toBe(4)
    expect(buffer.toString('latin1', 10, 14)).toBe('peek')
    expect(await code(op.recv({ fd, buffer, flags: ['MSG_DONTWAIT'] }))).toBe('EAGAIN')
    peer.end()
    expect(await submit(op.recv({ fd, buffer }))).toBe(0)
    peer.destroy()
  })

  proves(
    'recv',
    'takes provided buffers, of a ring and of a group',
    async (bench) => {
      const { submit, code, raw } = bench
      const { fd, peer } = await connected(bench)
      const buffers = raw.provideBuffers({ count: 2, sizeBytes: 16 })
      const receiving = submit(op.recv({ fd, buffers }))
      peer.write('x'.repeat(20))
      const lease = await receiving
      expect(lease?.bytes.toString()).toBe('x'.repeat(16))
      lease?.release()
      expect(await code(op.recv({ fd, bufferGroup: 999 }))).toBe('ENOBUFS')
      const memory = Buffer.alloc(64)
      await submit(op.provideBuffers({ buffer: memory, sizeBytes: 32, bufferGroup: 999, firstId: 7 }))
      const { bytes, bufferId } = await submit(op.recv({ fd, bufferGroup: 999, length: 3 }))
      expect(bytes).toBe(3)
      expect([7, 8]).toContain(bufferId)
      expect(memory.toString('latin1', (bufferId! - 7) * 32, (bufferId! - 7) * 32 + 3)).toBe('xxx')
      peer.end()
      await submit(op.recv({ fd, buffer: Buffer.alloc(10) }))
      expect(await submit(op.recv({ fd, buffers }))).toBeNull()
      expect(buffers.available).toBe(2)
      buffers.close()
    },
    { needsRing: 'provided buffers' },
  )

  proves('sendmsg', 'sends pieces to an address', async (bench) => {
    const { submit, code } = bench
    const { fd, node, to } = await datagrams(bench)
    const message = once(node, 'message')
    const buffers = [Buffer.from('in '), new Uint8Array(), Buffer.from('pieces')]
    expect(await submit(op.sendmsg({ fd, buffers, to }))).toBe(9)
    expect(String((await message)[0])).toBe('in pieces')
    expect(await code(op.sendmsg({ fd, buffers }))).toBe('EDESTADDRREQ')
    node.close()
  })

  proves('recvmsg', 'receives pieces, and says from whom and whether all of it', async (bench) => {
    const { submit, code } = bench
    const { fd, node, to } = await datagrams(bench)
    const message = once(node, 'message')
    await submit(op.send({ fd, buffer: Buffer.from('where I am'), to }))
    const [, from] = (await message) as [Buffer, dgram.RemoteInfo]
    const buffers = [Buffer.alloc(4), Buffer.alloc(4)]
    const receiving = submit(op.recvmsg({ fd, buffers }))
    node.send('much too long', from.port, from.address)
    expect(await receiving).toMatchObject({
      bytes: 8,
      from: { address: '127.0.0.1', port: to.port },
      truncated: true,
      controlTruncated: false,
      descriptors: [],
    })
    expect(Buffer.concat(buffers).toString()).toBe('much too')
    expect(await code(op.recvmsg({ fd, buffers, flags: ['MSG_DONTWAIT'] }))).toBe('EAGAIN')
    node.close()
  })

  proves('recvmsg', 'receives the descriptors that sendmsg sends', async ({ submit, own, path }) => {
    const address = { path: path() }
    const unix = { family: 'AF_UNIX', type: 'SOCK_STREAM' } as const
    const listener = own(await submit(op.socket(unix)))
    await submit(op.bind({ fd: listener, address }))
    await submit(op.listen({ fd: listener }))
    const client = own(await submit(op.socket(unix)))
    await submit(op.connect({ fd: client, address }))
    const server = own(await submit(op.accept({ fd: listener })))
    const sent = [own(fs.openSync('/etc/passwd', 'r')), own(fs.openSync('/dev/null', 'r')), own(fs.openSync('/', 'r'))]
    await submit(op.sendmsg({ fd: client, buffers: [Buffer.from('x')], descriptors: sent }))
    const { bytes, descriptors } = await submit(
      op.recvmsg({ fd: server, buffers: [Buffer.alloc(9)], controlBytes: 64 }),
    )
    expect(bytes).toBe(1)
    expect(descriptors.map((fd) => fs.readlinkSync(`/proc/self/fd/${own(fd)}`))).toEqual([
      '/etc/passwd',
      '/dev/null',
      '/',
    ])
    expect(descriptors.some((fd) => sent.includes(fd))).toBe(false)
    await submit(op.sendmsg({ fd: client, buffers: [Buffer.from('x')], descriptors: sent }))
    const without = await submit(op.recvmsg({ fd: server, buffers: [Buffer.alloc(9)] }))
    expect(without).toMatchObject({ descriptors: [], controlTruncated: true })
    await expect(
      submit(op.sendmsg({ fd: client, buffers: [Buffer.from('x')], descriptors: [0x3fffffff] })),
    ).rejects.toMatchObject({ code: 'EBADF' })
  })

  proves('send_zc', 'sends what node:net receives, and says that loopback copies', async (bench) => {
    const { submit, code, own, raw } = bench
    const { fd, peer } = await connected(bench)
    const all = received(peer, 100_000)
    const sent = await submit(op.sendZc({ fd, buffer: content, flags: ['MSG_WAITALL'], reportUsage: true }))
    expect(sent).toEqual({ bytes: 100_000, copied: true })
    expect((await all).equals(content)).toBe(true)
    const part = received(peer, 10)
    expect(await submit(op.sendZc({ fd, buffer: content, offset: 1, length: 10 }))).toEqual({ bytes: 10, copied: null })
    expect((await part).equals(content.subarray(1, 11))).toBe(true)
    expect(await code(op.sendZc({ fd, buffer: content, bufferIndex: 500 }))).toBe('EFAULT')
    const unix = own(await submit(op.socket({ family: 'AF_UNIX', type: 'SOCK_STREAM' })))
    expect(await code(op.sendZc({ fd: unix, buffer: content }))).toBe('ENOTSUP')
    expect(raw.ring).toBe(0)
    peer.destroy()
  })

  proves('send_zc', 'settles only when the kernel has let go of the buffer', async (bench) => {
    const { submit } = bench
    const { fd, peer } = await connected(bench)
    peer.pause()
    const buffer = Buffer.alloc(4096, 1)
    await submit(op.sendZc({ fd, buffer }))
    buffer.fill(2) // ours again: what was sent must not change any more
    const found = await received(peer, 4096)
    expect(found.equals(Buffer.alloc(4096, 1))).toBe(true)
    peer.destroy()
  })

  proves('sendmsg_zc', 'sends pieces without copying, to an address too', async (bench) => {
    const { submit, code } = bench
    const { fd, node, to } = await datagrams(bench)
    const message = once(node, 'message')
    const buffers = [Buffer.from('zero '), Buffer.from('copy')]
    const { bytes, copied } = await submit(op.sendmsgZc({ fd, buffers, to, reportUsage: true }))
    expect([bytes, typeof copied]).toEqual([9, 'boolean'])
    expect(String((await message)[0])).toBe('zero copy')
    expect(await code(op.sendmsgZc({ fd, buffers }))).toBe('EDESTADDRREQ')
    node.close()
  })

  proves(
    'recv_zc',
    'is refused, and says what it would need',
    async (bench) => {
      const { submit } = bench
      const { fd, peer } = await connected(bench)
      await expect(submit(op.recvZc({ fd, queueId: 0 }))).rejects.toMatchObject({
        code: 'ERR_RING_OPERATION_UNSUPPORTED',
        message: /no network interface queue 0 on this ring.*REGISTER_ZCRX_IFQ/,
        cause: { code: 'EINVAL', errno: -22, syscall: 'recv' },
      })
      peer.destroy()
    },
    { endsWith: 22 },
  )
})

it('refuses misuse at once', () => {
  const buffer = Buffer.alloc(8)
  expect(errorCode(() => op.send({ fd: 1, buffer, length: 9 }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => op.send({ fd: 1, buffer, to: { address: 'x', port: 1 } }))).toBe('ERR_INVALID_ARG_VALUE')
  expect(errorCode(() => op.sendmsg({ fd: 1, buffers: [buffer], descriptors: [] }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => op.sendmsg({ fd: 1, buffers: [buffer], descriptors: [1], control: buffer }))).toBe(
    'ERR_INVALID_ARG_VALUE',
  )
  expect(errorCode(() => op.recvmsg({ fd: 1, buffers: [buffer], controlBytes: -1 }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => op.recvZc({ fd: 1, queueId: -1 }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => Reflect.apply(op.recv, null, [{ fd: 1 }]))).toBe('ERR_INVALID_ARG_TYPE')
  expect(errorCode(() => Reflect.apply(op.recv, null, [{ fd: 1, buffer, flags: ['PEEK'] }]))).toBe(
    'ERR_INVALID_ARG_VALUE',
  )
})
