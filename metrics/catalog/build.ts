// The plane that says what runs. Registered once per process by whoever registers another plane; to add a metric, copy a row.
import { atMost, type Plane } from '../plane.ts'

export interface BuildReading {
  readonly version: string
  readonly node: string
  readonly kernel: string
}

// prettier-ignore
export const buildPlane: Plane<BuildReading> = {
  name: 'build',
  subjectLabels: [],
  labelRules: { version: atMost(1), node: atMost(1), kernel: atMost(1) },
  rows: [
    { name: 'ringmaster_build_info', type: 'gauge', unit: 'info', labels: ['version', 'node', 'kernel'],
      help: 'Always 1; the labels are the version of Ringmaster, of Node.js and of the kernel.',
      read: ({ version, node, kernel }, sample) => sample(1, version, node, kernel) },
  ],
}
