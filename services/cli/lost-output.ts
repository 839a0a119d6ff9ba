// Stdout that takes nothing: the disk is full, say. Who asked for a report must not take half of one for all of it. Used by program.ts.
import { codeOf } from '../http/http-error.ts'
import { exitCodes } from './exit.ts'

/** From when it is made: an error of stdout is said when the process ends, and is its exit code where that was 0. */
export class LostOutput {
  private code: string | null = null
  private isForgiven = false

  constructor(process: NodeJS.Process) {
    process.stdout.on('error', (error) => {
      const code = codeOf(error) ?? 'failed'
      // Who has closed the pipe wants no more of it.
      if (code !== 'EPIPE') this.code ??= code
    })
    // Nobody is left who could be told.
    process.stderr.on('error', () => undefined)
    process.once('exit', () => {
      if (this.code === null || this.isForgiven) return
      process.stderr.write(
        `ringmaster: cannot write to stdout: ${this.code}. What it was to show is lost, or a part of it: make room, or write elsewhere.\n`,
      )
      process.exitCode ||= exitCodes.failure
    })
  }

  /** For what ends otherwise: a service, whose work is not its output; an error that was said already. */
  forgive(): void {
    this.isForgiven = true
  }
}
