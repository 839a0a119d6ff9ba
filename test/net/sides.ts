// Sockets of node:net and of ringmaster/net in the same scenes: what each side is told, in order. Used by the tests of test/net, whose oracle
// is node:net on both sides.
import net from 'node:net'
import type { Duplex } from 'node:stream'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import type { EventEmitter } from 'node:events'
import { connect, createServer } from '../../services/net/index.ts'
import type { Ringmaster } from '../../services/ringmaster.ts'

/** What scenes need of a socket, and both have. */
export interface AnySocket extends Duplex {
  readonly bytesRead: number
  readonly bytesWritten: number
  readonly connecting: boolean
  readonly pending: boolean
  readonly readyState: string
  readonly timeout?: number | undefined
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
  readonly remoteAddress?: string | undefined
  readonly remoteFamily?: string | undefined
  readonly remotePort?: number | undefined
  address(): object
  destroySoon(): void
  resetAndDestroy(): unknown
  setTimeout(timeoutMs: number, callback?: () => void): unknown
  setNoDelay(noDelay?: boolean): unknown
  setKeepAlive(enable?: boolean, initialDelay?: number): unknown
}

export interface SocketChoices {
  readonly allowHalfOpen?: boolean
  readonly pauseOnConnect?: boolean
  readonly noDelay?: boolean
}

export type AnyServer = Pick<net.Server, 'address' | 'listening'> &
  EventEmitter & {
    unref(): unknown
    maxConnections?: number | undefined
    getConnections(callback: (error: Error | null, count: number) => void): unknown
    listen(options: { port?: number; host?: string; path?: string; fd?: number; signal?: AbortSignal }): unknown
    close(callback?: (error?: Error) => void): unknown
  }

export interface Where extends SocketChoices {
  readonly port?: number
  readonly host?: string
  readonly path?: string
  readonly family?: number
  readonly lookup?: net.LookupFunction
  readonly localAddress?: string
  readonly signal?: AbortSignal
  readonly timeout?: number
}

export interface Side {
  createServer(options: SocketChoices, onConnection: (socket: AnySocket) => void): AnyServer
  connect(options: Where): AnySocket
}

export const nodeSide: Side = {
  createServer: (options, onConnection) => net.createServer(options, onConnection) as AnyServer,
  connect: (options) => net.connect(options as net.NetConnectOpts),
}

export const ringSide = (rings: Ringmaster): Side => ({
  createServer: (options, onConnection) => createServer(rings, options, onConnection),
  connect: (options) => connect(rings, options as Parameters<typeof connect>[1]),
})

const told = ['connect', 'ready', 'end', 'finish', 'timeout', 'error', 'close'] as const

/** What happens to a socket, from now on: names, and of errors and ends what they say. */
export function eventsOf(socket: EventEmitter): string[] {
  const events: string[] = []
  for (const name of told) {
    socket.on(name, (value: unknown) => {
      if (name === 'error') events.push(`error ${String((value as { code?: unknown }).code)}`)
      else events.push(name === 'close' ? `close ${String(value)}` : name)
    })
  }
  return events
}

/** Two connected sockets: of the server's side, and of the client's. */
export interface Pair {
  readonly server: AnyServer
  readonly accepted: AnySocket
  readonly connected: AnySocket
  readonly acceptedEvents: string[]
  readonly connectedEvents: string[]
}

export async function pairOf(serving: Side, asking: Side, options: SocketChoices = {}, path?: string): Promise<Pair> {
  let take: (socket: AnySocket) => void
  const arrived = new Promise<AnySocket>((resolve) => {
    take = resolve
  })
  let acceptedEvents: string[] = []
  const server = serving.createServer(options, (socket) => {
    acceptedEvents = eventsOf(socket)
    take(socket)
  })
  await listening(server, path === undefined ? { port: 0, host: '127.0.0.1' } : { path })
  const where = path === undefined ? { port: portOf(server), host: '127.0.0.1' } : { path }
  const connected = asking.connect({ ...where, ...options })
  const connectedEvents = eventsOf(connected)
  const [accepted] = await Promise.all([arrived, once(connected, 'ready')])
  return { server, connected, connectedEvents, accepted, acceptedEvents }
}

export function listening(server: AnyServer, options: Parameters<AnyServer['listen']>[0]): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('listening', () => {
      resolve()
    })
    server.once('error', reject)
    server.listen(options)
  })
}

export const portOf = (server: AnyServer): number => (server.address() as AddressInfo).port

export function closed(emitter: EventEmitter & { destroyed?: boolean }): Promise<void> {
  return new Promise((resolve) => {
    emitter.once('close', () => {
      resolve()
    })
  })
}
