// `ringmaster serve`: its help. Its options are in serve-options.ts, what it does in file-daemon.ts. Added to the program by program.ts; a new
// command is a copy of this file and a line there.
import { Command } from 'commander'
import { exitCodesHelp } from './exit.ts'
import type { FileDaemonOptions } from './daemon-options.ts'
import { serveOptions } from './serve-options.ts'

const examples = `
Examples:
  $ ringmaster serve                              the current folder at http://127.0.0.1:8080/b/
  $ ringmaster serve /srv/artefacts --rings 2     another folder, two rings
  $ ringmaster serve --write                      take uploads, too: PUT, DELETE, and lists of folders
  $ ringmaster serve /srv/cache --write --tokens /etc/ringmaster/tokens --public --listen 0.0.0.0:8080
  $ ringmaster serve /srv/cache --write --dialects turbo --size-max 50G --when-full evict
  $ ringmaster serve --profile tuned.json         as ringmaster tune found it best for this machine
  $ ringmaster serve --listen :0 --admin :0       any free ports; they are printed when it is ready
  $ curl -r 0-1023 http://127.0.0.1:8080/b/big.iso | sha256sum
  $ curl -T big.iso -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8080/b/images/big.iso

Signals:
  SIGTERM, SIGINT  stop: not ready any more, wait for --drain-delay-seconds, accept nothing new, finish what is in
                   flight, exit. A second one exits at once.
  SIGHUP           open ROOT anew: what is mounted there now, or where the symbolic link points now. Open files stay
                   as they are. Read --tokens anew. What cannot be read stays as it was, and the log says why.

Service managers (systemd):
  NOTIFY_SOCKET    is told READY, RELOADING, STOPPING and STATUS (Type=notify). Needs the addon and Linux 5.19.
  WATCHDOG_USEC    WATCHDOG=1 twice as often, through the rings, while every ring worker's heart beats (WatchdogSec=)
  LISTEN_FDS       sockets named http and admin, or unnamed in this order, instead of --listen and --admin; addresses that
                   other machines can reach need --public here, too`

export function serveCommand(): Command {
  const command = new Command('serve')
    .summary('serve the files of a folder over HTTP')
    .description(
      'Serves the files below ROOT at /b/{path} through io_uring: to read, and with --write to store, too. Paths and symbolic ' +
        'links that lead out of ROOT are not followed. Metrics and health are on the admin address. Logs go to stderr as JSON lines.',
    )
    .argument('[ROOT]', 'folder to serve (default: the current one, unless that is /)')
    .addHelpText('after', examples)
    .addHelpText('after', exitCodesHelp)
    .action(async (root: string | undefined, options: Omit<FileDaemonOptions, 'root'>) => {
      const { runFileDaemon } = await import('./file-daemon.ts')
      process.exitCode = await runFileDaemon({ ...options, root })
    })
  for (const option of serveOptions()) command.addOption(option)
  return command
}
