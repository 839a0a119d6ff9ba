// A bar for something that takes a known time. On a terminal only: in a log it would be noise. Used by trace.ts.

export interface Progress extends Disposable {
  /** Removes the bar. Safe to repeat. */
  done(): void
}

const stepMs = 100
const cells = 30

/** Shows on `stream`, where it is a terminal, how much of `seconds` is over. */
export function showProgress(stream: NodeJS.WriteStream, label: string, seconds: number): Progress {
  if (!stream.isTTY) return { done: () => undefined, [Symbol.dispose]: () => undefined }
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
    if (shown) stream.write('\r\u001b[K')
    shown = false
  }
  return { done, [Symbol.dispose]: done }
}
