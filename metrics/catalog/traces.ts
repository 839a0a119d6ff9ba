// The plane of traces. Registered by Ringmaster.register(); to add a metric, copy a row.
import { type Plane, poolRule } from '../plane.ts'

export interface TracesReading {
  readonly active: number
  readonly written: number
  readonly dropped: number
}

// prettier-ignore
export const tracesPlane: Plane<TracesReading> = {
  name: 'traces',
  subjectLabels: ['pool'],
  labelRules: { pool: poolRule },
  rows: [
    { name: 'ringmaster_traces', type: 'gauge', unit: 'count', labels: [],
      help: 'Traces that are being recorded.', read: ({ active }, sample) => sample(active) },
    { name: 'ringmaster_trace_records_total', type: 'counter', unit: 'count', labels: [],
      help: 'Records written to traces.', read: ({ written }, sample) => sample(written) },
    { name: 'ringmaster_trace_records_dropped_total', type: 'counter', unit: 'count', labels: [],
      help: 'Records of traces that were overwritten before they were read.', read: ({ dropped }, sample) => sample(dropped) },
  ],
}
