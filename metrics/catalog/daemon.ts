// The plane of the daemon: what its probes say. Registered by services/cli/daemon-metrics.ts; to add a metric, copy a row.
import type { Plane } from '../plane.ts'

export interface DaemonReading {
  /** As /readyz answers. */
  readonly ready: boolean
  /** As /livez answers. */
  readonly live: boolean
}

// prettier-ignore
export const daemonPlane: Plane<DaemonReading> = {
  name: 'daemon',
  subjectLabels: [],
  labelRules: {},
  rows: [
    { name: 'ringmaster_daemon_ready', type: 'gauge', unit: 'boolean', labels: [],
      help: 'Whether requests may be sent to the daemon, as /readyz says: 1 or 0.', read: ({ ready }, sample) => sample(ready ? 1 : 0) },
    { name: 'ringmaster_daemon_live', type: 'gauge', unit: 'boolean', labels: [],
      help: 'Whether the daemon is worth keeping, as /livez says: 1 or 0.', read: ({ live }, sample) => sample(live ? 1 : 0) },
  ],
}
