// Word to the service manager, by the protocol of sd_notify(3): one datagram of NAME=value lines to the socket that $NOTIFY_SOCKET names.
// Used by service-manager.ts.
//
// Node has no AF_UNIX datagrams, and the ring has: socket(2) and sendmsg(2) as operations. That suits the watchdog, whose word is to
// mean that I/O gets done: it goes through the rings, each in its turn. Where entries are no system calls (plain Node.js, without the addon)
// it cannot be done, and the log says what to set instead. Nothing here stops the service: what fails is said once and tried again.
import { close } from 'node:fs'
import type { Logger } from 'pino'
import type { Ringmaster } from '../ringmaster.ts'
import { op } from '../raw/index.ts'
import { codeOf } from '../http/http-error.ts'

/** A message that a manager has not taken by then is not waited for. */
const sendMsMax = 2_000

export type Notice = Readonly<Record<string, string | number>>

export class Notifier {
  readonly #rings: Ringmaster
  readonly #path: string
  readonly #log: Logger
  #socket: Promise<number> | undefined
  /** One at a time, so that they arrive in order. */
  #last: Promise<unknown> = Promise.resolve()
  #ring = 0
  #failure: string | undefined

  /** `notifySocket`: an absolute path, or '@' and a name in the abstract space. Null, said in the log, for anything else. */
  static create(notifySocket: string | undefined, rings: Ringmaster, log: Logger): Notifier | null {
    if (notifySocket === undefined) return null
    if (!/^[/@]./.test(notifySocket)) {
      log.warn(
        { notifySocket },
        'NOTIFY_SOCKET is neither a path nor an abstract name (@…): the service manager is told nothing',
      )
      return null
    }
    return new Notifier(notifySocket, rings, log)
  }

  private constructor(notifySocket: string, rings: Ringmaster, log: Logger) {
    this.#rings = rings
    this.#path = notifySocket.replace(/^@/, '\0')
    this.#log = log
  }

  /** Whether it was sent; what kept it from that is in the log. Never rejects. */
  send(notice: Notice): Promise<boolean> {
    // A line is one assignment: what could begin another one is taken out.
    const lines = Object.entries(notice).map(([name, value]) => `${name}=${String(value).replaceAll('\n', ' ')}`)
    const sent = this.#last.then(() => this.#send(lines.join('\n')))
    this.#last = sent
    return sent
  }

  /** Lets go of the socket, after what was to be sent. Before the rings are closed. */
  async close(): Promise<void> {
    await this.#last
    const fd = await this.#socket?.catch(() => undefined)
    this.#socket = undefined
    if (fd !== undefined) await new Promise((resolve) => close(fd, resolve))
  }

  async #send(message: string): Promise<boolean> {
    const limit = { timeoutMs: sendMsMax }
    // Where a ring does not get it done the same one is asked again: going on with the others would hide it.
    const ring = this.#ring % this.#rings.health().length
    try {
      this.#socket ??= this.#rings.submitOnce(ring, op.socket({ family: 'AF_UNIX', type: 'SOCK_DGRAM' }), limit)
      const fd = await this.#socket
      const datagram = op.sendmsg({ fd, buffers: [Buffer.from(message)], to: { path: this.#path } })
      await this.#rings.submitOnce(ring, datagram, limit)
      this.#ring = ring + 1
      if (this.#failure !== undefined) this.#log.info('the service manager can be told again')
      this.#failure = undefined
      return true
    } catch (error) {
      this.#failed(ring, error)
      return false
    }
  }

  #failed(ring: number, error: unknown): void {
    const socket = this.#socket
    void socket?.catch(() => {
      if (this.#socket === socket) this.#socket = undefined
    })
    const code = codeOf(error) ?? String(error)
    if (code === this.#failure) return // said already
    this.#failure = code
    const advice =
      code === 'ERR_RING_OPERATION_UNSUPPORTED'
        ? ': without datagram sockets (no addon, or Linux before 5.19) there is no Type=notify: use Type=exec, and no WatchdogSec='
        : ''
    this.#log.warn({ err: error, ring }, `the service manager cannot be told${advice}`)
  }
}
