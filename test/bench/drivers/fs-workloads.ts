// Which workload a driver of plain node:fs carries out. Used by fs-callback.ts and fs-sync.ts, which differ in how they wait.
import { cannot, type DriverInput, type Prepared, type Work } from './driver.ts'
import { readFlags } from './promise-workloads.ts'

export interface FsWorkloads {
  /** Reads in blocks, or with `mixed` writes among them. */
  blocks(input: DriverInput, flags: string | number, mixed: boolean): Work
  appends(input: DriverInput): Work
  stats(input: DriverInput): Work
  wholeFiles(input: DriverInput): Work
}

/** @throws where `driver` has no such workload */
export function prepareFs(driver: string, workloads: FsWorkloads, input: DriverInput): Promise<Prepared> {
  return Promise.resolve({ ...work(driver, workloads, input), enterCalls: null })
}

function work(driver: string, workloads: FsWorkloads, input: DriverInput): Work {
  switch (input.scenario.workload) {
    case 'read':
      return workloads.blocks(input, readFlags(input), false)
    case 'mixed':
      return workloads.blocks(input, 'r+', true)
    case 'append':
      return workloads.appends(input)
    case 'statx':
      return workloads.stats(input)
    case 'readfile':
      return workloads.wholeFiles(input)
    default:
      throw cannot(driver, input)
  }
}
