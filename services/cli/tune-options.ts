// What the command line of `ringmaster tune` comes to, and what the command works on. Types alone, for tune.ts, tune-checks.ts and tests.
import type { KnobName } from '../tune/knobs.ts'
import type { Inspected, MachineRequest } from '../tune/real-machine.ts'
import type { Tuned } from '../tune/tune.ts'
import type { TunedWorkload } from '../tune/types.ts'

export interface TuneCommandOptions {
  readonly workload: TunedWorkload
  readonly from?: string
  readonly direct?: boolean
  readonly quick?: boolean
  readonly budgetSeconds: number
  readonly p99Ms?: number | 'any'
  readonly knobs?: readonly KnobName[]
  readonly seed: number
  readonly dataDir: string
  readonly dataMib: number
  readonly html?: string
  readonly json?: boolean
  readonly dryRun?: boolean
  readonly apply?: boolean
  readonly profile: string
  readonly force?: boolean
  readonly quiet?: boolean
  readonly verbose?: boolean
}

/** What the command works on: the real machine, or a simulated one in tests. */
export interface TuneWorld {
  readonly inspect: (request: MachineRequest) => Promise<Inspected>
  open(
    request: MachineRequest,
    signal: AbortSignal,
    onData: (share: number) => void,
  ): Promise<Tuned & { close(): Promise<void> }>
  now(): number
  readonly stdout: Terminal
  readonly stderr: Terminal
}

interface Terminal {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  write(text: string): unknown
}
