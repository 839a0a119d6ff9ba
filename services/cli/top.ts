// `ringmaster top`: its options and help. What it does is in services/top/, loaded when it is asked for. Added to the program by program.ts.
import { Command, InvalidArgumentError, Option } from 'commander'
import type { TopOptions } from '../top/run.ts'
import { adminOption } from './admin-address.ts'
import { CommandError, exitCodes } from './exit.ts'
import { canRedraw, hasColor } from './terminal.ts'

const examples = `
Keys: q quits, ? explains the others and every column.

Where stdout is no terminal it is as with --once; with --interval a line for each ring and interval, until it is stopped.
Rates are of one interval, p50 and p99 of the last ten seconds, queues as full as they were at most in the interval (the
feed has some five pictures a second). Files and HTTP clients are counted while a top looks, and forgotten 15 s after.

Exit codes:
  0    quit by q or Ctrl-C; --once: done; nobody reads the output any more
  1    no daemon there, or no ringmaster; --once: it ended meanwhile. A daemon that ends while it is watched is waited for
  2    wrong usage: unknown option, bad value
  130  stopped by SIGINT
  143  stopped by SIGTERM or SIGHUP

Examples:
  $ ringmaster top                                     the daemon of this machine
  $ ringmaster top --admin 127.0.0.1:9465              another one, as \`ringmaster serve\` prints it
  $ ringmaster top --once --interval 5                 one report of five seconds
  $ ringmaster top --once --json | jq '.rings[] | {ring, operationsPerSecond, inFlight}'
  $ ringmaster top --interval 10 >> rings.log          a line for each ring every ten seconds`

const intervalSeconds = { min: 0.2, max: 60, usual: 1 } as const

interface TopCommandOptions {
  readonly admin: URL
  readonly interval?: number
  readonly once?: boolean
  readonly json?: boolean
  readonly color: boolean
  readonly quiet?: boolean
  readonly verbose?: boolean
}

export function topCommand(): Command {
  const { min, max, usual } = intervalSeconds
  return new Command('top')
    .summary('watch the rings of a running daemon')
    .description(
      'Shows what the rings of a running `ringmaster serve` do: queues, threads, system calls, latencies, and the busiest ' +
        'operations, files and clients. Only looks: nothing of the daemon is changed.',
    )
    .addOption(adminOption())
    .option('--interval <seconds>', `between refreshes, ${min} to ${max} (default: ${usual})`, parseInterval)
    .option('--once', 'print one report after one interval, and end')
    .option('--json', 'print JSON: an object with --once, else one a line and interval')
    .addOption(
      new Option(
        '--quiet',
        'without a screen: a line for each ring and no more; nothing is said while the daemon is away',
      ).conflicts('verbose'),
    )
    .option('--verbose', 'without a screen: every column, however wide the lines become')
    .option('--no-color', 'no colours; as the environment variable NO_COLOR')
    .addHelpText('after', examples)
    .action(async (options: TopCommandOptions) => {
      const { runTop } = await import('../top/run.ts')
      process.exitCode = await runTop(topOptions(options))
    })
}

function topOptions(options: TopCommandOptions): TopOptions {
  const { admin, interval, once = false, json = false, color, quiet, verbose } = options
  const isScreen = canRedraw(process.stdout)
  const isOnce = once || (!isScreen && interval === undefined)
  const show = isOnce ? 'once' : isScreen && !json ? 'screen' : 'lines'
  if (show === 'screen' && !process.stdin.isTTY)
    throw new CommandError(
      'stdin is no terminal, so that no key could be pressed. Use --once, or --interval with `| cat`.',
      exitCodes.usage,
    )
  return {
    admin,
    intervalMs: (interval ?? intervalSeconds.usual) * 1000,
    show,
    json,
    colour: color && hasColor(process.stdout),
    detail: quiet === true ? 'quiet' : verbose === true ? 'verbose' : 'usual',
  }
}

function parseInterval(input: string): number {
  const { min, max } = intervalSeconds
  const seconds = /^\d{1,4}(\.\d{1,6})?$/.test(input) ? Number(input) : NaN
  if (!(seconds >= min && seconds <= max)) throw new InvalidArgumentError(`Expected seconds, from ${min} to ${max}.`)
  return seconds
}
