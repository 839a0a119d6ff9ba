// `ringmaster top`: which of its ways to show a daemon is wanted, and the end of each. Called by services/cli/top.ts.
import { setTimeout as sleep } from 'node:timers/promises'
import type { CommandError } from '../cli/exit.ts'
import { exitCodes } from '../cli/exit.ts'
import { jsonLine, reportLines, ringLines } from './lines.ts'
import { drawScreen } from './screen.ts'
import type { Snapshot } from './snapshot.ts'
import { coloured, colourless, type Paint } from './style.ts'
import { Terminal } from './terminal.ts'
import { toAscii } from './text.ts'
import { firstView, press as pressed, type Key, type Shown, type View } from './view.ts'
import { Watch } from './watch.ts'

export interface TopOptions {
  readonly admin: URL
  readonly intervalMs: number
  /** `screen`: until somebody quits. `once`: after one interval. `lines`: one report after the other. */
  readonly show: 'screen' | 'once' | 'lines'
  readonly json: boolean
  readonly colour: boolean
  /** Of what is printed where there is no screen. `quiet`: rows only, and no word about a daemon that is away; `verbose`: every column, however wide. */
  readonly detail: 'quiet' | 'usual' | 'verbose'
}

/** Of what is printed where nobody says how wide it may be. */
const pipeWidth = 120
/** As much as all columns need. */
const anyWidth = 300
/** Lines after which the header is said again. */
const headerEvery = 20

/** Files and clients are asked for before a refresh: a daemon that is slow to tell does not hold up what is known of its rings. */
const trafficMsMax = 200

/** Resolves to the exit code. @throws CommandError where there is no daemon to watch */
export async function runTop(options: TopOptions): Promise<number> {
  const end = new AbortController()
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  const onSignal = (signal: NodeJS.Signals): void => end.abort(signal)
  // Nobody reads any more: there is nothing left to do.
  const onClosed = (): void => end.abort('closed')
  for (const signal of signals) process.on(signal, onSignal)
  process.stdout.on('error', onClosed)
  try {
    await ways[options.show](options, end)
  } finally {
    for (const signal of signals) process.off(signal, onSignal)
    process.stdout.off('error', onClosed)
  }
  if (end.signal.reason === 'SIGINT') return exitCodes.interrupted
  return signals.some((signal) => signal === end.signal.reason) ? exitCodes.terminated : exitCodes.ok
}

const ways = { screen: showScreen, once: printOnce, lines: printLines } as const

const paintOf = ({ colour }: TopOptions): Paint => (colour ? coloured : colourless)

/** LC_ALL, LC_CTYPE, LANG in this order (locale(7)); a terminal whose language nobody says is taken for one of today. */
function charactersOf(): (text: string) => string {
  const { LC_ALL, LC_CTYPE, LANG } = process.env
  const locale = LC_ALL || LC_CTYPE || LANG || 'UTF-8'
  return /utf-?8/i.test(locale) ? (text) => text : toAscii
}

/** What is done with what is watched. */
interface Showing {
  /** With each frame. */
  frame?(): void
  /** Once an interval, when it is known what can be. */
  refresh(): void
  lost(reason: CommandError): void
  /** Whatever the end is. */
  stop?(): void
}

/** Resolves when `end` is aborted; rejects where there is no daemon, or showing it failed. */
function watched(
  { admin, intervalMs }: TopOptions,
  end: AbortController,
  show: (watch: Watch) => Showing,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (): void => {
      clearInterval(timer)
      watch[Symbol.dispose]()
      showing.stop?.()
    }
    const fail = (error: unknown): void => {
      finish()
      reject(error instanceof Error ? error : new Error(String(error)))
    }
    const attempt = (task: () => void): void => {
      if (end.signal.aborted) return
      try {
        task()
      } catch (error) {
        fail(error)
      }
    }
    const watch = new Watch(admin, intervalMs, {
      frame: () => attempt(() => showing.frame?.()),
      lost: (reason) => attempt(() => showing.lost(reason)),
      failed: fail,
    })
    const showing = show(watch)
    const refresh = async (): Promise<void> => {
      await Promise.race([watch.askTraffic(), sleep(trafficMsMax, undefined, { ref: false })])
      attempt(() => showing.refresh())
    }
    const timer = setInterval(() => void refresh(), intervalMs)
    const onEnd = (): void => {
      finish()
      resolve()
    }
    end.signal.addEventListener('abort', onEnd, { once: true })
    watch.start()
  })
}

