// The process that writes while another one's reads are measured: what it gets done is read from the kernel's account of it, since it is ended and not waited for.
// Used by disk-map.ts.
import { readFileSync } from 'node:fs'
import { runLeg } from './leg.ts'
import type { LegOrder } from './order.ts'

interface Mark {
  readonly atMs: number
  readonly bytes: number | null
}

export class Writer implements AsyncDisposable {
  /** Aborted when the writer has ended, with the reason: what is measured beside it is worth nothing then. */
  readonly signal: AbortSignal
  readonly #stop = new AbortController()
  readonly #ended: Promise<void>
  readonly #marks: Mark[] = []
  #pid = 0

  private constructor(order: LegOrder, signal: AbortSignal | undefined, onWriting: () => void) {
    const outside = signal === undefined ? [] : [signal]
    const failed = new AbortController()
    this.signal = AbortSignal.any([failed.signal, ...outside])
    const own = AbortSignal.any([this.#stop.signal, ...outside])
    const onStart = (pid: number): void => void (this.#pid = pid)
    const onStep = (step: 'warmup' | 'window'): void => {
      if (step === 'window') onWriting()
    }
    const ended = runLeg(order, { signal: own, onStart, onStep }).then(
      () => new Error('the writes ended before the reads'),
      (error: unknown) => error,
    )
    this.#ended = ended.then((reason) => {
      failed.abort(reason)
      onWriting()
    })
  }

  /** Resolves once it writes. @throws what ended it before */
  static start(order: LegOrder, signal: AbortSignal | undefined): Promise<Writer> {
    return new Promise((resolve, reject) => {
      const writer = new Writer(order, signal, () => {
        const { aborted, reason } = writer.signal as { aborted: boolean; reason: unknown }
        if (aborted) reject(reason instanceof Error ? reason : new Error(String(reason)))
        else resolve(writer)
      })
    })
  }

  /** A stretch ends here, and the next one begins. */
  mark(): void {
    this.#marks.push({ atMs: performance.now(), bytes: this.#writtenBytes() })
  }

  /** In each stretch between two marks; null where the kernel does not count, which it says by none at all (a file system in memory). */
  bytesPerSecond(): (number | null)[] {
    const isCounted = this.#marks.at(-1)?.bytes !== this.#marks[0]?.bytes
    return this.#marks.slice(1).map(({ atMs, bytes }, at) => {
      const before = this.#marks[at]!
      return !isCounted || bytes === null || before.bytes === null
        ? null
        : (bytes - before.bytes) / ((atMs - before.atMs) / 1000)
    })
  }

  /** /proc/PID/io: what went to the device. */
  #writtenBytes(): number | null {
    try {
      const text = /^write_bytes: (\d+)$/m.exec(readFileSync(`/proc/${this.#pid}/io`, 'latin1'))?.[1]
      return text === undefined ? null : Number(text)
    } catch {
      return null
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#ended
  }
}
