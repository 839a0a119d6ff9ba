// Driver: node:fs/promises. Chosen by leg-process.ts.
import { open, readFile, stat } from 'node:fs/promises'
import type { DriverInput, Prepared } from './driver.ts'
import { promiseWork } from './promise-workloads.ts'

export async function prepare(input: DriverInput): Promise<Prepared> {
  return { ...(await promiseWork({ open, readFile, stat }, input)), enterCalls: null }
}
