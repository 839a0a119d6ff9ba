// `ringmaster serve`: its options and help. What it does is in file-daemon.ts. Added to the program by program.ts; a new
// command is a copy of this file and a line there.
import { Command, InvalidArgumentError, Option } from 'commander'
import { exitCodesHelp } from './exit.ts'
import type { FileDaemonOptions } from './file-daemon.ts'
import { parseListenAddress } from './listen-address.ts'
import { logLevels } from './log-levels.ts'
import { pollers, trafficStates } from './serve-values.ts'
import { alsoTakes } from './value-hints.ts'

const examples = `
Examples:
  $ ringmaster serve                              the current folder at http://127.0.0.1:8080/b/
  $ ringmaster serve /srv/artefacts --rings 2     another folder, two rings
  $ ringmaster serve --profile tuned.json         as ringmaster tune found it best for this machine
  $ ringmaster serve --listen :0 --admin :0       any free ports; they are printed when it is ready
  $ curl -r 0-1023 http://127.0.0.1:8080/b/big.iso | sha256sum

Signals:
  SIGTERM, SIGINT  stop: not ready any more, wait for --drain-delay-seconds, accept nothing new, finish what is in
                   flight, exit. A second one exits at once.
  SIGHUP           open ROOT anew: what is mounted there now, or where the symbolic link points now. Open files stay
                   as they are; if it cannot be opened, the folder served so far stays, and the log says why.

Service managers (systemd):
  NOTIFY_SOCKET    is told READY, RELOADING, STOPPING and STATUS (Type=notify). Needs the addon and Linux 5.19.
  WATCHDOG_USEC    WATCHDOG=1 twice as often, through the rings, while every ring worker's heart beats (WatchdogSec=)
  LISTEN_FDS       sockets named http and admin, or unnamed in this order, instead of --listen and --admin; addresses that
                   other machines can reach need --public here, too`

const secondsMax = 3600

export function serveCommand(): Command {
  return new Command('serve')
    .summary('serve the files of a folder over HTTP')
    .description(
      'Serves the files below ROOT at /b/{path}, read through io_uring. Paths and symbolic links that lead out of ROOT ' +
        'are not followed. Metrics and health are on the admin address. Logs go to stderr as JSON lines.',
    )
    .argument('[ROOT]', 'folder to serve (default: the current one, unless that is /)')
    .addOption(addressOption('--listen <address>', 'where files are served: HOST:PORT, [IPV6]:PORT or :PORT', 8080))
    .addOption(
      addressOption(
        '--admin <address>',
        'where the page of the rings (/), /metrics, /livez, /readyz, /trace and /traffic are',
        9464,
      ),
    )
    .option('--public', 'allow addresses that other machines can reach; there is no password')
    .option('--rings <number>', 'rings, each with its own worker thread (default: as the machine allows)', parseCount)
    .addOption(new Option('--poller <poller>', 'who turns queue entries into I/O').choices(pollers).default('auto'))
    .addOption(
      alsoTakes(
        new Option(
          '--profile <file>',
          "a profile of ringmaster tune, or 'auto': decides what --rings and --poller leave open",
        ),
        ['auto'],
      ).argParser(parseProfile),
    )
    .addOption(
      new Option(
        '--traffic <state>',
        'whether the admin address tells which files are asked for, and by whom (/traffic)',
      )
        .choices(trafficStates)
        .default('on'),
    )
    .option('--adapt', 'move a ring to another poller where that suits its load better')
    .addOption(new Option('--log-level <level>', 'least severe log line').choices(logLevels).default('info'))
    .option(
      '--drain-delay-seconds <seconds>',
      'how long to go on accepting after a signal, until load balancers have seen /readyz fail',
      parseSeconds(0),
      0,
    )
    .option('--drain-seconds <seconds>', 'how long requests in flight may take after a signal', parseSeconds(0), 10)
    .option(
      '--silence-seconds <seconds>',
      'how long a ring worker may be silent before /livez fails',
      parseSeconds(1),
      30,
    )
    .addHelpText('after', examples)
    .addHelpText('after', exitCodesHelp)
    .action(async (root: string | undefined, options: Omit<FileDaemonOptions, 'root'>) => {
      const { runFileDaemon } = await import('./file-daemon.ts')
      process.exitCode = await runFileDaemon({ ...options, root })
    })
}

/** Of doctor.ts, too: it checks what this command would listen on. */
export function addressOption(flags: string, description: string, port: number): Option {
  const fallback = `127.0.0.1:${port}`
  return new Option(flags, description).argParser(parseListenAddress).default(parseListenAddress(fallback), fallback)
}

function parseCount(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError('Expected a number from 1.')
  return Number(text)
}

/** Of doctor.ts, too. */
export function parseProfile(text: string): string {
  if (text === '') throw new InvalidArgumentError("Expected the path of a profile, or 'auto'.")
  return text
}

const parseSeconds =
  (secondsMin: number) =>
  (text: string): number => {
    const seconds = Number(text)
    if (!/^\d+(\.\d+)?$/.test(text) || seconds < secondsMin || seconds > secondsMax) {
      throw new InvalidArgumentError(`Expected seconds, from ${secondsMin} to ${secondsMax}.`)
    }
    return seconds
  }
