// What checks of operations and streams work with: rings of one kind, a folder, sockets and pipes that no operation under test has made.
// Used by operations.ts, streams.ts and chains.ts.
import { once } from 'node:events'
import * as fs from 'node:fs'
import * as net from 'node:net'
import { join } from 'node:path'
import { addressOfView } from '../../../native/addresses.ts'
import { binding } from '../../../native/binding.ts'
import type { CallName } from '../../../native/binding.ts'
import { Ringmaster } from '../../../services/index.ts'
import type { RingmasterOptions } from '../../../services/index.ts'
import { op } from '../../../services/raw/index.ts'
import type { Operation, RawRing } from '../../../services/raw/index.ts'
import { codeOf } from './check.ts'

export type Poller = 'kernel' | 'caller' | 'worker' | 'threadpool'

/** A system call, without any ring. Gives its value. @throws Error with the errno */
export function systemCall(name: CallName, ...args: readonly number[]): number {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = args
  const value = binding().call(binding().callNumbers()[name], a, b, c, d, e, f)
  if (value < 0) throw new Error(`${name}: errno ${-value}`)
  return value
}

/** Bytes that differ from their neighbours, the same each time. */
export function pattern(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length)
  let state = seed
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    bytes[at] = state >>> 24
  }
  return bytes
}

export class Bench {
  readonly rings: Ringmaster
  readonly raw: RawRing
  readonly other: RawRing
  readonly poller: Poller
  readonly #folder: string
  readonly #owned: number[] = []
  readonly #sockets: net.Socket[] = []
  #files = 0

  private constructor(rings: Ringmaster, poller: Poller) {
    this.rings = rings
    this.raw = rings.raw(0)
    this.other = rings.raw(1)
    this.poller = poller
    this.#folder = fs.mkdtempSync('/tmp/ringmaster-')
  }

  /** Two rings of one poller. */
  static async open(poller: Poller, options: RingmasterOptions = {}): Promise<Bench> {
    const size = { rings: 2, directDescriptors: 64, sqEntries: 64 } as const
    return new Bench(await Ringmaster.start({ ...size, poller, ...options }), poller)
  }

  /** A path that nobody has used, with this content if any is given. */
  path(content?: string | Buffer): string {
    const path = join(this.#folder, String(this.#files++))
    if (content !== undefined) fs.writeFileSync(path, content)
    return path
  }

  /** A descriptor of node:fs. */
  open(path: string, flags = 'r'): number {
    return this.own(fs.openSync(path, flags))
  }

  /** Closed by clean(). */
  own(fd: number): number {
    this.#owned.push(fd)
    return fd
  }

  submit<R>(operation: Operation<R>): Promise<R> {
    return this.raw.submit(operation)
  }

  code(operation: Operation<unknown>): Promise<string> {
    return codeOf(this.raw.submit(operation))
  }

  pipe(): { read: number; write: number } {
    const ends = new Int32Array(2)
    systemCall('pipe2', addressOfView(ends), 0)
    return { read: this.own(ends[0]!), write: this.own(ends[1]!) }
  }

  /** A TCP connection: a descriptor here, node:net there. */
  async connected(): Promise<{ fd: number; peer: net.Socket }> {
    const server = net.createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const connection = once(server, 'connection')
    const fd = this.own(await this.submit(op.socket({ family: 'AF_INET', type: 'SOCK_STREAM' })))
    const { port } = server.address() as net.AddressInfo
    await this.submit(op.connect({ fd, address: { address: '127.0.0.1', port } }))
    const [peer] = (await connection) as [net.Socket]
    peer.on('error', () => undefined) // checks end connections abruptly
    server.close()
    this.#sockets.push(peer)
    return { fd, peer }
  }

  /** A descriptor that listens, and its port. */
  listener(): { fd: number; port: number } {
    const [AF_INET, SOCK_STREAM] = [2, 1]
    const fd = this.own(systemCall('socket', AF_INET, SOCK_STREAM, 0))
    const address = Buffer.from([AF_INET, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])
    systemCall('bind', fd, addressOfView(address), address.length)
    systemCall('listen', fd, 16)
    const length = Uint32Array.of(address.length)
    systemCall('getsockname', fd, addressOfView(address), addressOfView(length))
    return { fd, port: address.readUInt16BE(2) }
  }

  /** Closes what was opened since the last time. */
  clean(): void {
    for (const socket of this.#sockets.splice(0)) socket.destroy()
    for (const fd of this.#owned.splice(0)) fs.closeSync(fd)
  }

  async close(): Promise<void> {
    await this.rings.close()
    this.clean()
    fs.rmSync(this.#folder, { recursive: true })
  }
}

/** What arrives at a socket, until there are `length` bytes. */
export async function received(peer: net.Socket, length: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let have = 0
  for await (const chunk of peer.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    have += chunk.length
    if (have >= length) break
  }
  return Buffer.concat(chunks)
}
