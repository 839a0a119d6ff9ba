// One line on stderr that says where the benchmark is, when stderr is a terminal. Called by main.ts and runner.ts.

export class Progress {
  readonly #stepsTotal: number
  readonly #rounds: number
  readonly #visible = process.stderr.isTTY
  readonly #startedMs = performance.now()
  #steps = 0

  constructor(stepsTotal: number, rounds: number) {
    this.#stepsTotal = stepsTotal
    this.#rounds = rounds
  }

  step(scenario: string, round: number, leg: string): void {
    const done = this.#steps++
    if (!this.#visible) return
    const secondsPerStep = (performance.now() - this.#startedMs) / 1000 / done
    const left = done === 0 ? '' : `, about ${duration(secondsPerStep * (this.#stepsTotal - done))} left`
    this.#show(`[${done + 1}/${this.#stepsTotal}] ${scenario}, round ${round + 1} of ${this.#rounds}: ${leg}${left}`)
  }

  /** For what must be seen whether or not anyone watches. */
  note(text: string): void {
    this.clear()
    process.stderr.write(`${text}\n`)
  }

  clear(): void {
    if (this.#visible) this.#show('')
  }

  #show(text: string): void {
    process.stderr.write(`\r\x1b[2K${text.slice(0, (process.stderr.columns || 80) - 1)}`)
  }
}

function duration(seconds: number): string {
  return seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`
}
