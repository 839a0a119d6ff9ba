// The terminal while `top` has it: a screen of its own, no cursor, every key at once; and given back as it was, whatever happens. Used by run.ts.
//
// Leaving is one write and one ioctl, both synchronous: it is done on signals, on exceptions before Node prints them, and on exit.
import { emitKeypressEvents } from 'node:readline'
import type { ReadStream, WriteStream } from 'node:tty'
import type { Size } from './screen.ts'
import type { Key } from './view.ts'

/** xterm's (invisible-island.net/xterm/ctlseqs): alternate screen, cursor, wrapping at the right edge. */
const enterSequence = '\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[2J'
const leaveSequence = '\u001b[0m\u001b[?7h\u001b[?25h\u001b[?1049l'
const toLine = (line: number): string => `\u001b[${line};1H`
/** Before a line is written: after one that is full, the cursor stands upon its last character. */
const eraseLine = '\u001b[0m\u001b[2K'

export interface TerminalListener {
  key(key: Key): void
  /** Everything is to be drawn anew: another size, or the program goes on after it was stopped. */
  redraw(): void
}

interface KeyPress {
  readonly name?: string
  readonly ctrl?: boolean
  readonly shift?: boolean
}

export class Terminal implements Disposable {
  private readonly input: ReadStream
  private readonly output: WriteStream
  private readonly listener: TerminalListener
  private shown: string[] = []
  private isEntered = false
  private isOver = false

  constructor(input: ReadStream, output: WriteStream, listener: TerminalListener) {
    this.input = input
    this.output = output
    this.listener = listener
  }

  start(): void {
    // Of an exception that nobody catches, too, and before it is printed.
    process.on('exit', this.leave)
    process.on('SIGTSTP', this.suspend)
    process.on('SIGCONT', this.enter)
    this.output.on('resize', this.redraw)
    if (this.input.isTTY) {
      emitKeypressEvents(this.input)
      this.input.on('keypress', this.press)
      this.input.resume()
    }
    this.enter()
  }

  get size(): Size {
    return { columns: this.output.columns, rows: this.output.rows }
  }

  /** Only lines that are others than before are written. */
  draw(lines: readonly string[]): void {
    if (!this.isEntered) return
    let text = ''
    for (const [index, line] of lines.entries()) {
      if (this.shown[index] !== line) text += toLine(index + 1) + eraseLine + line
    }
    this.shown = [...lines]
    if (text !== '') this.output.write(text)
  }

  [Symbol.dispose](): void {
    this.isOver = true
    this.leave()
    process.off('exit', this.leave)
    process.off('SIGTSTP', this.suspend)
    process.off('SIGCONT', this.enter)
    this.output.off('resize', this.redraw)
    this.input.off('keypress', this.press)
    this.input.pause()
  }

  private readonly enter = (): void => {
    if (this.isOver) return
    this.isEntered = true
    if (this.input.isTTY) this.input.setRawMode(true)
    this.output.write(enterSequence)
    this.redraw()
  }

  private readonly leave = (): void => {
    if (!this.isEntered) return
    this.isEntered = false
    try {
      this.output.write(leaveSequence)
      if (this.input.isTTY) this.input.setRawMode(false)
    } catch {
      // The terminal is gone: there is nothing to give back.
    }
  }

  /** As the kernel does where nobody catches it; the shell sees a stopped job. */
  private readonly suspend = (): void => {
    this.leave()
    process.kill(process.pid, 'SIGSTOP')
  }

  private readonly redraw = (): void => {
    this.shown = []
    if (this.isEntered) this.listener.redraw()
  }

  private readonly press = (text: string | undefined, { name, ctrl = false, shift = false }: KeyPress): void => {
    // In raw mode the terminal does not do it: the whole group is told, as it would.
    if (ctrl && name === 'z') process.kill(0, 'SIGTSTP')
    else this.listener.key({ name: name === 'tab' && shift ? 'backtab' : (name ?? text ?? ''), ctrl })
  }
}
