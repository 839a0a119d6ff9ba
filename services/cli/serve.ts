// `ringmaster serve`: its options and help. What it does is in file-daemon.ts. Added to the program by main.ts; a new
// command is a copy of this file and a line there.
import { Command, InvalidArgumentError, Option } from 'commander'
import { exitCodesHelp } from './exit.ts'
import { pollers, runFileDaemon, type FileDaemonOptions } from './file-daemon.ts'
import { parseListenAddress } from './listen-address.ts'
import { logLevels } from './log.ts'

const examples = `
Examples:
  $ ringmaster serve                              the current folder at http://127.0.0.1:8080/b/
  $ ringmaster serve /srv/artefacts --rings 2     another folder, two rings
  $ ringmaster serve --listen :0 --admin :0       any free ports; they are printed when it is ready
  $ curl -r 0-1023 http://127.0.0.1:8080/b/big.iso | sha256sum

Signals:
  SIGTERM, SIGINT  stop: not ready any more, finish what is in flight, exit. A second one exits at once.`

const drainSecondsMax = 3600

export function serveCommand(): Command {
  return new Command('serve')
    .summary('serve the files of a folder over HTTP')
    .description(
      'Serves the files below ROOT at /b/{path}, read through io_uring. Paths and symbolic links that lead out of ROOT ' +
        'are not followed. Metrics and health are on the admin address. Logs go to stderr as JSON lines.',
    )
    .argument('[ROOT]', 'folder to serve', '.')
    .addOption(addressOption('--listen <address>', 'where files are served: HOST:PORT, [IPV6]:PORT or :PORT', 8080))
    .addOption(addressOption('--admin <address>', 'where /metrics, /livez and /readyz are', 9464))
    .option('--public', 'allow addresses that other machines can reach; there is no password')
    .option('--rings <number>', 'rings, each with its own worker thread (default: as the machine allows)', parseCount)
    .addOption(new Option('--poller <poller>', 'who turns queue entries into I/O').choices(pollers).default('auto'))
    .option('--adapt', 'move a ring to another poller where that suits its load better')
    .addOption(new Option('--log-level <level>', 'least severe log line').choices(logLevels).default('info'))
    .option('--drain-seconds <seconds>', 'how long requests in flight may take after a signal', parseDrainSeconds, 10)
    .addHelpText('after', examples)
    .addHelpText('after', exitCodesHelp)
    .action(async (root: string, options: Omit<FileDaemonOptions, 'root'>) => {
      process.exitCode = await runFileDaemon({ ...options, root })
    })
}

function addressOption(flags: string, description: string, port: number): Option {
  const fallback = `127.0.0.1:${port}`
  return new Option(flags, description).argParser(parseListenAddress).default(parseListenAddress(fallback), fallback)
}

function parseCount(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError('Expected a number from 1.')
  return Number(text)
}

function parseDrainSeconds(text: string): number {
  const seconds = Number(text)
  if (!/^\d+(\.\d+)?$/.test(text) || seconds > drainSecondsMax) {
    throw new InvalidArgumentError(`Expected seconds, from 0 to ${drainSecondsMax}.`)
  }
  return seconds
}
