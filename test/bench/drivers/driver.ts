// What a driver is: it does one workload with one library, on data that exists. Chosen by leg-process.ts.
import type { Loop } from '../loops.ts'
import type { Api, Scenario, Workload } from '../model.ts'

export interface DriverInput {
  readonly scenario: Scenario
  readonly api: Api
  /** Only for the ringmaster driver. */
  readonly poller: string
  readonly dataFile: string
  readonly dataDirectory: string
  readonly stamped: boolean
}

export interface Prepared {
  readonly loop: Loop
  /** System calls that submitted or woke, so far; null where nobody counts them. */
  readonly enterCalls: (() => number) | null
  /** Shown beside the leg: what was really used. */
  readonly note?: string
  readonly close: () => Promise<void>
}

/** Each file in this folder exports one as `prepare`. */
export type Prepare = (input: DriverInput) => Promise<Prepared>

export function cannot(driver: string, workload: Workload): Error {
  return new Error(`the ${driver} driver has no workload '${workload}'`)
}
