// Proves socket, bind, listen, accept, connect, shutdown and uring_cmd against node:net.
import { once } from 'node:events'
import * as fs from 'node:fs'
import * as net from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, it } from 'vitest'
import { op } from '../../../services/raw/index.ts'
import type { Bench } from './conformance.ts'
import { describeFamily } from './conformance.ts'
import { errorCode } from './errors.ts'

const anyPort = { address: '127.0.0.1', port: 0 }
const stream = { family: 'AF_INET', type: 'SOCK_STREAM' } as const

/** node:net listening; `connection` is the first socket it accepts. */
async function nodeServer(where: net.ListenOptions): Promise<{
  server: net.Server
  port: number
  connection: Promise<net.Socket>
}> {
  const server = net.createServer()
  const connection = once(server, 'connection').then(([socket]) => socket as net.Socket)
  server.listen(where)
  await once(server, 'listening')
  const address = server.address()
  return { server, port: typeof address === 'object' ? address!.port : 0, connection }
}

/** A port that io_uring listens on, by the kernel's own table. */
async function listener({ submit, own }: Bench): Promise<{ fd: number; port: number }> {
  const fd = own(await submit(op.socket(stream)))
  await submit(op.bind({ fd, address: anyPort }))
  await submit(op.listen({ fd, backlog: 8 }))
  return { fd, port: portOf(fd) }
}

function portOf(fd: number): number {
  const inode = /\d+/.exec(fs.readlinkSync(`/proc/self/fd/${fd}`))![0]
  const row = fs
    .readFileSync('/proc/self/net/tcp', 'latin1')
    .split('\n')
    .find((line) => line.trim().split(/\s+/)[9] === inode)
  return parseInt(row!.trim().split(/\s+/)[1]!.split(':')[1]!, 16)
}

/** An abstract name as it is bound: Node 20 makes it 108 bytes long, with NULs; the kernel's table shows them as @. */
function boundName(name: string): string {
  const rows = fs.readFileSync('/proc/self/net/unix', 'latin1').split('\n')
  const row = rows.find((line) => line.includes(`@${name.slice(1)}`))
  return row!.slice(row!.indexOf('@')).replaceAll('@', '\0')
}

