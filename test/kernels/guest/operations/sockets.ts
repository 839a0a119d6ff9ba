// Proofs of operations on pipes and sockets, against node:net, node:dgram and node:fs.
import * as dgram from 'node:dgram'
import { once } from 'node:events'
import * as fs from 'node:fs'
import * as net from 'node:net'
import { text } from 'node:stream/consumers'
import { features, op } from '../../../../services/raw/index.ts'
import type { Bench } from '../bench.ts'
import { pattern, received } from '../bench.ts'
import { holds, same } from '../check.ts'
import type { Proofs } from './proof.ts'

const content = pattern(50_000, 3)
const stream = { family: 'AF_INET', type: 'SOCK_STREAM' } as const

async function nodeServer(): Promise<{ server: net.Server; port: number; connection: Promise<net.Socket> }> {
  const server = net.createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  const connection = once(server, 'connection').then(([socket]) => socket as net.Socket)
  await once(server, 'listening')
  return { server, port: (server.address() as net.AddressInfo).port, connection }
}

async function datagrams(bench: Bench): Promise<{ fd: number; node: dgram.Socket; to: net.AddressInfo }> {
  const node = dgram.createSocket('udp4').bind(0, '127.0.0.1')
  await once(node, 'listening')
  const fd = bench.own(await bench.submit(op.socket({ family: 'AF_INET', type: 'SOCK_DGRAM' })))
  return { fd, node, to: node.address() }
}

