// The connections of one server: serves each one's requests in order, and empties them when the server stops. Used by
// http-server.ts.
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

interface Connection {
  /** Requests received and not yet answered in full. */
  pending: number
  last: Promise<void>
  /** The answer whose turn it is, or was last. */
  response: ServerResponse | undefined
}

/**
 * Node hands over pipelined requests all at once. Answering them one after another, which is the order they must be sent
 * in anyway, keeps one connection to one open file and two buffers, however much it pipelines.
 */
export class Connections {
  readonly #connections = new Map<Duplex, Connection>()
  #pending = 0
  #draining = false
  #onIdle: (() => void)[] = []

  get open(): number {
    return this.#connections.size
  }

  /** Requests being answered, or waiting behind one on their connection. */
  get pending(): number {
    return this.#pending
  }

  /** Whether a part of an answer is on its way, so that nothing else may be written. */
  isAnswering(socket: Duplex): boolean {
    const connection = this.#connections.get(socket)
    return connection !== undefined && connection.pending > 0 && connection.response?.headersSent === true
  }

  add(socket: Socket): void {
    this.#connections.set(socket, { pending: 0, last: Promise.resolve(), response: undefined })
    socket.once('close', () => this.#connections.delete(socket))
  }

  /** Runs `task`, which must not reject, when the earlier ones of its connection are done. */
  run(socket: Socket, response: ServerResponse, task: () => Promise<void>): void {
    const connection = this.#connections.get(socket)
    if (connection === undefined) return // closed between two of its pipelined requests
    this.#pending++
    const start = (): Promise<void> => {
      connection.response = response
      return task()
    }
    const turn = connection.pending++ === 0 ? start() : connection.last.then(start)
    connection.last = turn.then(() => {
      this.#finished(socket, connection)
    })
  }

  /** From now on a connection is closed when its requests are answered; resolves when all of them are. */
  async drain(): Promise<void> {
    this.#draining = true
    for (const [socket, { pending }] of this.#connections) if (pending === 0) socket.destroy()
    if (this.#pending > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve))
  }

  get draining(): boolean {
    return this.#draining
  }

  #finished(socket: Socket, connection: Connection): void {
    connection.pending--
    this.#pending--
    if (this.#draining && connection.pending === 0) socket.destroySoon()
    if (this.#pending === 0) for (const resolve of this.#onIdle.splice(0)) resolve()
  }
}
