// What is seen while `ringmaster tune` runs: on a terminal one line for each step, its last one redrawn; elsewhere a plain line for each step. Called by
// services/cli/tune.ts.
import { canRedraw, eraseLine } from '../../cli/terminal.ts'
import { describeDifference, describeLayout } from '../layouts.ts'
import type { Progress } from '../legs.ts'
import { counted } from '../outcome.ts'
import type { Layout, TunedWorkload } from '../types.ts'
import { duration, time, work } from './words.ts'

export interface LiveStream {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  write(text: string): unknown
}

export interface LiveOptions {
  readonly stream: LiveStream
  readonly verbosity: 'quiet' | 'usual' | 'verbose'
  readonly workload: TunedWorkload
  /** Layouts are told by how they differ from it. */
  readonly from: () => Layout | null
  /** Of all of it. */
  readonly secondsLeft: () => number
}

/** A leg as far as it is shown. */
export interface LiveLeg {
  readonly layout: Layout
  readonly workPerSecond: number
  readonly workUnit: 'operations' | 'bytes'
  readonly p99Ns: number
}

const redrawMs = 250
const sparks = '▁▂▃▄▅▆▇█'
const sparkLegs = 16
const phaseWidth = 'confirmation'.length
const stepCharsMin = 16

const cut = (text: string, most: number): string =>
  text.length <= most ? text : `${text.slice(0, Math.max(0, most - 1))}…`

/** Work of legs as a row of bars, the largest of them full. */
export function sparkline(values: readonly number[]): string {
  const most = Math.max(...values)
  return values
    .map((value) => sparks[Math.min(sparks.length - 1, Math.floor((value / most) * sparks.length))]!)
    .join('')
}

export class Live implements Disposable {
  readonly #options: LiveOptions
  readonly #drawn: boolean
  #phase = ''
  #step = ''
  #layout = ''
  #work: number[] = []
  #last: Layout | null = null
  #legs = 0
  #timer: NodeJS.Timeout | null = null

  constructor(options: LiveOptions) {
    this.#options = options
    this.#drawn = canRedraw(options.stream) && options.verbosity !== 'quiet'
  }

  /** Something other than the search: data, limits. `share` of it is done. */
  readonly prepare = (phase: string, what: string, share: number): void => {
    this.#turn(phase, what, `${Math.floor(share * 100)} %`)
  }

  /** What the search does next. */
  readonly progress = ({ phase, step, layout }: Progress): void => {
    // The line is short, and what is on differs from what was on before in a knob or two.
    const last = this.#last
    this.#last = layout
    this.#turn(phase, step, last === null ? this.#name(layout) : describeDifference(layout, last))
  }

  readonly leg = ({ layout, workPerSecond, workUnit, p99Ns }: LiveLeg): void => {
    this.#legs++
    this.#work.push(workPerSecond)
    const { stream, verbosity } = this.#options
    if (verbosity === 'verbose') {
      const text = `  ${work(workPerSecond, workUnit)}, p99 ${time(p99Ns)}: ${this.#name(layout)}`
      stream.write(this.#drawn ? `${eraseLine}${text}\n` : `${text}\n`)
    }
    if (this.#drawn) this.#draw()
  };

  /** The last line stays as it is. Safe to repeat. */
  [Symbol.dispose](): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    if (this.#timer !== null) this.#finishLine()
    this.#timer = null
  }

  #turn(phase: string, step: string, layout: string): void {
    const { stream, verbosity } = this.#options
    const isNew = phase !== this.#phase || step !== this.#step
    if (this.#drawn && isNew && this.#timer !== null) this.#finishLine()
    if (isNew) this.#work = []
    this.#phase = phase
    this.#step = step
    this.#layout = layout
    if (verbosity === 'quiet') return
    if (!this.#drawn) {
      if (isNew) stream.write(`${phase}: ${step}; ${counted(this.#legs, 'leg')} so far, ${this.#left()} left\n`)
      return
    }
    if (this.#timer === null) {
      this.#timer = setInterval(() => {
        this.#draw()
      }, redrawMs)
      this.#timer.unref()
    }
    this.#draw()
  }

  #draw(): void {
    this.#write(this.#layout === '' ? '' : ` · ${this.#layout}`, `${counted(this.#legs, 'leg')}, ${this.#left()} left`)
  }

  /** What was found out, without what is on: it stays. */
  #finishLine(): void {
    this.#write('', this.#work.length === 0 ? '' : counted(this.#work.length, 'leg'))
    this.#options.stream.write('\n')
  }

  /** Where there is too little room, the step is cut first, then what is on. */
  #write(layout: string, end: string): void {
    const { stream } = this.#options
    const width = Math.max(20, (stream.columns ?? 80) - 1)
    const start = `${this.#phase.padEnd(phaseWidth)} `
    const spark = this.#work.length === 0 ? '' : ` ${sparkline(this.#work.slice(-sparkLegs))}`
    const tail = `${spark} ${end}`
    const room = Math.max(0, width - start.length - tail.length)
    const step = cut(this.#step, Math.max(stepCharsMin, room - layout.length))
    const middle = cut(step + layout, room).padEnd(room)
    stream.write(`${eraseLine}${(start + middle + tail).slice(0, width)}`)
  }

  #name(layout: Layout): string {
    const from = this.#options.from()
    const difference = from === null ? describeLayout(layout, this.#options.workload) : describeDifference(layout, from)
    return difference === 'the same' ? 'as it is' : difference
  }

  #left(): string {
    return duration(this.#options.secondsLeft())
  }
}
