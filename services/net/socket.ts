// A connection as a stream, as net.Socket is one where code depends on it: node:http runs on it (`server.emit('connection', socket)`), and
// so does what runs on node:http. Made by Server (server.ts) and connect() (connect.ts); what does the work is Connection.
import { Duplex } from 'node:stream'
import type { AddressInfo } from 'node:net'
import { setSocketOption, SocketOption } from '../../native/sockets.ts'
import type { RingHandle } from '../../workers/ring-handle.ts'
import { checkInteger } from '../arguments.ts'
import { RingError } from '../../native/errors.ts'
import { nameOf } from './address.ts'
import { Connection } from './connection.ts'
import { throwLater } from './thrown.ts'
import type { ConnectionHandler, ConnectionOptions } from './connection.ts'

export interface SocketOptions extends ConnectionOptions {
  /** Keep the writable side when the peer has ended its own. Default false: the socket ends with it. */
  readonly allowHalfOpen?: boolean
  /** Bytes that wait to be read before the peer has to wait. Default 65,536. */
  readonly highWaterMark?: number
  /** Disable Nagle's algorithm. Default false. */
  readonly noDelay?: boolean
  /** Ask the peer for a sign of life now and then. Default false. */
  readonly keepAlive?: boolean
  /** … for the first time after so long. Default 0: as the system has it. */
  readonly keepAliveInitialDelay?: number
}

type Callback = (error?: Error | null) => void

const timeoutMsMax = 2 ** 31 - 1
const highWaterMarkDefault = 65_536

export class Socket extends Duplex {
  /** Milliseconds without traffic until 'timeout'; undefined: none. */
  timeout: number | undefined
  connecting = false
  /** Set by Server: whom the socket belongs to. */
  server: unknown = undefined
  private connection: Connection | null = null
  private timer: NodeJS.Timeout | null = null
  /** What had been acknowledged when the timer last ran out. */
  private acknowledgedBytes = 0
  private gathering = false
  /** Something was to be read, perhaps before there was a connection. */
  private asked = false
  private referenced = true
  private closeCallback: Callback | null = null
  private resetting = false
  private names: { local?: AddressInfo | string | null; peer?: AddressInfo | string | null } = {}
  private readonly options: SocketOptions
  /** Wanted, perhaps before there was a connection; of keep-alive, its first delay. */
  private noDelay: boolean
  private keepAlive: number | null
  private readonly onGathered = (): void => {
    this.gathering = false
    this.uncork()
  }
  private readonly onTimer = (): void => {
    // As node:net: a slow peer that still takes what is sent is no silent one.
    const acknowledged = this.connection?.progress() ?? 0
    if (acknowledged === this.acknowledgedBytes) this.emit('timeout')
    else this.timer?.refresh()
    this.acknowledgedBytes = acknowledged
  }
  private readonly handler: ConnectionHandler = {
    dataReceived: (bytes, owned) => {
      this.touched()
      if (this.destroyed) return
      try {
        // The kernel wants its memory back: what a stream hands out, it hands out for good.
        if (!this.push(owned ? bytes : Buffer.from(bytes))) this.connection?.pause()
      } catch (error) {
        throwLater(error)
      }
    },
    peerEnded: () => {
      try {
        this.push(null)
        // As node:net: an end that nobody reads would never be seen.
        if (this.readableLength === 0) this.read(0)
      } catch (error) {
        throwLater(error)
      }
    },
    connectionFailed: (error) => {
      this.destroy(error)
    },
    connectionClosed: () => {
      this.tellClosed()
    },
  }

  constructor(options: SocketOptions = {}) {
    super({
      allowHalfOpen: options.allowHalfOpen ?? false,
      emitClose: false,
      autoDestroy: true,
      decodeStrings: true,
      highWaterMark: options.highWaterMark ?? highWaterMarkDefault,
    })
    this.options = options
    this.noDelay = options.noDelay ?? false
    this.keepAlive = options.keepAlive === true ? (options.keepAliveInitialDelay ?? 0) : null
  }

  /** Takes over a connected socket. @internal */
  open(handle: RingHandle, fd: number): void {
    const { options } = this
    this.connection = new Connection(handle, fd, this.handler, options)
    if (!this.referenced) this.connection.setReferenced(false)
    if (this.noDelay) this.setNoDelay(true)
    if (this.keepAlive !== null) this.setKeepAlive(true, this.keepAlive)
    // As node:net: what comes is read before anybody asks, until there is enough.
    if (this.asked || !this.isPaused()) this.connection.resume()
  }

  get bytesRead(): number {
    return this.connection?.bytesReceived ?? 0
  }

  /** Bytes written by the program, whether they have left or not. */
  get bytesWritten(): number {
    return (this.connection?.bytesSent ?? 0) + this.writableLength
  }

  /** Not connected yet. */
  get pending(): boolean {
    return this.connection === null
  }

  get readyState(): 'opening' | 'open' | 'readOnly' | 'writeOnly' | 'closed' {
    if (this.connecting) return 'opening'
    if (this.readable && this.writable) return 'open'
    if (this.readable) return 'readOnly'
    return this.writable ? 'writeOnly' : 'closed'
  }

  get bufferSize(): number {
    return this.writableLength
  }

  private name(whose: 'local' | 'peer'): AddressInfo | string | null {
    const known = this.names[whose]
    if (known !== undefined) return known
    const { connection } = this
    if (connection === null || this.destroyed) return null
    const found = nameOf(connection.fd, whose)
    this.names[whose] = found
    return found
  }

