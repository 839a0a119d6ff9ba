// The log of a service: structured lines on stderr, so that stdout stays for what people and scripts read. Used by
// the commands that run services.
import { write } from 'node:fs'
import { pino, type DestinationStream, type Logger } from 'pino'
import type { LogLevel } from './log-levels.ts'

export interface Log {
  readonly logger: Logger
  /** Resolves when everything is written, or nobody takes it: for the last moment before `process.exit`. */
  readonly flush: () => Promise<void>
}

const stderrFd = 2
/** Kept in memory while stderr takes nothing; lines beyond it are dropped. */
const pendingBytesMax = 1024 * 1024
const retryMs = 100
const flushMsMax = 250

export function createLog(level: LogLevel): Log {
  const lines = new LineWriter(stderrFd)
  return { logger: pino({ name: 'ringmaster', level }, lines), flush: () => lines.flush() }
}

/**
 * Writes in the background, and gives up on what cannot be written: a log that nobody reads, or whose disk is full, must
 * not stop the service. pino's own destination does: on ENOSPC it emits an error, and its flushSync then never returns.
 */
class LineWriter implements DestinationStream {
  readonly #fd: number
  #pending: string[] = []
  #pendingBytes = 0
  #writing = false
  #onIdle: (() => void)[] = []

  constructor(fd: number) {
    this.#fd = fd
  }

  write(line: string): void {
    if (this.#pendingBytes + line.length > pendingBytesMax) return
    this.#pendingBytes += line.length
    this.#pending.push(line)
    if (!this.#writing) this.#writeNext()
  }

  flush(): Promise<void> {
    if (!this.#writing) return Promise.resolve()
    return new Promise((resolve) => {
      this.#onIdle.push(resolve)
      setTimeout(resolve, flushMsMax)
    })
  }

  #writeNext(): void {
    const lines = this.#pending.join('')
    this.#pending = []
    this.#pendingBytes = 0
    this.#writing = lines !== ''
    if (this.#writing) this.#writeAll(Buffer.from(lines))
    else for (const resolve of this.#onIdle.splice(0)) resolve()
  }

  #writeAll(bytes: Buffer): void {
    write(this.#fd, bytes, (error, bytesWritten) => {
      if (error?.code === 'EAGAIN') setTimeout(() => this.#writeAll(bytes), retryMs)
      else if (error === null && bytesWritten < bytes.length) this.#writeAll(bytes.subarray(bytesWritten))
      else this.#writeNext()
    })
  }
}
