// The options of `ringmaster serve`, which `ringmaster config print` has, too. Used by serve.ts and config.ts; doctor.ts has some of them. A new one
// is a row here and in the chart (_refuse.tpl), which the chart's test compares.
import { InvalidArgumentError, Option } from 'commander'
import { parseListenAddress } from './listen-address.ts'
import { logLevels } from './log-levels.ts'
import { parseSize } from './byte-count.ts'
import { parseQuota } from './room-rules.ts'
import { anonymousRights, dialects, durabilities, pollers, trafficStates, whenFullWays } from './serve-values.ts'
import { alsoTakes, listOption } from './value-hints.ts'

const secondsMax = 3600

/** Made anew for each command that has them. */
export function serveOptions(): Option[] {
  return [
    addressOption('--listen <address>', 'where files are served: HOST:PORT, [IPV6]:PORT or :PORT', 8080),
    addressOption(
      '--admin <address>',
      'where the page of the rings (/), /metrics, /livez, /readyz, /trace and /traffic are',
      9464,
    ),
    new Option(
      '--public',
      'allow addresses that other machines can reach: files need --tokens or --anonymous then; the admin address has no password',
    ),
    ...accessOptions(),
    ...ringOptions(),
    new Option('--traffic <state>', 'whether the admin address tells which files are asked for, and by whom (/traffic)')
      .choices(trafficStates)
      .default('on'),
    new Option('--log-level <level>', 'least severe log line').choices(logLevels).default('info'),
    secondsOption(
      '--drain-delay-seconds <seconds>',
      'how long to go on accepting after a signal, until load balancers have seen /readyz fail',
      { min: 0, usual: 0 },
    ),
    secondsOption('--drain-seconds <seconds>', 'how long requests in flight may take after a signal', {
      min: 0,
      usual: 10,
    }),
    secondsOption('--silence-seconds <seconds>', 'how long a ring worker may be silent before /livez fails', {
      min: 1,
      usual: 30,
    }),
  ]
}

const accessOptions = (): Option[] => [
  new Option(
    '--tokens <file>',
    'who may read and write: a line "read-only TOKEN" or "read-write TOKEN" for each',
  ).argParser(parsePath('the path of a file of tokens')),
  new Option(
    '--anonymous <right>',
    'what who has no token may do (default: nothing where there are --tokens, else everything)',
  ).choices(anonymousRights),
  new Option('--write', 'take PUT and DELETE, and list folders, too'),
  new Option(
    '--durability <level>',
    'what is on the disk when a PUT is answered: file and name; the file; perhaps nothing',
  )
    .choices(durabilities)
    .default('full'),
  ...roomOptions(),
  listOption('--dialects <names>', 'how files may be asked for: some of raw (/b/), turbo, nx', dialects).default(
    ['raw'],
    'raw',
  ),
  new Option('--precompressed', 'serve FILE.br, FILE.zst or FILE.gz for FILE to who takes that'),
]

const roomOptions = (): Option[] => [
  new Option('--size-max <bytes>', 'how much may be stored below ROOT: 500M, 10G, 2T (default: no limit)').argParser(
    parseSize,
  ),
  new Option(
    '--when-full <way>',
    'what happens then: uploads are refused (507), or files that nobody has read for longest are REMOVED from ROOT, ' +
      'whoever put them there (default: refuse)',
  ).choices(whenFullWays),
  new Option(
    '--quota <quota>',
    'how much may be stored below a folder of ROOT: FOLDER=10G, FOLDER=10G,5000objects,evict; several times for several',
  ).argParser(parseQuota),
]

const ringOptions = (): Option[] => [
  new Option('--rings <number>', 'rings, each with its own worker thread (default: as the machine allows)').argParser(
    parseCount,
  ),
  new Option('--poller <poller>', 'who turns queue entries into I/O').choices(pollers).default('auto'),
  alsoTakes(
    new Option(
      '--profile <file>',
      "a profile of ringmaster tune, or 'auto': decides what --rings and --poller leave open",
    ),
    ['auto'],
  ).argParser(parseProfile),
  new Option('--adapt', 'move a ring to another poller where that suits its load better'),
]

/** Of doctor.ts, too: it checks what this command would listen on. */
export function addressOption(flags: string, description: string, port: number): Option {
  const fallback = `127.0.0.1:${port}`
  return new Option(flags, description).argParser(parseListenAddress).default(parseListenAddress(fallback), fallback)
}

function parseCount(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError('Expected a number from 1.')
  return Number(text)
}

const parsePath =
  (what: string) =>
  (text: string): string => {
    if (text === '') throw new InvalidArgumentError(`Expected ${what}.`)
    return text
  }

/** Of doctor.ts, too. */
export const parseProfile: (text: string) => string = parsePath("the path of a profile, or 'auto'")

function secondsOption(flags: string, description: string, { min, usual }: { min: number; usual: number }): Option {
  return new Option(flags, description).default(usual).argParser((text) => {
    const seconds = Number(text)
    if (!/^\d+(\.\d+)?$/.test(text) || seconds < min || seconds > secondsMax) {
      throw new InvalidArgumentError(`Expected seconds, from ${min} to ${secondsMax}.`)
    }
    return seconds
  })
}
