// The plane of the live page. Registered by live-feed.ts; to add a metric, copy a row.
import type { Plane } from '../plane.ts'

export interface LiveReading {
  readonly framesBuilt: number
  readonly viewerCount: number
}

// prettier-ignore
export const livePlane: Plane<LiveReading> = {
  name: 'live',
  subjectLabels: [],
  labelRules: {},
  rows: [
    { name: 'ringmaster_live_frames_total', type: 'counter', unit: 'count', labels: [],
      help: 'Frames that were built for the live page; none while nobody looks.', read: ({ framesBuilt }, sample) => sample(framesBuilt) },
    { name: 'ringmaster_live_viewers', type: 'gauge', unit: 'count', labels: [],
      help: 'Browsers that look at the live page now.', read: ({ viewerCount }, sample) => sample(viewerCount) },
  ],
}
