// A bounded set of equal buffers for bodies on their way from storage to a socket. Leased by file-service.ts (the first
// one, for which a request may have to wait) and send-body.ts (read-ahead, which never waits).
import type { HttpAnswer } from './exchange.ts'
import { ClientGone, httpError, type HttpError } from './http-error.ts'

export interface BufferPoolLimits {
  readonly bufferBytes: number
  readonly buffersMax: number
  readonly waitersMax: number
  readonly waitMsMax: number
  /** Told that somebody has to wait. */
  readonly onWait?: () => void
}

interface Waiter {
  readonly take: (buffer: Uint8Array) => void
}

/**
 * Buffers are made on first use and then kept. Whoever holds one can finish with it alone, so requests which wait for
 * their first buffer cannot starve each other; a second one is lent only while nobody waits.
 */
export class BufferPool {
  readonly #limits: BufferPoolLimits
  readonly #free: Uint8Array[] = []
  readonly #waiters = new Set<Waiter>() // a set is a queue from which a client that went away can step out
  #made = 0

  constructor(limits: BufferPoolLimits) {
    this.#limits = limits
  }

  get bufferBytes(): number {
    return this.#limits.bufferBytes
  }

  get inUse(): number {
    return this.#made - this.#free.length
  }

  get waiting(): number {
    return this.#waiters.size
  }

  /** A buffer if one is free and nobody is waiting for it. */
  tryLease(): Uint8Array | undefined {
    if (this.#waiters.size > 0) return undefined
    const buffer = this.#free.pop()
    if (buffer !== undefined) return buffer
    if (this.#made === this.#limits.buffersMax) return undefined
    this.#made++
    return Buffer.allocUnsafeSlow(this.#limits.bufferBytes)
  }

  /**
   * A buffer, after a wait if need be. Rejects with 503 when too many wait already, or for too long, or on abort. Who has begun to answer waits
   * `patiently`: only an abort ends that.
   */
  lease(signal: AbortSignal, patiently = false): Promise<Uint8Array> {
    const buffer = this.tryLease()
    if (buffer !== undefined) return Promise.resolve(buffer)
    const isFull = this.#waiters.size >= this.#limits.waitersMax && !patiently
    if (isFull || signal.aborted) return Promise.reject(poolExhausted())
    this.#limits.onWait?.()
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiters.delete(waiter)
        signal.removeEventListener('abort', giveUp)
        clearTimeout(timer)
      }
      const giveUp = (): void => {
        leave()
        reject(poolExhausted())
      }
      const waiter: Waiter = {
        take: (given) => {
          leave()
          resolve(given)
        },
      }
      const timer = patiently ? undefined : setTimeout(giveUp, this.#limits.waitMsMax)
      signal.addEventListener('abort', giveUp)
      this.#waiters.add(waiter)
    })
  }

  /** Gives a buffer back. Only when neither the kernel nor a socket has use of it any more. */
  release(buffer: Uint8Array): void {
    const [first] = this.#waiters
    if (first === undefined) this.#free.push(buffer)
    else first.take(buffer)
  }
}

/** Waits for a buffer, but not for a client that is gone. @throws (rejects) HttpError 503 */
export async function leaseWhileConnected(
  pool: BufferPool,
  response: HttpAnswer,
  patiently: boolean,
): Promise<Uint8Array> {
  if (response.destroyed) throw new ClientGone()
  const gone = new AbortController()
  const onClose = (): void => {
    gone.abort()
  }
  response.once('close', onClose)
  try {
    return await pool.lease(gone.signal, patiently)
  } finally {
    response.off('close', onClose)
  }
}

function poolExhausted(): HttpError {
  return httpError(503, 'all buffers are in use by other downloads')
}