/** One report, of one interval. A daemon that ends meanwhile is an error. */
function printOnce(options: TopOptions, end: AbortController): Promise<void> {
  const { json, intervalMs } = options
  let isTaken = false
  const print = (watch: Watch): void => {
    const snapshot = watch.snapshot()
    if (snapshot === null || end.signal.aborted) return
    const width = outputWidth(options)
    if (json) printText([jsonLine(snapshot)])
    else if (options.detail === 'quiet') printText(ringLines(snapshot, width, false))
    else printText(reportLines(snapshot, width, intervalMs, paintOf(options)))
    end.abort('done')
  }
  return watched(options, end, (watch) => ({
    frame: () => {
      if (isTaken || watch.watchedMs < intervalMs) return
      isTaken = true
      void watch.askTraffic().then(() => print(watch))
    },
    refresh: () => undefined,
    lost: (reason) => {
      throw reason
    },
  }))
}

const outputWidth = ({ detail }: TopOptions): number =>
  detail === 'verbose' ? anyWidth : process.stdout.columns || pipeWidth

const printText = (lines: readonly string[]): void => void process.stdout.write(`${charactersOf()(lines.join('\n'))}\n`)

function printLines(options: TopOptions, end: AbortController): Promise<void> {
  let linesSinceHeader = headerEvery
  let printedMs = 0
  return watched(options, end, (watch) => ({
    refresh: () => {
      const snapshot = watch.lost === null && watch.watchedMs > 0 ? watch.snapshot() : null
      // Nothing new, or a reader that does not read: what is missed here is not kept.
      if (snapshot === null || snapshot.atMs === printedMs || process.stdout.writableNeedDrain) return
      printedMs = snapshot.atMs
      const withHeader = options.detail !== 'quiet' && linesSinceHeader >= headerEvery
      linesSinceHeader = (withHeader ? 0 : linesSinceHeader) + snapshot.rings.length
      printText(options.json ? [jsonLine(snapshot)] : ringLines(snapshot, outputWidth(options), withHeader))
    },
    lost: ({ message }) => {
      if (watch.lost?.isNew === true && options.detail !== 'quiet')
        process.stderr.write(`ringmaster: ${message} Tried again every second.\n`)
    },
  }))
}

function showScreen(options: TopOptions, end: AbortController): Promise<void> {
  const characters = charactersOf()
  const paint = paintOf(options)
  const { intervalMs, admin } = options
  let view: View = firstView
  let snapshot: Snapshot | null = null
  let shown: Shown = { titles: [], page: 1, scrollMax: 0 }
  return watched(options, end, (watch) => {
    const draw = (): void => {
      const { lost } = watch
      const forSeconds = lost === null ? 0 : (Date.now() - lost.sinceMs) / 1000
      const screen = drawScreen(
        { snapshot, view, intervalMs, lost: lost && { ...lost, forSeconds }, paint, admin: admin.origin },
        terminal.size,
      )
      shown = screen
      terminal.draw(screen.lines.map(characters))
    }
    const press = (key: Key): void => {
      const next = pressed(view, key, shown)
      if (next === null) {
        end.abort('quit')
        return
      }
      if (view.frozen && !next.frozen) snapshot = watch.snapshot() ?? snapshot
      view = next
      draw()
    }
    const terminal = new Terminal(process.stdin, process.stdout, { key: press, redraw: draw })
    return {
      // Not before there is something to show: an error at the start belongs on the screen that the user has.
      frame: () => {
        if (snapshot !== null) return
        snapshot = watch.snapshot()
        if (snapshot !== null) terminal.start()
      },
      refresh: () => {
        if (!view.frozen && watch.lost === null) snapshot = watch.snapshot() ?? snapshot
        draw()
      },
      lost: draw,
      stop: () => terminal[Symbol.dispose](),
    }
  })
}