describeFamily('sockets', (proves) => {
  proves('socket', 'makes sockets that are what they should be', async ({ submit, code, own }) => {
    const fd = own(await submit(op.socket({ ...stream, flags: ['SOCK_NONBLOCK'] })))
    const flags = parseInt(/flags:\s+(\d+)/.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))![1]!, 8)
    expect(flags & (0o2000000 | fs.constants.O_NONBLOCK)).toBe(0o2000000 | fs.constants.O_NONBLOCK)
    const datagram = own(
      await submit(op.socket({ family: 'AF_INET6', type: 'SOCK_DGRAM', protocol: 17, inherit: true })),
    )
    const option = async (name: 'SO_TYPE' | 'SO_DOMAIN' | 'SO_PROTOCOL'): Promise<number> =>
      (await submit(op.getsockopt({ fd: datagram, option: name }))).readInt32LE()
    expect([await option('SO_TYPE'), await option('SO_DOMAIN'), await option('SO_PROTOCOL')]).toEqual([2, 10, 17])
    expect(await code(op.socket({ family: 77, type: 'SOCK_STREAM' }))).toBe('EAFNOSUPPORT')
    expect(await code(op.socket({ family: 'AF_INET', type: 'SOCK_STREAM', protocol: 17 }))).toBe('EPROTONOSUPPORT')
    const direct = await submit(op.socket({ ...stream, direct: 'allocate' }))
    expect((await submit(op.getsockopt({ fd: direct, option: 'SO_TYPE' }))).readInt32LE()).toBe(1)
    await submit(op.close({ fd: direct }))
  })

  proves('bind', 'takes an address, and only a free one of this machine', async (bench) => {
    const { submit, code, own, path } = bench
    const { port } = await listener(bench)
    expect(port).toBeGreaterThan(0)
    const fd = own(await submit(op.socket(stream)))
    expect(await code(op.bind({ fd, address: { address: '127.0.0.1', port } }))).toBe('EADDRINUSE')
    expect(await code(op.bind({ fd, address: { address: '203.0.113.1', port: 0 } }))).toBe('EADDRNOTAVAIL')
    const unix = own(await submit(op.socket({ family: 'AF_UNIX', type: 'SOCK_STREAM' })))
    const file = path()
    expect(await submit(op.bind({ fd: unix, address: { path: file } }))).toBe(0)
    expect(fs.statSync(file).isSocket()).toBe(true)
    const six = own(await submit(op.socket({ family: 'AF_INET6', type: 'SOCK_STREAM' })))
    expect(await submit(op.bind({ fd: six, address: { address: '::1', port: 0 } }))).toBe(0)
    expect(await code(op.bind({ fd: own(fs.openSync('/dev/null', 'r')), address: anyPort }))).toBe('ENOTSOCK')
  })

  proves('listen', 'lets node:net connect', async (bench) => {
    const { submit, code, own } = bench
    const { port } = await listener(bench)
    const client = net.connect(port, '127.0.0.1')
    await once(client, 'connect')
    client.destroy()
    const datagram = own(await submit(op.socket({ family: 'AF_INET', type: 'SOCK_DGRAM' })))
    expect(await code(op.listen({ fd: datagram }))).toBe('ENOTSUP')
  })

  proves('accept', 'accepts node:net, and says who it is', async (bench) => {
    const { submit, code, own } = bench
    const { fd, port } = await listener(bench)
    const accepting = submit(op.accept({ fd, withPeer: true, pollFirst: true }))
    const client = net.connect(port, '127.0.0.1')
    const connects = once(client, 'connect')
    const { socket, peer } = await accepting
    await connects
    expect(peer).toEqual({ address: '127.0.0.1', port: client.localPort })
    await submit(op.send({ fd: socket, buffer: Buffer.from('hello') }))
    await submit(op.close({ fd: socket }))
    expect(await text(client)).toBe('hello')
    expect(await code(op.accept({ fd, dontWait: true }))).toBe('EAGAIN')
    const idle = own(await submit(op.socket(stream)))
    expect(await code(op.accept({ fd: idle }))).toBe('EINVAL')
  })

  proves('accept', 'accepts into direct descriptors', async (bench) => {
    const { submit } = bench
    const { fd, port } = await listener(bench)
    const client = net.connect(port, '127.0.0.1')
    const direct = await submit(op.accept({ fd, direct: 'allocate' }))
    client.end('to a direct one')
    const buffer = Buffer.alloc(100)
    const length = await submit(op.recv({ fd: direct, buffer }))
    expect(buffer.toString('utf8', 0, length)).toBe('to a direct one')
    await submit(op.close({ fd: direct }))
    const second = net.connect(port, '127.0.0.1')
    expect(await submit(op.accept({ fd, direct: 33 }))).toEqual({ direct: 33 })
    await submit(op.close({ fd: { direct: 33 } }))
    second.destroy()
  })

  proves('connect', 'reaches node:net by IPv4, IPv6, path and abstract name', async ({ submit, own, path }) => {
    const file = path()
    const name = `\0ringmaster-${process.pid}-${file}`
    const cases = [
      { family: 'AF_INET', where: { host: '127.0.0.1', port: 0 }, address: { address: '127.0.0.1' } },
      { family: 'AF_INET6', where: { host: '::1', port: 0 }, address: { address: '0:0:0:0:0:0:0:1' } },
      { family: 'AF_UNIX', where: { path: file }, address: { path: file } },
      { family: 'AF_UNIX', where: { path: name }, address: { path: name } },
    ] as const
    for (const { family, where, address } of cases) {
      const { server, port, connection } = await nodeServer(where)
      const fd = await submit(op.socket({ family, type: 'SOCK_STREAM' }))
      const to = 'path' in address ? { path: address.path === name ? boundName(name) : file } : { ...address, port }
      expect(await submit(op.connect({ fd, address: to }))).toBe(0)
      const peer = await connection
      peer.end('from node')
      const buffer = Buffer.alloc(9)
      await submit(op.recv({ fd: own(fd), buffer, flags: ['MSG_WAITALL'] }))
      expect(buffer.toString()).toBe('from node')
      server.close()
    }
  })

  proves('connect', 'says what the kernel says', async ({ submit, code, own, path }) => {
    const { server, port } = await nodeServer({ host: '127.0.0.1', port: 0 })
    await new Promise((resolve) => server.close(resolve))
    const fd = own(await submit(op.socket(stream)))
    expect(await code(op.connect({ fd, address: { address: '127.0.0.1', port } }))).toBe('ECONNREFUSED')
    const unix = own(await submit(op.socket({ family: 'AF_UNIX', type: 'SOCK_STREAM' })))
    expect(await code(op.connect({ fd: unix, address: { path: path() } }))).toBe('ENOENT')
    expect(await code(op.connect({ fd: 2 ** 30, address: anyPort }))).toBe('EBADF')
  })

  proves('shutdown', 'ends one direction and keeps the other', async ({ submit, code, own }) => {
    const { server, port, connection } = await nodeServer({
      host: '127.0.0.1',
      port: 0,
      allowHalfOpen: true,
    } as net.ListenOptions)
    const fd = own(await submit(op.socket(stream)))
    expect(await code(op.shutdown({ fd: own(await submit(op.socket(stream))) }))).toBe('ENOTCONN')
    await submit(op.connect({ fd, address: { address: '127.0.0.1', port } }))
    const peer = await connection
    await submit(op.send({ fd, buffer: Buffer.from('last words') }))
    expect(await submit(op.shutdown({ fd, how: 'SHUT_WR' }))).toBe(0)
    expect(await text(peer)).toBe('last words')
    expect(await code(op.send({ fd, buffer: Buffer.from('more') }))).toBe('EPIPE')
    expect(await code(op.shutdown({ fd, how: 9 }))).toBe('EINVAL')
    server.close()
  })

  proves('uring_cmd', 'sets and gets socket options, and asks how much waits', async ({ submit, code, own }) => {
    const { server, port, connection } = await nodeServer({ host: '127.0.0.1', port: 0 })
    const fd = own(await submit(op.socket(stream)))
    const keepAlive = { fd, option: 'SO_KEEPALIVE' } as const
    expect((await submit(op.getsockopt(keepAlive))).readInt32LE()).toBe(0)
    expect(await submit(op.setsockopt({ ...keepAlive, value: 1 }))).toBe(0)
    expect((await submit(op.getsockopt(keepAlive))).readInt32LE()).toBe(1)
    expect(await submit(op.setsockopt({ fd, level: 'IPPROTO_TCP', option: 1, value: Int32Array.of(1) }))).toBe(0)
    expect(await code(op.setsockopt({ fd, option: 12345, value: 1 }))).toBe('ENOPROTOOPT')
    await submit(op.connect({ fd, address: { address: '127.0.0.1', port } }))
    const peer = await connection
    peer.write('12345')
    await submit(op.pollAdd({ fd, events: ['POLLIN'] }))
    expect(await submit(op.socketQueue({ fd, queue: 'received' }))).toBe(5)
    expect(await submit(op.socketQueue({ fd, queue: 'unsent' }))).toBe(0)
    peer.destroy()
    server.close()
  })

  proves(
    'uring_cmd',
    'is refused with the reason where driver or kernel have no such command',
    async ({ submit, own, path }) => {
      // The null device takes any command and does nothing.
      const nothing = own(fs.openSync('/dev/null', 'r'))
      expect(await submit(op.uringCmd({ fd: nothing, command: 1, buffer: Buffer.alloc(8) }))).toBe(0)
      const fd = own(fs.openSync(path(), 'w+'))
      for (const command of [
        op.uringCmd({ fd, command: 'NVME_URING_CMD_IO', payload: Buffer.alloc(16) }),
        op.discard({ fd, offset: 0, length: 4096 }),
      ]) {
        await expect(submit(command)).rejects.toMatchObject({
          code: 'ERR_RING_OPERATION_UNSUPPORTED',
          message: /SQE128/,
          cause: { errno: -95 },
        })
      }
      const unbound = own(await submit(op.socket(stream)))
      const name = await submit(op.getsockname({ fd: unbound })).catch((error: unknown) => error)
      // Linux 6.19 answers, older ones say why not.
      if (name instanceof Error) expect(name.message).toMatch(/since Linux 6.19/)
      else expect(name).toEqual({ address: '0.0.0.0', port: 0 })
    },
    { needsRing: 'a null device that takes any command' },
  )
})

