// The command line of the proof on real rings. Used by main.ts.
import { tmpdir } from 'node:os'
import { Command, Option } from 'commander'
import { number, whole } from '../../../services/cli/tune.ts'
import { listOption } from '../../../services/cli/value-hints.ts'
import { knobs } from '../../../services/tune/knobs.ts'
import type { KnobName } from '../../../services/tune/knobs.ts'
import { fileWorkloads } from '../../../services/tune/types.ts'
import type { WorkloadName } from '../../../services/tune/types.ts'

export interface ProofOptions {
  readonly workload: WorkloadName
  readonly direct?: boolean
  readonly knobs: readonly KnobName[]
  readonly depths?: readonly number[]
  readonly p99: number | 'any'
  readonly legs: number
  readonly legSeconds: number
  readonly finalists: number
  readonly runs: number
  readonly tunerSeconds?: number
  readonly verify: number
  readonly verifySeconds: number
  readonly seed: number
  readonly sweep?: string
  readonly dataDir: string
  readonly dataMib: number
  readonly dryRun?: boolean
  readonly json?: boolean
}

const knobNames = knobs.map(({ name }) => name)
const sweptUsually: readonly KnobName[] = ['poller', 'depth', 'batch', 'rings']

const details = `
First every layout of the knobs is measured (fresh processes, in rounds), then the tuner searches among the same layouts, and each of its choices
is held against the best of the sweep side by side, on fresh legs of both. The machine should have nothing else to do.

Examples:
  npm run proof:real -- --dry-run                                       how many layouts there are, and how long it takes
  npm run proof:real -- --sweep sweep.json                              the sweep is kept, and not made again
  npm run proof:real -- --workload durable-append --knobs depth,batch,ioWorkersMax --p99 2

Exit codes: 0 nine of ten runs are within 5 % of the best and took under a tenth of the sweep's time; 1 not so, or it failed; 2 wrong usage; 130 SIGINT: what was
swept is kept in --sweep.`

export function proofCommand(run: (options: ProofOptions) => Promise<number>): Command {
  return new Command('proof:real')
    .description('Holds the tuner against an exhaustive sweep of real rings on this machine.')
    .addOption(new Option('--workload <name>', 'what is done').choices(fileWorkloads).default('random-read'))
    .option('--direct', 'with O_DIRECT; default: from the page cache')
    .addOption(listOption('--knobs <names>', 'turn only these, separated by commas', knobNames).default(sweptUsually))
    .option(
      '--depths <numbers>',
      'only these depths, and the present one; default: all that the tuner would try',
      depths,
    )
    .option(
      '--p99 <times>',
      'bound on p99, as a multiple of the present layout’s in the sweep, or "any"',
      parseP99,
      'any',
    )
    .option('--legs <n>', 'legs of each layout in the sweep', whole(1, 100), 5)
    .option('--leg-seconds <s>', 'the window of a leg of the sweep', number(0.05, 60), 0.25)
    .option('--finalists <n>', 'layouts that get as many legs twice over, to name the best', whole(1, 50), 6)
    .option('--runs <n>', 'runs of the tuner', whole(1, 1000), 10)
    .option('--tuner-seconds <s>', 'the tuner’s budget; default: a twelfth of the sweep’s time', number(2, 86_400))
    .option('--verify <n>', 'rounds of choice and best side by side; up to three times as many', whole(2, 100), 7)
    .option('--verify-seconds <s>', 'the window of their legs', number(0.05, 60), 0.5)
    .option('--seed <n>', 'of the sweep; the runs have this one and the following', whole(0, 2 ** 31), 1)
    .option('--sweep <file>', 'keep the sweep there, and go on with what is kept')
    .option('--data-dir <folder>', 'where data is made, and removed again', tmpdir())
    .option('--data-mib <n>', 'how much', whole(8, 1 << 20), 64)
    .option('--dry-run', 'say how long it would take, and measure nothing')
    .option('--json', 'everything, for programs')
    .addHelpText('after', details)
    .action(async (options: ProofOptions) => {
      process.exitCode = await run(options)
    })
}

const depths = (text: string): number[] => text.split(',').map(whole(1, 4096))
const parseP99 = (text: string): number | 'any' => (text === 'any' ? text : number(0.1, 1000)(text))