export const socketProofs: Proofs = {
  splice: async (bench) => {
    const { read, write } = bench.pipe()
    const path = bench.path('spliced')
    same(await bench.submit(op.splice({ fdIn: bench.open(path), fdOut: write, positionIn: 0, length: 7 })), 7)
    const buffer = Buffer.alloc(7)
    fs.readSync(read, buffer)
    same(buffer.toString(), 'spliced')
  },
  tee: async (bench) => {
    const [one, two] = [bench.pipe(), bench.pipe()]
    fs.writeSync(one.write, 'twice')
    same(await bench.submit(op.tee({ fdIn: one.read, fdOut: two.write, length: 100 })), 5)
    const [here, there] = [Buffer.alloc(5), Buffer.alloc(5)]
    fs.readSync(one.read, here)
    fs.readSync(two.read, there)
    same([here.toString(), there.toString()], ['twice', 'twice'])
  },
  pipe: async (bench) => {
    const { read, write } = await bench.submit(op.pipe())
    fs.writeSync(bench.own(write), 'x')
    same(fs.readSync(bench.own(read), Buffer.alloc(2)), 1)
  },
  socket: async (bench) => {
    const fd = bench.own(await bench.submit(op.socket(stream)))
    holds(fs.readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:'), 'it is a socket')
    same(await bench.code(op.socket({ family: 99, type: 'SOCK_STREAM' })), 'EAFNOSUPPORT')
  },
  bind: async (bench) => {
    const fd = bench.own(await bench.submit(op.socket(stream)))
    same(await bench.submit(op.bind({ fd, address: { address: '127.0.0.1', port: 0 } })), 0)
    same(await bench.code(op.bind({ fd, address: { address: '127.0.0.1', port: 0 } })), 'EINVAL')
  },
  listen: async (bench) => {
    const path = bench.path()
    const fd = bench.own(await bench.submit(op.socket({ family: 'AF_UNIX', type: 'SOCK_STREAM' })))
    await bench.submit(op.bind({ fd, address: { path } }))
    same(await bench.submit(op.listen({ fd })), 0)
    const client = net.connect({ path })
    await once(client, 'connect')
    client.destroy()
  },
  accept: async (bench) => {
    const { fd, port } = bench.listener()
    const accepting = bench.submit(op.accept({ fd, withPeer: true }))
    const client = net.connect(port, '127.0.0.1')
    const [{ socket, peer }] = await Promise.all([accepting, once(client, 'connect')])
    same(peer, { address: '127.0.0.1', port: client.localPort! })
    client.end('hello')
    const buffer = Buffer.alloc(5)
    await bench.submit(op.recv({ fd: bench.own(socket), buffer, flags: ['MSG_WAITALL'] }))
    same(buffer.toString(), 'hello')
    client.destroy()
  },
  connect: async (bench) => {
    const { fd, peer } = await bench.connected()
    fs.writeSync(fd, 'hello')
    same(String(await received(peer, 5)), 'hello')
    const free = bench.own(await bench.submit(op.socket(stream)))
    same(await bench.code(op.connect({ fd: free, address: { address: '127.0.0.1', port: 1 } })), 'ECONNREFUSED')
  },
  shutdown: async (bench) => {
    const { server, port, connection } = await nodeServer()
    const fd = bench.own(await bench.submit(op.socket(stream)))
    await bench.submit(op.connect({ fd, address: { address: '127.0.0.1', port } }))
    const peer = await connection
    fs.writeSync(fd, 'last words')
    same(await bench.submit(op.shutdown({ fd, how: 'SHUT_WR' })), 0)
    same(await text(peer), 'last words')
    peer.destroy()
    server.close()
  },
  uring_cmd: async (bench) => {
    if (bench.poller !== 'threadpool') {
      // The null device takes any command and does nothing, since 6.2.
      const done = await bench.code(op.uringCmd({ fd: bench.open('/dev/null'), command: 1, buffer: Buffer.alloc(8) }))
      holds(['no error', 'ERR_RING_OPERATION_UNSUPPORTED'].includes(done), `a command is done or refused: ${done}`)
    }
    const { fd } = await bench.connected()
    const option = { fd, option: 'SO_KEEPALIVE' } as const
    const { ok } = (await features()).socketGetsockopt
    if (!ok && bench.poller !== 'threadpool') {
      same(await bench.code(op.setsockopt({ ...option, value: 1 })), 'ERR_RING_OPERATION_UNSUPPORTED')
      same(await bench.code(op.getsockopt(option)), 'ERR_RING_OPERATION_UNSUPPORTED')
      same(await bench.code(op.socketQueue({ fd, queue: 'received' })), 'ERR_RING_OPERATION_UNSUPPORTED')
      return
    }
    same(await bench.submit(op.setsockopt({ ...option, value: 1 })), 0)
    same((await bench.submit(op.getsockopt(option))).readInt32LE(), 1)
    same(await bench.submit(op.socketQueue({ fd, queue: 'received' })), 0)
  },
  send: async (bench) => {
    const { fd, peer } = await bench.connected()
    const arriving = received(peer, content.length)
    same(await bench.submit(op.send({ fd, buffer: content, flags: ['MSG_WAITALL'] })), content.length)
    holds((await arriving).equals(content), 'node:net receives what was sent')
  },
  recv: async (bench) => {
    const { fd, peer } = await bench.connected()
    const buffer = Buffer.alloc(content.length)
    const receiving = bench.submit(op.recv({ fd, buffer, flags: ['MSG_WAITALL'] }))
    peer.write(content)
    same(await receiving, content.length)
    holds(buffer.equals(content), 'it is what node:net sent')
    peer.end()
    same(await bench.submit(op.recv({ fd, buffer })), 0)
  },
  sendmsg: async (bench) => {
    const { fd, node, to } = await datagrams(bench)
    const message = once(node, 'message')
    same(await bench.submit(op.sendmsg({ fd, buffers: [Buffer.from('in '), Buffer.from('pieces')], to })), 9)
    same(String((await message)[0]), 'in pieces')
    node.close()
  },
  recvmsg: async (bench) => {
    const { fd, node, to } = await datagrams(bench)
    const message = once(node, 'message')
    await bench.submit(op.sendmsg({ fd, buffers: [Buffer.from('where I am')], to }))
    const [, from] = (await message) as [Buffer, dgram.RemoteInfo]
    const buffers = [Buffer.alloc(3), Buffer.alloc(10)]
    const receiving = bench.submit(op.recvmsg({ fd, buffers }))
    node.send('pieces', from.port)
    const { bytes, from: sender, truncated } = await receiving
    same([bytes, sender, truncated], [6, { address: '127.0.0.1', port: to.port }, false])
    same(Buffer.concat(buffers).toString('latin1', 0, 6), 'pieces')
    node.close()
  },
  send_zc: async (bench) => {
    const { fd, peer } = await bench.connected()
    const arriving = received(peer, content.length)
    const { sendZcReportUsage } = await features()
    const operation = op.sendZc({ fd, buffer: content, flags: ['MSG_WAITALL'], reportUsage: sendZcReportUsage.ok })
    const { bytes, copied } = await bench.submit(operation)
    same(bytes, content.length)
    same(copied, sendZcReportUsage.ok ? true : null, 'what it says of copying, which loopback always does')
    holds((await arriving).equals(content), 'node:net receives what was sent')
  },
  sendmsg_zc: async (bench) => {
    const { fd, peer } = await bench.connected()
    const arriving = received(peer, 9)
    const sent = await bench.submit(op.sendmsgZc({ fd, buffers: [Buffer.from('in '), Buffer.from('pieces')] }))
    same(sent.bytes, 9)
    same(String(await arriving), 'in pieces')
  },
  recv_zc: async (bench) => {
    same(await bench.code(op.recvZc({ fd: 1, queueId: 0 })), 'ERR_RING_OPERATION_UNSUPPORTED')
  },
}
