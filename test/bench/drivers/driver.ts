// What a driver is: it does one workload with one library, on data that exists. Chosen by leg-process.ts.
import type { Loop } from '../loops.ts'
import type { Api, Scenario, Workload } from '../model.ts'

export interface DriverInput {
  readonly scenario: Scenario
  readonly api: Api
  /** Only for drivers of Ringmaster. */
  readonly poller: string
  readonly dataFile: string
  readonly dataDirectory: string
  readonly stamped: boolean
}

/** A workload that is ready to run. */
export interface Work {
  readonly loop: Loop
  readonly close: () => Promise<void>
}

export interface Prepared extends Work {
  /** System calls that submitted or woke, so far; null where nobody counts them. */
  readonly enterCalls: (() => number) | null
  /** Shown beside the leg: what was really used. */
  readonly note?: string
}

/** Each file in this folder exports one as `prepare`. */
export type Prepare = (input: DriverInput) => Promise<Prepared>

export function cannot(driver: string, { scenario, api }: { scenario: { workload: Workload }; api: Api }): Error {
  return new Error(`the ${driver} driver has no workload '${scenario.workload}' by '${api}'`)
}
