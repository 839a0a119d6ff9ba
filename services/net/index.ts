// The public surface of `ringmaster/net`: servers and connections on rings, with the API of node:net.
import type { Ringmaster } from '../ringmaster.ts'
import { connectSocket } from './connect.ts'
import type { ConnectOptions } from './connect.ts'
import { isDigits } from './listen.ts'
import { Server } from './server.ts'
import type { ServerOptions } from './server.ts'
import type { Socket } from './socket.ts'

export { Server } from './server.ts'
export type { DroppedConnection, ServerOptions } from './server.ts'
export { Socket } from './socket.ts'
export type { SocketOptions } from './socket.ts'
export type { ConnectOptions } from './connect.ts'
export type { ListenOptions } from './listen.ts'

/**
 * A server whose connections are on `rings`. As node:net's createServer(): `listen()` it.
 * Since 5.19 (multishot accept), 6.0 (multishot recv); before, and on rings of poller `threadpool`, see README.
 * @throws ERR_INVALID_ARG_TYPE
 */
export function createServer(
  rings: Ringmaster,
  options?: ServerOptions,
  onConnection?: (socket: Socket) => void,
): Server
export function createServer(rings: Ringmaster, onConnection?: (socket: Socket) => void): Server
export function createServer(
  rings: Ringmaster,
  options: ServerOptions | ((socket: Socket) => void) = {},
  onConnection?: (socket: Socket) => void,
): Server {
  return typeof options === 'function' ? new Server(rings, {}, options) : new Server(rings, options, onConnection)
}

/**
 * A connection on `rings`. As node:net's connect(): the socket is there at once, and emits 'connect' when the other side has answered.
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE
 */
export function connect(rings: Ringmaster, options: ConnectOptions, onConnect?: () => void): Socket
export function connect(rings: Ringmaster, port: number | string, host?: string, onConnect?: () => void): Socket
export function connect(rings: Ringmaster, port: number | string, onConnect?: () => void): Socket
export function connect(rings: Ringmaster, path: string, onConnect?: () => void): Socket
export function connect(rings: Ringmaster, ...given: readonly unknown[]): Socket {
  const socket = connectSocket(rings, connectOptions(given))
  const last = given.at(-1)
  if (typeof last === 'function') socket.once('connect', last as () => void)
  return socket
}

function connectOptions([first, second]: readonly unknown[]): ConnectOptions {
  if (typeof first === 'string' && !isDigits(first)) return { path: first }
  if (typeof first !== 'number' && typeof first !== 'string') return first as ConnectOptions
  return typeof second === 'string' ? { port: first, host: second } : { port: first }
}
