// A bar for something that takes a known time. On a terminal only: in a log it would be noise. Used by trace.ts.
import { canRedraw, eraseLine } from './terminal.ts'
import type { ProgressStream } from './terminal.ts'

export interface Progress extends Disposable {
  /** Removes the bar. Safe to repeat. */
  done(): void
}

const stepMs = 100
const cells = 30

/** Shows on `stream`, where it is a terminal, how much of `seconds` is over. */
export function showProgress(stream: ProgressStream, label: string, seconds: number): Progress {
  const nothing = { done: () => undefined, [Symbol.dispose]: () => undefined }
  if (!stream.isTTY) return nothing
  if (!canRedraw(stream)) {
    stream.write(`${label}, ${seconds} s\n`)
    return nothing
  }
  const startedMs = performance.now()
  const show = (): void => {
    const share = Math.min(1, (performance.now() - startedMs) / (seconds * 1000))
    const full = Math.round(share * cells)
    const bar = '█'.repeat(full) + '░'.repeat(cells - full)
    stream.write(`\r${label} ${bar} ${(share * seconds).toFixed(1)} of ${seconds} s`)
  }
  show()
  const timer = setInterval(show, stepMs)
  let shown = true
  const done = (): void => {
    clearInterval(timer)
    if (shown) stream.write(eraseLine)
    shown = false
  }
  return { done, [Symbol.dispose]: done }
}