it('refuses misuse at once', () => {
  expect(errorCode(() => op.bind({ fd: 1, address: { address: '::1%lo', port: 1 } }))).toBe('ERR_INVALID_ARG_VALUE')
  expect(errorCode(() => op.bind({ fd: 1, address: { address: 'localhost', port: 1 } }))).toBe('ERR_INVALID_ARG_VALUE')
  expect(errorCode(() => op.bind({ fd: 1, address: { address: '::1', port: 65536 } }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => op.connect({ fd: 1, address: { path: 'x'.repeat(108) } }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => op.listen({ fd: 1, backlog: -1 }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => op.uringCmd({ fd: 1, command: 1, payload: Buffer.alloc(17) }))).toBe('ERR_OUT_OF_RANGE')
  expect(errorCode(() => Reflect.apply(op.socket, null, [{ family: 'AF_X', type: 1 }]))).toBe('ERR_INVALID_ARG_VALUE')
  expect(errorCode(() => Reflect.apply(op.connect, null, [{ fd: 1, address: '::1' }]))).toBe('ERR_INVALID_ARG_TYPE')
  expect(errorCode(() => Reflect.apply(op.shutdown, null, [{ fd: 1, how: 'both' }]))).toBe('ERR_INVALID_ARG_VALUE')
})
