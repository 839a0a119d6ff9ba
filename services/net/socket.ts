// A connection as a stream, as net.Socket is one where code depends on it: node:http runs on it (`server.emit('connection', socket)`), and
// so does what runs on node:http. Made by Server (server.ts) and connect() (connect.ts); what does the work is Connection.
import { Duplex } from 'node:stream'
import type { AddressInfo } from 'node:net'
import { invalidArgType } from '../../native/errors.ts'
import { setKeepAlive, setSocketOption, SocketOption } from '../../native/sockets.ts'
import type { RingHandle } from '../../workers/ring-handle.ts'
import { Names } from './address.ts'
import { Connection } from './connection.ts'
import type { ConnectionOptions } from './connection.ts'
import { socketErrors, throwLater } from './errors.ts'
import { checkTimeout, Inactivity } from './inactivity.ts'

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

const highWaterMarkDefault = 65_536

/** Who is told that a socket has ended, before anybody else is. */
export interface SocketOwner {
  socketClosed(socket: Socket): void
}

function uncork(socket: Socket): void {
  socket.gathered()
}

export class Socket extends Duplex {
  /** Milliseconds without traffic until 'timeout'; undefined: none. */
  timeout: number | undefined
  connecting = false
  /** Set by Server: whom the socket belongs to. */
  server: unknown = undefined
  /** @internal */
  owner: SocketOwner | null = null
  private connection: Connection | null = null
  private inactivity: Inactivity | null = null
  private gathering = false
  /** Something was to be read, perhaps before there was a connection. */
  private asked = false
  private referenced = true
  private closeCallback: Callback | null = null
  private resetting = false
  private names: Names | null = null
  private readonly zeroCopyFromBytes: number | undefined
  /** Wanted, perhaps before there was a connection; of keep-alive, its first delay. */
  private noDelay: boolean
  private keepAlive: number | null

  constructor(options: SocketOptions = {}) {
    super({
      allowHalfOpen: options.allowHalfOpen ?? false,
      emitClose: false,
      autoDestroy: true,
      decodeStrings: true,
      highWaterMark: options.highWaterMark ?? highWaterMarkDefault,
    })
    this.zeroCopyFromBytes = options.zeroCopyFromBytes
    this.noDelay = options.noDelay ?? false
    this.keepAlive = options.keepAlive === true ? (options.keepAliveInitialDelay ?? 0) : null
  }

  /** Takes over a connected socket. @internal */
  open(handle: RingHandle, fd: number): void {
    const { zeroCopyFromBytes } = this
    this.connection = new Connection(handle, fd, this, zeroCopyFromBytes === undefined ? {} : { zeroCopyFromBytes })
    this.touched()
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

  /** Not connected yet, or not any more. */
  get pending(): boolean {
    return this.connection === null || this.destroyed
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

  private named(whose: 'local' | 'peer'): Partial<AddressInfo> {
    if (this.connection !== null) this.names ??= new Names(this.connection.fd)
    return this.names?.of(whose, !this.destroyed) ?? {}
  }

  get remoteAddress(): string | undefined {
    return this.named('peer').address
  }

  get remotePort(): number | undefined {
    return this.named('peer').port
  }

  get remoteFamily(): string | undefined {
    return this.named('peer').family
  }

  get localAddress(): string | undefined {
    return this.named('local').address
  }

  get localPort(): number | undefined {
    return this.named('local').port
  }

  get localFamily(): string | undefined {
    return this.named('local').family
  }

  /** Where the socket is on this side; {} where that is nowhere. */
  address(): Partial<AddressInfo> {
    return this.named('local')
  }

  /** 'timeout' after `timeoutMs` without traffic; 0: never. It closes nothing. @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE */
  setTimeout(timeoutMs: number, callback?: () => void): this {
    if (this.destroyed) return this
    const ms = checkTimeout(timeoutMs)
    if (callback !== undefined && typeof callback !== 'function')
      throw invalidArgType('callback', 'of type function', callback)
    this.inactivity?.stop()
    this.timeout = timeoutMs
    this.inactivity = ms === 0 ? null : new Inactivity(this, ms)
    if (callback === undefined) return this
    return ms === 0 ? this.removeListener('timeout', callback) : this.once('timeout', callback)
  }

  /** @internal */
  progress(): number {
    return this.connection?.progress() ?? 0
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
    if (this.connection !== null && !this.destroyed) setKeepAlive(this.connection.fd, this.keepAlive)
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

  /** Closes it with a reset, which one that is connecting gets when it is there. */
  resetAndDestroy(): this {
    if (this.connecting) return this.once('connect', () => this.resetAndDestroy())
    if (this.connection === null) return this.destroy(socketErrors.closed())
    this.resetting = true
    return this.destroy()
  }

  private touched(): void {
    this.inactivity?.touched()
  }

  // What one turn writes goes as one message.
  override write(chunk: unknown, encoding?: BufferEncoding | Callback, callback?: Callback): boolean {
    if (this.readableEnded && this.writableEnded && !this.allowHalfOpen)
      return this.refuse(typeof encoding === 'function' ? encoding : callback)
    if (!this.gathering && !this.writableNeedDrain) {
      this.gathering = true
      this.cork()
      process.nextTick(uncork, this)
    }
    return typeof encoding === 'function'
      ? super.write(chunk, encoding)
      : super.write(chunk, encoding ?? 'utf8', callback)
  }

  /** Not "write after end", as if it were the writer's fault: the peer has ended it. */
  private refuse(callback: Callback | undefined): false {
    const error = socketErrors.endedByPeer()
    if (callback !== undefined) process.nextTick(callback, error)
    this.destroy(error)
    return false
  }

  /** @internal */
  gathered(): void {
    this.gathering = false
    this.uncork()
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
        callback(socketErrors.closed())
        return
      }
      const onClose = (): void => {
        callback(socketErrors.closedBefore())
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
    this.inactivity?.stop()
    this.inactivity = null
    this.closeCallback = () => {
      callback(error)
      // Behind 'error', which the stream emits on the next tick.
      process.nextTick(() => {
        this.owner?.socketClosed(this)
        this.emit('close', error !== null)
      })
    }
    const { connection } = this
    if (connection === null) this.tellClosed()
    else if (this.resetting) connection.reset(error)
    else connection.close(error)
  }

  private tellClosed(): void {
    this.closeCallback?.(null)
    this.closeCallback = null
  }

  /** @internal */
  dataReceived(bytes: Buffer, owned: boolean): void {
    this.touched()
    if (this.destroyed) return
    try {
      // The kernel wants its memory back: what a stream hands out, it hands out for good.
      if (!this.push(owned ? bytes : Buffer.from(bytes))) this.connection?.pause()
    } catch (error) {
      throwLater(error)
    }
  }

  /** @internal */
  peerEnded(): void {
    this.touched()
    try {
      this.push(null)
      // As node:net: an end that nobody reads would never be seen.
      if (this.readableLength === 0) this.read(0)
    } catch (error) {
      throwLater(error)
    }
  }

  /** @internal */
  connectionFailed(error: Error): void {
    this.destroy(error)
  }

  /** @internal */
  connectionClosed(): void {
    this.tellClosed()
  }
}

function codeOf(error: Error | null): unknown {
  return error !== null && 'code' in error ? error.code : undefined
}
