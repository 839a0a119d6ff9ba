// Where something of many steps is, and about how long it still takes: one line, on a terminal only; a line for each step where none can be
// written anew. Used by bench.ts.
import { canRedraw, eraseLine } from './terminal.ts'
import type { ProgressStream } from './terminal.ts'

export interface StepProgress extends Disposable {
  /** The next step has begun. */
  step(label: string): void
  /** Removes the line. Safe to repeat. */
  done(): void
}

const refreshMs = 500
const cells = 20

/** Shows on `stream`, where it is a terminal, which of `steps` steps this is. Each is taken to last as long as those before, or as was guessed. */
export function showSteps(stream: ProgressStream, steps: number, guessSecondsPerStep: number): StepProgress {
  if (!stream.isTTY) return { step: () => undefined, done: () => undefined, [Symbol.dispose]: () => undefined }
  const isRedrawn = canRedraw(stream)
  const startedMs = performance.now()
  let begun = 0
  let label = ''
  let shown = false
  const show = (): void => {
    const elapsedSeconds = (performance.now() - startedMs) / 1000
    const finished = Math.max(0, begun - 1)
    const perStep = finished === 0 ? guessSecondsPerStep : elapsedSeconds / finished
    const left = Math.max(0, perStep * steps - elapsedSeconds)
    const full = Math.min(cells, Math.round((finished / steps) * cells))
    const bar = '█'.repeat(full) + '░'.repeat(cells - full)
    // The time first: the label is what a narrow terminal may cut.
    const text = `${Math.min(begun, steps)}/${steps}, ${duration(left)} left: ${label}`
    stream.write(isRedrawn ? `${eraseLine}${`${bar} ${text}`.slice(0, (stream.columns || 80) - 1)}` : `${text}\n`)
    shown = isRedrawn
  }
  const timer = isRedrawn ? setInterval(show, refreshMs).unref() : undefined
  const done = (): void => {
    clearInterval(timer)
    if (shown) stream.write(eraseLine)
    shown = false
  }
  const step = (next: string): void => {
    begun++
    label = next
    show()
  }
  return { step, done, [Symbol.dispose]: done }
}

function duration(seconds: number): string {
  if (seconds < 90) return `about ${Math.ceil(seconds)} s`
  return `about ${Math.ceil(seconds / 60)} min`
}
