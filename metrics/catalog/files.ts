// The plane of open files: of one pool, views included. Registered by Ringmaster.register(); to add a metric, copy a row.
import { type Plane, poolRule } from '../plane.ts'

/** Files opened with open() and openBeneath(); what readFile() and writeFile() open for themselves is not among them. */
export interface FilesReading {
  readonly opened: number
  readonly closed: number
}

// prettier-ignore
export const filesPlane: Plane<FilesReading> = {
  name: 'files',
  subjectLabels: ['pool'],
  labelRules: { pool: poolRule },
  rows: [
    { name: 'ringmaster_files_open', type: 'gauge', unit: 'count', labels: [],
      help: 'Files that are open; each has a descriptor of the process.',
      read: ({ opened, closed }, sample) => sample(opened - closed) },
    { name: 'ringmaster_files_opened_total', type: 'counter', unit: 'count', labels: [],
      help: 'Files opened.', read: ({ opened }, sample) => sample(opened) },
    { name: 'ringmaster_files_closed_total', type: 'counter', unit: 'count', labels: [],
      help: 'Files closed.', read: ({ closed }, sample) => sample(closed) },
  ],
}
