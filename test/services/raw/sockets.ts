// Connected sockets for tests of streams and sends: pairs that nobody else knows, made by the ring itself, and TCP connections to
// node:net. Used by conformance rows mshot and pbuf and by test/services/raw.
import { closeSync } from 'node:fs'
import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { op } from '../../../services/raw/index.ts'
import type { RawRing } from '../../../services/raw/raw-ring.ts'

let names = 0

/** Two Unix sockets that are connected to each other. */
export async function socketPair(
  raw: RawRing,
  own: (fd: number) => number,
  type: 'SOCK_STREAM' | 'SOCK_SEQPACKET' = 'SOCK_STREAM',
): Promise<[here: number, there: number]> {
  const address = { path: `\0ringmaster-test-${process.pid}-${names++}` }
  const listener = await raw.submit(op.socket({ family: 'AF_UNIX', type }))
  await raw.submit(op.bind({ fd: listener, address }))
  await raw.submit(op.listen({ fd: listener }))
  const here = own(await raw.submit(op.socket({ family: 'AF_UNIX', type })))
  const [there] = await Promise.all([
    raw.submit(op.accept({ fd: listener })),
    raw.submit(op.connect({ fd: here, address })),
  ])
  closeSync(listener)
  return [here, own(there)]
}

/** A TCP connection over loopback: a descriptor here, node:net there. */
export async function tcpPair(raw: RawRing, own: (fd: number) => number): Promise<{ fd: number; peer: net.Socket }> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const connection = once(server, 'connection')
  const fd = own(await raw.submit(op.socket({ family: 'AF_INET', type: 'SOCK_STREAM' })))
  const { port } = server.address() as net.AddressInfo
  await raw.submit(op.connect({ fd, address: { address: '127.0.0.1', port } }))
  const [peer] = (await connection) as [net.Socket]
  server.close()
  peer.on('error', () => undefined) // tests end connections abruptly
  return { fd, peer }
}

/** Sends all of a buffer, on a ring. */
export async function sendAll(raw: RawRing, fd: number, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await raw.submit(op.send({ fd, buffer: bytes, offset: at }))
}

/** What arrives at a node:net socket, until there are `length` bytes of it. */
export async function received(peer: net.Socket, length: number, limitMs = 15_000): Promise<Buffer> {
  const chunks: Buffer[] = []
  let have = 0
  peer.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    have += chunk.length
  })
  for (const endMs = performance.now() + limitMs; have < length && performance.now() < endMs;) await sleep(2)
  peer.removeAllListeners('data')
  return Buffer.concat(chunks)
}