  private part<K extends keyof AddressInfo>(whose: 'local' | 'peer', key: K): AddressInfo[K] | undefined {
    const name = this.name(whose)
    return name === null || typeof name === 'string' ? undefined : name[key]
  }

  get remoteAddress(): string | undefined {
    return this.part('peer', 'address')
  }

  get remotePort(): number | undefined {
    return this.part('peer', 'port')
  }

  get remoteFamily(): string | undefined {
    return this.part('peer', 'family')
  }

  get localAddress(): string | undefined {
    return this.part('local', 'address')
  }

  get localPort(): number | undefined {
    return this.part('local', 'port')
  }

  get localFamily(): string | undefined {
    return this.part('local', 'family')
  }

  /** Where the socket is on this side; {} where that is nowhere. */
  address(): AddressInfo | Record<string, never> {
    const name = this.name('local')
    return name === null || typeof name === 'string' ? {} : name
  }

  /** 'timeout' after `timeoutMs` without traffic; 0: never. It closes nothing. */
  setTimeout(timeoutMs: number, callback?: () => void): this {
    const ms = checkInteger(Math.trunc(timeoutMs), 'msecs', 0, timeoutMsMax)
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
    this.timeout = ms
    if (ms > 0 && !this.destroyed) this.timer = setTimeout(this.onTimer, ms).unref()
    if (callback === undefined) return this
    if (ms === 0) this.removeListener('timeout', callback)
    else this.once('timeout', callback)
    return this
  }

  setNoDelay(noDelay = true): this {
    this.noDelay = noDelay
    if (this.connection !== null && !this.destroyed)
      setSocketOption(this.connection.fd, SocketOption.noDelay, noDelay ? 1 : 0)
    return this
  }

  /** `initialDelay` in milliseconds; as node:net, then a probe a second and ten of them. */
  setKeepAlive(enable = false, initialDelay = 0): this {
    this.keepAlive = enable ? initialDelay : null
    if (this.connection === null || this.destroyed) return this
    const { fd } = this.connection
    setSocketOption(fd, SocketOption.keepAlive, enable ? 1 : 0)
    const idleSeconds = Math.trunc(initialDelay / 1000)
    if (!enable || idleSeconds < 1) return this
    setSocketOption(fd, SocketOption.keepAliveIdleSeconds, idleSeconds)
    setSocketOption(fd, SocketOption.keepAliveIntervalSeconds, 1)
    setSocketOption(fd, SocketOption.keepAliveProbes, 10)
    return this
  }

  ref(): this {
    this.referenced = true
    this.connection?.setReferenced(true)
    return this
  }

  unref(): this {
    this.referenced = false
    this.connection?.setReferenced(false)
    return this
  }

  /** Closes it once everything written is sent. */
  destroySoon(): void {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once('finish', () => this.destroy())
  }

  /** Closes it with a reset. */
  resetAndDestroy(): this {
    this.resetting = true
    return this.destroy()
  }

  private touched(): void {
    this.timer?.refresh()
  }

  // What one turn writes goes as one message.
  override write(chunk: unknown, encoding?: BufferEncoding | Callback, callback?: Callback): boolean {
    if (!this.gathering && !this.writableNeedDrain) {
      this.gathering = true
      this.cork()
      process.nextTick(this.onGathered)
    }
    return typeof encoding === 'function'
      ? super.write(chunk, encoding)
      : super.write(chunk, encoding ?? 'utf8', callback)
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: Callback): void {
    this.transmit([chunk], callback)
  }

  override _writev(chunks: readonly { readonly chunk: Buffer }[], callback: Callback): void {
    this.transmit(
      chunks.map(({ chunk }) => chunk),
      callback,
    )
  }

  private transmit(views: readonly Buffer[], callback: Callback): void {
    const { connection } = this
    if (connection === null) {
      if (!this.connecting) {
        callback(new RingError('ERR_SOCKET_CLOSED', 'Socket is closed'))
        return
      }
      const onClose = (): void => {
        const before = 'Socket closed before the connection was established'
        callback(new RingError('ERR_SOCKET_CLOSED_BEFORE_CONNECTION', before))
      }
      this.once('connect', () => {
        this.removeListener('close', onClose)
        this.transmit(views, callback)
      })
      this.once('close', onClose)
      return
    }
    this.touched()
    connection.send(views, (error) => {
      this.touched()
      callback(error)
    })
  }

  override _final(callback: Callback): void {
    const { connection } = this
    if (connection === null) {
      if (this.connecting) this.once('connect', () => this._final(callback))
      else callback()
      return
    }
    connection.shutdown((error) => {
      // The peer has gone already: then it knows.
      callback(codeOf(error) === 'ENOTCONN' ? null : error)
    })
  }

  override _read(): void {
    this.asked = true
    this.connection?.resume()
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.connecting = false
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
    this.closeCallback = () => {
      callback(error)
      // Behind 'error', which the stream emits on the next tick.
      process.nextTick(() => {
        this.emit('close', error !== null)
      })
    }
    const { connection } = this
    if (connection === null) this.tellClosed()
    else if (this.resetting) connection.reset(error ?? undefined)
    else connection.close(error ?? undefined)
  }

  private tellClosed(): void {
    this.closeCallback?.(null)
    this.closeCallback = null
  }
}

function codeOf(error: Error | null): unknown {
  return error !== null && 'code' in error ? error.code : undefined
}
