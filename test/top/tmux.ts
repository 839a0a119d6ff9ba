// A real terminal for tests: tmux, with a server of its own and a shell in it. What is on the screen, and in which state the terminal is, tmux says.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { commandLine } from '../cli/command.ts'
import { eventually, temporaryFolder } from '../services/harness.ts'

/** Why there is no tmux here; else nothing. Said in the titles of the tests that need it. */
export const tmuxMissing: boolean = spawnSync('tmux', ['-V']).status !== 0

export class Tmux implements Disposable {
  private readonly folder = temporaryFolder()
  private started = 0

  constructor(columns: number, rows: number) {
    const shell = 'env PS1="READY " LC_ALL=C.UTF-8 bash --norc --noprofile -i'
    this.run('-f', '/dev/null', 'new-session', '-d', '-x', String(columns), '-y', String(rows), shell)
    this.run('set-option', '-g', 'window-size', 'manual')
  }

  private run(...args: string[]): string {
    return execFileSync('tmux', ['-u', '-S', join(this.folder.path, 'socket'), ...args], { encoding: 'utf8' })
  }

  /** As on the screen, without blanks at the ends of lines. */
  screen(): string[] {
    return this.run('capture-pane', '-p').replace(/\n$/, '').split('\n')
  }

  /** With the escape sequences that its colours took. */
  styled(): string {
    return this.run('capture-pane', '-p', '-e')
  }

  keys(...names: string[]): void {
    this.run('send-keys', ...names)
  }

  /** One character after the other, as they are typed. */
  type(line: string): void {
    this.run('send-keys', '-l', line)
    this.keys('Enter')
  }

  resize(columns: number, rows: number): void {
    this.run('resize-window', '-x', String(columns), '-y', String(rows))
  }

  /** Flags of the terminal: `alternate_on`, `cursor_flag`, `wrap_flag`. */
  flags(): string {
    return this.run('display-message', '-p', 'alternate #{alternate_on} cursor #{cursor_flag} wrap #{wrap_flag}').trim()
  }

  async shows(pattern: RegExp): Promise<string[]> {
    const isShown = (): boolean => pattern.test(this.screen().join('\n'))
    const found = await eventually(isShown, 40_000)
    const screen = this.screen()
    if (!found) expect(screen.join('\n')).toMatch(pattern)
    return screen
  }

  /** Starts `ringmaster` in the shell; says what `stty` says before and after, and how it ended. Resolves to its process id. */
  async start(args: readonly string[], environment = ''): Promise<number> {
    await this.shows(/READY$/m)
    const file = join(this.folder.path, `pid${++this.started}`)
    const command = commandLine(...args).join(' ')
    this.type(
      `clear; stty -g >${file}.before; sh -c 'echo $$ >${file}; exec env ${environment} ${command}'; echo "ENDED $?"; stty -g >${file}.after`,
    )
    expect(await eventually(() => existsSync(file) && readFileSync(file, 'utf8').endsWith('\n'))).toBe(true)
    return Number(readFileSync(file, 'utf8'))
  }

  /** Settings of the line discipline before the latest program and after it: raw mode, echo, signals. */
  async settings(): Promise<{ before: string; after: string }> {
    const file = join(this.folder.path, `pid${this.started}`)
    const read = (name: string): string => (existsSync(file + name) ? readFileSync(file + name, 'utf8') : '')
    await eventually(() => read('.after') !== '')
    return { before: read('.before'), after: read('.after') }
  }

  [Symbol.dispose](): void {
    this.run('kill-server')
    this.folder.remove()
  }
}
