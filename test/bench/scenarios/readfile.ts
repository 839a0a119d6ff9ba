// Scenario: whole small files, 64 at once: open, read, close. Copy this file to add one; list it in index.ts.
import type { Scenario } from '../model.ts'

export const readfile: Scenario = {
  name: 'readfile',
  title: '20,000 whole files of 1 to 4 KiB in a directory tree, 64 at once',
  workload: 'readfile',
  apis: ['promise'],
  depth: 64,
  unit: 'files/s',
  baseline: 'fs-promises-4',
  comparisons: [],
  limits: [],
}
