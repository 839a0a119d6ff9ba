// The public surface of `ringmaster/net`: servers and connections on rings, with the API of node:net.
import type { Ringmaster } from '../ringmaster.ts'
import { connectSocket } from './connect.ts'
import type { ConnectOptions } from './connect.ts'
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
export function connect(rings: Ringmaster, options: ConnectOptions, onConnect?: () => void): Socket {
  const socket = connectSocket(rings, options)
  if (onConnect !== undefined) socket.once('connect', onConnect)
  return socket
}
