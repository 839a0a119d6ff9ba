// `ringmaster doctor`: looks at everything that decides whether rings work here and how fast, and says what mends it. Added to the program by
// program.ts; what it looks at is in services/doctor/.
import { resolve } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { parseBytes } from './byte-count.ts'
import { doctorExitCodes, overall } from '../doctor/finding.ts'
import type { DoctorPlan } from '../doctor/plan.ts'
import type { Detail } from '../doctor/table.ts'
import { CommandError, exitCodes, lackOfDescriptors } from './exit.ts'
import { reportFewDescriptors } from './few-descriptors.ts'
import type { ListenAddress } from './listen-address.ts'
import { addressOption, parseProfile } from './serve-options.ts'
import { pollers } from './serve-values.ts'
import { canRedraw, eraseLine, hasColor } from './terminal.ts'
import { readVersion } from './version.ts'

const details = `
Verdicts:
  ok        fine
  info      worth knowing; nothing is the matter
  unknown   cannot be told from here; the line says why
  degraded  it works, with less or slower than it could
  broken    what is planned cannot be had: no rings at all, a poller, a PATH, a port that was asked for

What is planned is started for real, in a process of its own, and closed again. In PATH, where that may be written to, a
file of 64 KiB is written, synced, and removed again; what is there is only read.

Examples:
  $ ringmaster doctor /srv/artefacts --rings 2       what would stand in the way of two rings and these files
  $ ringmaster doctor --poller kernel --buffers 64M  is there an SQ thread, may 64 MiB be registered
  $ ringmaster doctor --profile tuned.json           is the profile of this machine, and can it have its layout
  $ ringmaster doctor --quiet || echo "see above"    only what is not fine
  $ ringmaster doctor --json | jq -r '.findings[] | select(.fix) | .fix'

Exit codes:
  0    fine; ok, info and unknown are
  1    degraded; or an error of the doctor's own, which stderr tells
  2    broken; or wrong usage, or too few descriptors to look at anything (some 30), which stderr tells, and stdout is empty`

interface DoctorOptions {
  readonly rings?: number
  readonly poller: (typeof pollers)[number]
  readonly buffers: number
  readonly profile?: string
  readonly listen: ListenAddress
  readonly admin: ListenAddress
  readonly json?: boolean
  readonly verbose?: boolean
  readonly quiet?: boolean
}

export function doctorCommand(): Command {
  return new Command('doctor')
    .summary('find out what keeps rings from working, or from being fast')
    .description(
      'Checks kernel, limits, CPUs, storage and ports against what is planned, traces what is denied to its cause, and says what mends it.',
    )
    .argument('[PATH]', 'file or folder that is to be read and written (default: the current folder)')
    .option('--rings <number>', 'rings that are planned (default: as the machine allows)', parseRings)
    .addOption(new Option('--poller <poller>', 'poller that is planned').choices(pollers).default('auto'))
    .option('--buffers <bytes>', 'memory that is to be registered: 4096, 512K, 64M, 1G', parseBytes, 0)
    .option(
      '--profile <path>',
      "a profile that is planned, or 'auto' (default: one that lies where 'auto' looks is compared, and not started with)",
      parseProfile,
    )
    .addOption(addressOption('--listen <address>', 'where `ringmaster serve` is to serve files', 8080))
    .addOption(addressOption('--admin <address>', 'where its metrics are to be', 9464))
    .option('--json', '{version, verdict, findings: [{id, title, need, have, verdict, why, fix}]}')
    .addOption(
      new Option('--verbose', 'every check with its reason, each operation of the kernel').conflicts(['quiet', 'json']),
    )
    .addOption(new Option('--quiet', 'only what is not fine').conflicts('json'))
    .addHelpText('after', details)
    .action(async (path: string | undefined, options: DoctorOptions, command: Command) => {
      process.exitCode = await runDoctor(path, options, command).catch(reportedOr)
    })
}

async function runDoctor(path: string | undefined, options: DoctorOptions, command: Command): Promise<number> {
  if (path === '')
    throw new CommandError('PATH is empty. Name a file or folder, or "." for the current one.', exitCodes.usage)
  const { rings = 'auto', poller, buffers, profile = null, listen, admin, json = false } = options
  const asked = (name: string): boolean => command.getOptionValueSource(name) === 'cli'
  const isShown = process.stderr.isTTY && !json
  const isRedrawn = canRedraw(process.stderr)
  if (isShown) process.stderr.write(isRedrawn ? 'examining …' : 'examining …\n')
  const plan: DoctorPlan = {
    path: resolve(path ?? '.'),
    rings,
    poller,
    buffersBytes: buffers,
    profile,
    addresses: [
      { option: '--listen', address: listen, asked: asked('listen') },
      { option: '--admin', address: admin, asked: asked('admin') },
    ],
  }
  const findings = await import('../doctor/examine.ts')
    .then(({ examine }) => examine(plan))
    .finally(() => {
      if (isShown && isRedrawn) process.stderr.write(eraseLine)
    })
  const { formatFindings } = await import('../doctor/table.ts')
  const verdict = overall(findings)
  process.stdout.write(
    json
      ? `${JSON.stringify({ version: readVersion(), verdict, findings }, null, 2)}\n`
      : formatFindings(findings, {
          detail: detailOf(options),
          columns: process.stdout.columns || 120,
          hasColor: hasColor(process.stdout),
        }),
  )
  return doctorExitCodes[verdict]
}

/** Modules are read when they are needed: that there is no descriptor left for one is a finding, too. */
async function reportedOr(error: unknown): Promise<number> {
  const message = lackOfDescriptors(error)
  if (message === null) throw error
  const reported = await reportFewDescriptors(process.argv.slice(3))
  if (reported === null) throw new CommandError(message, exitCodes.usage, { cause: error })
  return reported
}

const detailOf = ({ verbose, quiet }: DoctorOptions): Detail =>
  verbose === true ? 'verbose' : quiet === true ? 'quiet' : 'usual'

const ringsMax = 64

function parseRings(text: string): number {
  if (!/^[1-9]\d?$/.test(text) || Number(text) > ringsMax)
    throw new InvalidArgumentError(`Expected a number from 1 to ${ringsMax}.`)
  return Number(text)
}
